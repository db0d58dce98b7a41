"""repsim cluster: what profiles say, and whether a cluster is as it should be"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from workflows.command.output import JsonOption, columns, console, say, say_json
from workflows.command.where import ClusterOverrides, ProfileStore, chosen_profile, store_of

if TYPE_CHECKING:
    from cluster.check import Check

__all__ = ["cluster"]

cluster = typer.Typer(
    help="Profiles, which say where a study runs: list them, show one, check that its nodes are "
    "fit.",
    no_args_is_help=True,
)

ProfileName = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE",
        help="A profile that ships, a file of your own (my.toml), or an address.",
    ),
]


@cluster.command("list")
def list_profiles(as_json: JsonOption = False) -> None:
    """List the profiles that ship. Any other file of the same form does as well."""
    import tomllib

    from cluster.profile import profile_names, profile_text, user_file, user_text

    profiles = [
        (name, tomllib.loads(profile_text(name)).get("description", "")) for name in profile_names()
    ]
    mine, exists = user_file(), user_text() is not None
    if as_json:
        say_json({"profiles": dict(profiles), "user_file": str(mine), "there": exists})
        return
    table = columns("profile", "where", words=2)
    for row in profiles:
        table.add_row(*row)
    console.print(table)
    there = "is read first" if exists else "would be read first; it does not exist"
    say(f"\nYour own values for all of them: {mine} {there}.")
    say("A profile of your own: repsim cluster show slurm > my-cluster.toml")


@cluster.command("show")
def show(
    profile: ProfileName = "local",
    cluster_overrides: ClusterOverrides = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="Every value, and where it comes from, instead of the file itself."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a profile as it is written, or with --resolved every value that a run would have.

    Later wins: default, your own file (`repsim cluster list` says where), the profile, the
    environment (REPSIM_RAY__CPUS_PER_NETWORK=4), the command line (--cluster-set).
    """
    from cluster.profile import profile_text, resolve_profile

    values = resolve_profile(profile, cluster_overrides or ()).values()
    if as_json:
        say_json({one.name: {"value": one.value, "from": one.layer} for one in values})
    elif resolved:
        table = columns("value", "is", "from", words=3)
        for one in values:
            table.add_row(one.name, _toml(one.value), one.layer)
        console.print(table)
    elif "://" in profile:
        say(f"# {profile} is an address: see --resolved")
    else:
        say(profile_text(profile).rstrip("\n"))


@cluster.command("check")
def check(
    profile: ProfileName = "local",
    store: ProfileStore = None,
    cluster_overrides: ClusterOverrides = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every node: what `repsim doctor` looks at, and the same versions and store as here.

    Nodes of Ray, workers of Dask, and with Slurm one node for each kind of job. Exit code 0 when
    all are fit, 2 when something must be put right there (versions differ, a GPU is missing, a
    limit is too low), 4 when a node, the cluster or the store is out of reach.
    """
    chosen = chosen_profile(profile, cluster_overrides)

    from cluster.check import check_cluster

    location = store_of(store, chosen)
    found = check_cluster(chosen, location)
    if as_json:
        _show_json(found, location)
    else:
        _show(found)
    raise typer.Exit(found.exit_code)


def _show(found: "Check") -> None:
    say("Here: " + ", ".join(f"{name} {version}" for name, version in found.versions.items()))
    table = columns("reached by", "node", "versions", "store", "GPUs", "verdict", words=6)
    for node in found.nodes:
        table.add_row(
            node.place,
            node.name,
            {"ok": "same", "problem": "differ"}.get(node.verdict("versions"), "?"),
            {"ok": "written", "problem": "no"}.get(node.verdict("store"), "?"),
            "" if node.gpus is None else str(node.gpus),
            Text("fit") if node.is_fit else Text("not fit", style="bold"),
        )
    console.print(table)
    for node in found.nodes:
        for one in node.findings:
            if one.verdict != "ok":
                say(f"{node.place} {node.name}: {one.verdict}: {one}")
    if found.exit_code == 0:
        say("All nodes are fit.")


def _show_json(found: "Check", location: str) -> None:
    say_json(
        {
            "store": location,
            "exit_code": found.exit_code,
            "versions": found.versions,
            "nodes": [
                {
                    "place": node.place,
                    "node": node.name,
                    "fit": node.is_fit,
                    "gpus": node.gpus,
                    "findings": [dict(one.as_json()) for one in node.findings],
                }
                for node in found.nodes
            ],
        }
    )


def _toml(value: object) -> str:
    """As it would stand in a file; nothing where there is no value."""
    import tomli_w

    return "" if value is None else tomli_w.dumps({"_": value})[len("_ = ") :].strip()
