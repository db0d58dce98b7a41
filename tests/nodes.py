"""Nodes of a cluster on one machine: processes with an address and folders of their own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass
class Node:
    """What runs on one node; every path it is told of is below its own folder."""

    number: int
    folder: Path
    address: str = ""
    """Of the Ray cluster that it belongs to."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """All of 127.0.0.0/8 is loopback, so that each node has an address to itself."""
        return f"127.0.0.{self.number + 1}"

    def environment(self) -> dict[str, str]:
        """As `os.environ`, with the folders of this node."""
        return {
            **os.environ,
            "TMPDIR": str(self.folder),
            "RAY_TMPDIR": str(self.folder),
            "HOME": str(self.folder),
            "RAY_AUTH_MODE": "disabled",
        }

    def start(self, module: str, *arguments: str) -> None:
        """``python -m module`` in a session of its own."""
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def ray(self, head: str, *, cpus: int) -> None:
        """Make this a node of the Ray cluster at `head`, or its head."""
        self.address = head
        place = (f"--address={head}",)
        if head.split(":", maxsplit=1)[0] == self.host:
            port = head.split(":")[1]
            place = ("--head", f"--port={port}", "--include-dashboard=false")
        self.start(
            "ray.scripts.scripts",
            *("start", "--block", *place, f"--node-ip-address={self.host}"),
            *(f"--num-cpus={cpus}", "--object-store-memory=100000000"),
            f"--temp-dir={self.folder}",
        )

    def family(self) -> list[psutil.Process]:
        """All that runs on this node."""
        found: list[psutil.Process] = []
        for process in self.processes:
            if process.poll() is None:
                root = psutil.Process(process.pid)
                found += [*root.children(recursive=True), root]
        return found

    def commands(self) -> list[str]:
        """Their command lines."""
        lines = []
        for member in self.family():
            with suppress(psutil.Error):  # it has just ended
                lines.append(" ".join(member.cmdline()))
        return lines

    def kill(self) -> None:
        """SIGKILL to all at once, as when the power fails."""
        family = self.family()
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=10)
        for process in self.processes:
            process.wait()
        self.processes.clear()


@contextmanager
def nodes(count: int) -> Iterator[list[Node]]:
    """Nodes on which nothing runs yet; all that was started on them ends with the block."""
    # Sockets need short paths, which pytest's are not.
    folders = [Path(tempfile.mkdtemp(prefix=f"node{i}-", dir=_short())) for i in range(count)]
    made = [Node(number, folder) for number, folder in enumerate(folders)]
    try:
        yield made
    finally:
        for node in made:
            node.kill()
            shutil.rmtree(node.folder, ignore_errors=True)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on."""
    with socket.create_server((host, 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _short() -> str | None:
    return "/tmp" if Path("/tmp").is_dir() else None
