"""Patterns of a study: the layers that they select, and where those have their channels."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from repsim.errors import StudyError
from repsim.model_layers.layers import LayerInfo

__all__ = ["layers_in_doubt", "select_layers", "with_axes"]

_TYPE = "type:"
_BLOCKS = "blocks"


def select_layers(patterns: Iterable[str], table: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """Layers that at least one pattern selects, each once, in order of depth.

    A pattern is a glob over layer names (``features.*``; ``*`` also matches dots), where ``relu``
    means every call ``relu@1``, ``relu@2``; or, after ``type:``, a glob over module types; or
    ``blocks``, which are those of `repeated_blocks`. Layers that cannot be captured are left out,
    unless a pattern names them.

    Raises
    ------
    StudyError
        If a pattern selects nothing, or names a layer that cannot be captured.

    Examples
    --------
    >>> from torch import nn
    >>> from repsim.model_layers import layer_table
    >>> from repsim.inputs import InputSpec
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    >>> table = layer_table(model, InputSpec(shape=(3, 6, 6)))
    >>> [layer.name for layer in select_layers(["type:ReLU", "1"], table)]
    ['1']
    """
    selected = {layer.depth: layer for pattern in patterns for layer in _matching(pattern, table)}
    return tuple(selected[depth] for depth in sorted(selected))


def selecting(patterns: Iterable[str], table: Sequence[LayerInfo]) -> tuple[str, ...]:
    """Those patterns that select a layer: others may be meant for another model of a study."""
    return tuple(pattern for pattern in patterns if _selected(pattern, table))


def layers_in_doubt(patterns: Iterable[str], table: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """Layers that a pattern means and `select_layers` leaves out, as their axes are in doubt."""
    found = {layer.depth: layer for pattern in patterns for layer in _found(pattern, table)}
    return tuple(found[depth] for depth in sorted(found) if found[depth].in_doubt)


def with_axes(
    table: Sequence[LayerInfo], axes: Mapping[str, Literal["first", "last"]]
) -> tuple[LayerInfo, ...]:
    """The table with the channels where a study says that they are.

    Parameters
    ----------
    axes
        By pattern, as those of `select_layers`: ``first`` is the axis after the batch. A pattern
        settles the layers that are in doubt; one that is the name of a layer overrides what was
        found for it. One that selects no layer may be meant for another model.

    Raises
    ------
    StudyError
        If none of the layers of a pattern can be read as it says, or two patterns say different
        things of a layer.
    """
    said: dict[int, tuple[str, str]] = {}
    for pattern in selecting(axes, table):
        side = axes[pattern]
        found = [layer for layer in _selected(pattern, table) if layer.shape]
        meant = [x for x in found if x.in_doubt or _is_name(pattern) or x.axis == _axis(x, side)]
        if not meant:
            known = ", ".join(f"{x.name} ({x.type}), axis {x.axis}" for x in found[:3])
            raise StudyError(
                f"Expected a pattern of capture.axes that selects a layer in doubt. Got "
                f"{pattern!r} = {side!r}, which selects layers "
                + (f"whose channels are known: {known}. " if found else "without a batch. ")
                + "The name of one layer, without wildcards, overrides what is known of it."
                * bool(found)
            )
        for layer in meant:
            other, before = said.setdefault(layer.depth, (pattern, side))
            if before != side:
                raise StudyError(
                    f"Expected one place for the channels of {layer.name!r} in capture.axes. "
                    f"Got {other!r} = {before!r} and {pattern!r} = {side!r}."
                )
    return tuple(
        dataclasses.replace(layer, axis=_axis(layer, said[layer.depth][1]))
        if layer.depth in said
        else layer
        for layer in table
    )


def _axis(layer: LayerInfo, side: str) -> int:
    return 1 if side == "first" else len(layer.shape)


def _is_name(pattern: str) -> bool:
    return (
        pattern != _BLOCKS
        and not pattern.startswith(_TYPE)
        and not any(sign in pattern for sign in "*?[")
    )


def _selected(pattern: str, table: Sequence[LayerInfo]) -> list[LayerInfo]:
    if pattern == _BLOCKS:
        return [layer for layer in table if layer.block]
    if pattern.startswith(_TYPE):
        kind = pattern.removeprefix(_TYPE)
        return [layer for layer in table if fnmatchcase(layer.type, kind)]
    return [
        layer
        for layer in table
        if fnmatchcase(layer.name, pattern) or fnmatchcase(layer.module, pattern)
    ]


def _found(pattern: str, table: Sequence[LayerInfo]) -> list[LayerInfo]:
    found = _selected(pattern, table)
    if not found:
        raise StudyError(_nothing(pattern, table))
    return found


def _matching(pattern: str, table: Sequence[LayerInfo]) -> list[LayerInfo]:
    found = _found(pattern, table)
    capturable = [layer for layer in found if layer.capturable]
    if not capturable or (_is_name(pattern) and len(capturable) < len(found)):
        doubtful = [layer for layer in found if layer.in_doubt]
        layer = next(iter(doubtful or found))
        raise StudyError(
            f"Expected layers whose output is a batch with channels on a known axis. "
            f"Got {layer.name!r} ({layer.type}), selected by {pattern!r}, with {_problem(layer)}"
        )
    return capturable


def _problem(layer: LayerInfo) -> str:
    if not layer.in_doubt:
        return "no batch of floats on its first axis. Capture a layer inside it or after it."
    first, last = (dataclasses.replace(layer, axis=_axis(layer, s)) for s in ("first", "last"))
    return (
        f"shape {layer.shape} for each example, of which it is not certain where the channels are. "
        f'Say so in the study: [capture.axes] "{layer.name}" = "first" ({first.neurons} neurons at '
        f'{first.positions} positions) or "last" ({last.neurons} at {last.positions}). If they are '
        "neither, as in attention heads, capture a layer inside it or after it."
    )


def _nothing(pattern: str, table: Sequence[LayerInfo]) -> str:
    types = sorted({layer.type for layer in table})
    message = f"Expected a pattern that selects a layer. Got {pattern!r}, which selects none."
    if pattern == _BLOCKS:
        return f"{message} This model repeats no block. Types: {', '.join(types)}."
    if pattern.startswith(_TYPE):
        near = _near(pattern.removeprefix(_TYPE), types)
        hint = " ".join(f"Did you mean '{_TYPE}{name}'?" for name in near[:1])
        called = (
            "A function called in forward, such as torch.nn.functional.relu, is no layer: use a "
            "module (torch.nn.ReLU) for it, or capture the block around it by name."
        )
        return " ".join(filter(None, [message, hint, f"Types: {', '.join(types)}.", called]))
    names = list(dict.fromkeys(name for layer in table for name in (layer.name, layer.module)))
    # Without a near name, the first layers show how names look.
    near = _near(pattern, names) or [*names[:3], "..."]
    return f"{message} Names like it: {', '.join(near)}. Types: {', '.join(types)}."


def _near(name: str, known: Sequence[str]) -> list[str]:
    folded = {other.casefold(): other for other in reversed(known)}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    return [folded[other] for other in close]
