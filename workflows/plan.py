"""From a study to everything that has to be made: networks, activations, comparisons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch

from repsim.across import across_measure
from repsim.analyses import load_analysis
from repsim.claims import load_claims
from repsim.data import DATASETS, DataSource, load_data
from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.measures import MEASURES, load_measure, measure_class
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.memory import sizes_in_words
from repsim.model_layers import (
    LayerInfo,
    forward_operations_of,
    layer_table_of,
    layers_in_doubt,
    parameter_count_of,
    select_layers,
    selecting,
    structure_of,
    with_axes,
)
from repsim.models import MODELS, build_model
from repsim.own_code import OwnCode
from repsim.stages.across import across_specs
from repsim.stages.analyses import AnalysisSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSize, NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.stages.weights import given_weights
from repsim.store import Store, conditions
from repsim.study import Across, Model, Network, Study
from repsim.text import check_utf8
from repsim.training import check_data
from workflows.captured import Captured, layer_specs, positions_of
from workflows.correspondence import Correspondence
from workflows.snapshot_pairs import snapshot_pairs

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
        When the data, the model, a layer pattern, a measure or one of their options is wrong, when
        networks of a pair have no layers or examples in common, and when there are more comparisons
        than the study allows.
    """
    for measure in study.measures:
        if issubclass(measure_class(measure.name), MaximumMatch):
            raise StudyError(
                "Expected measures beside the maximum match, which every study has at each of "
                f"matching.epsilons. Got {measure.name!r} in measures. Remove it, and list its ε "
                "in matching.epsilons."
            )
        load_measure(measure.name, measure.options)
    for name in study.across.measures:
        across_measure(name, {}, "averaged")
    for analysis in study.analyses:
        load_analysis(analysis.name, analysis.options)
    for paper in study.claims:
        load_claims(paper)
    if "flattened" in study.across.features and study.capture.positions != "all":
        raise StudyError(
            'Expected capture.positions = "all" for across.features = "flattened": place i of two '
            "maps is not the same where places are drawn for each example. "
            f"Got capture.positions = {study.capture.positions}. Average them, or capture all."
        )
    sources, models = _Sources(study), _Models(study)
    specs, captured = [], {}
    for network in study.networks:
        source = sources.of(network)
        spec, captured[network.label] = models.of(network, source)
        specs.append(spec)
    models.check_patterns()
    most_layers = max(
        sum(
            len(positions_of(layer, sources.captured(network), study))
            for layer in captured[network.label].chosen
        )
        for network in study.networks
    )
    _check_size(study, study.pair_count, most_layers)
    networks = tuple(specs)
    _check_given(networks)
    if store is not None and study.accept_code:
        networks = _with_accepted(networks, study.accept_code, store)
    trained_pairs = [(a.label, b.label) for a, b in study.network_pairs]
    of_snapshots = snapshot_pairs(study, {spec.label: spec for spec in networks}, trained_pairs)
    _check_size(study, len(trained_pairs) + len(of_snapshots), most_layers)
    compared = {x.label: x for pair in of_snapshots for x in pair if x.snapshot}.values()
    layers = {
        spec.label: layer_specs(
            spec, captured[spec.network.label].chosen, sources.captured(spec.network), study
        )
        for spec in (*networks, *compared)
    }
    pairs = [*trained_pairs, *((a.label, b.label) for a, b in of_snapshots)]
    names = {
        spec.label: captured[spec.network.label].names
        | {layer.layer for layer in layers[spec.label]}
        for spec in (*networks, *compared)
    }
    table = Correspondence(study.layers, names, layers)
    corresponding = {(a, b): tuple(table.of(a, b)) for a, b in pairs}
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
        for both in corresponding.values()
        for x, y in both
    )
    return StudyPlan(
        study=study,
        networks=networks,
        layers=layers,
        in_doubt=tuple(
            dict.fromkeys(name for built in captured.values() for name in built.in_doubt)
        ),
        comparisons=comparisons,
        across=()
        if study.pairs == "none"
        else across_specs(
            {spec.label: layers[spec.label] for spec in networks}, trained_pairs, study.across
        ),
        snapshots=tuple(compared),
        pairs=tuple(pairs),
        apart=_apart(study, corresponding),
        analyses=tuple(_analyses(networks, sources, study)),
    )


def _analyses(
    networks: Sequence[NetworkSpec], sources: "_Sources", study: Study
) -> Iterator[AnalysisSpec]:
    """Every analysis of every network and snapshot; refused where the data do not suit it."""
    for analysis in study.analyses:
        loaded = load_analysis(analysis.name, analysis.options)
        for network in networks:
            loaded.check(sources.of(network.network), network.objective)
            last = [one for one in network.snapshots if one.step == network.step]
            for state in (*network.snapshots, *(() if last else (network,))):
                yield AnalysisSpec(network=state, analysis=analysis)


class _Sources:
    """The data of the networks, each loaded once."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._loaded: dict[str, DataSource] = {}
        self._ids: tuple[str, tuple[str, ...]] | None = None

    def of(self, network: Network) -> DataSource:
        """What it is trained on."""
        key = network.data.model_dump_json()
        if key not in self._loaded:
            with sizes_in_words(f"dataset {network.data.name!r}"):
                source = load_data(network.data.name, network.data.options)
                source.fingerprint  # noqa: B018 - computed here, where an error is told as one
            self._check_captured(network, source)
            self._loaded[key] = source
        if network.weights is None:
            check_data(self._loaded[key], network.training)
        return self._loaded[key]

    def captured(self, network: Network) -> Captured:
        """How many examples are captured, and whether they have labels."""
        split = self.of(network).split(self._study.capture.split)
        lengths = split.lengths
        return Captured(
            examples=self._study.capture.examples_of(len(split)),
            labelled=split.true_labels is not None,
            lengths=None if lengths is None else (int(lengths.min()), int(lengths.max())),
        )

    def _check_captured(self, network: Network, source: DataSource) -> None:
        capture = self._study.capture
        split = source.split(capture.split)
        whose = f" of {network.variant}" if network.variant else ""
        if capture.examples != "all" and capture.examples > len(split):
            raise StudyError(
                f"Expected capture.examples to be at most {len(split)}, the size of the "
                f"{capture.split} split{whose}. Got {capture.examples}. 'all' takes every one."
            )
        variant, ids = self._ids = self._ids or (network.variant, split.ids)
        if ids != split.ids:
            raise StudyError(
                f"Expected the same {capture.split} examples in all variants: layers are compared "
                f"by their answers to the same inputs. Got {len(ids)} in {variant} and "
                f"{len(split.ids)} in {network.variant}, and their ids differ. "
                + ('Set capture.split = "test".' if capture.split == "train" else "")
            )


@dataclass(frozen=True, kw_only=True)
class _Built:
    """What a model is, for the inputs and outputs of a data set."""

    names: frozenset[str]
    """Of all its layers."""
    chosen: tuple[LayerInfo, ...]
    in_doubt: tuple[str, ...]
    structure: str
    parameters: int
    operations: int


class _Models:
    """The models of the networks, each looked at once."""

    def __init__(self, study: Study) -> None:
        self._capture = study.capture
        self._built: dict[tuple[str, int | None, InputSpec], _Built] = {}
        self._tables: list[tuple[LayerInfo, ...]] = []

    def of(self, network: Network, source: DataSource) -> tuple[NetworkSpec, _Built]:
        """The network as it is trained, and the layers that are captured of it."""
        given, model, outputs = None, network.model, source.outputs
        if network.weights is not None:
            given = given_weights(network.weights, model, inputs=source.inputs, outputs=outputs)
            model, outputs = given.model, given.outputs
        key = (model.model_dump_json(), outputs, source.inputs)
        if key not in self._built:
            self._built[key] = self._build(model, outputs, source)
        built = self._built[key]
        spec = NetworkSpec(
            network=network,
            fingerprint=source.fingerprint,
            structure=built.structure,
            model_code=MODELS.code(model.name),
            data_code=DATASETS.code(network.data.name),
            inputs=source.inputs,
            objective=source.objective(network.training.objective),
            outputs=outputs,
            classes=source.classes,
            size=NetworkSize(
                parameters=built.parameters,
                operations=built.operations,
                train=len(source.train),
                test=len(source.test),
                decodes=source.train.decodes,
                contiguous=source.train.contiguous,
            ),
            given=given,
        )
        return spec, built

    def check_patterns(self) -> None:
        """Refuse a pattern that selects no layer of any model."""
        for pattern in (*self._capture.layers, *self._capture.axes):
            if not any(selecting([pattern], table) for table in self._tables):
                select_layers([pattern], self._tables[0])

    def _build(self, model: Model, outputs: int | None, source: DataSource) -> _Built:
        def build() -> torch.nn.Module:
            return build_model(
                model.name,
                model.options,
                inputs=source.inputs,
                outputs=outputs,
                output=model.output,
            )

        with sizes_in_words(f"model {model.name!r}"):
            table = with_axes(layer_table_of(build, source.inputs), self._capture.axes)
        check_utf8([layer.name for layer in table], f"layer names of model {model.name!r}")
        self._tables.append(table)
        # A pattern may be meant for another model; one model without any is told what is wrong.
        patterns = selecting(self._capture.layers, table) or self._capture.layers
        return _Built(
            names=frozenset(layer.name for layer in table),
            chosen=select_layers(patterns, table),
            in_doubt=tuple(x.name for x in layers_in_doubt(patterns, table)),
            structure=structure_of(build),
            parameters=parameter_count_of(build),
            operations=forward_operations_of(build, source.inputs),
        )


def _apart(
    study: Study, corresponding: Mapping[tuple[str, str], Sequence[object]]
) -> tuple[str, ...]:
    """Sentences on pairs without layers that correspond, which are compared across layers alone."""
    apart = {
        (a.variant, b.variant)
        for a, b in study.network_pairs
        if not corresponding[a.label, b.label]
    }
    words = [f"{a} and {b}" if a != b else a for a, b in sorted(apart)]
    reason = "have no captured layers of the same name and number of positions"
    if apart and not study.across.examples:
        raise StudyError(
            f"Expected layers that correspond. Got {', '.join(words)}, which {reason}. Choose "
            "layers (capture.layers) that both have, or say which correspond, as in "
            'layers = [["conv1", "features.0"]]; or set across.examples, for the comparison across '
            "all layers alone."
        )
    return tuple(f"{both} {reason}: they are compared across layers alone." for both in words)


def _check_given(networks: Sequence[NetworkSpec]) -> None:
    """Refuse one network under two names."""
    seen: dict[str, NetworkSpec] = {}
    for spec in networks:
        same = seen.setdefault(spec.key, spec)
        if same is not spec and spec.given is not None:
            raise StudyError(
                f"Expected networks that differ. Got {same.label} and {spec.label}, whose weights "
                f"({same.network.weights} and {spec.network.weights}) are the same."
            )


def _check_size(study: Study, pairs: int, layers: int) -> None:
    """Refuse what would take minutes to list, by its size alone."""
    comparisons = pairs * layers
    if comparisons > study.most_comparisons:
        more = " or more" if study.snapshot_pairs else ""
        raise StudyError(
            f"Expected at most {study.most_comparisons:,} comparisons (most_comparisons). Got "
            f"{comparisons:,}{more}: {pairs:,} pairs of {len(study.networks):,} networks × "
            f"{layers} layers. List the pairs that matter (pairs = [[0, 1], ...]), choose fewer "
            "layers (capture.layers) or snapshots (training.snapshots), or raise most_comparisons "
            "in the study."
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

    variants = [
        [
            replace(spec, model_code=model, data_code=data)
            for model, data in product(accepted_for(spec.model_code), accepted_for(spec.data_code))
        ]
        for spec in networks
    ]
    sound = conditions(store, [spec.folder for specs in variants for spec in specs])["sound"]
    return tuple(
        next((spec for spec in specs if spec.folder in sound), specs[0]) for specs in variants
    )
