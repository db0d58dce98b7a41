"""Weights that others saved, in the forms in which they are found, fitted to a model."""

import argparse
import hashlib
import pickle
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from repsim.errors import StudyError

__all__ = ["State", "first_line", "fitted", "read_state", "state_digest"]

State = Mapping[str, Tensor]
"""Tensors by name, as in a state dict."""

# Where checkpoints have their state dict, in the order in which it is looked for.
NESTED = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "ema",
    "model_ema",
    "ema_state_dict",
    "state_dict_ema",
)
# What wrappers put before names: DataParallel, Lightning and others, torch.compile.
PREFIXES = ("", "module.", "model.", "net.", "network.")
COMPILED = "_orig_mod."

# Plain values that training scripts save beside the weights; none of them runs code.
INERT = [
    argparse.Namespace,
    np.dtype,
    np._core.multiarray.scalar,  # type: ignore[attr-defined]
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLefd"},
]

MOST_NAMED = 5


def read_state(file: Path | BytesIO, name: str) -> State:
    """The state dict in a file, out of whatever else is saved beside it.

    Nothing is unpickled that could run code.

    Parameters
    ----------
    file
        What ``torch.save`` or safetensors wrote.
    name
        Of the file: one that ends in ``.safetensors`` is read as that.

    Raises
    ------
    StudyError
        When the file is damaged, holds Python objects, or has no state dict.
    """
    try:
        if name.endswith(".safetensors"):
            content = file.read_bytes() if isinstance(file, Path) else file.getvalue()
            saved: object = safetensors.torch.load(content)
        else:
            with torch.serialization.safe_globals(INERT), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on archives of code, which are refused
                saved = torch.load(file, map_location="cpu", weights_only=True)
    # A file that is none makes each reader fail in a way of its own.
    except Exception as problem:
        raise StudyError(_unreadable(name, problem)) from problem
    found = _state_in(saved)
    if not found:
        keys = [repr(key) for key in saved] if isinstance(saved, Mapping) else []
        got = f"a table with {_shortened(keys)}" if keys else f"a {type(saved).__name__}"
        raise StudyError(
            f"Expected a state dict in {name}, at its top or under one of {', '.join(NESTED)}. "
            f"Got {got}. Save model.state_dict()."
        )
    return found


def fitted(
    state: State, build: Callable[[int], nn.Module], classes: int, *, model: str, name: str
) -> tuple[dict[str, Tensor], int]:
    """The state dict of the model with these weights, and how many logits it has.

    Prefixes of wrappers are removed where the names then fit, and numbers get the types of the
    model. If the weights are for another number of logits, and differ in nothing else, the model
    gets as many.

    Parameters
    ----------
    state
        Weights by name.
    build
        Makes the model with so many logits; no weights need be drawn.
    classes
        How many the data have.
    model, name
        Of the model and of the weights, for the message.

    Raises
    ------
    StudyError
        When names are missing or unexpected, shapes differ, or a number is not finite.
    """
    network, outputs = build(classes), classes
    state = _renamed(state, network.state_dict().keys())
    other = _other_outputs(state, network.state_dict(), classes)
    if other is not None:
        network, outputs = build(other), other
    expected = network.state_dict()
    usable = {
        key: value.to(expected[key].dtype, copy=True).contiguous()
        for key, value in state.items()
        if key in expected and _fits(value, expected[key])
    }
    # By the modules themselves, which know the buffers that older versions did not save.
    absent = network.load_state_dict(usable, strict=False, assign=True).missing_keys
    missing = [key for key in absent if key not in state]
    unexpected = [key for key in state if key not in expected]
    shapes = [
        f"{key} {_form(state[key])} (the model has {_form(expected[key])})"
        for key in expected
        if key in state and key not in usable
    ]
    if missing or unexpected or shapes:
        of_shapes = f" Of another shape or type: {_shortened(shapes)}." if shapes else ""
        raise StudyError(
            f"Expected weights that fit the model {model!r}. Got {name}. "
            f"Missing in the weights: {_shortened(missing)}. "
            f"Unexpected in the weights: {_shortened(unexpected)}.{of_shapes} "
            "Name the model that they are of (model.name, with its options)."
        )
    loaded = {key: value.detach() for key, value in network.state_dict().items()}
    for key, value in loaded.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise StudyError(
                f"Expected finite weights in {name}. Got NaN or infinity in {key!r}: the training "
                "diverged, or the file is damaged."
            )
    return loaded, outputs


def state_digest(state: State) -> str:
    """Sha256 (hex) of names, types, shapes and values.

    Examples
    --------
    >>> ones = state_digest({"w": torch.ones(2)})
    >>> ones == state_digest({"w": torch.ones(2)}), ones == state_digest({"w": torch.zeros(2)})
    (True, False)
    """
    sha256 = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        sha256.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        sha256.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return sha256.hexdigest()


def first_line(problem: Exception) -> str:
    """What an exception says first, without a full stop."""
    return str(problem).strip().partition("\n")[0].rstrip(".") or type(problem).__name__


def _state_in(saved: object) -> State:
    """The tensors by name, those of a known key where there are any."""
    if not isinstance(saved, Mapping):
        return {}
    for key in NESTED:
        if isinstance(saved.get(key), Mapping) and (inside := _state_in(saved[key])):
            return inside
    return {k: v for k, v in saved.items() if isinstance(k, str) and isinstance(v, Tensor)}


def _renamed(state: State, expected: Collection[str]) -> State:
    """Without the prefix after whose removal most names are expected: the shortest such."""
    state = {key.replace(COMPILED, ""): value for key, value in state.items()}
    prefixes = sorted({"".join(parts) for parts in product(PREFIXES, repeat=3)}, key=len)
    ways = ({key.removeprefix(prefix): v for key, v in state.items()} for prefix in prefixes)
    known = set(expected)
    whole = (way for way in ways if len(way) == len(state))
    return max(whole, key=lambda way: len(known & way.keys()))


def _other_outputs(state: State, expected: State, classes: int) -> int | None:
    """How many logits the weights are for, if no more than that differs."""
    differing = [
        (tuple(state[key].shape), tuple(value.shape))
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    counts = {there[0] for there, _ in differing if there}
    if len(counts) != 1 or any((classes, *there[1:]) != here for there, here in differing):
        return None
    return counts.pop()


def _fits(value: Tensor, expected: Tensor) -> bool:
    return value.shape == expected.shape and (
        value.is_floating_point() == expected.is_floating_point()
    )


def _form(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _shortened(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - MOST_NAMED
    return (", ".join(listed[:MOST_NAMED]) or "none") + (f" and {more} more" if more > 0 else "")


def _unreadable(name: str, problem: Exception) -> str:
    said = str(problem)
    if isinstance(problem, pickle.UnpicklingError) or "weights_only" in said:
        found = re.search(r"GLOBAL ([\w.]+)|(TorchScript archive|legacy \.tar)", said)
        inside = f"{found[1] or found[2]} in it" if found else first_line(problem)
        return (
            f"Expected a state dict in {name}: weights are never unpickled with code. Got "
            f"{inside}. If you trust the file, load it yourself and save "
            "model.state_dict() with torch.save or as .safetensors."
        )
    return (
        f"Expected weights that torch.save or safetensors wrote in {name}. "
        f"Got {type(problem).__name__}: {first_line(problem)}. Copy or download the file again."
    )
