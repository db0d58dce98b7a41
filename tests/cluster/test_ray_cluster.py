"""A local Ray: nobody else may use it, its workers have what the profile says, nothing is left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import ray_cluster
from cluster.ray_cluster import ray_session
from cluster.schema import RayProfile
from repsim.errors import StudyError

ROOT = Path(__file__).parents[2]

SESSION = """
import json, os, subprocess, sys
import ray
from cluster.ray_cluster import ray_session
from cluster.schema import RayProfile

OUTSIDER = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False)"

@ray.remote
def variables():
    return {name: os.environ.get(name) for name in ("REGION", "OMP_NUM_THREADS")}

def admitted(**token):
    environment = {k: v for k, v in os.environ.items() if k != "RAY_AUTH_TOKEN"} | token
    environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else it takes 127.0.0.1 for a mistake
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", OUTSIDER, address]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0

with ray_session(RayProfile(cpus_per_network=1), {"REGION": "north"}):
    folder = os.environ["RAY_TMPDIR"]
    said = {
        "variables": ray.get(variables.remote()),
        "memory": ray.cluster_resources()["memory"],
        "with its token": admitted(RAY_AUTH_TOKEN=os.environ["RAY_AUTH_TOKEN"]),
        "with another token": admitted(RAY_AUTH_TOKEN="of-somebody-else"),
        "without": admitted(RAY_AUTH_MODE="disabled"),
    }
said["left"] = os.path.exists(folder), "RAY_TMPDIR" in os.environ
print(json.dumps(said))
"""


def test_a_local_ray_is_private_and_leaves_nothing(tmp_path: Path) -> None:
    long = tmp_path / ("a-folder-of-a-batch-system-" * 4)
    long.mkdir()
    environment = {**os.environ, "TMPDIR": str(long), "HOME": str(tmp_path)}
    environment["SLURM_MEM_PER_NODE"] = "300"
    environment.pop("RAY_AUTH_TOKEN", None)
    ran = subprocess.run(
        [sys.executable, "-c", SESSION],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "variables": {"REGION": "north", "OMP_NUM_THREADS": "1"},
        "memory": 300 * 2**20,
        "with its token": True,
        "with another token": False,
        "without": False,
        "left": [False, False],
    }
    assert not (tmp_path / ".ray").exists()


ENDED = """
import os, signal, sys, time
from cluster.ray_cluster import ray_session
from cluster.schema import RayProfile
signal.signal(signal.SIGTERM, lambda *arguments: sys.exit(75))
with ray_session(RayProfile()):
    pass
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(10)
"""


def test_signals_reach_python_after_ray_has_ended(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", ENDED], env=environment, cwd=ROOT, timeout=300, check=False
    )
    assert ran.returncode == 75


DOORS = """
import json, os
from pathlib import Path
import ray
from cluster.ray_cluster import ray_session
from cluster.schema import RayProfile
from tests.open_doors import RAY_METHODS as METHODS
from tests.open_doors import grpc_status, http_answer, listening, readable_by_others

@ray.remote
def nothing():
    pass

undone = {"RAY_AUTH_TOKEN": "", "RAY_AUTH_MODE": "disabled"}
answered, closed, hosts = {True: set(), False: set()}, [], set()
with ray_session(RayProfile(cpus_per_network=1), undone):
    ray.get(nothing.remote())
    token = os.environ["RAY_AUTH_TOKEN"]
    for (host, port), name in listening(os.getpid()).items():
        hosts.add(host)
        if name == "ray::RuntimeEnvAgent":
            closed.append(http_answer(host, port).startswith(b"HTTP/1.1 401"))
            continue
        for method in METHODS:
            for given in (True, False):
                if grpc_status(host, port, method, token if given else "") == "0":
                    answered[given].add(method)
    folder = Path(os.environ["RAY_TMPDIR"])
    said = {
        "hosts": sorted(hosts),
        "with the token": len(answered[True]) / len(METHODS),
        "without": sorted(answered[False]),
        "refused by HTTP": closed,
        "readable by others": list(map(str, readable_by_others(folder))),
        "length of the token": len(token.strip()),
    }
print(json.dumps(said))
"""


def test_an_empty_token_counts_as_none_and_no_port_answers_without_one(tmp_path: Path) -> None:
    empty = {"RAY_AUTH_TOKEN": "", "RAY_AUTH_TOKEN_PATH": "", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", DOORS],
        env={**os.environ, **empty},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "hosts": ["127.0.0.1"],
        "with the token": 1.0,
        "without": [],
        "refused by HTTP": [True],
        "readable by others": [],
        "length of the token": 64,
    }
    assert list(tmp_path.iterdir()) == []


def test_what_draws_the_dashboard_is_asked_for_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(StudyError, match=r"Install repsim-workflows\[dashboards\]"),
        ray_session(RayProfile(dashboard=True)),
    ):
        pass
