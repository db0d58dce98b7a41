"""Figure: how alike every two layers are, within a network and between networks."""

import numpy as np

from repsim.report.drawing import Drawing
from repsim.report.layer_maps import draw_map, key, map_axes, name_layers
from repsim.report.phrasing import code, number
from repsim.report.summary import Floats
from repsim.results.across_layers import AcrossLayers
from repsim.text import count

__all__ = ["draw_heatmaps"]


def draw_heatmaps(across: AcrossLayers) -> Drawing | None:
    """The figure, or None of a single layer."""
    if len(across.names) < 2:
        return None
    maps = []
    if np.isfinite(across.cka.within).any():
        maps.append((across.cka.mean_within, _title("Within a network", across.cka.within, "")))
    if np.isfinite(across.cka.between).any():
        title = _title("Between networks", across.cka.between, " pairs")
        maps.append((across.cka.mean_between, title))
    if not maps:
        return None
    figure, axes = map_axes(len(maps))
    for one, (values, title) in zip(axes, maps, strict=True):
        draw_map(one, values, title=title)
    name_layers(axes, across.names)
    key(figure, "CKA")
    counterpart = (
        " The diagonal on the right is a layer with its counterpart in another network."
        if len(maps) == 2
        else ""
    )
    return Drawing(
        name=f"layer-heatmaps-{across.features}",
        title="Every layer against every other",
        finding=_finding(across),
        reading=(
            f"Debiased linear CKA over {count(across.examples, 'example')}, each of which counts "
            f"once. {across.words}.{counterpart}"
        ),
        figure=figure,
    )


def _finding(across: AcrossLayers) -> str:
    sentences = []
    within, between = across.cka.mean_within, across.cka.mean_between
    neighbours = within.diagonal(1)
    if np.isfinite(neighbours).any():
        few = len(across.names) == 2
        which = "its two layers" if few else "neighbouring layers"
        words = f"mean CKA within a network is {_mean(neighbours)} between {which}"
        if not few and np.isfinite(within[0, -1]):
            words += f", and {number(within[0, -1])} between the first and the last"
        sentences.append(words)
    same = between.diagonal()
    if np.isfinite(same).any():
        most, least = int(np.nanargmax(same)), int(np.nanargmin(same))
        words = f"mean CKA between networks is {_mean(same)} for a layer and its counterpart"
        if number(same[least]) != number(same[most]):
            words += (
                f", from {number(same[least])} at {code(across.names[least])} to "
                f"{number(same[most])} at {code(across.names[most])}"
            )
        sentences.append(words)
    if not sentences:
        return "No neighbouring layers, and no layer and its counterpart, have a value."
    found = "; ".join(sentences)
    return f"{found[0].upper()}{found[1:]}."


def _title(words: str, values: Floats, noun: str) -> str:
    """What a map is of, and the mean of how many."""
    known = int(np.isfinite(values).any(axis=(1, 2)).sum())
    return words if known == 1 else f"{words}, mean of {known}{noun}"


def _mean(values: Floats) -> str:
    return number(float(np.nanmean(values)))
