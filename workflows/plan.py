"""From a study to everything that has to be made: networks, activations, comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import torch

from repsim.capture import (
    LayerInfo,
    forward_operations_of,
    layer_table_of,
    layers_in_doubt,
    parameter_count_of,
    select_layers,
    structure_of,
    with_axes,
)
from repsim.data import DATASETS, load_data
from repsim.errors import StudyError
from repsim.measures import MEASURES, load_measure
from repsim.memory import sizes_in_words
from repsim.models import MODELS, build_model
from repsim.own_code import OwnCode
from repsim.stages.across import across_specs
from repsim.stages.activations import LayerSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.store import Store, conditions
from repsim.study import Across, Study
from repsim.text import check_utf8
from repsim.training import check_data

__all__ = ["plan_study"]


def plan_study(study: Study, store: Store | None = None) -> StudyPlan:
    """Check everything that a study names, and list what it takes.

    Parameters
    ----------
    study
        The study.
    store
        Where networks of earlier code may be that the study accepts. Without it, or without
        ``accept_code``, every network is of the code as it is.

    Raises
    ------
    StudyError
        When the data, the model, a layer pattern, a measure or one of their options is wrong, and
        when there are more comparisons than the study allows.
    """
    for measure in study.measures:
        load_measure(measure.name, measure.options)
    with sizes_in_words(f"dataset {study.data.name!r}"):
        source = load_data(study.data.name, study.data.options)
        fingerprint = source.fingerprint
    check_data(source, study.training)
    split = source.split(study.capture.split)
    if study.capture.examples != "all" and study.capture.examples > len(split):
        raise StudyError(
            f"Expected capture.examples to be at most {len(split)}, the size of the "
            f"{study.capture.split} split. Got {study.capture.examples}. 'all' takes every one."
        )

    def build() -> torch.nn.Module:
        return build_model(
            study.model.name,
            study.model.options,
            classes=source.classes,
            image_shape=source.image_shape,
            output=study.model.output,
        )

    with sizes_in_words(f"model {study.model.name!r}"):
        table = with_axes(layer_table_of(build, source.image_shape), study.capture.axes)
    check_utf8([layer.name for layer in table], f"layer names of model {study.model.name!r}")
    chosen = select_layers(study.capture.layers, table)
    _check_size(study, len(chosen))
    structure = structure_of(build)
    networks = tuple(
        NetworkSpec(
            network=network,
            data=study.data,
            fingerprint=fingerprint,
            model=study.model,
            structure=structure,
            model_code=MODELS.code(study.model.name),
            data_code=DATASETS.code(study.data.name),
            classes=source.classes,
            image_shape=source.image_shape,
            training=study.training,
        )
        for network in study.networks
    )
    if store is not None and study.accept_code:
        networks = _with_accepted(networks, study.accept_code, store)
    if "flattened" in study.across.features and study.capture.positions != "all":
        raise StudyError(
            'Expected capture.positions = "all" for across.features = "flattened": place i of two '
            "maps is not the same where places are drawn for each example. "
            f"Got capture.positions = {study.capture.positions}. Average them, or capture all."
        )
    examples = study.capture.examples_of(len(split))
    labelled = split.labelled
    layers = {
        spec.label: _layer_specs(spec, chosen, examples, study, labelled=labelled)
        for spec in networks
    }
    codes = {measure.name: MEASURES.code(measure.name) for measure in study.measures}
    measure_code = {name: code.counted for name, code in codes.items() if code is not None}
    comparisons = tuple(
        ComparisonSpec(
            x=x,
            y=y,
            matching=study.matching,
            measures=study.measures,
            measure_code=measure_code,
            resampling=study.resampling,
            # Measures of examples need some even where layers are not compared across.
            examples=study.across.examples or Across().examples,
        )
        for a, b in study.network_pairs
        for x, y in zip(layers[a.label], layers[b.label], strict=True)
    )
    return StudyPlan(
        study=study,
        networks=networks,
        layers=layers,
        in_doubt=tuple(x.name for x in layers_in_doubt(study.capture.layers, table)),
        comparisons=comparisons,
        across=across_specs(
            layers, [(a.label, b.label) for a, b in study.network_pairs], study.across
        ),
        parameters=parameter_count_of(build),
        operations=forward_operations_of(build, source.image_shape),
        examples=(len(source.train), len(source.test)),
        decodes=source.train.decodes,
    )


def _check_size(study: Study, layers: int) -> None:
    """Refuse what would take minutes to list, by its size alone."""
    comparisons = study.pair_count * layers
    if comparisons > study.most_comparisons:
        raise StudyError(
            f"Expected at most {study.most_comparisons:,} comparisons (most_comparisons). Got "
            f"{comparisons:,}: {study.pair_count:,} pairs of {len(study.seeds):,} networks × "
            f"{layers} layers. List the pairs that matter (pairs = [[0, 1], ...]), choose fewer "
            "layers (capture.layers), or raise most_comparisons in the study."
        )


def _with_accepted(
    networks: Sequence[NetworkSpec], accepted: Mapping[str, Sequence[str]], store: Store
) -> tuple[NetworkSpec, ...]:
    """The networks, of earlier code where the study accepts it and the store has them.

    One that is not there is trained by the code as it is, and so has its key.
    """

    def accepted_for(code: OwnCode | None) -> list[OwnCode | None]:
        earlier = () if code is None else accepted.get(code.digest, ())
        return [code, *(replace(code, stands_for=digest) for digest in earlier if code)]

    codes = list(product(accepted_for(networks[0].model_code), accepted_for(networks[0].data_code)))
    variants = [
        [replace(spec, model_code=model, data_code=data) for model, data in codes]
        for spec in networks
    ]
    artifacts = [spec.artifact(store) for specs in variants for spec in specs]
    found = dict(zip(artifacts, conditions(artifacts), strict=True))
    return tuple(
        next((spec for spec in specs if found[spec.artifact(store)] == "sound"), specs[0])
        for specs in variants
    )


def _layer_specs(
    network: NetworkSpec,
    chosen: Sequence[LayerInfo],
    examples: int,
    study: Study,
    *,
    labelled: bool,
) -> tuple[LayerSpec, ...]:
    return tuple(
        LayerSpec(
            network=network,
            layer=layer.name,
            depth=layer.depth,
            type=layer.type,
            axis=layer.axis,
            neurons=layer.neurons,
            total_positions=layer.positions,
            examples=examples,
            capture=study.capture,
            labelled=labelled,
        )
        for layer in chosen
    )
