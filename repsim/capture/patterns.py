"""Patterns of a study, and the layers that they select."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from repsim.capture.layers import LayerInfo
from repsim.errors import StudyError

__all__ = ["select_layers"]

_TYPE = "type:"


def select_layers(patterns: Iterable[str], table: Sequence[LayerInfo]) -> tuple[LayerInfo, ...]:
    """Layers that at least one pattern selects, each once, in order of depth.

    A pattern is a glob over layer names (``features.*``; ``*`` also matches dots), where ``relu``
    means every call ``relu@1``, ``relu@2``; or, after ``type:``, a glob over module types. Layers
    whose output is no batch of maps, tokens or units are left out, unless a pattern names them.

    Raises
    ------
    StudyError
        If a pattern selects nothing, or names a layer that cannot be captured.

    Examples
    --------
    >>> from torch import nn
    >>> from repsim.capture import layer_table
    >>> table = layer_table(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), (3, 6, 6))
    >>> [layer.name for layer in select_layers(["type:ReLU", "1"], table)]
    ['1']
    """
    selected = {layer.depth: layer for pattern in patterns for layer in _matching(pattern, table)}
    return tuple(selected[depth] for depth in sorted(selected))


def _matching(pattern: str, table: Sequence[LayerInfo]) -> list[LayerInfo]:
    if pattern.startswith(_TYPE):
        kind = pattern.removeprefix(_TYPE)
        found = [layer for layer in table if fnmatchcase(layer.type, kind)]
    else:
        found = [
            layer
            for layer in table
            if fnmatchcase(layer.name, pattern) or fnmatchcase(layer.module, pattern)
        ]
    if not found:
        raise StudyError(_nothing(pattern, table))
    capturable = [layer for layer in found if layer.capturable]
    named = not pattern.startswith(_TYPE) and not any(sign in pattern for sign in "*?[")
    if not capturable or (named and len(capturable) < len(found)):
        layer = next(layer for layer in found if not layer.capturable)
        raise StudyError(
            "Expected layers whose output is (batch, channels, height, width), (batch, tokens, "
            f"features) or (batch, units). Got {layer.name!r} ({layer.type}), selected by "
            f"{pattern!r}, with {_problem(layer)}. Capture a layer inside it or after it."
        )
    return capturable


def _problem(layer: LayerInfo) -> str:
    if not layer.shape:
        return "no batch of floats"
    doubt = " in a model that has the channels last in places" if len(layer.shape) == 3 else ""
    return f"shape {layer.shape} per example{doubt}"


def _nothing(pattern: str, table: Sequence[LayerInfo]) -> str:
    types = sorted({layer.type for layer in table})
    message = f"Expected a pattern that selects a layer. Got {pattern!r}, which selects none."
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
