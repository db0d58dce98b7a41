"""Training: a node for each network that is trained, which makes its snapshots, too.

Torch is imported by the functions that need it, as in the other modules of this package.
"""

import functools
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from repsim.graph import Cost, NetworkProgress, Node, Product, Worker
from repsim.stages.networks import (
    NetworkSpec,
    check_code,
    model_of,
    publish_weights,
    source_of,
)
from repsim.store import Checkpoints, Store

if TYPE_CHECKING:
    import torch

    from repsim.stages.plan import StudyPlan
    from repsim.training import Epoch, Ranks

__all__ = ["nodes", "train_network"]

KINDS = ("networks", "snapshots", "checkpoints")

# Forward once, backward twice as much.
TRAINING_PASSES = 3


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each network that is trained."""
    for spec in plan.networks:
        if spec.given is not None:
            continue
        size = spec.size
        trained = spec.course.steps * min(spec.course.batch_size, size.train)
        evaluated = spec.course.evaluations * size.test
        yield Node(
            task="train",
            label=spec.label,
            makes=tuple(
                Product(
                    folder=kept.folder, label=kept.label, bytes=4 * size.parameters, result=True
                )
                for kept in (spec, *spec.snapshots)
            ),
            make=functools.partial(train_network, spec),
            where="train",
            together=True,
            share=spec.training_key,
            cost=Cost(
                operations=size.operations * (TRAINING_PASSES * trained + evaluated),
                images=(trained + evaluated) * size.decodes,
            ),
        )


def train_network(spec: NetworkSpec, store: Store, wanted: Collection[str], worker: Worker) -> None:
    """Train a network, from its checkpoint where there is one, and publish what is wanted of it.

    A snapshot is published when the training comes to it. One that is missing of a network that is
    there is had by training again.

    Several ranks train it together, each called with a worker of its own; the first publishes it.

    Raises
    ------
    TrainingError
        When the loss is not finite.
    IntegrityError
        When data, code or model here are not those that were planned for, or a network is to be
        trained that earlier code has trained.
    PreemptedError
        When the worker is told to stop. The next run continues from the checkpoint.
    """
    from repsim.training import ALONE

    ranks = worker.ranks or ALONE
    (published,) = ranks.any(not wanted)
    if published:
        return
    check_code(spec, trained=False)
    _train(spec, store, wanted, worker, ranks)


def _train(
    spec: NetworkSpec, store: Store, wanted: Collection[str], worker: Worker, ranks: "Ranks"
) -> None:
    import torch

    from repsim.training import select_device, train

    history: list[dict[str, Any]] = []

    def report(done: int, score: float | None = None) -> None:
        worker.report(
            NetworkProgress(
                network=spec.label,
                name="training",
                done=done,
                total=spec.course.epochs,
                score=score,
                score_name=spec.objective.score if spec.objective else "accuracy",
                history=tuple(history),
            )
        )

    def on_epoch(epoch: "Epoch") -> None:
        history.append(asdict(epoch))
        report(epoch.epoch, epoch.test_score)

    def on_snapshot(step: int, state: "dict[str, torch.Tensor]") -> None:
        publish_weights(missing[step], store, state)

    report(0)
    missing = {one.step: one for one in spec.snapshots if one.folder in wanted}
    best = missing.pop(None, None)
    checkpoints = Checkpoints(store, spec.key)
    trained = train(
        lambda: model_of(spec),
        source_of(spec, worker),
        spec.training,
        spec.seed,
        device=select_device(worker.resources.device),
        identity=spec.key,
        workers=worker.resources.loader_workers,
        threads=worker.resources.threads,
        checkpoints=checkpoints,
        on_epoch=on_epoch,
        snapshots=[step for step in missing if step is not None],
        on_snapshot=on_snapshot,
        find_best=best is not None,
        should_stop=worker.should_stop,
        ranks=ranks,
    )
    if not ranks.first:
        return
    if best is not None:
        assert trained.best is not None
        publish_weights(best, store, trained.best)
    record = {
        "history": [asdict(epoch) for epoch in trained.history],
        "device": trained.device,
        "precision": trained.precision,
        "parameters": trained.parameters,
        "kept_epoch": trained.kept_epoch,
        "score": spec.objective.score if spec.objective else None,
        "threads": worker.resources.threads,
        "world_size": ranks.size,
        "torch": torch.__version__,
        "code": spec.code_files,
    }
    if spec.folder in wanted:
        publish_weights(spec, store, trained.state, record)
    checkpoints.discard()
