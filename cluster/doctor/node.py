"""A node, looked at from a process on it.

What may wait for ever, or end the process that looks, is looked at in a process of its own: a store
that is silent, a driver that hangs, a torch that cannot be loaded, a folder on a dead disk.

Also a program, for nodes behind a batch system: ``python -m cluster.doctor.node``.
"""

import contextlib
import json
import os
import platform
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster.doctor.finding import UNREACHABLE, WRONG, Finding, problem
from cluster.doctor.software import check_software, versions

__all__ = ["Answer", "NodeReport", "inspect_node", "report_of"]

# Of each group of checks, generous: a busy node starts Python slowly, a bucket that is silent is
# given up after 30 seconds, and torch may be read from a shared disk, by many nodes at once.
LIMITS = {"machine": 75.0, "store": 75.0, "processors": 90.0}
WHAT_HANGS = {
    "machine": "a folder (HOME, TMPDIR) on a disk that does not answer?",
    "store": "a disk or a bucket that does not answer, or too low a limit of address space?",
    "processors": "a disk that is slow, or a driver that hangs: what does nvidia-smi say?",
}
MORE_PROCESSES = (
    "Raise the limits of processes (ulimit -u) and memory (ulimit -v), or end other programs."
)


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """One process on one node."""

    host: str
    name: str
    """Of what it wrote to the store; no other process has it."""
    versions: Mapping[str, str]
    findings: Sequence[Finding]
    gpus: int | None
    """How many GPUs torch can compute on; None where nobody asked."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a node answered, or why it did not."""

    place: str
    """Where it was reached: here, Ray, Dask, Slurm."""
    node: str
    """What that calls it."""
    report: NodeReport | None = None
    problem: str = ""


def inspect_node(
    location: str,
    token: str | None,
    *,
    gpus: bool | None,
    addresses: Sequence[str] = (),
    limits: Mapping[str, float] = LIMITS,
) -> NodeReport:
    """Look at the node that this runs on.

    Parameters
    ----------
    location
        Of the store, in which ``checks/<token>/here`` holds the token.
    token
        Of this check; None where this node alone is looked at.
    gpus
        Whether networks need a GPU here; None where no network is trained.
    addresses
        Of Ray and Dask, to be tried from here.
    limits
        Seconds that each group of checks may take.
    """
    name = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
    groups: dict[str, Sequence[object]] = {
        "machine": addresses,
        "store": (location, token, name),
    }
    if gpus is not None:
        groups["processors"] = (gpus,)
    try:
        with ThreadPoolExecutor(len(groups)) as pool:
            asked = [
                pool.submit(_limited, group, arguments, limits[group])
                for group, arguments in groups.items()
            ]
            looked = [one for group in asked for one in group.result()]
    except RuntimeError as refusal:  # no thread can be started
        looked = [problem("processes", str(refusal), MORE_PROCESSES, code=WRONG)]
    findings = [*check_software(), *looked]
    usable = [one for one in findings if one.name.startswith("GPU ") and one.verdict != "problem"]
    return NodeReport(
        host=platform.node(),
        name=name,
        versions=versions(),
        findings=findings,
        gpus=None if gpus is None else len(usable),
    )


def report_of(text: str) -> NodeReport:
    """The report that the program printed on its last line."""
    told = _last_line(text)
    return NodeReport(**{**told, "findings": [Finding(**one) for one in told["findings"]]})


def _last_line(text: str) -> Any:
    return json.loads(text.strip().splitlines()[-1])


def _limited(group: str, arguments: Sequence[object], seconds: float) -> list[Finding]:
    """The findings of a group, looked at by a process that is ended when its time is up."""
    command = [sys.executable, "-m", "cluster.doctor.group", group, json.dumps(list(arguments))]
    root = str(Path(__file__).parents[2])
    # Behind what is there: in an installed package the folder is that of all packages.
    paths = [path for path in (os.environ.get("PYTHONPATH"), root) if path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as refusal:
        found = f"no process can be started: {refusal}"
        return [problem(group, found, MORE_PROCESSES, code=WRONG)]
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits inside the kernel
            process.communicate(timeout=1)
        remedy = f"What does it wait for: {WHAT_HANGS[group]}"
        found = f"no answer within {seconds:.0f} seconds"
        return [problem(group, found, remedy, code=UNREACHABLE)]
    try:
        return [Finding(**one) for one in _last_line(out)]
    except (ValueError, IndexError, TypeError):
        return [_broken(group, process.returncode, err)]


def _broken(group: str, code: int, said: str) -> Finding:
    """The process ended without findings: an import failed, or a signal ended it."""
    last = (said.strip().splitlines() or ["it said nothing"])[-1]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    remedy = "Install the environment again, or raise the limit of address space (ulimit -v)."
    return problem(group, f"cannot be looked at ({how}): {last}", remedy, code=WRONG)


if __name__ == "__main__":
    place, secret, wanted = sys.argv[1:]
    answer = inspect_node(place, secret, gpus=json.loads(wanted))
    print(json.dumps(asdict(answer)))
