"""A study and profiles to render; the tests change what they are about."""

import tomllib
from pathlib import Path
from typing import Any

from cluster.kubernetes import Manifests, manifests_of
from cluster.profile import Profile, profile_text
from repsim.options import validated_options
from repsim.study import Study, parse_study

STORE = "s3://bucket/studies"
STUDY = """
name = "Two-Layers.v2"
seeds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
[data]
name = "digits"
[model]
name = "small_cnn"
"""


def study(*overrides: str) -> Study:
    """The study of these tests, with some values replaced."""
    return parse_study(STUDY, overrides)


def profile(**tables: dict[str, Any]) -> Profile:
    """The profile that ships, with some values of its tables replaced."""
    values = tomllib.loads(profile_text("kubernetes"))
    for table, replaced in tables.items():
        values[table] = {**values.get(table, {}), **replaced}
    return validated_options(Profile, values, "the profile of a test")


def rendered(store: str = STORE, schedule: str = "", **tables: dict[str, Any]) -> Manifests:
    """Manifests of the study with `profile`."""
    return manifests_of(study(), profile(**tables), store, schedule=schedule, ray_version="2.60.0")


def every(manifests: Manifests) -> list[dict[str, Any]]:
    """All manifests, applied or started later."""
    return [*manifests.applied, *manifests.stages.values()]


def of_kind(manifests: Manifests, kind: str) -> dict[str, Any]:
    """The only manifest of a kind."""
    (found,) = [manifest for manifest in every(manifests) if manifest["kind"] == kind]
    return found


def pod_templates(value: object) -> list[dict[str, Any]]:
    """Every pod template in a manifest, however deep."""
    if isinstance(value, list):
        return [found for item in value for found in pod_templates(item)]
    if not isinstance(value, dict):
        return []
    if "containers" in value.get("spec", {}):
        return [value]
    return [found for item in value.values() for found in pod_templates(item)]


def fixture_text(name: str) -> str:
    """A file beside the tests."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
