"""Compare models on data, in memory and in one pass."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from repsim.errors import InputError
from repsim.fused.comparison import Comparison
from repsim.matching import match_profile
from repsim.measures import Measure, MomentsMeasure, load_measure, value_and_caution
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.memory import physical_memory

if TYPE_CHECKING:
    from torch import nn

    from repsim.fused.products import Layer, Products
    from repsim.fused.watched import Pool, Watched
    from repsim.moments import Moments

__all__ = ["compare"]

# Of the paper's released script, and the usual one beside other measures.
EPSILONS = (0.15, 0.3, 0.5)

AnyMeasure = str | tuple[str, Mapping[str, object]] | Measure
Patterns = Sequence[str] | Mapping[str, Sequence[str]]


def compare(
    first: "nn.Module | Mapping[str, nn.Module]",
    second: Any,
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
    """Compare the layers of two or more models on the same data.

    All models see a batch, the sums of every pair of layers are updated in float64 where the batch
    is, and nothing else is kept: memory does not grow with the number of examples. The models are
    in evaluation mode meanwhile, in float32, and are as before afterwards, on `device`.

    Parameters
    ----------
    first, second
        Two modules; or a mapping of names to modules, with the data as the second argument.
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
        For data that cannot be used, fewer than two models, models without common layers where
        `across` is False, and activations that are not finite.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> a, b = (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(2))
    >>> found = compare(a, b, torch.randn(200, 4), measures=["cka"], progress=False)
    >>> found.table().select("layer_a", "layer_b", "samples").rows()
    [('0', '0', 200), ('1', '1', 200), ('2', '2', 200)]
    """
    import polars as pl

    from repsim.fused.batches import batches_of
    from repsim.fused.products import Products
    from repsim.fused.watched import watched
    from repsim.training import select_device

    models, data = _models(first, second, data)
    if measures is not None and not measures:
        raise InputError("Expected at least one measure. Got none.")
    chosen = [_measure(one) for one in measures or ("cka",) if one != "match"]
    at = tuple(MaximumMatch(epsilon=epsilon).epsilon for epsilon in sorted(set(epsilons)))
    where = select_device(device)
    for model in models.values():
        model.to(where)
    found: list[Watched] = []
    pairs: list[tuple[Layer, Layer]] = []
    pools: dict[str, dict[str, Pool]] = {}
    notes: list[str] = []
    sums = Products(())
    examples = 0
    batches = batches_of(data, batch_size=batch_size, select=input, mask=mask)
    for batch in _shown(batches, data, progress=progress):
        here = batch.each(lambda tensor: tensor.to(where))
        if not found:
            found = [
                watched(name, model, here, _patterns(layers, name, models))
                for name, model in models.items()
            ]
            notes += [
                f"Layers of {one.name} whose channels are in doubt were left out: "
                f"{', '.join(one.in_doubt)}."
                for one in found
                if one.in_doubt
            ]
            pairs = list(_pairs(found, across))
            pools = _pools(found, pairs, pool, notes)
            sums = Products(pairs)
            _check_memory(found, sums)
        outputs = {
            (one.name, layer): rows
            for one in found
            for layer, rows in one.outputs(here, pools[one.name]).items()
        }
        sums.update(outputs)
        examples += here.examples
    matched = "match" in measures if measures is not None else all(a[1] == b[1] for a, b in pairs)
    rows = [
        {"model_a": a[0], "layer_a": a[1], "model_b": b[0], "layer_b": b[1], **row}
        for a, b in _shown(iter(pairs), pairs, progress=progress)
        for row in _rows(sums.moments(a, b), chosen, at if matched else None)
    ]
    return Comparison(
        layers={one.name: tuple(layer.name for layer in one.layers) for one in found},
        rows=pl.DataFrame(rows, schema_overrides={"epsilon": pl.Float64, "caution": pl.String}),
        notes=(f"{examples:,} examples.", *notes),
    )


def _models(first: Any, second: Any, data: Any) -> "tuple[dict[str, nn.Module], Any]":
    from torch import nn

    if isinstance(first, Mapping):
        if data is not None:
            raise InputError("Expected a mapping of models and the data. Got a third argument.")
        models, data = {str(name): model for name, model in first.items()}, second
    else:
        models = {"A": first, "B": second}
        if data is None:
            raise InputError("Expected two models and the data. Got no data.")
    for name, model in models.items():
        if not isinstance(model, nn.Module):
            raise InputError(f"Expected a torch.nn.Module as {name}. Got a {type(model).__name__}.")
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            raise InputError(
                f"Expected a plain model as {name}. Got a {type(model).__name__}, whose copies "
                "each see a part of the batch. Use its .module."
            )
    if len(models) < 2:
        raise InputError(f"Expected at least two models. Got {len(models)}.")
    return models, data


def _measure(one: AnyMeasure) -> MomentsMeasure:
    name, options = (one, {}) if isinstance(one, str | Measure) else one
    measure = name if isinstance(name, Measure) else load_measure(name, options)
    if not isinstance(measure, MomentsMeasure):
        raise InputError(
            "Expected measures of moments, which need no activations twice. Got "
            f"{measure.convention}, which compares all examples with all others. Take it of arrays "
            "(repsim.estimate)."
        )
    return measure


def _patterns(
    layers: Patterns | None, name: str, models: Mapping[str, object]
) -> Sequence[str] | None:
    if isinstance(layers, str):
        return [layers]
    if not isinstance(layers, Mapping):
        return layers
    unknown = sorted(set(layers) - set(models))
    if unknown:
        raise InputError(
            f"Expected layers of the models {', '.join(models)}. Got {', '.join(unknown)}."
        )
    return layers.get(name)


def _pairs(found: "Sequence[Watched]", across: bool | None) -> "Iterator[tuple[Layer, Layer]]":
    for a, b in combinations(found, 2):
        names_a, names_b = ([layer.name for layer in one.layers] for one in (a, b))
        common = [name for name in names_a if name in names_b]
        if across or (across is None and names_a != names_b):
            yield from (((a.name, x), (b.name, y)) for x in names_a for y in names_b)
        elif common:
            yield from (((a.name, x), (b.name, x)) for x in common)
        else:
            raise InputError(
                f"Expected layers of the same name in {a.name} and {b.name}. Got "
                f"{', '.join(names_a[:3])} ... and {', '.join(names_b[:3])} ... Set across=True."
            )


def _pools(
    found: "Sequence[Watched]",
    pairs: "Sequence[tuple[Layer, Layer]]",
    pool: "Pool",
    notes: list[str],
) -> "dict[str, dict[str, Pool]]":
    """How the positions of each layer become samples: where they differ, by their average."""
    positions = {(one.name, x.name): x.positions for one in found for x in one.layers}
    uneven = {layer for pair in pairs if len({positions[x] for x in pair}) > 1 for layer in pair}
    # What is compared with an averaged layer has to be averaged, too.
    while pool is None and (
        more := {x for pair in pairs if not uneven.isdisjoint(pair) for x in pair} - uneven
    ):
        uneven |= more
    if pool is None and uneven:
        notes.append(
            "Maps and sequences were averaged over their positions, since layers that are compared "
            "have not as many."
        )
    return {
        one.name: {
            x.name: "mean" if pool is None and (one.name, x.name) in uneven else pool
            for x in one.layers
        }
        for one in found
    }


def _check_memory(found: "Sequence[Watched]", sums: "Products") -> None:
    """Refuse sums that the machine has no room for, before more than one batch is seen."""
    widths = {(one.name, x.name): x.neurons for one in found for x in one.layers}
    needed = sums.bytes(widths)
    if needed > physical_memory() / 2:
        layers = ", ".join(f"{len(one.layers)} of {one.name}" for one in found)
        raise InputError(
            f"Expected sums of all pairs of layers that take at most half of the memory "
            f"({physical_memory() / 2**31:.1f} GiB). Got {needed / 2**30:.1f} GiB for {layers}. "
            "Choose fewer layers (layers=[...]; note that * also matches dots)."
        )


def _rows(
    moments: "Moments", measures: Sequence[MomentsMeasure], epsilons: Sequence[float] | None
) -> Iterator[dict[str, Any]]:
    sizes = {"samples": moments.count, "neurons_a": moments.p, "neurons_b": moments.q}

    def row(
        measure: str, epsilon: float | None, value: float | None, caution: str
    ) -> dict[str, Any]:
        said = {"caution": caution or None}
        return {"measure": measure, "epsilon": epsilon, "value": value, **sizes, **said}

    for measure in measures:
        yield row(measure.convention, None, *value_and_caution(measure, moments))
    if epsilons is None:
        return
    try:
        profile = match_profile(moments)
    except InputError as problem:
        yield from (row("match", epsilon, None, str(problem)) for epsilon in epsilons)
        return
    for epsilon in epsilons:
        yield row("match", epsilon, profile.similarity(epsilon), profile.caution)
    yield row("area under the match curve", None, profile.area(), profile.caution)


def _shown(batches: Iterator[Any], data: object, *, progress: bool) -> Iterator[Any]:
    """The batches, with a bar on the terminal if there is one."""
    from rich.console import Console
    from rich.progress import track
    from torch.utils.data import DataLoader

    sized = not isinstance(data, DataLoader) or hasattr(data.dataset, "__len__")
    total = len(data) if isinstance(data, DataLoader | list) and sized else None
    console = Console(stderr=True)
    if not progress or not console.is_terminal:
        return batches
    return iter(track(batches, "Comparing", total=total, console=console, transient=True))
