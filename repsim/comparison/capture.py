"""`repsim.capture`: the activations of a model on data, in memory or in Zarr."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repsim.activation_files import ActivationArray
from repsim.comparison.activations import Activations
from repsim.comparison.capture_file import CaptureFile, LayerWriter
from repsim.comparison.rows import Layer, Patterns, shown
from repsim.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from repsim.comparison.batches import Batch
    from repsim.comparison.watched import Pool, Rows

__all__ = ["capture", "captured_together"]


def capture(
    model: "nn.Module",
    data: Any,
    layers: Sequence[str] | str | None = None,
    *,
    output: str | Path | None = None,
    pool: "Pool" = None,
    input: Callable[[Any], Any] | None = None,
    mask: Callable[[Any], Any] | str | None = None,
    batch_size: int = 128,
    device: str = "auto",
    progress: bool = True,
) -> Activations:
    """Activations of the layers of a model, for `repsim.compare` and other programs.

    Parameters
    ----------
    model, data, layers, pool, input, mask, batch_size, device, progress
        As `repsim.compare` has them.
    output
        A folder that ends in ``.zarr``, also ``s3://...``: a group with a float32 array for each
        layer, (examples, neurons) or (examples, positions, neurons), whose chunks have checksums.
        Nothing is a Zarr group before it is complete. The same call again begins one that was
        stopped from its start, and returns one that is complete without running the model, when
        weights, settings and inputs are the same. By default the activations stay in memory.

    Raises
    ------
    StudyError
        For a pattern without a layer, or a model that cannot take the data.
    InputError
        For data that cannot be used, activations that are not finite, sequences of several lengths
        without `mask` or `pool`, and an output where something else is.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> capture(model, torch.randn(200, 4), progress=False)
    Activations of 200 examples in memory:
      0  200 × 8
      1  200 × 8
      2  200 × 3
    """
    from repsim.comparison.batches import batches_of
    from repsim.comparison.forward import check_model
    from repsim.models.weights import state_digest

    check_model("model", model)
    patterns = [layers] if isinstance(layers, str) else layers
    options: dict[str, Any] = {"pool": pool, "select": input, "mask": mask, "device": device}
    options |= {"batch_size": batch_size, "progress": progress}
    given = {"model": patterns} if patterns is not None else None
    if output is None:
        (found,) = captured_together({"model": model}, data, layers=given, **options).values()
        return Activations(layers_by_name=found)
    file = CaptureFile.at(output)
    state = {name: one.cpu() for name, one in model.state_dict().items() if hasattr(one, "cpu")}
    settings = {
        "model": f"{type(model).__module__}.{type(model).__qualname__}",
        "weights": state_digest(state),
        "layers": None if patterns is None else list(patterns),
        "pool": pool,
        "masked": mask is not None,
    }
    complete = file.complete()
    inputs = _Inputs()
    if complete is not None:
        for name, value in settings.items():
            if complete.get(name) != value:
                raise file.of_another(f"a capture with other {name}")
        batches = batches_of(data, batch_size=batch_size, select=input, mask=mask)
        for batch in shown(batches, None, progress=progress):
            inputs.add(batch)
        if complete.get("inputs") != inputs.digest():
            raise file.of_another("a capture of other inputs")
        file.finish()
        return Activations.open(file.location)
    token = file.begin(settings)
    writers: dict[str, LayerWriter] = {}

    def keep(layer: Layer, values: np.ndarray, lengths: np.ndarray | None) -> None:
        name = layer[1]
        if name not in writers:
            writers[name] = LayerWriter(file, name, values.shape[1:])
        writers[name].append(values, lengths)

    try:
        _run({"model": model}, data, keep, inputs, layers=given, **options)
        file.publish(
            writers,
            {**settings, "order": list(writers), "inputs": inputs.digest()},
            token,
        )
    except Exception:
        file.abandon(token)
        raise
    return Activations.open(file.location)


def captured_together(
    models: "Mapping[str, nn.Module]", data: Any, **options: Any
) -> dict[str, dict[str, ActivationArray]]:
    """The layers of several models that see the same batches, in memory; options as `_run`."""
    kept: dict[Layer, list[np.ndarray]] = {}
    rows: dict[Layer, list[np.ndarray]] = {}

    def keep(layer: Layer, values: np.ndarray, lengths: np.ndarray | None) -> None:
        kept.setdefault(layer, []).append(values)
        if lengths is not None:
            rows.setdefault(layer, []).append(lengths)

    _run(models, data, keep, None, **options)
    found: dict[str, dict[str, ActivationArray]] = {name: {} for name in models}
    for model, name in list(kept):
        lengths = rows.get((model, name))
        found[model][name] = ActivationArray(
            name=name,
            array=np.concatenate(kept.pop((model, name))),
            lengths=None if lengths is None else np.concatenate(lengths),
        )
    return found


def _run(
    models: "Mapping[str, nn.Module]",
    data: Any,
    keep: Callable[[Layer, np.ndarray, np.ndarray | None], None],
    inputs: "_Inputs | None",
    *,
    layers: Patterns | None,
    pool: "Pool",
    select: Callable[[Any], Any] | None,
    mask: Callable[[Any], Any] | str | None,
    batch_size: int,
    device: str,
    progress: bool,
) -> None:
    """Give each layer of each model, batch by batch, to `keep`."""
    from repsim.comparison.forward import batches_seen

    widths: dict[Layer, tuple[int, ...]] = {}
    seen = batches_seen(
        models,
        data,
        layers=layers,
        select=select,
        mask=mask,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )
    for found, batch in seen:
        if inputs is not None:
            inputs.add(batch)
        for one in found:
            outputs = one.outputs(batch, {(one.name, name): pool for name in one.names})
            for name in one.names:
                layer = one.name, name
                values, lengths = _arrays(outputs[name], batch.examples)
                expected = widths.setdefault(layer, values.shape[1:])
                if values.shape[1:] != expected:
                    raise InputError(
                        f"Expected as many positions of {name} in every batch. Got "
                        f"{expected[0]} and {values.shape[1]}. Leave out padded ones (mask=), or "
                        'average them (pool="mean").'
                    )
                if not np.isfinite(values).all():
                    raise InputError(
                        f"Expected finite activations. Got NaN or infinity in {name}. Leave the "
                        "layer out, or look at the model's weights and inputs."
                    )
                keep(layer, values, lengths)


def _arrays(rows: "Rows", examples: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Examples × neurons, or × positions × neurons; or samples × neurons and their lengths."""
    values = rows.values.detach().to("cpu").float().numpy()
    if rows.lengths is not None:
        return values, rows.lengths.to("cpu").numpy()
    if len(values) != examples:
        values = values.reshape(examples, -1, values.shape[1])
    return values, None


class _Inputs:
    """A digest of what a model is given, however it is cut into batches."""

    def __init__(self) -> None:
        self._hashes: dict[str, Any] = {}
        self._shapes: dict[str, str] = {}

    def add(self, batch: "Batch") -> None:
        """The next batch."""
        import torch

        inputs = batch.inputs
        parts: Iterable[tuple[str, torch.Tensor]]
        if isinstance(inputs, dict):
            parts = inputs.items()
        else:
            parts = ((str(place), one) for place, one in enumerate(batch.tensors))
        masks = [] if batch.mask is None else [("mask of positions", batch.mask)]
        for name, tensor in (*parts, *masks):
            known = self._hashes.setdefault(name, hashlib.sha256())
            shape = f"{tensor.dtype} {tuple(tensor.shape[1:])}"
            if self._shapes.get(name) != shape:
                self._shapes[name] = shape
                known.update(shape.encode())
            values = tensor.detach().to("cpu").contiguous()
            known.update(values.flatten().view(torch.uint8).numpy())

    def digest(self) -> str:
        """Of all batches."""
        parts = sorted((name, one.hexdigest()) for name, one in self._hashes.items())
        return hashlib.sha256(repr(parts).encode()).hexdigest()
