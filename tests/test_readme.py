"""What the pages at the top of the repository say is true: examples, commands, keys, links."""

import doctest
import importlib
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.core import TyperGroup
from typer.main import get_command

import repsim
from repsim.data import Transform, dataset_names
from repsim.models import model_names
from repsim.study import (
    Across,
    Capture,
    Matching,
    Resampling,
    Study,
    Training,
    load_study,
    parse_study,
)
from workflows.command import app
from workflows.plan import plan_study

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "studies.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
STUDIES = sorted((ROOT / "workflows" / "studies").glob("*.toml"))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.M | re.S)


def command_lines() -> Iterator[str]:
    """Every line of a page, or of the comment that opens a study, that calls repsim."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            yield from (line for line in block.splitlines() if re.search(r"\brepsim [a-z]", line))
    for study in STUDIES:
        lines = study.read_text().split("\n\n", 1)[0].splitlines()
        yield from (line.strip("# ") for line in lines if "uv run repsim" in line)


def arguments(line: str) -> list[str]:
    """What follows `repsim` on a line of a shell."""
    words = shlex.split(line, comments=True)
    return words[words.index("repsim") + 1 :]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in page.read_text()], ids=lambda page: page.name
)
def test_the_examples_of_a_page_are_true(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 3
    assert not failed


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_every_repsim_line_is_one_that_the_command_takes(line: str) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    context = group.make_context("repsim", arguments(line))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    # Parses and converts everything, and calls nothing.
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_every_study_and_override_on_a_line_is_valid(line: str) -> None:
    words = arguments(line)
    overrides = [value for option, value in pairwise(words) if option == "--set"]
    for word in words:
        if word.startswith("workflows/"):
            load_study(ROOT / word, overrides)


def test_the_two_commands_of_the_first_section_are_those_that_ci_calls() -> None:
    first, *_ = blocks(README, "bash")
    assert "pip install uv" in first
    assert "uv run repsim run workflows/studies/digits.toml" in first
    assert "uv run pytest" in first
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "uv run pytest --full"


def test_data_and_a_model_of_ones_own_can_be_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = blocks(README, "python")
    (study,) = blocks(README, "toml")
    (tmp_path / "my_study.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        plan = plan_study(parse_study(study))
    finally:
        sys.modules.pop("my_study", None)
    assert len(plan.networks) == 3
    assert [layer.neurons for layer in plan.layers["seed 0"]] == [32]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_and_pictures_are_there(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [
        target
        for target in targets
        if not target.startswith(("https://", "#"))
        and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert not missing


def test_the_reference_lists_every_key_of_a_study() -> None:
    tables: dict[str, type[BaseModel]] = {
        "": Study,
        "data.": Transform,
        "training.": Training,
        "capture.": Capture,
        "matching.": Matching,
        "resampling.": Resampling,
        "across.": Across,
    }
    keys = {prefix + key for prefix, model in tables.items() for key in model.model_fields}
    assert {key for key, _ in reference_rows() if key.split(".")[0] not in dataset_names()} == keys


def test_the_reference_states_the_defaults() -> None:
    tables: dict[str, type[BaseModel]] = {
        "training": Training,
        "capture": Capture,
        "matching": Matching,
        "resampling": Resampling,
        "across": Across,
    }
    for key, stated in reference_rows():
        table, _, name = key.partition(".")
        if table in tables and stated.startswith("`"):
            default = tomllib.loads(f"value = {stated.strip('`')}")["value"]
            field = tables[table].model_fields[name]
            assert (tuple(default) if isinstance(default, list) else default) == field.default, key


@pytest.mark.parametrize("name", dataset_names())
def test_the_reference_lists_every_option_of_a_data_set(name: str) -> None:
    options = importlib.import_module(f"repsim.data.{name}").Options
    listed = [key.partition(".")[2] for key, _ in reference_rows() if key.startswith(f"{name}.")]
    assert sorted(listed) == sorted(options.model_fields)


def test_the_reference_lists_every_model() -> None:
    section = REFERENCE.read_text().partition("## Models")[2]
    listed = set(re.findall(r"`([a-z0-9_]+)`", section))
    own = {name for name in model_names() if not name.startswith("torchvision.")}
    plain = {name for name in own if not name.endswith("_bn")}
    assert plain <= listed
    assert {name.removesuffix("_bn") for name in own - plain} <= listed


def reference_rows() -> list[tuple[str, str]]:
    """Key and default of each row of the tables of the reference."""
    text = REFERENCE.read_text().partition("## Models")[0]
    return re.findall(r"^\| `([a-z0-9_.]+)` \|[^|]*\| ([^|]*) \|", text, flags=re.M)


def test_every_page_is_on_the_site():
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").glob("**/*.md")}
    assert set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text())) == pages


def test_the_reference_has_every_name_of_the_package():
    listed = re.findall(
        r"^::: .*\.(\w+)$", (ROOT / "docs" / "reference.md").read_text(), flags=re.M
    )
    assert sorted(listed) == sorted(repsim.__all__)
