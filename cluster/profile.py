"""The profile of a run: its values, and which of five layers each comes from.

Later layers win: the defaults of `cluster.schema`, the user's file, the named profile, variables of
the environment, and the command line.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import typer

from cluster.schema import (
    DaskProfile,
    KubernetesProfile,
    Profile,
    RayProfile,
    SlurmJob,
    SlurmProfile,
)
from repsim.errors import StudyError, unknown_name
from repsim.options import validated_options
from repsim.regular_files import never_a_file, small_text
from repsim.text import check_line
from repsim.toml import NotTomlError, nested_too_deep, parse_toml

__all__ = [
    "DaskProfile",
    "KubernetesProfile",
    "Profile",
    "RayProfile",
    "Resolved",
    "SlurmJob",
    "SlurmProfile",
    "Value",
    "load_profile",
    "profile_names",
    "profile_text",
    "resolve_profile",
    "user_file",
    "user_text",
]

log = logging.getLogger("repsim")

# REPSIM_RAY__CPUS_PER_NETWORK is ray.cpus_per_network.
PREFIX = "REPSIM_"
SEPARATOR = "__"


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value of a profile, and the layer that it comes from."""

    name: str
    value: object
    layer: str


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A profile, and the layers that made it; the last one that has a value wins."""

    profile: Profile
    layers: tuple[tuple[str, dict[str, Any]], ...]

    def values(self) -> list[Value]:
        """Every value with the layer that it comes from, in the order of the fields."""
        origins = {name: layer for layer, values in self.layers for name in _flat(values)}
        return [
            Value(name=name, value=value, layer=origins.get(name, "default"))
            for name, value in _flat(self.profile.model_dump()).items()
        ]


def profile_names() -> tuple[str, ...]:
    """Profiles that ship."""
    folder = resources.files("cluster") / "profiles"
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".toml")))


def user_file() -> Path:
    """The user's own file: on Linux ``~/.config/repsim/config.toml``. It need not exist."""
    return Path(typer.get_app_dir("repsim")) / "config.toml"


def user_text() -> str | None:
    """What stands in the user's own file; None where there is none, or none that can be read.

    Raises
    ------
    StudyError
        The file is not UTF-8.
    """
    mine = user_file()
    if kind := never_a_file(mine):
        log.warning("Did not read %s: it is %s. Going on without it.", mine, kind)
        return None
    try:
        return _decoded(mine)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        # A job that runs as somebody else may have the HOME of the one who sent it.
        log.warning("Did not read %s: %s. Going on without it.", mine, problem.strerror)
        return None


def load_profile(name: str, overrides: Sequence[str] = ()) -> Profile:
    """The profile of `resolve_profile`, without where it comes from."""
    return resolve_profile(name, overrides).profile


def resolve_profile(
    name: str, overrides: Sequence[str] = (), *, environment: Mapping[str, str] = os.environ
) -> Resolved:
    """A profile by name, by file, or by the address of a Dask scheduler or a Ray cluster.

    Parameters
    ----------
    name
        ``local`` (any of `profile_names`), ``my/profile.toml``, ``tcp://host:8786`` (Dask),
        ``ray://host:10001`` (Ray).
    overrides
        Of the command line, as in ``ray.cpus_per_network=4``.
    environment
        Where ``REPSIM_RAY__CPUS_PER_NETWORK`` is looked for.

    Raises
    ------
    StudyError
        For a name that is none of these, and for a layer that is not valid: each is checked by
        itself, so that the message names the place where the wrong value stands.
    """
    layers: list[tuple[str, dict[str, Any]]] = []
    mine = user_file()
    text = user_text()
    if text is not None:
        layers.append((str(mine), parse_toml(text, f"profile {mine}")))
    layers.append((f"profile {name}", _named(name)))
    layers.append(("the environment", _of_environment(environment)))
    layers.append(("the command line", _of_overrides(overrides)))
    merged: dict[str, Any] = {}
    for layer, values in layers:
        try:
            validated_options(Profile, values, layer)
            merged = _merged(merged, values)
        except RecursionError:
            raise StudyError(nested_too_deep(layer)) from None
    profile = validated_options(Profile, merged, f"profile {name}")
    return Resolved(profile=profile, layers=tuple(layers))


def profile_text(name: str) -> str:
    """A profile that ships, or a file of one's own, as it is written."""
    if name.endswith(".toml"):
        return _file_text(name)
    if name not in profile_names():
        raise StudyError(
            unknown_name("cluster profile", name, profile_names())
            + " A file (my/profile.toml) or an address (tcp://host:8786, ray://host:10001) also do."
        )
    return (resources.files("cluster") / "profiles" / f"{name}.toml").read_text("utf-8")


def _named(name: str) -> dict[str, Any]:
    if name.startswith(("tcp://", "tls://", "ucx://")):
        return {"dask": {"scheduler": name}}
    if name.startswith("ray://"):
        return {"ray": {"address": name}}
    return parse_toml(profile_text(name), f"profile {name}")


def _file_text(path: str) -> str:
    try:
        return _decoded(Path(path))
    except OSError as problem:
        raise StudyError(f"Expected a profile file. Got {path}: {problem}.") from None


def _decoded(path: Path) -> str:
    if kind := never_a_file(path):
        raise StudyError(
            f"Expected a profile file. Got {path}, which is {kind}. Write it to a file first."
        )
    try:
        return small_text(path)
    except UnicodeDecodeError as problem:
        raise StudyError(f"Expected a profile file in UTF-8. Got {path}: {problem}.") from None


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """What is set by variables. A container engine sets others of this prefix for a service."""
    values: dict[str, Any] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX):
            continue
        table, *rest = variable.removeprefix(PREFIX).split(SEPARATOR)
        names = [table.lower(), *(part.lower() for part in rest)]
        if names[0] == "environment":
            names[1:] = rest  # as they are: these are names of variables themselves
        if rest or names[0] in {"store", "batch"}:
            check_line(text, f"a value of {variable}")
            values = _merged(values, _nested(names, _value(text)))
    return values


def _of_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for override in overrides:
        check_line(override, "an override (--cluster-set)")
        name, equals, text = override.partition("=")
        names = name.strip().split(".")
        if not equals or not all(names):
            raise StudyError(f"Expected an override like ray.cpus_per_network=4. Got {override!r}.")
        values = _merged(values, _nested(names, _value(text.strip())))
    return values


def _value(text: str) -> object:
    """`text` as a TOML value; a bare word, a time and a date are text."""
    try:
        value = parse_toml(f"value = {text}", repr(text))["value"]
    except NotTomlError:
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def _nested(names: Sequence[str], value: object) -> dict[str, Any]:
    """``{"ray": {"address": value}}`` for ray, address."""
    for name in reversed(names):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, table by table; values of `above` win."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """``ray.address`` and its value, for each value that is no table."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat
