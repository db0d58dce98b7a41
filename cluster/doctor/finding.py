"""What was looked at, how it is, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["UNREACHABLE", "WRONG", "Finding", "exit_code", "ok", "problem", "warning"]

Verdict = Literal["ok", "warning", "problem"]

# Exit codes of a problem: the environment is wrong, or something is out of reach or used up.
WRONG = 2
UNREACHABLE = 4


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict on one thing that a run needs."""

    name: str
    """What was looked at: store, loopback."""
    verdict: Verdict
    found: str
    remedy: str = ""
    """What to do; empty where all is well."""
    code: int = 0
    """Exit code that a problem gives the command."""

    def __str__(self) -> str:
        return f"{self.name}: {self.found}" + (f". {self.remedy}" if self.remedy else "")

    def as_json(self) -> Mapping[str, str]:
        """What other programs read of it."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "found": self.found,
            "remedy": self.remedy,
        }


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name=name, verdict="ok", found=found)


def warning(name: str, found: str, remedy: str) -> Finding:
    """A study can run, but slowly, or not for long."""
    return Finding(name=name, verdict="warning", found=found, remedy=remedy)


def problem(name: str, found: str, remedy: str, *, code: int) -> Finding:
    """A study cannot run."""
    return Finding(name=name, verdict="problem", found=found, remedy=remedy, code=code)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 without a problem, 2 where something must be put right, else 4.

    >>> exit_code([ok("store", "written"), problem("ray", "1.0", "Install it.", code=WRONG)])
    2
    """
    return min((finding.code for finding in findings if finding.code), default=0)
