"""A Ray on which nothing moves: what is said, and when the run ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster import ray_progress
from cluster.ray_progress import RayWatch
from repsim.errors import ClusterError

ROOT = Path(__file__).parents[2]

# A real local Ray, of which one process is stopped (SIGSTOP) while an actor works.
SILENCED = """
import json, os, signal, sys, time
import psutil, ray
from cluster import ray_progress
from cluster.ray_cluster import ray_session
from cluster.ray_progress import RayWatch
from cluster.schema import RayProfile
from repsim.errors import ClusterError

ray_progress.LOOK_SECONDS, ray_progress.SILENT_SECONDS = 0.2, 5.0

@ray.remote(max_concurrency=2)
class Actor:
    def process(self):
        return os.getpid()

def ended(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch.look()
        time.sleep(0.1)

with ray_session(RayProfile(cpus_per_network=1)):
    actor = Actor.remote()
    ray.get(actor.process.remote())
    watch = RayWatch()
    watch.heard("seed 0", "training")
    ended(3)
    watch.confirm()
    for child in psutil.Process().children(recursive=True):
        if child.name() == sys.argv[1]:
            child.suspend()
    before, said = time.monotonic(), {}
    for name, action in (("look", lambda: ended(30)), ("confirm", watch.confirm)):
        try:
            action()
        except ClusterError as problem:
            said[name] = str(problem)
    said["seconds"] = time.monotonic() - before
print(json.dumps(said))
"""


@pytest.mark.full
@pytest.mark.parametrize(
    ("process", "words"),
    [
        ("gcs_server", "Expected Ray's control store (gcs_server) to answer. Got "),
        ("raylet", "Expected Ray's node manager (raylet) on the node of this run to answer. Got "),
    ],
)
def test_a_ray_that_falls_silent_ends_the_run(process: str, words: str, tmp_path: Path) -> None:
    # Ray then gives up a node that is silent within seconds.
    hasty = {
        "RAY_health_check_initial_delay_ms": "0",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    }
    ran = subprocess.run(
        [sys.executable, "-c", SILENCED, process],
        env={**os.environ, **hasty, "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    assert said["seconds"] < 60
    assert ("has been marked dead" in ran.stderr) == (process == "raylet")
    assert said["look"].startswith(words)
    assert said["confirm"].startswith(words)


NODE = "a" * 8


class Ray:
    """In place of the module: answers with what a test puts into it."""

    def __init__(self) -> None:
        self.nodes_now = [{"NodeID": NODE, "Alive": True}]

    def get_runtime_context(self) -> "Ray":
        return self

    def get_node_id(self) -> str:
        return NODE

    def nodes(self) -> list[dict[str, object]]:
        return self.nodes_now


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Ray:
    """A Ray that answers at once."""
    ray = Ray()
    monkeypatch.setattr(ray_progress, "ray", ray)
    return ray


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = 1000.0
    monkeypatch.setattr(ray_progress.time, "monotonic", lambda: now)

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    return pass_time


def looked(watch: RayWatch) -> None:
    """Ask, and learn of the answer."""
    watch.look()
    if watch._answer is not None:
        watch._answer.result(timeout=10)
    watch.look()


def test_a_network_that_stays_where_it_is_is_named(
    fake: Ray, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        ray_progress.log, "warning", lambda words, *values: said.append(words % values)
    )
    watch = RayWatch()
    for number in range(20):
        watch.heard("seed 0", "training 3")
        watch.heard("seed 1", f"training {number}")
        later(60)
        looked(watch)
    (line,) = said
    assert line.startswith("Nothing moves: seed 0 for ")
    assert "s (its actor last answered 60 s ago)" in line
    assert "seed 1" not in line


def test_an_actor_that_never_answers_ends_the_run(
    fake: Ray, later: Callable[[float], None]
) -> None:
    watch = RayWatch()
    watch.heard("seed 0", "training 3")
    watch.heard("seed 1", "training 3")
    watch.gone("seed 1")
    for _ in range(30):
        later(60)
        looked(watch)
    later(60)
    with pytest.raises(ClusterError, match=r"Got nothing from seed 0 for 1860 s") as raised:
        looked(watch)
    assert "seed 1" not in str(raised.value)


def test_other_nodes_may_die(fake: Ray, later: Callable[[float], None]) -> None:
    watch = RayWatch()
    fake.nodes_now = [{"NodeID": NODE, "Alive": True}, {"NodeID": "b" * 8, "Alive": False}]
    later(60)
    looked(watch)
    watch.confirm()
    fake.nodes_now = [{"NodeID": NODE, "Alive": False}, {"NodeID": "b" * 8, "Alive": True}]
    with pytest.raises(ClusterError, match="has given up the node"):
        watch.confirm()
