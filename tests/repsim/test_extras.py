"""The light core alone: what it can do, and its message where an extra is needed."""

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from repsim.errors import StudyError
from repsim.extras import OF_STUDIES, required

# Python without the modules of every extra.
CORE_ALONE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
{then}
"""
MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
# Packages of the core need them, too.
ALSO_IN_CORE = {"PIL", "packaging", "yaml"}


def of_extras(extra: str | None = None) -> set[str]:
    """Modules that no requirement of the core brings; of one extra, or of all."""
    found = [Requirement(one) for one in requires("repsim-workflows") or []]
    extras = [one for one in found if one.marker and "extra" in str(one.marker)]
    if extra:
        extras = [one for one in extras if one.marker and one.marker.evaluate({"extra": extra})]
    return {MODULES.get(one.name, one.name) for one in extras} - {"repsim-workflows"}


def core(then: str, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    code = CORE_ALONE.format(missing=of_extras() - ALSO_IN_CORE, then=then)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_arrays_are_compared_without_torch_and_engines(tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 6))
    np.savez(tmp_path / "a.npz", first=x, second=x[:, :4])
    np.savez(tmp_path / "b.npz", first=x[:, ::-1], second=x[:, 2:])
    then = (
        "import repsim, numpy as np; x = np.load('a.npz')['first'];"
        "print(repsim.match_profile(x, x).similarity(0.1), round(repsim.cka(x, x), 6),"
        " repsim.estimate('svcca', x, x).value > 0.99);"
        "found = repsim.compare('a.npz', 'b.npz', progress=False); found.plot('cka');"
        "print(found.table().height)"
    )
    ran = core(then, folder=tmp_path)
    assert ran.stderr == ""
    assert ran.stdout.split() == ["1.0", "1.0", "True", "10"]


def test_the_command_compares_files_and_says_what_studies_need(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(200, 6)))
    then = "from workflows.command import main; main()"
    ran = core(then, "compare", "a.npy", "a.npy", "--output", "out", folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    ran = core(then, "plan", "digits", folder=tmp_path)
    assert ran.returncode == 2
    assert "which studies need. It is not installed: pip install 'repsim-workflows[study]'" in (
        " ".join(ran.stderr.split())
    )


def test_a_module_of_an_extra_is_imported_or_named():
    assert required("json", "study", "which reads").loads("1") == 1
    with pytest.raises(StudyError, match=r"Expected no_such, which reads\. .*\[hdf5\]'"):
        required("no_such", "hdf5", "which reads")


def test_every_package_of_studies_is_known():
    assert of_extras("study") | of_extras("models") == OF_STUDIES
