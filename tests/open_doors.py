"""What another user of this machine could reach: listening ports, and files by their mode."""

import contextlib
import os
import socket
import stat
import subprocess
from pathlib import Path

import psutil
from distributed import Security
from distributed.comm import connect

__all__ = [
    "RAY_METHODS",
    "admitted_by_dask",
    "grpc_status",
    "http_answer",
    "listening",
    "readable_by_others",
]

# One of each of Ray's servers.
RAY_METHODS = (
    "ray.rpc.NodeInfoGcsService/GetAllNodeInfo",
    "ray.rpc.NodeManagerService/GetNodeStats",
    "ray.rpc.ObjectManagerService/Pull",
    "ray.rpc.CoreWorkerService/GetCoreWorkerStats",
)


def listening(pid: int) -> dict[tuple[str, int], str]:
    """Name of the process that listens, for each address of a process and its descendants."""
    process = psutil.Process(pid)
    found = {}
    for one in (process, *process.children(recursive=True)):
        connections = []
        with contextlib.suppress(psutil.Error):  # it has ended
            connections = one.net_connections(kind="inet")
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN:
                host, port = connection.laddr
                # An IPv6 socket that takes IPv4 has its address so.
                found[host.removeprefix("::ffff:"), port] = one.name()
    return found


def http_answer(host: str, port: int, path: str = "/") -> bytes:
    """The first bytes that a plain HTTP request is answered with; none where it is refused."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        try:
            return connection.recv(100)
        except (ConnectionError, TimeoutError):
            return b""


async def admitted_by_dask(address: str, security: Security | None = None) -> bool:
    """Whether Dask at this address talks to who comes with these certificates.

    Without any, those of another cluster are shown where the address asks for them.
    """
    if security is None and address.startswith("tls://"):
        security = Security.temporary()
    more = security.get_connection_args("client") if security else {}
    try:
        comm = await connect(address, timeout=5, **more)
        await comm.write({"op": "identity", "reply": True})
        answer = await comm.read()
    except Exception:
        return False
    await comm.close()
    return "id" in answer


def grpc_status(host: str, port: int, method: str, token: str = "") -> str:
    """The status by which a method of gRPC answers an empty message; empty where it does not."""
    ran = subprocess.run(
        [
            *("curl", "--silent", "--max-time", "10", "--http2-prior-knowledge", "--noproxy", "*"),
            *("--request", "POST", "--header", "content-type: application/grpc"),
            *("--header", "te: trailers", "--data-binary", "@-", "--dump-header", "-"),
            *(("--header", f"authorization: Bearer {token}") if token else ()),
            *("--output", "/dev/null", f"http://{host}:{port}/{method}"),
        ],
        input=bytes(5),
        capture_output=True,
        check=False,
    )
    headers = dict(line.partition(b": ")[::2] for line in ran.stdout.split(b"\r\n"))
    return headers.get(b"grpc-status", b"").decode()


def readable_by_others(folder: Path) -> list[Path]:
    """Files and folders in `folder`, or itself, that another user can open."""
    open_to_others = stat.S_IROTH | stat.S_IXOTH
    if not folder.stat().st_mode & open_to_others:
        return []
    return [folder] + [
        Path(above, name)
        for above, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if Path(above, name).lstat().st_mode & open_to_others
    ]
