"""`repsim.compare`: models on data, or activations that are there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repsim.comparison.result import Comparison
from repsim.comparison.rows import AnyMeasure, Patterns, Wanted
from repsim.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from repsim.comparison.watched import Pool

__all__ = ["compare"]

# Of the paper's released script, and the usual one beside other measures.
EPSILONS = (0.15, 0.3, 0.5)


def compare(
    first: "nn.Module | Mapping[str, Any] | str | Path",
    second: Any = None,
    data: Any = None,
    *,
    layers: Patterns | None = None,
    measures: Sequence[AnyMeasure] | None = None,
    epsilons: Sequence[float] = EPSILONS,
    across: bool | None = None,
    pool: "Pool" = None,
    input: Callable[[Any], Any] | None = None,
    mask: Callable[[Any], Any] | str | None = None,
    batch_size: int = 128,
    device: str = "auto",
    progress: bool = True,
) -> Comparison:
    """Compare the layers of two or more models, on data or by activations that are there.

    With data, all models see a batch, the sums of every pair of layers are updated in float64
    where the batch is, and nothing else is kept: memory does not grow with the number of examples.
    The models are in evaluation mode meanwhile, in float32, and are as before afterwards, on
    `device`.

    Parameters
    ----------
    first, second
        Two modules, and `data`; or a mapping of names to modules, with the data as the second
        argument. Or activations of the same inputs in the same order: two tables of arrays by layer
        or files (``.npy``, ``.npz``, ``.zarr``, ``.safetensors``, ``.h5``, ``.pt``); or a mapping
        of names to such, alone. Arrays are (samples, neurons), (examples, positions, neurons) or
        (examples, channels, height, width).
    data
        A DataLoader, a data set of torch or Hugging Face, a tensor or array, a table of tensors by
        name, or an iterable of batches. It is gone through once. Of a batch that is a list or
        tuple, the first element is given to the models; one that is a table goes in as keywords, as
        far as the model takes them.
    layers
        Patterns of layers: globs over names (``"layer1.*"``) or types (``"type:ReLU"``); or such
        a list for each model by its name. By default all that have channels, thinned to 16.
    measures
        ``"match"`` for the maximum match at `epsilons` and its area, names of measures of moments
        (``"cka"``, ``"svcca"``, ``"pwcca"``, ``"procrustes"`` ...), a name with its options, as
        in ``("cka", {"debiased": True})``, or measures. By default ``"cka"`` and ``"match"``;
        across layers ``"cka"`` alone, since a match takes seconds for wide layers.
    epsilons
        Tolerances of the match.
    across
        Whether each layer is compared with each of the other model, or with the one of its name
        alone. By default across where the models have not the same layers.
    pool
        What stands for a map or a sequence: ``None`` takes each position as a sample, ``"mean"``
        the average over positions, ``"cls"`` the first. Layers with unequal positions that are
        compared are averaged, and a note says so.
    input
        What the models are given of a batch, where that is something else: a tensor, a tuple of
        arguments, or a table of keywords.
    mask
        Which positions are no padding, (examples, positions): a key of the batches, such as
        ``"attention_mask"``, or a function of a batch. The others are left out of every sum.
    batch_size
        Where the data are not batches already.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    progress
        Whether a bar on the terminal shows how far it is.

    Raises
    ------
    StudyError
        For an unknown measure or option, a pattern without a layer, or a model that cannot take
        the data.
    InputError
        For data or files that cannot be used, fewer than two models, models without common layers
        where `across` is False, and activations that are not finite.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> a, b = (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(2))
    >>> found = compare(a, b, torch.randn(200, 4), measures=["cka"], progress=False)
    >>> found.table().select("layer_a", "layer_b", "samples").rows()
    [('0', '0', 200), ('1', '1', 200), ('2', '2', 200)]
    >>> x = torch.randn(100, 6)
    >>> compare({"hidden": x}, {"hidden": 2 * x}, measures=["cka"]).matrix().round(6).tolist()
    [[1.0]]
    """

    wanted = Wanted(measures, epsilons)
    if _are_activations(first):
        from repsim.comparison.arrays import compare_arrays

        if data is not None or input is not None or mask is not None:
            raise InputError("Expected activations alone. Got data, input or mask for models, too.")
        return compare_arrays(
            _named(first, second),
            layers=layers,
            wanted=wanted,
            across=across,
            pool=pool,
            progress=progress,
        )
    from repsim.comparison.models import compare_models

    models, data = _models(first, second, data)
    return compare_models(
        models,
        data,
        layers=layers,
        wanted=wanted,
        across=across,
        pool=pool,
        select=input,
        mask=mask,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )


def _are_activations(first: object) -> bool:
    if not isinstance(first, Mapping):
        return isinstance(first, str | Path)
    values = list(first.values())
    return bool(values) and all(
        isinstance(value, str | Path | Mapping) or hasattr(value, "__array__") for value in values
    )


def _named(first: Any, second: Any) -> dict[str, Any]:
    """Activations by the name of their model."""
    if second is not None:
        return {"A": first, "B": second}
    sources = isinstance(first, Mapping) and all(
        isinstance(value, str | Path | Mapping) for value in first.values()
    )
    if not sources or len(first) < 2:
        raise InputError(
            "Expected activations of two models, or a mapping of names to those of at least two. "
            f"Got {'one' if not sources else len(first)}."
        )
    return {str(name): source for name, source in first.items()}


def _models(first: Any, second: Any, data: Any) -> tuple[dict[str, Any], Any]:
    if isinstance(first, Mapping):
        if data is not None:
            raise InputError("Expected a mapping of models and the data. Got a third argument.")
        models, data = {str(name): model for name, model in first.items()}, second
    else:
        models = {"A": first, "B": second}
    if data is None:
        raise InputError("Expected models and the data. Got no data.")
    if len(models) < 2:
        raise InputError(f"Expected at least two models. Got {len(models)}.")
    return models, data
