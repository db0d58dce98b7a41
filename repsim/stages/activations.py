"""Activations: what determines those of one layer of one network, and how they are captured."""

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from repsim.errors import CaptureError, InputError
from repsim.graph import Cost, NetworkProgress, Node, Product, Worker
from repsim.stages.networks import NetworkSpec, check_code, model_of, source_of, trained_model
from repsim.store import (
    Activations,
    ActivationWriter,
    Artifact,
    Store,
    artifact_key,
    examples_per_file,
)
from repsim.study import Capture
from repsim.study.positions import layer_of_model

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = [
    "LayerSpec",
    "capture_layers",
    "class_labels",
    "nodes",
    "paired_blocks",
    "stored_activations",
]

KINDS = ("activations",)

# Rises when the stage would compute something else from the same parameters.
CAPTURE_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class LayerSpec:
    """The activations of one layer of one network."""

    network: NetworkSpec
    layer: str
    depth: int
    type: str
    axis: int
    """Of the channels in the layer's output, the batch being axis 0."""
    total_neurons: int
    total_positions: int
    examples: int
    capture: Capture
    labelled: bool = False
    """Whether the class of each example is known."""
    places: tuple[int, ...] | None = None
    """The positions that are kept, where the study lists them or has a layer for each."""

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.network.label}, {self.layer}"

    @property
    def neurons(self) -> int:
        """Neurons that are kept."""
        return self.capture.neurons_of(self.total_neurons)

    @property
    def positions(self) -> int:
        """Positions that are kept of each example."""
        asked = self.capture.positions
        if self.places is not None:
            return len(self.places)
        if isinstance(asked, int):
            return min(asked, self.total_positions)
        return 1 if asked in ("mean", "last") else self.total_positions

    @property
    def layer_of_model(self) -> str:
        """The name of the layer in the model, whichever position is captured of it."""
        return layer_of_model(self.layer)

    @property
    def bytes(self) -> int:
        """Size of the activations, before compression."""
        width = 2 if self.capture.dtype == "float16" else 4
        return self.examples * self.positions * self.neurons * width

    @cached_property
    def examples_per_shard(self) -> int:
        """How many examples a file of the activations holds."""
        return examples_per_file(
            self.examples,
            positions=self.positions,
            neurons=self.neurons,
            dtype=self.capture.dtype,
        )[1]

    @cached_property
    def key(self) -> str:
        """The key of the activations."""
        all_neurons = {"neurons"} if self.capture.neurons == "all" else set()
        capture = self.capture.model_dump(mode="json", exclude={"layers", "axes"} | all_neurons)
        if self.places is not None:
            capture["positions"] = list(self.places)
        return artifact_key(
            "activations",
            CAPTURE_VERSION,
            {
                "network": self.network.key,
                "layer": self.layer_of_model,
                "axis": self.axis,
                "capture": capture,
            },
        )

    @property
    def folder(self) -> str:
        """Where the activations are in a store."""
        return f"activations/{self.key}"

    def artifact(self, store: Store) -> Artifact:
        """The activations."""
        return Artifact.at(store, self.folder)


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each network and snapshot: one pass captures all its layers."""
    for network in (*plan.networks, *plan.snapshots):
        layers = plan.layers[network.label]
        examples = layers[0].examples
        yield Node(
            task="capture",
            label=network.label,
            makes=tuple(
                Product(folder=layer.folder, label=layer.label, bytes=layer.bytes)
                for layer in layers
            ),
            needs=(network.folder,),
            make=functools.partial(capture_layers, network, layers),
            where="train",
            share=network.training_key,
            cost=Cost(
                operations=network.size.operations * examples,
                images=examples * network.size.decodes,
            ),
        )


def capture_layers(
    spec: NetworkSpec,
    known: Sequence[LayerSpec],
    store: Store,
    wanted: Collection[str],
    worker: Worker,
) -> None:
    """Capture and publish those layers of a network that are wanted, in one pass over the examples.

    Raises
    ------
    CaptureError
        When activations of some layers are not finite; those of the others are published.
    IntegrityError
        When data, code or model here are not those that were planned for.
    """
    from repsim.model_layers import capture_blocks, layer_table_of, sampled_examples, with_axes
    from repsim.training import select_device, thread_limit

    layers = [layer for layer in known if layer.folder in wanted]
    check_code(spec, trained=True)
    source = source_of(spec, worker)
    capture = layers[0].capture
    model = trained_model(spec, store)
    split = source.split(capture.split)
    indices = sampled_examples(capture.seed, len(split), capture.examples_of(len(split)))
    ids = [split.ids[index] for index in indices]
    classes = split.true_labels
    labels = None if classes is None else classes[indices].tolist()
    names = {layer.layer_of_model for layer in layers}
    places: dict[str, list[int]] = {}
    for layer in layers:
        if layer.places is not None:
            places.setdefault(layer.layer_of_model, []).extend(layer.places)
    table = with_axes(layer_table_of(lambda: model_of(spec), spec.inputs), capture.axes)
    writers = {
        layer.layer: ActivationWriter(
            layer.artifact(store),
            layer=layer.layer,
            ids=ids,
            labels=labels,
            positions=layer.positions,
            neurons=layer.neurons,
            dtype=capture.dtype,
        )
        for layer in layers
    }
    blocks = capture_blocks(
        model,
        split,
        indices,
        [layer for layer in table if layer.name in names],
        positions=_kept(capture),
        places=places,
        neurons=capture.neurons,
        seed=capture.seed,
        batch_size=spec.batch,
        device=select_device(worker.resources.device),
        workers=worker.resources.loader_workers,
    )
    failed: dict[str, str] = {}
    with thread_limit(worker.resources.threads):
        for rows, activations in blocks:
            for layer in [layer for layer in layers if layer.layer not in failed]:
                block = activations[layer.layer_of_model]
                if layer.places is not None:
                    listed = places[layer.layer_of_model]
                    block = block[:, [listed.index(place) for place in layer.places]]
                try:
                    writers[layer.layer].append(block)
                except InputError as problem:
                    failed[layer.layer] = str(problem)
            if len(failed) == len(writers):
                break
            worker.report(
                NetworkProgress(
                    network=spec.label, name="capturing", done=rows.stop, total=len(indices)
                )
            )
    for name, writer in writers.items():
        if name not in failed:
            writer.publish({"network": spec.label, "code": spec.code_files})
    if failed:
        folders = {layer.layer: layer.folder for layer in layers}
        raise CaptureError({folders[name]: why for name, why in failed.items()})


def _kept(capture: Capture) -> int | Literal["all", "mean", "last"]:
    """The positions of layers of which no places are listed."""
    asked = capture.positions
    if isinstance(asked, int):
        return asked
    return "mean" if asked == "mean" else "last" if asked == "last" else "all"


def stored_activations(store: Store, layer: LayerSpec) -> Activations:
    """The activations of a layer, which must have its shape."""
    shape = (layer.examples, layer.positions, layer.neurons)
    return Activations(store, layer.key, expected=shape)


def class_labels(layer: Activations) -> np.ndarray:
    """The class of each example of a layer of which it is known."""
    if layer.labels is None:
        raise layer.artifact.damaged("no classes of its examples")
    return layer.labels


def paired_blocks(x: Activations, y: Activations) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All samples of two layers, some examples at a time."""
    step = min(x.examples_per_shard, y.examples_per_shard)
    examples = x.shape[0]
    return zip(x.blocks(0, examples, step), y.blocks(0, examples, step), strict=True)
