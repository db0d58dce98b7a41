"""From tables to the files of a report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import polars as pl

from repsim.report import (
    match_curves,
    similarity_by_depth,
    simple_match_sizes,
    tolerance_map,
    training_curves,
)
from repsim.report.across_section import across_drawings
from repsim.report.drawing import Drawing, house_style, render
from repsim.report.facts import StudyFacts
from repsim.report.group_drawings import group_drawings
from repsim.report.group_tests import group_tests
from repsim.report.groups import grouped
from repsim.report.groups_section import groups_section
from repsim.report.layer_by_step import draw_layers_by_step
from repsim.report.measure_layers import measure_layers
from repsim.report.measures_by_depth import draw_measures
from repsim.report.network_map import network_map
from repsim.report.over_training import over_training, steps_section
from repsim.report.page import render_page
from repsim.report.step_curves import draw_between_by_step, draw_with_final
from repsim.report.summary import Summary, summarise
from repsim.report.sweeps import score_trend, swept
from repsim.results import Tables

# In the order of the page. A further figure is one more file and one more entry.
FIGURES: tuple[Callable[[Summary], Drawing | None], ...] = (
    similarity_by_depth.draw,
    tolerance_map.draw,
    match_curves.draw,
    simple_match_sizes.draw,
    training_curves.draw,
)


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
    complete, tables = tables, tables.kept
    summary = summarise(tables, facts)
    steps = over_training(complete)
    groups = grouped(tables, facts.variants)
    tests = group_tests(groups) if groups else ()
    found = network_map(groups) if groups else None
    sweeps = swept(groups, facts.sweep) if groups else ()
    scores = score_trend(groups, tables.networks) if groups else None
    measures = measure_layers(tables, summary)
    draws: list[Callable[[Summary], Drawing | None]] = [
        *FIGURES,
        partial(draw_measures, measures=measures),
    ]
    with house_style():
        drawings = group_drawings(groups, found, sweeps, scores) if groups else []
        drawings += [drawing for draw in draws if (drawing := draw(summary)) is not None]
        for draw_steps in (draw_layers_by_step, draw_with_final, draw_between_by_step):
            drawings += [drawing for one in steps[:1] if (drawing := draw_steps(one)) is not None]
        drawings += across_drawings(tables.across, tables.principal, tables.identification)
        drawings += more
    pictures = [render(drawing, epsilons=len(summary.tolerances)) for drawing in drawings]
    section = groups_section(groups, tests, found, sweeps) if groups else None
    page = render_page(tables, facts, summary, pictures, measures, section, steps_section(steps))
    files = {"report.html": page.encode()}
    for picture in pictures:
        files[f"figures/{picture.name}.svg"] = picture.svg
        files[f"figures/{picture.name}.png"] = picture.png
    if facts.verdicts:
        files["claims.csv"] = (
            pl.DataFrame([asdict(one) for one in facts.verdicts]).write_csv().encode()
        )
    return {**files, "study.toml": facts.study_toml.encode(), **complete.files()}
