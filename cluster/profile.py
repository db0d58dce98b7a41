"""A profile: where a study runs, and with how much. Nothing in it changes a result's key."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from repsim.errors import StudyError, unknown_name
from repsim.options import StrictOptions, validated_options

__all__ = ["DaskProfile", "Profile", "RayProfile", "load_profile", "profile_names"]

PositiveInt = Annotated[int, Field(ge=1)]


class RayProfile(StrictOptions):
    """Where networks are trained and their activations captured."""

    address: str = Field(
        default="local", description="local, or the address of a cluster: host:6379, ray://..."
    )
    cpus_per_network: PositiveInt = Field(
        default=1, description="CPU cores of an actor, and its torch threads"
    )
    gpus_per_network: Annotated[float, Field(ge=0)] | Literal["auto"] = Field(
        default="auto", description="auto: one where the cluster has GPUs; 0.25 packs four on one"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda")
    loader_workers: int = Field(default=0, ge=0, description="processes that decode images")
    restarts: int = Field(default=3, ge=0, description="how often a killed actor is replaced")


class DaskProfile(StrictOptions):
    """Where layers are matched."""

    scheduler: str = Field(
        default="local", description="local, or the address of a scheduler: tcp://host:8786"
    )
    workers: PositiveInt | Literal["auto"] = Field(
        default="auto", description="local worker processes; auto: one for each core"
    )
    threads_per_worker: PositiveInt = 1


class Profile(StrictOptions):
    """Both engines."""

    description: str = ""
    ray: RayProfile = RayProfile()
    dask: DaskProfile = DaskProfile()

    @property
    def shares_machine(self) -> bool:
        """Whether both engines run here, so that one must end before the other starts."""
        return self.ray.address == "local" and self.dask.scheduler == "local"


def profile_names() -> tuple[str, ...]:
    """Profiles that ship."""
    folder = resources.files("cluster") / "profiles"
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".toml")))


def load_profile(name: str) -> Profile:
    """A profile by name, by file, or by the address of a Dask scheduler or a Ray cluster.

    Parameters
    ----------
    name
        ``local`` (any of `profile_names`), ``my/profile.toml``, ``tcp://host:8786`` (Dask),
        ``ray://host:10001`` (Ray).

    Raises
    ------
    StudyError
        For a name that is none of these, or a file that is not a valid profile.
    """
    if name.startswith(("tcp://", "tls://", "ucx://")):
        return Profile(dask=DaskProfile(scheduler=name))
    if name.startswith("ray://"):
        return Profile(ray=RayProfile(address=name))
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise StudyError(f"Expected a profile file. Got {name}: {problem}.") from None
    elif name in profile_names():
        text = (resources.files("cluster") / "profiles" / f"{name}.toml").read_text("utf-8")
    else:
        raise StudyError(
            unknown_name("cluster profile", name, profile_names())
            + " A file (my/profile.toml) or an address (tcp://host:8786, ray://host:10001) also do."
        )
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise StudyError(f"Expected TOML. Got profile {name}, which is not: {problem}.") from None
    return validated_options(Profile, raw, f"profile {name}")
