"""Which axis of a tensor holds the channels, followed through a forward pass.

Shapes do not tell: (b, 64, 8, 8) may be 64 channels, or 8 channels last. Operations do. A
convolution puts its channels on axis 1, a linear layer and an embedding on the last one; most other
operations move or keep the axes that they are given. What an operation does that has no rule here
is not known, and so is its result until the next one that defines its channels.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["ChannelAxes"]

Axes = frozenset[int]
"""The axes that channels are on: several where they were split, as into attention heads. Empty
where they are not known."""

_UNKNOWN: Axes = frozenset()


class ChannelAxes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is active, notes for each tensor on which axes its channels are.

    Parameters
    ----------
    inputs
        What the model is about to be given; of images (b, c, h, w) and vectors (b, c), the channels
        are known. The rest follows from it.

    Examples
    --------
    >>> images = torch.zeros(2, 3, 8, 8)
    >>> with torch.inference_mode(), ChannelAxes(images) as axes:
    ...     last = torch.nn.functional.gelu(images.permute(0, 2, 3, 1))
    >>> axes.of(last)
    3
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._axes: Any = WeakTensorKeyDictionary()
        known = inputs.is_floating_point() and inputs.ndim in (2, 4)
        self._axes[inputs] = frozenset({1}) if known else _UNKNOWN

    def of(self, tensor: Tensor) -> int | None:
        """The one axis with all of the channels; None where that is not certain."""
        axes: Axes = self._axes.get(tensor, _UNKNOWN)
        return next(iter(axes)) if len(axes) == 1 else None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operation, then note where the channels of its results are."""
        del types
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__.rstrip("_")  # in place or not
        rule = _kept if torch.Tag.pointwise in func.tags else _rule_of(name)
        if rule is None:
            with self:
                composed = func.decompose(*args, **kwargs)
            if composed is not NotImplemented:
                return composed
        names = (argument.name for argument in func._schema.arguments)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        call = _Call(
            name=name,
            given=dict(zip(names, args, strict=False)) | dict(kwargs),
            tensors=[(tensor, self._axes.get(tensor, _UNKNOWN)) for tensor in tensors],
        )
        results = func(*args, **kwargs)
        for result in results if isinstance(results, list | tuple) else [results]:
            if isinstance(result, Tensor):
                self._axes[result] = rule(call, result) if rule and tensors else _UNKNOWN
        return results


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One call of an operation."""

    name: str
    given: Mapping[str, Any]
    """Its arguments, by torch's names for them."""
    tensors: Sequence[tuple[Tensor, Axes]]
    """Those among them, with the axes of their channels."""

    @property
    def axes(self) -> Axes:
        """Of the first tensor."""
        return self.tensors[0][1]


def _first(call: _Call, result: Tensor) -> Axes:
    del call, result
    return frozenset({1})


def _last(call: _Call, result: Tensor) -> Axes:
    del call
    return frozenset({result.ndim - 1})


def _linear(call: _Call, result: Tensor) -> Axes:
    """Units, unless the input is known to have its channels elsewhere: then tokens are mixed."""
    return _defined(call.axes, result.ndim - 1)


def _kept(call: _Call, result: Tensor) -> Axes:
    return _agreed(call.tensors, result.ndim)


def _agreed(tensors: Iterable[tuple[Tensor, Axes]], ndim: int) -> Axes:
    """Of tensors that are broadcast or joined: those that are known must agree."""
    known = {frozenset(a + ndim - t.ndim for a in axes) for t, axes in tensors if axes}
    return known.pop() if len(known) == 1 else _UNKNOWN


def _norm_first(call: _Call, result: Tensor) -> Axes:
    del result
    return _defined(call.axes, 1)


def _map(call: _Call, result: Tensor) -> Axes:
    """Of maps whose number of places' axes is in the name: the channels are before them."""
    places = re.search(r"(\d)d", call.name)
    return _defined(call.axes, result.ndim - 1 - (int(places[1]) if places else 2))


def _norm_last(call: _Call, result: Tensor) -> Axes:
    one = len(call.given["normalized_shape"]) == 1
    last = result.ndim - 1
    return call.axes if not one or last in call.axes else _defined(call.axes, last)


def _defined(axes: Axes, axis: int) -> Axes:
    """`axis`, which an operation takes for that of the channels, unless they are elsewhere."""
    if axis < 1:
        return axes
    return frozenset({axis}) if not axes or axis in axes else _UNKNOWN


def _reshaped(call: _Call, result: Tensor) -> Axes:
    """Axes split and merged: the parts of a channel axis are channels, a mixture is not known."""
    old = call.tensors[0][0].shape
    left = [(axis, size) for axis, size in enumerate(old) if size != 1]
    right = [(axis, size) for axis, size in enumerate(result.shape) if size != 1]
    if math.prod(old) == 0:
        return _UNKNOWN
    after: set[int] = set()
    while left:
        parts, made = [left.pop(0)], [right.pop(0)]
        while (a := math.prod(n for _, n in parts)) != (b := math.prod(n for _, n in made)):
            side, rest = (parts, left) if a < b else (made, right)
            side.append(rest.pop(0))
        channels = [axis in call.axes for axis, _ in parts]
        if any(channels) and not all(channels):
            return _UNKNOWN
        after.update(axis for axis, _ in made if all(channels))
    return frozenset(after)


def _reduced(call: _Call, result: Tensor) -> Axes:
    """Some axes gone, by a sum over them or the choice of one index."""
    del result
    ndim = call.tensors[0][0].ndim
    dims = call.given.get("dim", 0 if call.name in {"select", "unbind"} else None)
    gone = {d % ndim for d in ([dims] if isinstance(dims, int) else dims or range(ndim))}
    if call.given.get("keepdim"):
        return call.axes - gone
    return frozenset(axis - sum(g < axis for g in gone) for axis in call.axes - gone)


def _permuted(call: _Call, result: Tensor) -> Axes:
    order = [d % result.ndim for d in call.given["dims"]]
    return frozenset(order.index(axis) for axis in call.axes)


def _transposed(call: _Call, result: Tensor) -> Axes:
    one, other = (call.given.get(f"dim{i}", i) % result.ndim for i in (0, 1))
    return frozenset({one: other, other: one}.get(axis, axis) for axis in call.axes)


def _stacked(call: _Call, result: Tensor) -> Axes:
    dim = call.given.get("dim", 0) % result.ndim
    return frozenset(axis + (axis >= dim) for axis in _agreed(call.tensors, result.ndim - 1))


def _indexed(call: _Call, result: Tensor) -> Axes:
    used = [index for index in call.given["indices"] if index is not None]
    along_one = len(used) == 1 and used[0].ndim == 1 and result.ndim == call.tensors[0][0].ndim
    return call.axes if along_one else _UNKNOWN


def _multiplied(call: _Call, result: Tensor) -> Axes:
    """Of a product of matrices, in which the last axis of the first one is summed over."""
    (a, of_a), (b, of_b) = call.tensors[:2]
    if a.ndim < 2 or b.ndim < 2:
        return _UNKNOWN
    if b.ndim == 2 and not of_b and a.ndim - 1 in of_a:  # a linear layer, written out
        return _last(call, result)
    kept = [(a, of_a if a.ndim - 1 not in of_a else _UNKNOWN)]
    kept += [(b, of_b if b.ndim - 2 not in of_b else _UNKNOWN)]
    return _agreed(kept, result.ndim)


def _attended(call: _Call, result: Tensor) -> Axes:
    """Of attention: the axes of the values, of whose tokens it takes means."""
    del result
    value = call.given["value"]
    axes = next(axes for tensor, axes in call.tensors if tensor is value)
    return axes if value.ndim - 2 not in axes else _UNKNOWN


_Rule = Callable[[_Call, Tensor], Axes]

# The first pattern that matches the name of an operation as a whole counts.
_RULES: tuple[tuple[str, _Rule], ...] = (
    # Channels of their own, whatever went in.
    (r"_?convolution|conv(_transpose)?\dd|col2im", _first),
    ("embedding|lstm|gru|rnn_tanh|rnn_relu", _last),
    ("linear|bilinear", _linear),
    ("_native_multi_head_attention|_transformer_encoder_layer_fwd", _last),
    # Channels on an axis that the operation defines, if they are not known to be elsewhere.
    (".*(batch|instance|group)_norm.*", _norm_first),
    ("layer_norm|native_layer_norm|rms_norm|_fused_rms_norm", _norm_last),
    (r".*(pool|upsample_[a-z_]+|reflection_pad|replication_pad)\dd.*|grid_sampler_\dd", _map),
    ("pixel_(un)?shuffle|(native_)?channel_shuffle", _map),
    # Pointwise, though torch has no tag there, or along axes that stay where they are.
    ("_to_copy|to|contiguous|detach|alias|lift_fresh|copy|expand|repeat|constant_pad_nd", _kept),
    ("hardswish|glu|prelu|_prelu_kernel|rrelu_with_noise|(log_)?sigmoid", _kept),
    ("(native_|feature_|alpha_|feature_alpha_)?dropout|_?(log_)?softmax|cumsum|renorm", _kept),
    ("slice|(unsafe_)?split|split_with_sizes|chunk|index_select|cat|roll|flip|_fft_.2.", _kept),
    # Axes that move.
    ("view|_unsafe_view|reshape|_reshape_alias|flatten|unflatten|squeeze|unsqueeze", _reshaped),
    ("select|unbind|mean|sum|amax|amin|max|min|median|var|std|prod|logsumexp|nanmean", _reduced),
    ("norm|linalg_vector_norm|var_mean|std_mean", _reduced),
    ("permute", _permuted),
    ("transpose|t", _transposed),
    ("stack", _stacked),
    ("index", _indexed),
    ("matmul|bmm", _multiplied),
    ("scaled_dot_product_attention", _attended),
)


@functools.cache
def _rule_of(name: str) -> _Rule | None:
    return next((rule for pattern, rule in _RULES if re.fullmatch(pattern, name)), None)
