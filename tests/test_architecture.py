"""The house rules of the tree: who may import whom, how long a file is, and what it is called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("repsim", "cluster", "workflows")

# Inside repsim: a module imports from the groups before its own, and from itself.
ORDER = (
    ("errors", "types", "regular_files"),
    ("extras",),
    ("options", "arrays", "origin", "memory", "named_arrays", "text", "toml", "drawing"),
    ("inputs", "objective"),
    ("study",),
    ("own_code",),
    ("registry",),
    ("data", "models"),
    ("training",),
    ("model_layers",),
    ("analyses",),
    ("store",),
    ("graph",),
    ("moments", "theory"),
    ("matching", "examples", "uncertainty"),
    ("measures",),
    ("across", "estimates"),
    ("results", "labelled"),
    ("claims",),
    ("report",),
    ("array_files",),
    ("stages", "activation_files"),
    ("comparison", "study_results"),
    ("studies",),
)
RANK = {name: rank for rank, group in enumerate(ORDER) for name in group}

ENGINES = ("ray", "distributed", "dask")
# What the modules below a name may not import.
FORBIDDEN = {
    "repsim": (*ENGINES, "cluster", "workflows"),
    "cluster": ("workflows",),
    "repsim.errors": ("torch", "zarr", "pydantic"),
    "repsim.options": ("torch", "zarr"),
    "repsim.arrays": ("torch", "zarr"),
    "repsim.drawing": ("torch", "zarr"),
    "repsim.inputs": ("zarr",),
    "repsim.objective": ("zarr",),
    "repsim.study": ("torch", "zarr"),
    "repsim.own_code": ("torch", "zarr"),
    "repsim.registry": ("torch", "zarr"),
    "repsim.training": ("zarr",),
    "repsim.model_layers": ("zarr",),
    "repsim.store": ("torch", "torchvision"),
    "repsim.graph": ("torch", "torchvision", "zarr"),
    "repsim.moments": ("torch", "torchvision"),
    "repsim.theory": ("torch", "torchvision"),
    "repsim.matching": ("torch", "torchvision"),
    "repsim.examples": ("torch", "torchvision"),
    "repsim.uncertainty": ("torch", "torchvision"),
    "repsim.measures": ("torch", "torchvision"),
    "repsim.across": ("torch", "torchvision"),
    "repsim.estimates": ("torch", "torchvision"),
    "repsim.results": ("torch", "torchvision"),
    "repsim.claims": ("torch", "torchvision"),
    "repsim.report": ("torch", "torchvision"),
}

# Above the workflows, as the command is.
ABOVE_ALL = "repsim.studies"

MOST_LINES = 400
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


def python_files(root: Path) -> Iterator[Path]:
    """Files of the packages and of the tests."""
    for package in (*PACKAGES, "tests"):
        yield from sorted((root / package).rglob("*.py"))


def module_name(root: Path, file: Path) -> str:
    """``repsim.study`` for repsim/study/__init__.py."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(module: str, is_package: bool, text: str) -> Iterator[str]:
    """Dotted name of everything that is imported, also inside functions and by name."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            function, name = node.func, node.args[0]
            called = getattr(function, "attr", getattr(function, "id", ""))
            if called in {"import_module", "__import__"} and isinstance(name, ast.Constant):
                yield str(name.value)


def is_below(name: str, parent: str) -> bool:
    """Whether a dotted name is `parent` or inside it."""
    return name == parent or name.startswith(parent + ".")


def import_violations(root: Path) -> list[str]:
    """Imports against the rules, one sentence each."""
    found = []
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            module = module_name(root, file)
            if package == "repsim" and module != "repsim" and module.split(".")[1] not in RANK:
                found.append(f"{module} has no place in the order of the layers")
                continue
            for name in imported_names(module, file.name == "__init__.py", file.read_text()):
                forbidden = [
                    root_name
                    for scope, names in FORBIDDEN.items()
                    if is_below(module, scope)
                    for root_name in names
                ]
                if module == ABOVE_ALL and is_below(name, "workflows"):
                    continue
                if any(is_below(name, root_name) for root_name in forbidden):
                    found.append(f"{module} imports {name}")
                elif package == "repsim" and module != "repsim" and is_below(name, "repsim"):
                    found += _against_order(module, name)
    return found


def _against_order(module: str, name: str) -> list[str]:
    own, other = module.split(".")[1], name.split(".")[1] if "." in name else ""
    if other not in RANK:
        return [f"{module} imports {name}, which is repsim itself"]
    allowed = own == other or RANK[other] < RANK[own]
    return [] if allowed else [f"{module} imports {name}, which is not below it"]


def import_circles(root: Path) -> list[str]:
    """A circle of modules, if there is one; what is imported for its types alone does not count."""
    files = {module_name(root, f): f for p in PACKAGES for f in (root / p).rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for module, file in files.items():
        text = ast.unparse(_WithoutTypes().visit(ast.parse(file.read_text())))
        names = imported_names(module, file.name == "__init__.py", text)
        found = {next((m for m in _upwards(name) if m in files), module) for name in names}
        # A package is there before what is inside it, which may ask it for its folder.
        graph[module] = {other for other in found if not is_below(module, other)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        return [" imports ".join(reversed(circle.args[1]))]
    return []


def _upwards(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(len(parts), 0, -1))


class _WithoutTypes(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return ast.Pass()
        return self.generic_visit(node)


def long_files(root: Path) -> list[str]:
    """Files that cannot be read in one sitting."""
    counts = {file: len(file.read_text().splitlines()) for file in python_files(root)}
    return [f"{file.name}: {count}" for file, count in counts.items() if count > MOST_LINES]


def empty_names(root: Path) -> list[str]:
    """Modules and folders whose name says nothing."""
    return [
        str(file.relative_to(root))
        for file in python_files(root)
        if any(
            set(part.split("_")) & EMPTY_NAMES
            for part in file.relative_to(root).with_suffix("").parts
        )
    ]


def loaded_by(statement: str, *names: str) -> list[str]:
    """Those of `names` that a fresh interpreter has loaded after `statement`."""
    code = f"import sys; {statement}; print(*(n for n in {names!r} if n in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


def test_imports_follow_the_layers():
    assert import_violations(ROOT) == []


def test_no_module_imports_itself_by_way_of_others():
    assert import_circles(ROOT) == []


def test_no_file_is_too_long_to_be_read_in_one_sitting():
    assert long_files(ROOT) == []


def test_names_say_what_a_module_is():
    assert empty_names(ROOT) == []


def test_every_layer_that_is_ordered_is_walked():
    walked = {
        module_name(ROOT, file).split(".")[1]
        for file in (ROOT / "repsim").rglob("*.py")
        if file.parent != ROOT / "repsim" or file.name != "__init__.py"
    }
    assert walked == set(RANK) - {"types"}


@pytest.mark.parametrize(
    "statement",
    [
        "import repsim",
        "import repsim.activation_files",
        "from repsim import stages; stages.kinds()",
        "import workflows.command",
        "import cluster.profile",
    ],
)
def test_what_needs_no_torch_and_no_engine_loads_none(statement):
    assert loaded_by(statement, "torch", *ENGINES) == []


def test_a_training_worker_loads_no_engine():
    statement = "import repsim.model_layers, repsim.training; from repsim.stages import activations"
    assert loaded_by(statement, "torch", *ENGINES) == ["torch"]


@pytest.fixture
def tree(tmp_path):
    """A tree that keeps all rules, to which a test adds a file that breaks one."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")

    def add(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    return add


@pytest.mark.parametrize(
    ("path", "text", "violation"),
    [
        ("repsim/study/x.py", "import ray", "repsim.study.x imports ray"),
        ("repsim/stages/x.py", "import dask.array as da", "repsim.stages.x imports dask.array"),
        (
            "repsim/stages/x.py",
            "def f():\n    from distributed import Client",
            "repsim.stages.x imports distributed.Client",
        ),
        (
            "repsim/data/x.py",
            "import importlib\nimportlib.import_module('ray.data')",
            "repsim.data.x imports ray.data",
        ),
        (
            "repsim/stages/x.py",
            "from workflows import run",
            "repsim.stages.x imports workflows.run",
        ),
        (
            "repsim/stages/x.py",
            "import cluster.profile",
            "repsim.stages.x imports cluster.profile",
        ),
        ("cluster/x.py", "from workflows.run import a", "cluster.x imports workflows.run.a"),
        ("repsim/store/x.py", "import torch", "repsim.store.x imports torch"),
        ("repsim/matching/x.py", "from torch import nn", "repsim.matching.x imports torch.nn"),
        ("repsim/graph/x.py", "import torch", "repsim.graph.x imports torch"),
        ("repsim/model_layers/x.py", "import zarr", "repsim.model_layers.x imports zarr"),
        ("repsim/training/__init__.py", "import zarr", "repsim.training imports zarr"),
        (
            "repsim/moments/x.py",
            "from repsim.matching import y",
            "repsim.moments.x imports repsim.matching.y, which is not below it",
        ),
        (
            "repsim/moments/x.py",
            "from ..matching import y",
            "repsim.moments.x imports repsim.matching.y, which is not below it",
        ),
        (
            "repsim/moments/__init__.py",
            "from .. import matching",
            "repsim.moments imports repsim.matching, which is not below it",
        ),
        (
            "repsim/data/x.py",
            "import repsim.models",
            "repsim.data.x imports repsim.models, which is not below it",
        ),
        (
            "repsim/graph/x.py",
            "from repsim.stages import y",
            "repsim.graph.x imports repsim.stages.y, which is not below it",
        ),
        (
            "repsim/activation_files.py",
            "import repsim.stages.plan",
            "repsim.activation_files imports repsim.stages.plan, which is not below it",
        ),
        (
            "repsim/report/x.py",
            "from repsim import match_profile",
            "repsim.report.x imports repsim.match_profile, which is repsim itself",
        ),
        ("repsim/extra/x.py", "", "repsim.extra.x has no place in the order of the layers"),
    ],
)
def test_a_wrong_import_is_found(tree, path, text, violation):
    assert import_violations(tree(path, text)) == [violation]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("repsim/stages/x.py", "from repsim.report import y\nimport torch"),
        ("repsim/model_layers/x.py", "from repsim.training.evaluation import evaluation_mode"),
        ("repsim/study/x.py", "from . import schema\nfrom repsim.options import y"),
        ("cluster/x.py", "import ray\nimport distributed\nfrom repsim.errors import y"),
        ("workflows/x.py", "import ray\nimport dask\nimport cluster\nimport repsim.stages"),
        ("repsim/__init__.py", "from repsim.matching import match_profile"),
        ("repsim/study/x.py", "import rayon_like, torchless"),
        ("repsim/studies.py", "def run():\n    from workflows.run import run_study"),
    ],
)
def test_a_right_import_is_not_found(tree, path, text):
    assert import_violations(tree(path, text)) == []


def test_a_circle_is_found_though_a_function_hides_it(tree):
    tree("cluster/a.py", "from cluster import b")
    tree("cluster/b.py", "from cluster.c import x")
    right = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cluster.a"
    assert import_circles(tree("cluster/c.py", right)) == []
    (found,) = import_circles(tree("cluster/c.py", "def f():\n    import cluster.a"))
    assert set(found.split(" imports ")) == {"cluster.a", "cluster.b", "cluster.c"}


def test_a_long_file_is_found(tree):
    tree("workflows/long.py", "\n" * (MOST_LINES + 1))
    assert long_files(tree("workflows/right.py", "\n" * MOST_LINES)) == ["long.py: 401"]


@pytest.mark.parametrize(
    "path", ["repsim/utils.py", "workflows/common/x.py", "cluster/ray_helpers.py", "tests/misc.py"]
)
def test_an_empty_name_is_found(tree, path):
    tree("repsim/study/commonly.py", "")
    assert empty_names(tree(path, "")) == [path]
