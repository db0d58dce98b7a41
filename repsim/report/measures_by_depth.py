"""Figure: each measure against depth, with what chance gives and how much examples change it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from repsim.report.drawing import ACCENT, MUTED, Drawing
from repsim.report.measure_layers import MeasureLayers
from repsim.report.panels import small_multiples
from repsim.report.phrasing import code, count, number
from repsim.report.summary import Summary, over_pairs

__all__ = ["draw_measures", "tension"]


def draw_measures(summary: Summary, measures: Sequence[MeasureLayers]) -> Drawing | None:
    """The figure, or None where there is nothing but the match at one ε."""
    if len(measures) < 2:
        return None
    panels = small_multiples(
        _names(measures), across="Layer, by depth (counted from 1)", along="Value"
    )
    depth = np.arange(1, len(summary.layers) + 1)
    several = len(summary.pairs) > 1
    for place, measure in enumerate(measures):
        axes = panels.axes[place]
        shared = _draw_one(axes, measure, depth, several=several)
        panels.finish(place, own_scale=not shared)
    spread = "Lines are means over pairs, light bands run from the lowest to the highest pair. "
    return Drawing(
        name="measures-by-depth",
        title="Each measure against depth",
        finding=tension(summary, measures),
        reading=(
            f"{spread if several else ''}Bars are intervals over examples, of the mean width over "
            "pairs. Grey: the same measure with one network’s examples exchanged, which is what "
            "unrelated inputs give."
        ),
        figure=panels.figure,
    )


def tension(summary: Summary, measures: Sequence[MeasureLayers]) -> str:
    """Where the match and another measure disagree most, chance taken off both."""
    match, others = measures[0], measures[1:]
    above = {measure.convention: _layers_above(measure) for measure in measures}
    known = [m for m in others if above[m.convention] is not None and "match" not in m.convention]
    if above[match.convention] is None or not known:
        return f"{count(len(measures), 'measure')} of the same activations."
    layers = len(summary.layers)
    most = max(known, key=lambda measure: above[measure.convention] or 0)
    words = (
        f"{code(most.convention)} is beyond what chance gives at {above[most.convention]} of "
        f"{count(layers, 'layer')}, the {match.name[0].lower()}{match.name[1:]} at "
        f"{above[match.convention]}"
    )
    gaps = [
        (float(gap), layer, measure)
        for measure in known
        for layer, gap in enumerate(
            over_pairs(measure.calibrated)[0] - over_pairs(match.calibrated)[0]
        )
        if np.isfinite(gap)
    ]
    if not gaps:
        return f"{words}."
    _, layer, measure = max(gaps, key=lambda item: abs(item[0]))
    values = [over_pairs(m.calibrated)[0][layer] for m in (measure, match)]
    return (
        f"{words}. They differ most at {code(summary.names[layer])}: chance taken off, "
        f"{code(measure.convention)} is {number(values[0])} and the match {number(values[1])}."
    )


def _draw_one(axes: Axes, measure: MeasureLayers, depth: np.ndarray, *, several: bool) -> bool:
    """Draw one panel; whether its scale is the one from 0 to 1 that most share."""
    mean, low, high = over_pairs(measure.value)
    floor, ceiling = over_pairs(measure.null_low)[1], over_pairs(measure.null_high)[2]
    axes.fill_between(depth, floor, ceiling, color=MUTED, alpha=0.3, linewidth=0.8)
    axes.plot(depth, over_pairs(measure.null_mean)[0], color=MUTED, linewidth=1.0)
    if several:
        axes.fill_between(depth, low, high, color=ACCENT, alpha=0.14, linewidth=0)
    below = over_pairs(measure.value - measure.interval_low)[0]
    above = over_pairs(measure.interval_high - measure.value)[0]
    axes.errorbar(
        depth,
        mean,
        yerr=np.nan_to_num(np.clip(np.stack([below, above]), 0, None)),
        color=ACCENT,
        linewidth=1.4,
        elinewidth=1.0,
        marker="o",
        markersize=3.2,
    )
    bounded = np.concatenate((mean, low, high, floor, ceiling))
    shared = bool(np.nanmin(bounded) >= 0 and np.nanmax(bounded) <= 1)
    if shared:
        axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(0.5, len(depth) + 0.5)
    axes.set_xticks(_ticks(len(depth)))
    return shared


def _ticks(layers: int) -> list[int]:
    step = max(1, -(-layers // 6))
    return list(range(1, layers + 1, step))


def _names(measures: Sequence[MeasureLayers]) -> list[str]:
    """Short names, with the convention where two would be the same."""
    short = [measure.name for measure in measures]
    return [
        measure.convention if short.count(measure.name) > 1 else measure.name
        for measure in measures
    ]


def _layers_above(measure: MeasureLayers) -> int | None:
    """Layers at which every pair is beyond what chance gives; None without a null."""
    shares = measure.above_chance
    return int(np.nansum(shares == 1)) if np.isfinite(shares).any() else None
