"""Lines of a task log, and those that a study is to have."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repsim.tasks.graph import steps_of
from repsim.tasks.specs import StudyPlan
from workflows.comparisons import work_of


def lines(file: Path) -> list[dict[str, Any]]:
    """Every line of a task log; each must be a whole one."""
    text = file.read_text()
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def planned(plan: StudyPlan) -> set[tuple[str, str]]:
    """Kind and subject of every task of a study of which nothing is there."""
    return set(_planned(plan))


def times_planned(plan: StudyPlan) -> Counter[tuple[str, str]]:
    """How often an engine that does one thing after the other comes to each of them."""
    return Counter(_planned(plan))


def _planned(plan: StudyPlan) -> Iterator[tuple[str, str]]:
    for network in plan.networks:
        yield from ((task, network.label) for task in ("train", "capture"))
    for work in work_of([*plan.comparisons, *plan.across]):
        yield from ((step.task, step.of) for step in steps_of("runs", work))


def named(found: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Kind and subject of the tasks of these lines, counted."""
    return Counter((line["task"], line["of"]) for line in found)
