"""Reading a study file, with overrides from the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repsim.errors import StudyError, unknown_name
from repsim.options import StrictOptions, validated_options
from repsim.regular_files import never_a_file, small_text
from repsim.study.networks import flattened
from repsim.study.schema import Capture, Matching, Study
from repsim.study.training import Training
from repsim.text import check_line
from repsim.toml import NotTomlError, nested_too_deep, parse_toml

__all__ = ["load_study", "parse_study"]

_GROUPS: dict[str, type[StrictOptions]] = {
    "training": Training,
    "capture": Capture,
    "matching": Matching,
}


Overrides = Sequence[str] | Mapping[str, Any]
"""``key.path=value`` as on a command line, or values by ``key.path``."""


def load_study(path: Path, overrides: Overrides = ()) -> Study:
    """The study in a TOML file, with overrides applied.

    Raises
    ------
    StudyError
        When the file cannot be read, is not TOML, or does not describe a study.
    """
    if kind := never_a_file(path):
        raise StudyError(
            f"Expected a study file. Got {path}, which is {kind}. Write it to a file first."
        )
    try:
        text = small_text(path)
    except FileNotFoundError:
        beside = sorted(str(other) for other in path.parent.glob("*.toml"))
        exists = f" In that folder: {', '.join(beside)}." if beside else ""
        raise StudyError(
            f"Expected a study file. Got {path}, which does not exist.{exists}"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise StudyError(f"Expected a readable study file. Got {path}: {problem}.") from None
    return parse_study(text, overrides, where=str(path))


def parse_study(text: str, overrides: Overrides = (), *, where: str = "the study") -> Study:
    """As `load_study`, from the text itself."""
    raw = parse_toml(text, where)
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            _set(raw, key, value, said=f"{key}={value!r}")
    else:
        for override in overrides:
            _override(raw, override)
    try:
        with_overrides = "with overrides" if isinstance(overrides, Mapping) else "with --set"
        study = validated_options(Study, raw, f"{where} {with_overrides}" if overrides else where)
        study.networks  # noqa: B018 - what a variant changes is checked with it
        return study
    except RecursionError:
        raise StudyError(nested_too_deep(where)) from None


def _override(raw: dict[str, Any], override: str) -> None:
    check_line(override, "an override (--set)")
    key, equals, text = override.partition("=")
    if not equals:
        raise StudyError(f"Expected an override like training.epochs=3. Got {override!r}.")
    _set(raw, key.strip(), _toml_value(text.strip()), said=override)


def _set(raw: dict[str, Any], key: str, value: object, *, said: str) -> None:
    """Put a value at ``key.path`` of a study."""
    parts = key.split(".")
    if not all(parts):
        raise StudyError(f"Expected an override like training.epochs=3. Got {said!r}.")
    inside = [name for name, group in _GROUPS.items() if parts[0] in group.model_fields]
    if parts[0] not in Study.model_fields and inside:
        meant = " or ".join(f"{name}.{key}" for name in inside)
        raise StudyError(f"Expected a key of the study. Got {key!r}: say {meant}.")
    variants = raw.get("variants", {})
    if parts[0] == "variants" and len(parts) > 1 and parts[1] not in variants:
        raise StudyError(unknown_name("variant of the study", parts[1], variants))
    if parts[0] == "sweep" and isinstance(raw.get("sweep", {}), dict):
        raw["sweep"] = flattened(raw.get("sweep", {}))
        parts = ["sweep", ".".join(parts[1:])] if parts[1:] else parts
    table = raw
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise StudyError(
                f"Expected a table at {part!r} in the override {said!r}. "
                f"Got a {type(table).__name__}: override the whole value instead."
            )
    table[parts[-1]] = value


def _toml_value(text: str) -> object:
    """`text` as a TOML value; a bare word is a string, as a shell user means it."""
    try:
        return parse_toml(f"value = {text}", "an override (--set)")["value"]
    except NotTomlError:
        return text
