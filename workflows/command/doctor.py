"""repsim doctor: whether this machine is fit for a study"""

from typing import TYPE_CHECKING

import typer
from rich.text import Text

from workflows.command.output import JsonOption, columns, console, say, say_json
from workflows.command.where import (
    ClusterOption,
    ClusterOverrides,
    ProfileStore,
    chosen_profile,
    store_of,
)

if TYPE_CHECKING:
    from cluster.doctor import Finding

__all__ = ["doctor"]


def doctor(
    store: ProfileStore = None,
    cluster: ClusterOption = "local",
    cluster_overrides: ClusterOverrides = None,
    as_json: JsonOption = False,
) -> None:
    """Look at this machine before a run: what is wrong, and what to do about it.

    Python and packages, torch, CPU and GPUs, limits, memory, temporary and home folder, ports, and
    the store: whether it can be written, how fast, and whether its clock agrees. Starts nothing and
    leaves nothing behind; no check waits longer than 90 seconds. `repsim cluster check` does the
    same on every node.

    Exit code 0 without a problem, 2 when something must be put right, 4 when something is out of
    reach or used up.
    """
    from cluster.doctor import exit_code

    findings = _findings(store, cluster, cluster_overrides)
    code = exit_code(findings)
    if as_json:
        say_json({"exit_code": code, "findings": [dict(one.as_json()) for one in findings]})
    else:
        _show(findings)
    raise typer.Exit(code)


def _findings(store: str | None, cluster: str, overrides: list[str] | None) -> "list[Finding]":
    """A profile that cannot be read is one more thing that is wrong; the defaults then do."""
    from cluster.doctor import examine
    from cluster.doctor.finding import WRONG, ok, problem
    from cluster.schema import Profile
    from repsim.errors import RepsimError

    try:
        profile = chosen_profile(cluster, overrides)
    except (RepsimError, OSError) as refusal:
        profile = Profile()
        first = problem("profile", f"{cluster} cannot be used", str(refusal), code=WRONG)
    else:
        first = ok("profile", cluster)
    return [first, *examine(profile, store_of(store, profile))]


def _show(findings: "list[Finding]") -> None:
    table = columns("checked", "verdict", "found", words=3)
    for one in findings:
        verdict = Text(one.verdict, style="" if one.verdict == "ok" else "bold")
        table.add_row(one.name, verdict, one.found)
    console.print(table)
    wrong = [one for one in findings if one.verdict != "ok"]
    if wrong:
        say("\nWhat to do:")
    for one in wrong:
        say(f"  {one.name}: {one.remedy}")
    counts = {name: sum(one.verdict == name for one in findings) for name in ("problem", "warning")}
    told = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    say(f"\n{', '.join(told) or 'All is well'}.")
