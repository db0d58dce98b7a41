"""What several folders of tests share: tiny studies, each made once for the whole run."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Before numpy and torch are imported, here and in the processes of runs: several workers that each
# use all cores for small products spend most of their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from jaxtyping import config

import tests.shape_checks  # noqa: F401 - before anything of repsim is imported
from repsim.graph import Resources, Worker, run_batch
from repsim.stages.plan import StudyPlan
from repsim.store import Store
from repsim.study import load_study
from tests import runs
from workflows.plan import plan_study

# Three networks, three pairs, two layers of which the first has 36 positions: two seconds in all.
TINY_STUDY = """
name = "tiny"
seeds = [0, 1, 2]

[data]
name = "synthetic"
examples = 60
test_examples = 40
classes = 3
size = 8

[model]
name = "small_cnn"
width = 0.2

[training]
epochs = 2
batch_size = 20
learning_rate = 0.05

[capture]
layers = ["features.relu4", "classifier.relu1"]

[matching]
epsilons = [0.2, 0.5]

[across]
examples = 0

[[measures]]
name = "cka"
"""

CPU = Resources(device="cpu", threads=1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full`, which `.ci/run` gives."""
    parser.addoption(
        "--full",
        action="store_true",
        help="also run what is marked full: whole clusters that lose nodes, coverage trials, peaks "
        "of memory, each further variant of a costly fault; and 100 examples of each property in "
        "place of 20",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Fewer examples of each property, where not all are asked for."""
    if not config.getoption("--full"):
        settings.register_profile("quick", settings(), max_examples=20)
        settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked full, unless it is asked for."""
    if config.getoption("--full"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("full")]


@dataclass(frozen=True, kw_only=True)
class MadeStudy:
    """A study file with its plan, and a store that holds all of it but the report."""

    file: Path
    plan: StudyPlan
    store: Store


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """For tests of what happens with an array or a number that no signature allows."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def tiny_study() -> str:
    """The text of the tiny study."""
    return TINY_STUDY


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A file with the tiny study, of which nothing is made yet."""
    file = tmp_path / "tiny.toml"
    file.write_text(TINY_STUDY)
    return file


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    """The tiny study, made without any engine. Shared: a test that writes takes `made_copy`."""
    folder = tmp_path_factory.mktemp("made")
    file = folder / "tiny.toml"
    file.write_text(TINY_STUDY)
    plan = plan_study(load_study(file))
    store = Store(str(folder / "runs"))
    assert not run_batch(store, plan.graph.missing(()), (), Worker(resources=CPU))
    return MadeStudy(file=file, plan=plan, store=store)


@pytest.fixture
def made_copy(made: MadeStudy, tmp_path: Path) -> MadeStudy:
    """A copy of the made study, to break."""
    store = Store(str(tmp_path / "runs"))
    shutil.copytree(made.store.root, store.root)
    return MadeStudy(file=made.file, plan=made.plan, store=store)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `runs.study_file` after one run in one process that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    store = folder / "runs"
    runs.run("run", runs.study_file(folder), "--store", store, "--engine", "inline")
    return store
