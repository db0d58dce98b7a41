"""What a training worker runs: train one network, then write the activations of its layers."""

import functools
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from repsim.capture import (
    capture_blocks,
    layer_table_of,
    sampled_examples,
    structure_digest,
    with_axes,
)
from repsim.data import DataSource, load_data
from repsim.errors import CaptureError, InputError, IntegrityError
from repsim.models import build_model
from repsim.own_code import own_code
from repsim.store import ActivationWriter, Checkpoints, Store
from repsim.tasks.record import Recorder, process_seconds, recorded
from repsim.tasks.specs import TRAINING_RECORD, LayerSpec, NetworkSpec
from repsim.tasks.stage import Stage
from repsim.training import ALONE, Epoch, Ranks, select_device, thread_limit, train

__all__ = ["Resources", "model_of", "prepare_network"]

WEIGHTS = "weights.pt"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a worker may use. It changes how fast a network is trained, not which one."""

    device: str = "auto"
    threads: int = 1
    loader_workers: int = 0


Report = Callable[[Stage], None]
ShouldStop = Callable[[], bool]


def _silent(stage: Stage) -> None:
    del stage


def _never() -> bool:
    return False


def prepare_network(
    location: str,
    spec: NetworkSpec,
    layers: Sequence[LayerSpec],
    resources: Resources,
    *,
    ranks: Ranks = ALONE,
    report: Report = _silent,
    should_stop: ShouldStop = _never,
    recorder: Recorder | None = None,
) -> None:
    """Train the network if it is not there, and capture those of `layers` that are not there.

    Several `ranks` train it together, each called with resources of its own. The first publishes
    the network and captures the layers, after which the others have returned. `recorder` is given
    what the training took in this process, and what the capture of all layers took.

    Raises
    ------
    TrainingError
        When the loss is not finite.
    CaptureError
        When activations of some layers are not finite; those of the others are published.
    IntegrityError
        When data, code or model here are not those that were planned for, or a network is to be
        trained that earlier code has trained.
    PreemptedError
        When `should_stop` said so; training goes on from its checkpoint next time.
    """
    store = Store(location)
    wanted = layers if ranks.first else ()
    missing = [layer for layer in wanted if not layer.artifact(store).exists()]
    (trained,) = ranks.any(spec.artifact(store).exists())
    if trained and not missing:
        return
    _check_code(spec, trained=trained)
    # Loaded by whichever of the two comes first.
    source = functools.cache(lambda: _source(spec))
    of = spec.label if ranks.size == 1 else f"{spec.label}, rank {ranks.rank} of {ranks.size}"
    if not trained:
        with recorded(recorder, "train", of, cpu_clock=process_seconds):
            given = (source(), select_device(resources.device), resources)
            _train(store, spec, *given, ranks, report, should_stop)
    if missing:
        with recorded(recorder, "capture", spec.label, cpu_clock=process_seconds):
            given = (source(), select_device(resources.device), resources)
            _capture(store, spec, missing, *given, report=report)


def _check_code(spec: NetworkSpec, *, trained: bool) -> None:
    """Refuse code that is not what the network's key says."""
    names = {"model": spec.model.name, "data": spec.data.name}
    for what, planned in spec.own_codes.items():
        here = own_code(names[what])
        if here is None or here.digest != planned.digest:
            there = here.files if here else ()
            differ = sorted({file for file, _ in {*there} ^ {*planned.files}})
            raise IntegrityError(
                f"Expected the code of {names[what]!r} as it was when the run was planned. Got "
                f"other code on this node: {', '.join(differ)}. Make every node see the same "
                "code, and run the study again if it was edited meanwhile."
            )
        if planned.stands_for and not trained:
            raise IntegrityError(
                f"Expected {spec.artifact(Store('')).folder}, the network {spec.label} of the "
                f"code {planned.stands_for} that the study accepts. Got nothing: it was damaged "
                "or removed. Run the study again: the code as it is then trains it."
            )


def _source(spec: NetworkSpec) -> DataSource:
    source = load_data(spec.data.name, spec.data.options)
    if source.fingerprint != spec.fingerprint:
        raise IntegrityError(
            f"Expected the data {spec.data.name!r} as it was when the run was planned. Got other "
            "content on this node. Make every node see the same data. Images that are computed "
            "can differ in their last bits between processors: give the split of your own a "
            "content_digest()."
        )
    return source


def model_of(spec: NetworkSpec) -> torch.nn.Module:
    """The network with new weights, drawn from torch's global generator."""
    model = build_model(
        spec.model.name,
        spec.model.options,
        classes=spec.classes,
        image_shape=spec.image_shape,
        output=spec.model.output,
    )
    if structure_digest(model) != spec.structure:
        raise IntegrityError(
            f"Expected the model {spec.model.name!r} with the parameters that it had when the run "
            "was planned. Got others on this node. Make every node use the same packages."
        )
    return model


def _train(
    store: Store,
    spec: NetworkSpec,
    source: DataSource,
    device: torch.device,
    resources: Resources,
    ranks: Ranks,
    report: Report,
    should_stop: ShouldStop,
) -> None:
    def on_epoch(epoch: Epoch) -> None:
        report(
            Stage(
                network=spec.label,
                name="training",
                done=epoch.epoch,
                total=spec.training.epochs,
                accuracy=epoch.test_accuracy,
            )
        )

    report(Stage(network=spec.label, name="training", done=0, total=spec.training.epochs))
    checkpoints = Checkpoints(store, spec.key)
    trained = train(
        lambda: model_of(spec),
        source,
        spec.training,
        spec.network.seed,
        device=device,
        identity=spec.key,
        workers=resources.loader_workers,
        threads=resources.threads,
        checkpoints=checkpoints,
        on_epoch=on_epoch,
        should_stop=should_stop,
        ranks=ranks,
    )
    if not ranks.first:
        return
    weights = io.BytesIO()
    torch.save(trained.state, weights)
    record = {
        "history": [asdict(epoch) for epoch in trained.history],
        "device": trained.device,
        "precision": trained.precision,
        "parameters": trained.parameters,
        "kept_epoch": trained.kept_epoch,
        "threads": resources.threads,
        "world_size": ranks.size,
        "torch": torch.__version__,
        "code": spec.code_files,
    }
    draft = spec.artifact(store).draft()
    draft.write(WEIGHTS, weights.getvalue())
    draft.write(TRAINING_RECORD, json.dumps(record).encode())
    draft.publish({"network": spec.label, "parameters": spec.parameters, "code": spec.code_files})
    checkpoints.discard()


def _capture(
    store: Store,
    spec: NetworkSpec,
    layers: Sequence[LayerSpec],
    source: DataSource,
    device: torch.device,
    resources: Resources,
    *,
    report: Report,
) -> None:
    capture = layers[0].capture
    model = model_of(spec)
    trained = spec.artifact(store)
    weights = io.BytesIO(trained.read(WEIGHTS))
    with trained.as_expected(WEIGHTS):
        model.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    split = source.split(capture.split)
    indices = sampled_examples(capture.seed, len(split), capture.examples_of(len(split)))
    ids = [split.ids[index] for index in indices]
    labels = split.labels[indices].tolist() if split.labelled else None
    wanted = {layer.layer for layer in layers}
    table = with_axes(layer_table_of(lambda: model_of(spec), spec.image_shape), capture.axes)
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
        [layer for layer in table if layer.name in wanted],
        positions=capture.positions,
        seed=capture.seed,
        device=device,
        workers=resources.loader_workers,
    )
    failed: dict[str, str] = {}
    with thread_limit(resources.threads):
        for rows, activations in blocks:
            for name in [name for name in activations if name not in failed]:
                try:
                    writers[name].append(activations[name])
                except InputError as problem:
                    failed[name] = str(problem)
            if len(failed) == len(writers):
                break
            report(Stage(network=spec.label, name="capturing", done=rows.stop, total=len(indices)))
    for name, writer in writers.items():
        if name not in failed:
            writer.publish({"network": spec.label, "code": spec.code_files})
    if failed:
        raise CaptureError(failed)
