"""What a node of a cluster is: its versions, its GPUs, and whether it can use the store.

Also a program, for nodes that are reached through a batch system: ``python -m repsim.tasks.node``.
"""

import hashlib
import json
import os
import platform
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from repsim.errors import RepsimError
from repsim.store import Store

__all__ = ["NodeReport", "check_path", "inspect_node", "report_of"]

# Of which every node must have the same release. All but the last are looked up and not imported.
PACKAGES = ("ray", "dask", "distributed", "zarr")
DISTRIBUTION = "repsim-workflows"
SHOWN_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """One process on one node."""

    host: str
    name: str
    """Of what it wrote to the store; no other process has it."""
    versions: Mapping[str, str]
    gpus: Sequence[str] | None
    """Names of those that torch may use; None where nobody asked."""
    store_problem: str
    """Why the store cannot be used; empty where it can."""


def check_path(token: str, name: str) -> str:
    """Where what is written for a check is, in the store."""
    return f"checks/{token}/{name}"


def inspect_node(location: str, token: str, *, gpus: bool) -> NodeReport:
    """Look at the node that this runs on.

    Parameters
    ----------
    location
        Of the store, in which ``checks/<token>/here`` holds the token: a node that does not find it
        has another folder at that path.
    token
        Of this check.
    gpus
        Whether to ask torch for GPUs.

    Examples
    --------
    >>> import tempfile
    >>> report = inspect_node(tempfile.mkdtemp(), "a-token", gpus=False)
    >>> report.store_problem
    'it holds nothing of this check: it is not the store that the others use'
    """
    host = platform.node()
    name = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
    return NodeReport(
        host=host,
        name=name,
        versions=_versions(),
        gpus=_gpus() if gpus else None,
        store_problem=_store_problem(location, token, name),
    )


def report_of(text: str) -> NodeReport:
    """The report that the program printed on its last line."""
    return NodeReport(**json.loads(text.strip().splitlines()[-1]))


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        versions[package] = _version(package)
    # The version of a checkout says little: the same one may be of another day on each node.
    versions["repsim"] = f"{_version(DISTRIBUTION)} ({_digest_of_source()})"
    return versions


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"


def _digest_of_source() -> str:
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:SHOWN_DIGITS]


def _gpus() -> tuple[str, ...]:
    import torch

    return tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))


def _store_problem(location: str, token: str, name: str) -> str:
    try:
        store = Store(location)
        if store.read(check_path(token, "here")) != token.encode():
            return "it holds nothing of this check: it is not the store that the others use"
        path = check_path(token, name)
        store.write(path, token.encode())
        if store.read(path) != token.encode():
            return "what was written there cannot be read back"
    except RepsimError as problem:
        return str(problem)
    return ""


if __name__ == "__main__":
    place, secret, wanted = sys.argv[1:]
    print(json.dumps(asdict(inspect_node(place, secret, gpus=wanted == "gpus"))))
