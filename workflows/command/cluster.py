"""repsim cluster: what profiles say, and whether a cluster is as it should be"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from workflows.command.output import JsonOption, columns, console, say, say_json
from workflows.command.where import ClusterOverrides, ProfileStore, chosen_profile, store_of

if TYPE_CHECKING:
    from cluster.check import Check, Node

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
    """Ask every node: the same versions as here, a store it can write, GPUs where asked for.

    Nodes of Ray, workers of Dask, and with Slurm one node for each kind of job. Exit code 0 when
    all are fit, 2 when versions differ or a GPU is missing, 4 when a node, the cluster or the store
    is out of reach.
    """
    chosen = chosen_profile(profile, cluster_overrides)

    from cluster.check import check_cluster

    location = store_of(store, chosen)
    found = check_cluster(chosen, location)
    show_check = _show_json if as_json else _show
    show_check(found, location)
    raise typer.Exit(found.exit_code)


def _show(found: "Check", location: str) -> None:
    say("Here: " + ", ".join(f"{name} {version}" for name, version in found.versions.items()))
    table = columns("reached by", "node", "versions", "store", "GPUs", "verdict", words=6)
    for node in found.nodes:
        silent = bool(node.silent)
        table.add_row(
            node.place,
            node.name,
            "?" if silent else "differ" if node.differences else "same",
            "?" if silent else "no" if node.store_problem else "written",
            "" if node.gpus is None else str(len(node.gpus)),
            Text("fit") if node.is_fit else Text("not fit", style="bold"),
        )
    console.print(table)
    for node in found.nodes:
        for problem in _problems(node, location):
            say(f"{node.place} {node.name}: {problem}")
    if found.exit_code == 0:
        say("All nodes are fit.")


def _problems(node: "Node", location: str) -> list[str]:
    problems = []
    if node.silent:
        problems.append(f"no answer: {node.silent}")
    if node.differences:
        problems.append(
            f"other versions: {', '.join(node.differences)}. Install the same environment there."
        )
    if node.store_problem:
        problems.append(f"the store {location} cannot be used: {node.store_problem}")
    if node.lacks_gpu:
        problems.append(
            "a GPU was asked for, and torch sees none: is there one, and a torch built for CUDA?"
        )
    return problems


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
                    "problems": _problems(node, location),
                }
                for node in found.nodes
            ],
        }
    )


def _toml(value: object) -> str:
    """As it would stand in a file; nothing where there is no value."""
    import tomli_w

    return "" if value is None else tomli_w.dumps({"_": value})[len("_ = ") :].strip()
