"""What waits for ever elsewhere has a limit and a message here, and one signal ends it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import dask_cluster, ray_cluster
from cluster.dask_cluster import dask_session
from cluster.ray_cluster import ray_session
from cluster.schema import DaskProfile, RayProfile
from repsim.errors import ClusterError
from tests.runs import finish, start, study_file, wait_for


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a port that accepts and says nothing."""
    with socket.create_server(("0.0.0.0", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refused() -> str:
    """The address of a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def arguments(silent: str, engine: str) -> list[str]:
    """Of a run that connects to the silent port."""
    if engine == "Ray":
        return ["--cluster-set", f"ray.address={silent}", "--stage", "networks"]
    return ["--cluster", f"tcp://{silent}", "--cluster-set", "ray.address=local"]


@pytest.mark.parametrize("engine", ["Ray", "Dask"])
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.full)]
)
def test_one_signal_ends_the_wait_for_a_silent_port(
    silent: str, engine: str, number: signal.Signals, tmp_path: Path
) -> None:
    log, store = tmp_path / "log", tmp_path / "runs"
    command = ["run", study_file(tmp_path), "--store", store, *arguments(silent, engine)]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "workflows.command", *map(str, command)],
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            text=True,
        )
    wait_for(lambda: f"Connecting to {engine}" in log.read_text(), process)
    time.sleep(1)
    before = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    assert process.returncode == 75, log.read_text()
    assert time.monotonic() - before < 30


def test_a_silent_scheduler_is_given_up(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(dask_cluster, "WORKERS_SECONDS", 1.0)
    before = time.monotonic()
    with (
        pytest.raises(
            ClusterError, match=f"Expected a Dask scheduler with workers at tcp://{silent}"
        ),
        dask_session(DaskProfile(scheduler=f"tcp://{silent}")),
    ):
        pass
    assert time.monotonic() - before < 30


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_dead_ray_is_known_before_ray_is_asked(
    refused: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster.ray, "init", lambda *a, **o: pytest.fail("Ray was asked"))
    with (
        pytest.raises(ClusterError, match=r"Got: .*refused"),
        ray_session(RayProfile(address=scheme + refused)),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "words"),
    [("auto", "Ray cluster at 'auto'"), ("local", "Ray to start on this machine")],
)
def test_a_silent_ray_is_given_up(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(ray_cluster.ray, "init", lambda *a, **o: release.wait())
    monkeypatch.setattr(ray_cluster, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(ray_cluster, "START_SECONDS", 1.0)
    with (
        pytest.raises(ClusterError, match=f"{words}. Got: no answer within 1 s"),
        ray_session(RayProfile(address=address)),
    ):
        pass
    release.set()


def test_a_command_ends_though_a_call_was_left_behind(silent: str, tmp_path: Path) -> None:
    script = (
        "import sys; from cluster import ray_cluster; from workflows.command import main; "
        "ray_cluster.CONNECT_SECONDS = 2; main()"
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", script, "run", str(study_file(tmp_path))),
            *("--store", str(tmp_path / "runs"), *arguments(silent, "Ray")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = finish(process, seconds=120)
    assert process.returncode == 4, output
    assert "Got: no answer within 2 s" in output


@pytest.mark.parametrize(
    ("limit", "words"),
    [("-v 4000000", "Expected at least 12 GiB of address space"), ("-n 100", "256 open files")],
)
def test_limits_of_the_shell_are_named(limit: str, words: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            *("bash", "-c", f'ulimit {limit} && exec "$@"', "-", sys.executable),
            *("-m", "workflows.command", "plan", str(study_file(tmp_path))),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert words in ran.stderr


@pytest.mark.parametrize("session", ["ray", "dask"])
def test_a_sandbox_without_loopback_is_known_before_anything_starts(
    session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    opened = ray_session(RayProfile()) if session == "ray" else dask_session(DaskProfile())
    with (
        pytest.raises(ClusterError, match=r"no port of 127.0.0.1 can be used: .*unreachable"),
        opened,
    ):
        pass


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_fifo_as_a_study_file_is_refused(verb: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "study.toml")
    process = start(verb, tmp_path / "study.toml", "--store", tmp_path / "runs")
    output = finish(process, seconds=60)
    assert process.returncode == 2
    assert "which is a FIFO" in output
