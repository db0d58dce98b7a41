"""A group of checks as a program: its findings as JSON, on the last line of stdout."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from cluster.doctor.finding import Finding

__all__ = ["GROUPS"]


def _machine(*addresses: str) -> list[Finding]:
    from cluster.doctor.machine import check_machine

    return check_machine(addresses)


def _store(location: str, token: str | None, name: str) -> list[Finding]:
    from cluster.doctor.store import check_store

    return check_store(location, token, name)


def _processors(gpus: bool) -> list[Finding]:
    from cluster.doctor.processors import check_torch

    return check_torch(gpus=gpus)


GROUPS: dict[str, Callable[..., list[Finding]]] = {
    "machine": _machine,
    "store": _store,
    "processors": _processors,
}


def main(group: str, arguments: str) -> None:
    """Print what `group` finds."""
    values: list[Any] = json.loads(arguments)
    print(json.dumps([asdict(finding) for finding in GROUPS[group](*values)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
