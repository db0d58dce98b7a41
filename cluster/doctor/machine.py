"""Limits, memory, folders and ports of this machine."""

import json
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from rich.filesize import decimal

from cluster.doctor.finding import UNREACHABLE, WRONG, Finding, ok, problem, warning
from cluster.machine import given_memory
from cluster.profile import user_file
from repsim.regular_files import never_a_file

__all__ = [
    "check_address",
    "check_home",
    "check_limits",
    "check_loopback",
    "check_machine",
    "check_memory",
    "check_room",
]

GIB = 2**30

# Name, limit, option of ulimit, its unit, below what nothing runs, below what little does.
# Address space: torch alone maps 3 GB, and Ray's processes wait for ever at 4; with CUDA more than
# the GPU has. Files: a worker of Dask or Ray holds hundreds. Processes: threads count.
LIMITS = (
    ("address space", resource.RLIMIT_AS, "-v", 1024, 8 * GIB, 32 * GIB),
    ("open files", resource.RLIMIT_NOFILE, "-n", 1, 256, 1024),
    ("processes", resource.RLIMIT_NPROC, "-u", 1, 256, 1024),
    ("size of a file", resource.RLIMIT_FSIZE, "-f", 1024, GIB // 16, 4 * GIB),
    ("seconds of CPU", resource.RLIMIT_CPU, "-t", 1, 60, 24 * 3600),
)
IN_BYTES = ("address space", "size of a file")

# The smallest study that ships takes 2 GB over all its processes.
LITTLE_MEMORY, NO_MEMORY = 2 * GIB, GIB // 2
LITTLE_ROOM, NO_ROOM = 2 * GIB, GIB // 16
FEW_FILES = 1000
# Of Ray's object store, as `cluster.ray_cluster` asks for it.
SHARED_MEMORY = 200 * 2**20
CONNECT_SECONDS = 5.0


def check_machine(addresses: Iterable[str]) -> list[Finding]:
    """All of this file; `addresses` are those of Ray and Dask in the profile."""
    temporary = Path(tempfile.gettempdir())
    shared = Path("/dev/shm")
    return [
        *check_limits(),
        check_memory(),
        check_room("temporary folder", temporary, "Set TMPDIR to another folder."),
        *([_shared_memory(shared)] if shared.is_dir() else []),
        check_home(),
        check_loopback(),
        *map(check_address, addresses),
    ]


def check_limits() -> list[Finding]:
    """What ``ulimit`` allows."""
    findings = []
    for name, number, option, unit, none, few in LIMITS:
        limit, _ = resource.getrlimit(number)
        found = decimal(limit) if name in IN_BYTES else str(limit)
        remedy = f"Raise it: ulimit {option} {few // unit}, or in the batch system's job."
        if limit == resource.RLIM_INFINITY:
            findings.append(ok(name, "no limit"))
        elif limit < none:
            findings.append(problem(name, f"at most {found}", remedy, code=WRONG))
        elif limit < few:
            findings.append(warning(name, f"at most {found}", remedy))
        else:
            findings.append(ok(name, f"at most {found}"))
    return findings


def check_memory() -> Finding:
    """Memory that is free, or given by Slurm."""
    free = psutil.virtual_memory().available
    free = min(free, given_memory() or free)
    found = f"{decimal(free)} free"
    remedy = "End other programs, or ask the batch system for more: `repsim plan` says how much."
    if free < NO_MEMORY:
        return problem("memory", found, remedy, code=UNREACHABLE)
    return warning("memory", found, remedy) if free < LITTLE_MEMORY else ok("memory", found)


def check_room(name: str, folder: Path, remedy: str) -> Finding:
    """Whether a folder can be written, and has room for bytes and files."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"repsim")
        free = shutil.disk_usage(folder).free
        files = os.statvfs(folder)
    except OSError as refusal:
        return problem(name, f"{folder} cannot be written: {refusal}", remedy, code=UNREACHABLE)
    found = f"{decimal(free)} free in {folder}"
    # A file system that does not count its files has 0 of 0.
    if files.f_files and files.f_favail < FEW_FILES:
        found = f"room for {files.f_favail} more files in {folder}"
        return problem(name, found, remedy, code=UNREACHABLE)
    if free < NO_ROOM:
        return problem(name, found, remedy, code=UNREACHABLE)
    return warning(name, found, remedy) if free < LITTLE_ROOM else ok(name, found)


def _shared_memory(folder: Path) -> Finding:
    """A container has 64 MB unless told otherwise."""
    free = shutil.disk_usage(folder).free
    found = f"{decimal(free)} free in {folder}"
    if free < SHARED_MEMORY:
        remedy = (
            "Ray falls back to the disk: docker run --shm-size=2g, or kubernetes.shared_memory."
        )
        return warning("shared memory", found, remedy)
    return ok("shared memory", found)


def check_home() -> Finding:
    """Whether the home folder can be used, and the user's own file can be read if it is there."""
    remedy = "Set HOME to a folder of yours that can be written."
    mine = user_file()
    if kind := never_a_file(mine):
        return problem("home", f"{mine} is {kind}", "Remove it.", code=WRONG)
    try:
        home = Path.home()
        if mine.exists():
            mine.read_bytes()
        next(home.iterdir(), None)
    except (OSError, RuntimeError) as refusal:
        return problem("home", str(refusal), remedy, code=WRONG)
    if not os.access(home, os.W_OK):
        return warning(
            "home", f"{home} cannot be written: fonts are searched anew each time", remedy
        )
    return ok("home", f"{home}; {mine} {'is read' if mine.exists() else 'does not exist'}")


def check_loopback() -> Finding:
    """Whether two processes of this machine can talk to each other."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(CONNECT_SECONDS)
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS):
                server.accept()[0].close()
    except OSError as refusal:
        found = f"no port of 127.0.0.1 can be used: {refusal}"
        remedy = (
            "Ray and Dask talk over it: allow it in the sandbox or firewall, or --engine inline."
        )
        return problem("loopback", found, remedy, code=UNREACHABLE)
    return ok("loopback", "127.0.0.1 takes and makes connections")


def check_address(address: str) -> Finding:
    """Whether somebody listens at an address of the profile.

    Parameters
    ----------
    address
        ``host:6379``, ``tcp://host:8786``, or the file of a Dask scheduler as ``file:...``.
    """
    remedy = "Is it running, is the address right, and does a firewall let this machine through?"
    if address.startswith("file:"):
        try:
            written = json.loads(Path(address.removeprefix("file:")).read_text(encoding="utf-8"))
            address = str(written["address"])
        except (OSError, ValueError, KeyError, TypeError) as refusal:
            return problem(
                address, f"is no file of a scheduler: {refusal}", remedy, code=UNREACHABLE
            )
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        return problem(address, "is not host:port", "Write the port, too.", code=WRONG)
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as refusal:
        return problem(address, f"nobody answers: {refusal}", remedy, code=UNREACHABLE)
    return ok(address, "somebody listens")
