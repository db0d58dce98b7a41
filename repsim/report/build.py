"""From tables to the files of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from repsim.drawing import house_style
from repsim.errors import InputError
from repsim.report.drawing import Drawing, render
from repsim.report.facts import StudyFacts
from repsim.report.figures import Findings
from repsim.report.group_tests import group_tests
from repsim.report.groups_section import groups_section
from repsim.report.over_training import steps_section
from repsim.report.page import render_page
from repsim.report.spectrum_alignment import alignment_points
from repsim.results import Tables


def build_report(
    tables: Tables, facts: StudyFacts, *, more: Sequence[Drawing] = ()
) -> dict[str, bytes]:
    """All files of a report: name (with `/`) to content.

    Pure: nothing but the arguments is read, and equal arguments give equal bytes.

    Parameters
    ----------
    tables
        Tables of the study, complete or not.
    facts
        Words and settings that the tables do not hold.
    more
        Drawings that come after the others.

    Returns
    -------
    dict
        `report.html`, `figures/NAME.svg` and `.png`, `study.toml` and the files of the tables.
    """
    found = Findings(complete=tables, facts=facts)
    summary, groups = found.summary, found.groups
    with house_style():
        drawings = [drawing for draw in found.figures if (drawing := draw()) is not None]
        drawings += more
    pictures = [render(drawing, epsilons=len(summary.tolerances)) for drawing in drawings]
    tests = group_tests(groups) if groups else ()
    section = groups_section(groups, tests, found.map, found.sweeps) if groups else None
    steps = steps_section(found.steps)
    points = alignment_points(found.alignments)
    page = render_page(
        found.tables, facts, summary, pictures, found.measures, section, steps, points
    )
    files = {"report.html": page.encode()}
    for picture in pictures:
        files[f"figures/{picture.name}.svg"] = picture.svg
        files[f"figures/{picture.name}.png"] = picture.png
    if facts.verdicts:
        files["claims.csv"] = (
            pl.DataFrame([asdict(one) for one in facts.verdicts]).write_csv().encode()
        )
    return {**files, "study.toml": facts.study_toml.encode(), **tables.files()}


def write_files(files: Mapping[str, bytes], folder: str | Path) -> Path:
    """Write a report to a folder, which comes into being; the path of the page.

    Raises
    ------
    InputError
        When nothing can be written there.
    """
    place = Path(folder)
    try:
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
    except OSError as problem:
        raise InputError(
            f"Expected a folder for the report. Got {folder}: {problem.strerror}."
        ) from None
    return place / "report.html"
