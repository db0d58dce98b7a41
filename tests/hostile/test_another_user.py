"""Another user of the machine, while a study runs with the default profile: all doors are shut.

That user sees the ports of the machine and the command lines of the run, and has what is installed.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.faults.forks import fork
from tests.hostile.runner import NOBODY
from tests.open_doors import (
    RAY_METHODS,
    admitted_by_dask,
    grpc_status,
    http_answer,
    listening,
)
from tests.runs import finish, start, study_file, wait_for

# Control store, node, object transfer, driver and agent, and the worker of an actor.
RAY_PORTS = 6
# Scheduler, nanny and worker.
DASK_PORTS = 3
SCANS = 5
GRPC_SETTINGS = bytes(2)


@pytest.fixture
def others_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that another user reaches, too, as ``/tmp`` is: those of pytest are closed."""
    folder = Path(f"/tmp/repsim-doors-{os.getpid()}")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    yield folder
    subprocess.run(["rm", "-r", folder], check=True)


def opened_by(process: psutil.Process, but: Path) -> set[str]:
    """Files and sockets that the processes of a run have open or mapped; not those of the store.

    Of ``/proc`` only what tells secrets: monitors read ``statm``, which the kernel shows everyone.
    """
    names: set[str] = set()
    secrets: set[str] = set()
    for one in (process, *process.children(recursive=True)):
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{one.pid}/fd").iterdir()]
            sockets = [connection.laddr for connection in one.net_connections(kind="unix")]
            maps = [mapped.path for mapped in one.memory_maps()]
        except (OSError, psutil.Error):
            continue  # it has ended
        names |= {*links, *filter(None, sockets), *maps}
        secrets |= {f"/proc/{one.pid}/{name}" for name in ("environ", "mem", "maps", "fd")}
    places = ("/dev/shm/", "/tmp/", str(but.parent))
    return secrets | {
        name for name in names if name.startswith(places) and not name.startswith(str(but))
    }


def scan(ports: list[tuple[str, int, str]], files: list[str], answer: Path) -> None:
    """What a user without any secret gets out of the ports and files."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.environ["HOME"] = "/nonexistent"
    with ThreadPoolExecutor(len(ports)) as pool:
        of_ports = [found for found in pool.map(attack, ports) if found is not None]
    found = [words for found in of_ports for words in found]
    found.extend(filter(can_be_opened, files))
    answer.write_text(json.dumps({"ports": len(of_ports), "found": found}))


def attack(place: tuple[str, int, str]) -> list[str] | None:
    """What a port says to who has no secret; None where its process has ended meanwhile."""
    host, port, name = place
    dask = [
        f"{name} at {port} speaks Dask by {way}"
        for way in ("tcp", "tls")
        if asyncio.run(admitted_by_dask(f"{way}://{host}:{port}"))
    ]
    ray = [
        f"{name} at {port} answers {method}"
        for method in RAY_METHODS
        if grpc_status(host, port, method) == "0"
    ]
    try:
        page = http_answer(host, port)
    except ConnectionRefusedError:
        return None
    # A server of gRPC begins with its settings, whatever it is asked.
    closed = not page or page.startswith((b"HTTP/1.1 401", GRPC_SETTINGS))
    return [*dask, *ray, *([] if closed else [f"{name} at {port} answers {page!r}"])]


def can_be_opened(file: str) -> bool:
    """Whether this user can read a file, or connect to a socket."""
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_RDONLY | os.O_NONBLOCK))
        return True
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(file)
        return True
    return False


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.full
def test_no_port_and_no_file_of_a_run_serves_another_user(
    tmp_path: Path, others_folder: Path
) -> None:
    store, answer = others_folder / "runs", others_folder / "answer.json"
    study = study_file(tmp_path, epochs=30)
    study.write_text(study.read_text().replace("[0, 1]", "[0, 1, 2]"))
    warm = fork(len, "")  # what it imports takes longer than a scan
    warm.join()
    process = start("run", study, "--store", store, "--cluster-set", "dask.workers=1")

    def scanned(least: int) -> list[str]:
        """What is found, at so many ports or more, while the run is there."""
        found: list[str] = []
        for _ in range(SCANS):  # a process may end before it is asked
            wait_for(lambda: len(listening(process.pid)) >= least, process)
            ports = [(*place, name) for place, name in listening(process.pid).items()]
            assert {host for host, _, _ in ports} == {"127.0.0.1"}
            files = sorted(opened_by(psutil.Process(process.pid), store))
            scanner = fork(scan, ports, files, answer)
            scanner.join(120)
            assert scanner.exitcode == 0
            told = json.loads(answer.read_text())
            found += told["found"]
            if told["ports"] >= least:
                return found
        raise AssertionError(f"never {least} ports at once")

    try:
        wait_for(lambda: next(store.glob("networks/*/*/*"), None), process)
        assert scanned(RAY_PORTS) == []
        wait_for(lambda: next(store.glob("moments/*/*"), None), process)
        assert scanned(DASK_PORTS) == []
        process.terminate()
        output = finish(process, seconds=60)
        assert process.returncode in {0, 75}, output
    finally:
        process.kill()
        process.communicate()
