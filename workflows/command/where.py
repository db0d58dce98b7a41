"""Options of the verbs that start work: the profile, and what replaces its values."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cluster.profile import Profile

__all__ = ["ClusterOption", "ClusterOverrides", "ProfileStore", "chosen_profile", "store_of"]

ClusterOption = Annotated[
    str,
    typer.Option(
        metavar="PROFILE",
        help="Where to run: a profile that ships (`repsim cluster list`), a file of your own "
        "(my.toml), or an address (tcp://host:8786 of a Dask scheduler, ray://host:10001 of a "
        "Ray cluster).",
    ),
]
ClusterOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-set",
        metavar="KEY=VALUE",
        help="Override a value of the profile, as in --cluster-set ray.cpus_per_network=4. Can be "
        "given several times.",
        show_default=False,
    ),
]
ProfileStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FOLDER|URL",
        help="Where everything that is made is kept: a folder, or s3://bucket/prefix, gs://..., "
        "az://... with credentials from the environment. Default: the profile's, else runs.",
        show_default=False,
    ),
]


def chosen_profile(cluster: str, overrides: list[str] | None) -> "Profile":
    """The profile, with its variables set in this process.

    Before ray and dask are imported: they read some of them then.
    """
    from cluster.profile import load_profile

    profile = load_profile(cluster, overrides or ())
    os.environ.update(profile.environment)
    return profile


def store_of(store: str | None, profile: "Profile") -> str:
    """The store that was named, or the profile's, or the usual one."""
    return store or profile.store or "runs"
