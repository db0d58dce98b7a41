"""`repsim.compare`: models on data, or activations that are there."""

import builtins
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repsim.comparison.context import Context
from repsim.comparison.result import Comparison
from repsim.comparison.rows import AnyMeasure, Patterns, Wanted
from repsim.comparison.sources import are_activations, named_sources, open_sources
from repsim.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from repsim.comparison.arrays import Mapped
    from repsim.comparison.watched import Pool

__all__ = ["compare"]

# Of the paper's released script, and the usual one beside other measures.
EPSILONS = (0.15, 0.3, 0.5)

# As `repsim.estimate` has them.
PERMUTATIONS = 19


def compare(
    first: "nn.Module | Mapping[str, Any] | Sequence[Any] | str | Path",
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
    null: bool | int = False,
    intervals: bool = False,
    channels: Literal["first", "last"] | None = None,
    map: "Mapped" = builtins.map,
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
        argument. Or activations of the same inputs in the same order: two of `Activations`, tables
        of arrays by layer, and paths (``.npy``, ``.npz``, ``.zarr``, ``.safetensors``, ``.h5``,
        ``.pt``; also ``s3://``); or alone a mapping of names to such, a list of paths, a pattern
        (``"runs/*.h5"``) or a folder, of which all pairs are compared. Arrays are (samples,
        neurons), (examples, positions, neurons) or (examples, channels, height, width).
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
        alone. By default across where models have not the same layers, and where activations
        have no name in common.
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
    null
        Whether each value comes with those of permuted examples and its p-value; a number says of
        how many permutations, by default 19. A pair of layers then has to fit in memory, as have
        the activations of models.
    intervals
        Whether it comes with a 90 % interval over examples. Both take as much time as some 40
        matches; see `repsim.estimate`.
    channels
        Where activations of three and four axes have their neurons, the examples being first.
    map
        Runs the pairs of layers of activations: the builtin, or the map of an executor, such as
        ``ProcessPoolExecutor().map`` or ``client.get_executor().map`` of Dask.
    progress
        Whether a bar on the terminal shows how far it is.

    Raises
    ------
    StudyError
        For an unknown measure or option, a pattern without a layer, or a model that cannot take
        the data.
    InputError
        For data or files that cannot be used, fewer than two models, models without common layers
        where `across` is False, and activations that are not finite. Of several pairs of layers of
        activations, one that cannot be compared leaves the others alone: its values are null, with
        the reason (`Comparison.failures`).

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
    context = Context(permutations=_permutations(null), intervals=intervals)
    if are_activations(first):
        from repsim.comparison.arrays import compare_arrays

        if data is not None or input is not None or mask is not None:
            raise InputError("Expected activations alone. Got data, input or mask for models, too.")
        notes: list[str] = []
        return compare_arrays(
            open_sources(named_sources(first, second), notes.append, channels=channels),
            layers=layers,
            wanted=wanted,
            context=context,
            across=across,
            pool=pool,
            mapped=map,
            progress=progress,
            notes=notes,
        )
    from repsim.comparison.models import compare_models

    models, data = _models(first, second, data)
    return compare_models(
        models,
        data,
        layers=layers,
        wanted=wanted,
        context=context,
        across=across,
        pool=pool,
        select=input,
        mask=mask,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )


def _permutations(null: bool | int) -> int:
    if isinstance(null, bool):
        return PERMUTATIONS if null else 0
    if null < 1:
        raise InputError(f"Expected null as True or a number of permutations from 1. Got {null}.")
    return null


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
