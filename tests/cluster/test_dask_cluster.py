"""Connecting to Dask: limits of a local cluster, certificates, the performance report."""

import asyncio
import base64
import importlib.util
import logging
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from distributed import KilledWorker, Security, get_worker

from cluster.dask_cluster import WorkerSize, dask_session, local_worker_size, worker_sizes
from cluster.machine import usable_cores
from cluster.schema import DaskProfile
from repsim.errors import StudyError
from tests.open_doors import admitted_by_dask, http_answer, listening, readable_by_others

ROLES = ("CLIENT", "SCHEDULER", "WORKER")


def test_workers_are_as_many_and_as_large_as_asked() -> None:
    profile = DaskProfile(workers=2, threads_per_worker=2, memory_per_worker="512MiB")
    with dask_session(profile) as client:
        assert list(client.nthreads().values()) == [2, 2]
        assert worker_sizes(client) == [WorkerSize(memory=2**29, threads=2)] * 2
        assert local_worker_size(profile) == worker_sizes(client)[0]
        assert client.submit(lambda: get_worker().memory_manager.memory_limit).result() == 2**29


def _admitted(address: str, security: Security | None) -> bool:
    return asyncio.run(admitted_by_dask(address, security))


TALKATIVE = """
import logging
logging.basicConfig(level=logging.WARNING)  # as the command does before it imports Dask
from cluster.dask_cluster import dask_session
from cluster.schema import DaskProfile
with dask_session(DaskProfile(workers=1)) as client:
    client.run_on_scheduler(lambda dask_scheduler: None)
"""


def test_dask_adds_no_lines_to_the_log_of_a_run() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TALKATIVE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == ("", "")


def test_no_port_of_a_local_dask_answers_without_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = listening(os.getpid())
    with dask_session(DaskProfile(workers=1)) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        ports = listening(os.getpid()).keys() - before
        dask_ports = {
            (host, port)
            for host, port in ports
            if _admitted(f"tls://{host}:{port}", client.security)
        }
        assert len(dask_ports) == 3  # scheduler, nanny, worker
        for host, port in ports:
            assert host == "127.0.0.1"
            assert not _admitted(f"tcp://{host}:{port}", None)
            assert not _admitted(f"tls://{host}:{port}", Security.temporary())
            assert http_answer(host, port) == b""
            assert http_answer(host, port, "/metrics") == b""
        scratch = list(tmp_path.glob("repsim-dask-*"))
        assert len(scratch) == 1
        assert readable_by_others(scratch[0]) == []
        assert list(tmp_path.glob("dask-scratch-space*")) == []
        assert [path for path in sys.path if "dask-scratch" in path and "repsim" not in path] == []
        key = client.security.tls_client_key
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        assert key.splitlines()[1] not in commands.stdout


@pytest.mark.full
def test_a_worker_that_dies_again_and_again_is_replaced() -> None:
    # By default Dask gives up a worker that is away 15 s after a death, though it was replaced.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        dask_session(DaskProfile(workers=1)) as client,
    ):
        for pause in (0, 14.8):
            time.sleep(pause)
            with pytest.raises(KilledWorker):
                client.submit(signal.raise_signal, signal.SIGKILL, pure=False).result(60)
        time.sleep(1)
        assert client.submit(sum, [1, 2]).result(60) == 3


def test_the_dashboard_of_a_local_dask_asks_for_a_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="repsim")
    logging.getLogger("repsim").propagate = True
    with dask_session(DaskProfile(workers=1, dashboard=True)) as client:
        link = client.dashboard_link
        assert link in caplog.text
        secret, address = re.fullmatch(r"http://(\S+)@(127\.0\.0\.1:\d+)/status", link).groups()
        host, port = address.split(":")
        for path in ("/", "/status", "/sitemap.json", "/json/counts.json", "/metrics", "/nothing"):
            assert http_answer(host, int(port), path).startswith(b"HTTP/1.1 401")
        basic = base64.b64encode(secret.encode()).decode()
        request = urllib.request.Request(
            f"http://{address}/status", headers={"Authorization": f"Basic {basic}"}
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


def test_slurm_says_how_many_cores_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    all_of_them = usable_cores()
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    assert usable_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", str(all_of_them + 1))
    assert usable_cores() == all_of_them


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """A certificate and its key, as the environment names them."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    files = {f"{prefix}CA_FILE": str(certificate)}
    for role in ROLES:
        files |= {f"{prefix}{role}__CERT": str(certificate), f"{prefix}{role}__KEY": str(key)}
    return {**files, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}


@pytest.fixture
def secured(certificate: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """The scheduler file of a cluster that lets in who has the certificate."""
    file = tmp_path / "scheduler.json"
    options = ("--protocol", "tls", "--no-dashboard", "--scheduler-file", str(file))
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, *more],
            env={**os.environ, **certificate},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind, more in (("scheduler", ("--port", "0")), ("worker", ("--no-nanny",)))
    ]
    yield file
    for process in processes:
        process.kill()
        process.wait()


def test_a_scheduler_with_certificates_is_reached_with_them_alone(
    secured: Path, certificate: dict[str, str]
) -> None:
    # As a process that is started with these variables has it.
    configuration = {
        name.removeprefix("DASK_").lower().replace("__", ".").replace("_", "-"): value
        for name, value in certificate.items()
    }
    by_file = DaskProfile(scheduler=f"file:{secured}")
    with dask.config.set(configuration), dask_session(by_file) as one:
        address = one.scheduler.address
        assert address.startswith("tls://")
        with dask_session(DaskProfile(scheduler=address)) as client:
            assert client.submit(sum, [1, 2]).result() == 3
    with (
        pytest.raises(StudyError, match=r"Expected certificates in Dask's configuration"),
        dask_session(DaskProfile(scheduler=address)),
    ):
        pass


def test_the_performance_report_is_written_and_the_dashboard_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="repsim")
    logging.getLogger("repsim").propagate = True
    report = tmp_path / "report.html"
    profile = DaskProfile(workers=1, dashboard=True, performance_report=str(report))
    with dask_session(profile) as client:
        client.submit(sum, [1, 2]).result()
    assert "Duration" in report.read_text()
    assert re.search(r"Dask dashboard: http://\S+@127\.0\.0\.1:", caplog.text)
    assert f"Dask performance report: {report}" in caplog.text


def test_a_report_that_cannot_be_written_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("repsim").propagate = True
    (tmp_path / "file").touch()
    profile = DaskProfile(workers=1, performance_report=str(tmp_path / "file" / "report.html"))
    with dask_session(profile) as client:
        assert client.submit(sum, [1, 2]).result() == 3
    assert "No Dask performance report: " in caplog.text


@pytest.mark.parametrize("asked", [{"dashboard": True}, {"performance_report": "report.html"}])
def test_what_draws_them_is_asked_for_before_anything_starts(
    asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(StudyError, match=r"Install repsim-workflows\[dashboards\]"),
        dask_session(DaskProfile(**asked)),
    ):
        pass
