"""What is installed against what the package asks for."""

import platform
from importlib import metadata

import pytest

from cluster.doctor.finding import Finding
from cluster.doctor.software import check_software


def findings() -> dict[str, Finding]:
    """What is found, by name."""
    return {one.name: one for one in check_software()}


def test_this_environment_is_as_asked_for() -> None:
    found = findings()
    assert {one.verdict for one in found.values()} == {"ok"}
    shown = {"python", "torch", "ray", "dask", "distributed", "zarr", "obstore", "other packages"}
    assert set(found) == shown


def test_a_release_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version
    old = {"zarr": "2.18.3", "numpy": "1.26.4"}
    monkeypatch.setattr(metadata, "version", lambda name: old.get(name) or version(name))
    found = findings()
    for name, release in old.items():
        assert (found[name].verdict, found[name].code) == ("problem", 2)
        assert found[name].found.startswith(f"{release}, and >=")
        assert f"pip install '{name}>=" in found[name].remedy


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without_ray(name: str) -> str:
        if name == "ray":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_ray)
    ray = findings()["ray"]
    assert (ray.verdict, ray.found) == ("problem", "is not installed")


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.2")
    python = findings()["python"]
    assert (python.verdict, python.remedy) == ("problem", "Use Python >=3.11.")


def test_a_checkout_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    (found,) = check_software()
    assert (found.verdict, "uv sync" in found.remedy) == ("warning", True)
