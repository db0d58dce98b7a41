"""Figures of the analysis spectrum_alignment: does the gradient kernel turn to the target?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from repsim.drawing import (
    CATEGORICAL,
    INK,
    MUTED,
    epsilon_colours,
    name_steps,
    new_figure,
    shortened,
    step_scale,
)
from repsim.report.drawing import Drawing
from repsim.report.panels import small_multiples
from repsim.report.phrasing import code, number
from repsim.report.summary import Floats
from repsim.results import Tables, leading_rank

__all__ = [
    "Alignment",
    "alignment_points",
    "alignments",
    "draw_alignment",
    "draw_eigenvalues",
    "draw_kernels",
]

ANALYSIS = "spectrum_alignment"

# More variants than this are drawn no more.
MOST_PANELS = 6

# Ranks of the eigenvalues that are drawn.
RANKS = (1, 2, 4, 10, 30, 100)

LINES = (
    ("energy of targets", "target", CATEGORICAL[0], "-"),
    ("energy of targets, first kernel", "target, first kernel", CATEGORICAL[0], ":"),
    ("energy of outputs", "output", CATEGORICAL[2], "-"),
    ("energy of residual", "residual", CATEGORICAL[1], "-"),
    ("energy of residual, first kernel", "residual, first kernel", CATEGORICAL[1], ":"),
)


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What was measured of the networks of one variant, as means over them."""

    name: str  # Of the variant; empty where there are none.
    steps: Floats  # (states,), rising.
    examples: int
    leading: int  # Eigenvectors that the energies are of.
    energies: dict[str, Floats]  # By quantity, (states,).
    eigenvalues: dict[int, Floats]  # By rank, (states,).
    bound: Floats  # (states,), NaN where there is none.
    kernels: dict[str, tuple[Floats, Floats]]  # By point, of the first and the last state.


def alignments(tables: Tables) -> tuple[Alignment, ...]:
    """One for each variant that was analysed."""
    rows = tables.analyses.filter(
        pl.col("analysis") == ANALYSIS, pl.col("step").is_not_null()
    ).join(tables.networks.select("network", "variant"), on="network", how="left")
    variants = rows["variant"].unique(maintain_order=True)
    return tuple(_alignment(name, rows.filter(pl.col("variant") == name)) for name in variants)


def alignment_points(found: Sequence[Alignment]) -> list[str]:
    """Sentences on how much of the target the kernel spans."""
    sentences = []
    for of in found[:MOST_PANELS]:
        target = of.energies["energy of targets"]
        whose = f" of {code(of.name)}" if of.name else ""
        sentences.append(
            f"The {of.leading} leading eigenvectors of {of.examples:,} of the gradient kernel"
            f"{whose} span {number(float(target[0]))} of the target at step {of.steps[0]:,.0f} and "
            f"{number(float(target[-1]))} at step {of.steps[-1]:,.0f}."
        )
    return sentences


def draw_alignment(found: Sequence[Alignment]) -> Drawing | None:
    """Relative energy of target, output and residual against training step."""
    shown = [of for of in found if len(of.steps) > 1][:MOST_PANELS]
    if not shown:
        return None
    panels = small_multiples(
        [shortened(of.name, 40) or "All networks" for of in shown],
        across="Step",
        along="Relative energy",
    )
    for place, (axes, of) in enumerate(zip(panels.axes, shown, strict=True)):
        for quantity, label, colour, style in LINES:
            axes.plot(
                of.steps, of.energies[quantity], style, color=colour, linewidth=1.4, label=label
            )
        axes.axhline(of.leading / of.examples, color=MUTED, linewidth=1, label="no direction")
        _over_steps(axes, of.steps)
        axes.set_ylim(-0.03, 1.03)
        if place == len(shown) - 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), frameon=False)
        panels.finish(place)
    return Drawing(
        name="spectrum-alignment",
        title="How much the leading eigenvectors of the gradient kernel span",
        finding=" ".join(alignment_points(shown)),
        reading=(
            "Share of the square of a vector over the training examples that lies in the leading "
            f"eigenvectors ({' or '.join(sorted({str(of.leading) for of in shown}))}) of the "
            "Gramian of the gradients. Dotted: in those of the first snapshot. Grey: a vector in "
            "no particular direction."
        ),
        figure=panels.figure,
    )


def draw_eigenvalues(found: Sequence[Alignment]) -> Drawing | None:
    """Leading eigenvalues of the kernel against training step."""
    shown = [of for of in found if len(of.steps) > 1][:MOST_PANELS]
    if not shown:
        return None
    panels = small_multiples(
        [shortened(of.name, 40) or "All networks" for of in shown],
        across="Step",
        along="Eigenvalue",
    )
    drawn = sorted({rank for of in shown for rank in of.eigenvalues})
    colours = dict(zip(drawn, epsilon_colours(len(drawn)), strict=True))
    sentences = []
    for place, (axes, of) in enumerate(zip(panels.axes, shown, strict=True)):
        for rank, values in of.eigenvalues.items():
            label = f"number {rank}"
            axes.plot(of.steps, values, color=colours[rank], linewidth=1.4, label=label)
        if np.isfinite(of.bound).any():
            axes.plot(of.steps, of.bound, "--", color=INK, linewidth=1, label="stable below")
        axes.set_yscale("log")
        _over_steps(axes, of.steps)
        if place == len(shown) - 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), frameon=False)
        largest = of.eigenvalues[1]
        whose = f" of {code(of.name)}" if of.name else ""
        limit = of.bound[-1]
        near = f", {largest[-1] / limit:.2f} of the bound" if np.isfinite(limit) else ""
        sentences.append(
            f"The largest eigenvalue{whose} goes from {largest[0]:,.0f} to "
            f"{largest[-1]:,.0f}{near}."
        )
    lowest = min(float(v.min()) for of in shown for v in of.eigenvalues.values() if v.min() > 0)
    highest = max(float(v.max()) for of in shown for v in of.eigenvalues.values())
    for axes in panels.axes:
        axes.set_ylim(lowest / 2, highest * 3)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for place in range(len(shown)):
        panels.finish(place)
    return Drawing(
        name="kernel-eigenvalues",
        title="Eigenvalues of the gradient kernel",
        finding=" ".join(sentences),
        reading=(
            "Of the Gramian of the gradients on the training examples, as means over networks. "
            "Dashed: gradient descent on a quadratic loss is stable below it."
        ),
        figure=panels.figure,
    )


def draw_kernels(found: Sequence[Alignment]) -> Drawing | None:
    """The kernel of a few points with all others, as pictures over the plane."""
    of = next((of for of in found if of.kernels and np.sqrt(of.examples).is_integer()), None)
    if of is None:
        return None
    side, count, size = int(np.sqrt(of.examples)), len(of.kernels), 1.8
    figure = new_figure(count * (size + 0.2), 2 * (size + 0.3))
    for column, (point, both) in enumerate(of.kernels.items()):
        for row, values in enumerate(both):
            axes = figure.add_subplot(2, count, row * count + column + 1)
            axes.imshow(values.reshape(side, side), cmap="magma")
            x, y = int(point) % side, int(point) // side
            axes.plot([x], [y], marker="o", markersize=7, color="none", markeredgecolor="white")
            axes.set_axis_off()
            step = of.steps[0] if row == 0 else of.steps[-1]
            high = f"{np.nanmax(values):.3g}"
            axes.set_title(f"step {step:,.0f}, up to {high}", fontsize=7, color=INK, pad=3)
    return Drawing(
        name="gradient-kernel",
        title="The gradient kernel over the plane",
        finding="Above, the kernel of the first snapshot; below, that of the trained network.",
        reading=(
            "Each picture: the kernel of one training point, the circle, with every other; dark is "
            "low. Each has a scale of its own."
        ),
        figure=figure,
    )


def _alignment(name: str, rows: pl.DataFrame) -> Alignment:
    means = rows.group_by("quantity", "coordinate", "step").agg(pl.col("value").mean())
    steps = means["step"].unique().sort()
    examples = int(_series(means, "examples", 0.0, steps)[0])
    ranks = sorted(means.filter(pl.col("quantity") == "eigenvalue")["coordinate"].unique())
    leading = leading_rank(ranks, examples)
    points = means["quantity"].filter(means["quantity"].str.starts_with("kernel of example"))
    kernels = {}
    for quantity in points.unique().sort():
        mine = rows.filter(pl.col("quantity") == quantity).sort("coordinate")
        first = mine["network"].unique(maintain_order=True)[0].partition(" at ")[0]
        mine = mine.filter(pl.col("network").str.starts_with(first))
        both = [mine.filter(pl.col("step") == at)["value"] for at in (steps[0], steps[-1])]
        if all(len(values) == examples for values in both):
            kernels[quantity.rpartition(" ")[2]] = (both[0].to_numpy(), both[1].to_numpy())
    return Alignment(
        name=name,
        steps=steps.to_numpy().astype(np.float64),
        examples=examples,
        leading=int(leading),
        energies={q: _series(means, q, leading, steps) for q, *_ in LINES},
        eigenvalues={
            int(near): _series(means, "eigenvalue", near, steps)
            for rank in RANKS
            if abs((near := min(ranks, key=lambda one: abs(one - rank))) - rank) < 0.2 * rank
        },
        bound=_series(means, "stability bound", 0.0, steps),
        kernels=dict(sorted(kernels.items(), key=lambda item: int(item[0]))),
    )


def _series(means: pl.DataFrame, quantity: str, coordinate: float, steps: pl.Series) -> Floats:
    rows = means.filter(pl.col("quantity") == quantity, pl.col("coordinate") == coordinate)
    values = dict(rows.select("step", "value").iter_rows())
    return np.array([np.nan if (v := values.get(step)) is None else v for step in steps])


def _over_steps(axes: Axes, steps: Floats) -> None:
    step_scale(axes, steps)
    axes.set_xlim(0, steps[-1])
    name_steps(axes, steps, steps)
    axes.get_xticklabels()[-1].set(ha="right")  # Beside it is the next panel.
