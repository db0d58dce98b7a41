"""Whether Python and the packages are those that this package asks for. Imports none of them."""

import hashlib
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import repsim
from cluster.doctor.finding import WRONG, Finding, ok, problem, warning

__all__ = ["check_software", "versions"]

DISTRIBUTION = "repsim-workflows"
# Of which every node must have the same release.
COMPARED = ("ray", "dask", "distributed", "zarr")
# Which get a line each; the others share one.
SHOWN = ("torch", *COMPARED, "obstore")
SHOWN_DIGITS = 8
# The extras that a study needs, beside the core.
NEEDED = ("", "models", "study")


def versions() -> dict[str, str]:
    """Versions in which all nodes have to agree."""
    found = {"python": platform.python_version()}
    for package in COMPARED:
        found[package] = _version(package) or "none"
    # The version of a checkout says little: the same one may be of another day on each node.
    found["repsim"] = f"{_version(DISTRIBUTION) or 'none'} ({_digest_of_source()})"
    return found


def check_software() -> list[Finding]:
    """Python and each package against what the installed package asks for."""
    try:
        asked = metadata.metadata(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        found = f"{DISTRIBUTION} is not installed, so that no version can be compared"
        return [warning("packages", found, "Install it: uv sync, or pip install in the checkout.")]
    python, wanted = platform.python_version(), asked["Requires-Python"] or ""
    if SpecifierSet(wanted).contains(python, prereleases=True):
        first = ok("python", python)
    else:
        remedy = f"Use Python {wanted}."
        first = problem("python", f"{python}, and {wanted} is asked for", remedy, code=WRONG)
    return [first, *_packages([Requirement(one) for one in asked.get_all("Requires-Dist", [])])]


def _packages(requirements: list[Requirement]) -> Iterator[Finding]:
    others = 0
    for requirement in requirements:
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": one}) for one in NEEDED):
            continue
        name, version = requirement.name, _version(requirement.name)
        if name == DISTRIBUTION:
            continue  # one of its extras needs another
        remedy = f"Install it: uv sync, or pip install '{name}{requirement.specifier}'."
        if version is None:
            all_of_them = (
                "Install what studies need: uv sync, or pip install '.[study]' in a clone."
            )
            yield problem(name, "is not installed", all_of_them, code=WRONG)
        elif not requirement.specifier.contains(version, prereleases=True):
            found = f"{version}, and {requirement.specifier} is asked for"
            yield problem(name, found, remedy, code=WRONG)
        elif name in SHOWN:
            yield ok(name, version)
        else:
            others += 1
    yield ok("other packages", f"{others}, as asked for")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _digest_of_source() -> str:
    root = Path(repsim.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:SHOWN_DIGITS]
