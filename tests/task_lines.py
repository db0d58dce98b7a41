"""Lines of a task log, and those that a study is to have."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from repsim.stages.plan import StudyPlan


def lines(file: Path) -> list[dict[str, Any]]:
    """Every line of a task log; each must be a whole one."""
    text = file.read_text()
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def times_planned(plan: StudyPlan) -> Counter[tuple[str, str]]:
    """Kind and subject of every task of a study of which nothing is there, counted."""
    return Counter((node.task, node.label) for node in plan.graph.missing(()))


def named(found: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Kind and subject of the tasks of these lines, counted."""
    return Counter((line["task"], line["of"]) for line in found)
