"""The page: the numbers of each table as text, set by `page.html.j2`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2
import numpy as np
import polars as pl
from markupsafe import Markup, escape

from repsim.drawing import epsilon_colours
from repsim.report.across_section import across_section
from repsim.report.answer import answer
from repsim.report.cautions import cautions
from repsim.report.conventions import conventions
from repsim.report.drawing import Picture
from repsim.report.facts import StudyFacts
from repsim.report.groups_section import GroupsSection
from repsim.report.measure_layers import MeasureLayers
from repsim.report.measures_section import measures_section
from repsim.report.over_training import StepsSection
from repsim.report.phrasing import number, percent, tolerance
from repsim.report.scores import score_words_of, scores_in_words
from repsim.report.simple_section import simple_section
from repsim.report.summary import Summary, over_pairs
from repsim.results import Tables
from repsim.text import count

# Rows of the per-pair table; a page with more is slow to open and is not read.
MOST_PAIR_ROWS = 600


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One similarity of a table: its text, its spread, and its share for the tint."""

    text: str
    spread: str = ""
    share: float = 0.0


def render_page(
    tables: Tables,
    facts: StudyFacts,
    summary: Summary,
    pictures: Sequence[Picture],
    measures: Sequence[MeasureLayers] = (),
    groups: GroupsSection | None = None,
    steps: StepsSection | None = None,
    analyses: Sequence[str] = (),
) -> str:
    """The self-contained HTML page; every name is escaped. `analyses` are sentences on those."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = prose
    page: str = environment.get_template("page.html.j2").render(
        facts=facts,
        scope=_scope(summary, steps),
        answer=answer(
            summary,
            measures,
            [*(groups.points if groups else ()), *(steps.points if steps else ()), *analyses],
        ),
        cautions=cautions(summary, facts),
        epsilons=[tolerance(epsilon) for epsilon in summary.epsilons],
        colours=epsilon_colours(len(summary.tolerances)),
        dark_colours=epsilon_colours(len(summary.tolerances), dark=True),
        several=len(summary.pairs) > 1,
        layers=_layer_rows(summary),
        pictures=[{"drawn": picture, "svg": Markup(picture.inline)} for picture in pictures],
        simple=simple_section(tables, summary),
        across=across_section(tables.identification),
        groups=groups,
        steps=steps,
        measures=measures_section(summary, measures),
        networks=_network_rows(summary.networks),
        score=scores_in_words(summary.networks),
        pairs=_pair_rows(tables, summary),
        pairs_total=len(summary.pairs),
        conventions=conventions(tables, facts),
        files=sorted(tables.files()),
    )
    return page


def _template(name: str) -> str:
    return resources.files("repsim.report").joinpath(name).read_text(encoding="utf-8")


def prose(sentence: str) -> Markup:
    """Escaped text, with what stands between backticks as code."""
    unbroken = re.sub(
        r"(?<=ε) = |(?<=\d) (?=%)", lambda gap: gap[0].replace(" ", "\u00a0"), sentence
    )
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(unbroken))))


def _scope(summary: Summary, steps: StepsSection | None) -> list[str]:
    done = summary.networks.filter(pl.col("status") == "done").height
    total = summary.networks.height
    networks = count(total, "network") if done == total else f"{done} of {total} networks"
    compared = [count(len(summary.pairs), "pair"), count(len(summary.layers), "layer")]
    if steps is not None and not summary.pairs:  # Snapshots alone are compared.
        snapshots = f"{count(steps.snapshots, 'snapshot')}{' each' if total > 1 else ''}"
        compared = [snapshots, count(len(steps.rows), "layer")]
    return [networks, *compared, f"{len(summary.epsilons)} ε"]


def _cell(value: float, low: float = np.nan, high: float = np.nan, *, several: bool) -> Cell:
    if not np.isfinite(value):
        return Cell(text="–")
    return Cell(
        text=number(value),
        spread=f"{number(low)}–{number(high)}" if several and number(low) != number(high) else "",
        share=round(min(max(float(value), 0.0), 1.0), 3),
    )


def _layer_rows(summary: Summary) -> list[dict[str, object]]:
    several = len(summary.pairs) > 1
    similarity = over_pairs(summary.similarity)
    area = over_pairs(summary.area)
    return [
        {
            "name": layer.name,
            "type": layer.type,
            "neurons": f"{layer.neurons:,}",
            "samples": f"{layer.samples:,}",
            "dead": "0" if not layer.dead else percent(layer.dead),
            "cells": [
                _cell(*(float(part[place, i]) for part in similarity), several=several)
                for i in range(len(summary.epsilons))
            ],
            "area": _cell(*(float(part[place]) for part in area), several=several),
        }
        for place, layer in enumerate(summary.layers)
    ]


def _network_rows(networks: pl.DataFrame) -> list[dict[str, object]]:
    return [
        {
            **row,
            "test": score_words_of(row, "test"),
            "train": score_words_of(row, "train"),
            "loss": "–" if row["train_loss"] is None else f"{row['train_loss']:.4g}",
            "size": "–" if row["parameters"] is None else f"{row['parameters']:,}",
            "where": " · ".join(part for part in (row["device"], row["precision"]) if part) or "–",
        }
        for row in networks.iter_rows(named=True)
    ]


def _pair_rows(tables: Tables, summary: Summary) -> list[dict[str, object]]:
    """Whole pairs, as many as the page bears, at least one."""
    shown = max(1, MOST_PAIR_ROWS // max(len(summary.layers), 1))
    place = {name: i for i, name in enumerate(summary.names)}
    rows: list[dict[str, object]] = []
    for number_of_pair, (a, b) in enumerate(summary.pairs[:shown]):
        found = (
            tables.results.filter((pl.col("network_a") == a) & (pl.col("network_b") == b))
            .unique("layer", keep="first", maintain_order=True)
            .iter_rows(named=True)
        )
        layers = [
            {
                "name": row["layer"],
                "cells": [
                    _cell(float(value), several=False)
                    for value in summary.similarity[number_of_pair, place[row["layer"]]]
                ],
                "area": _cell(
                    float(summary.area[number_of_pair, place[row["layer"]]]), several=False
                ),
                "dead": f"{row['dead_x']} + {row['dead_y']}",
                "samples": f"{row['samples']:,}",
            }
            for row in found
            if row["layer"] in place
        ]
        rows.append({"a": a, "b": b, "layers": layers})
    return rows
