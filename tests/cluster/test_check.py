"""`repsim cluster check` finds nodes of other versions, and nodes that cannot use the store."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path

import psutil
import pytest
from distributed import Client

import repsim
from cluster.check import check_cluster
from cluster.doctor.software import versions
from cluster.doctor.store import check_path, check_store
from cluster.profile import Profile
from repsim.errors import StudyError
from repsim.store import Store
from tests.runs import run

OTHER_ZARR = "versions: other versions: zarr 9.9.9 (here "


@pytest.fixture
def other_zarr(tmp_path: Path) -> dict[str, str]:
    """An environment in which another release of zarr is the one that is installed."""
    folder = tmp_path / "other" / "zarr-9.9.9.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: zarr\nVersion: 9.9.9\n")
    return {"PYTHONPATH": str(folder.parent)}


@contextmanager
def process(command: str, **variables: str) -> Iterator[None]:
    """A process of shell, until the end of the block."""
    started = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        family = [*psutil.Process(started.pid).children(recursive=True), started]
        for one in family:
            one.kill()
        started.wait()
        psutil.wait_procs([one for one in family if one is not started], timeout=10)


def problems_of(said: str) -> dict[str, str]:
    """What is wrong with each node, by where it was reached and its name."""
    return {
        f"{node['place']} {node['node']}": " ".join(
            f"{one['name']}: {one['found']}. {one['remedy']}"
            for one in node["findings"]
            if one["verdict"] == "problem"
        )
        for node in json.loads(said)["nodes"]
    }


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A function that starts workers of one scheduler, and the profile of that."""
    file = tmp_path / "scheduler.json"
    profile = tmp_path / "profile.toml"
    profile.write_text(f'[dask]\nscheduler = "file:{file}"\n[ray]\ngpus_per_network = 0\n')
    with ExitStack() as stack:

        def start(*workers: tuple[str, dict[str, str]]) -> Path:
            module = f"{sys.executable} -m distributed.cli.dask"
            command = f"{module}_scheduler --port 0 --no-dashboard --scheduler-file {file}"
            stack.enter_context(process(command))
            for before, variables in workers:
                options = f"--no-nanny --no-dashboard --scheduler-file {file}"
                command = f"{before} {module}_worker {options}"
                stack.enter_context(process(command, **variables))
            with Client(scheduler_file=str(file), timeout=60) as client:
                client.wait_for_workers(len(workers), timeout=60)
            return profile

        yield start


# Eight bytes: enough for what Python tries out when it looks for a folder of its own.
SMALL_FILES = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.mark.full
def test_workers_of_other_versions_and_workers_that_cannot_write_are_named(
    dask: Callable[..., Path], other_zarr: dict[str, str], tmp_path: Path
) -> None:
    no_writer = f'{sys.executable} -c "{SMALL_FILES}"'
    profile = dask(("", {}), ("", other_zarr), (no_writer, {}))
    store = tmp_path / "runs"
    said = run("cluster", "check", profile, "--store", store, "--json", expect=2)
    fit, unlike, unable = sorted(
        (problem for node, problem in problems_of(said).items() if node.startswith("Dask")),
        key=lambda problem: (bool(problem), "store" in problem),
    )
    assert fit == ""
    assert unlike.startswith(OTHER_ZARR)
    assert unlike.endswith("). Install the same environment there.")
    assert f"store: {store} cannot be used. Expected to write 'checks/" in unable
    assert "size of a file: at most 8 bytes. Raise it: ulimit -f" in unable
    assert problems_of(said)["here " + platform.node()] == ""
    assert not (store / "checks").exists()


WAIT_FOR_NODES = """
import sys, time, ray
while True:
    try:
        ray.init(sys.argv[1], log_to_driver=False)
        break
    except ConnectionError:
        time.sleep(1)
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[2]):
    time.sleep(0.2)
"""


def wait_for_nodes(port: int, count: int) -> None:
    """Until a cluster of Ray has so many."""
    command = [sys.executable, "-c", WAIT_FOR_NODES, f"127.0.0.1:{port}", str(count)]
    subprocess.run(command, capture_output=True, timeout=180, check=True)


@pytest.mark.full
def test_a_node_of_ray_with_other_versions_is_named(
    other_zarr: dict[str, str], tmp_path: Path
) -> None:
    folder = Path("/") / "tmp" / f"repsim-check-{os.getpid()}"  # sockets need short paths
    port = 27379 + os.getpid() % 1000
    ray = f"{sys.executable} -m ray.scripts.scripts start --block --num-cpus=1"
    private = {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": str(folder)}
    head = f"{ray} --head --node-ip-address=127.0.0.1 --port={port} --include-dashboard=false"
    profile = tmp_path / "profile.toml"
    profile.write_text(f'[ray]\naddress = "127.0.0.1:{port}"\ngpus_per_network = 0\n')
    arguments = ("cluster", "check", profile, "--store", tmp_path / "runs", "--json")
    with process(f"{head} --temp-dir={folder}", **private), pytest.MonkeyPatch.context() as patch:
        for name, value in private.items():
            patch.setenv(name, value)
        wait_for_nodes(port, 1)
        said = run(*arguments, "--cluster-set", "ray.gpus_per_network=1", expect=2)
        assert "a GPU was asked for, and torch sees none" in said
        with process(f"{ray} --address=127.0.0.1:{port}", **private, **other_zarr):
            wait_for_nodes(port, 2)
            said = run(*arguments, expect=2)
    shutil.rmtree(folder)
    problems = [problem for node, problem in problems_of(said).items() if node.startswith("Ray")]
    assert len(problems) == 2
    assert sum(problem.startswith(OTHER_ZARR) for problem in problems) == 1
    assert problems.count("") == 1


def test_a_node_that_has_another_folder_at_the_path_is_found(tmp_path: Path) -> None:
    token = "a-token"
    Store(str(tmp_path / "a")).write(check_path(token, "here"), token.encode())
    assert check_store(str(tmp_path / "a"), token, "one")[0].verdict == "ok"
    (other,) = check_store(str(tmp_path / "b"), token, "two")
    assert "it is not the store that the others use" in other.found
    assert (other.verdict, other.code) == ("problem", 4)
    assert not (tmp_path / "b").exists()


def test_versions_of_a_node_are_those_that_are_installed() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["zarr"] == metadata.version("zarr")
    assert set(found) == {"python", "ray", "dask", "distributed", "zarr", "repsim"}


def test_a_checkout_of_another_day_has_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions()["repsim"]
    copy = tmp_path / "copy"
    shutil.copytree(Path(repsim.__file__).parent, copy)
    monkeypatch.setattr(repsim, "__file__", str(copy / "__init__.py"))
    assert versions()["repsim"] == before
    (copy / "options.py").write_text("# changed\n")
    assert versions()["repsim"] != before


def test_pods_are_not_asked_from_here(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="Got one for Kubernetes, whose pods all run the profile"):
        check_cluster(Profile(batch="kubernetes"), str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()
