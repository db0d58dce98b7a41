"""Train one network, from its seeds to the weights to keep."""

from collections.abc import Callable, Collection

import torch
from torch import nn

from repsim.data import DataSource
from repsim.errors import StudyError
from repsim.study import Seed, Training, digest
from repsim.training.checkpoint import CheckpointFolder
from repsim.training.device import thread_limit
from repsim.training.history import Epoch, Progress, TrainedNetwork
from repsim.training.precision import repeatable_kernels, resolve_precision
from repsim.training.ranks import ALONE, Ranks
from repsim.training.state import start_or_resume
from repsim.training.streams import isolated_randomness
from repsim.training.trainer import Trainer

__all__ = ["check_data", "train"]


def _never() -> bool:
    return False


def check_data(source: DataSource, training: Training) -> None:
    """Refuse data that cannot be trained on in this way, before anything is.

    Raises
    ------
    StudyError
        When there are no targets to train on, fewer than two training examples, or fewer than the
        batch size that is asked for; when the warm-up is longer than the training; or when the best
        epoch is to be kept or a snapshot, or a plateau to be found, and the test split has no
        targets to find it by.
    """
    objective = source.objective(training.objective)
    if training.epochs == 0:
        return
    if objective is None:
        raise StudyError(
            f"Expected targets in the training split of {source.name!r}. Got none, and so nothing "
            "to train a network for. Give labels or numbers, or set training.epochs = 0: the "
            "activations of untrained networks can be captured."
        )
    if len(source.train) < 2:
        raise StudyError(f"Expected at least two training examples. Got {len(source.train)}.")
    if objective.scored(0.0, source.train.targets) is None:
        raise StudyError(
            f"Expected numbers that vary in the targets of the training split of {source.name!r}. "
            "Got the same for all examples: there is nothing to predict."
        )
    _check_course(source, training)
    test = source.test
    if test.has_targets and objective.scored(0.0, test.targets) is not None:
        return
    got = f"Got {'the same numbers throughout' if test.has_targets else 'none'}."
    if training.keep == "best":
        raise StudyError(
            'Expected labels of the test split for training.keep = "best", or numbers that vary: '
            f'it keeps the epoch of the best test score. {got} Set training.keep = "last".'
        )
    if training.schedule == "plateau" or training.average == "plateau":
        raise StudyError(
            "Expected targets of the test split that vary for a plateau in training.schedule or "
            f"training.average: it is one of the test score. {got} Choose another."
        )
    if "best" in training.snapshots:
        raise StudyError(
            'Expected labels of the test split for the snapshot "best", or numbers that vary: it '
            f'is of the epoch with the best test score. {got} Remove "best" from '
            "training.snapshots."
        )


def _check_course(source: DataSource, training: Training) -> None:
    course = training.course(len(source.train), whole=source.train.contiguous)
    if course.batch_size > len(source.train) and source.train.contiguous:
        raise StudyError(
            f"Expected a batch of at most {len(source.train)} windows of the training text: each "
            f"is of another stream. Got training.batch_size = {course.batch_size}. Choose a "
            "smaller one, or shorter windows (data.length)."
        )
    if training.warmup_epochs * course.batches > course.steps:
        raise StudyError(
            f"Expected a warm-up within the training of {course.steps} steps. Got "
            f"training.warmup_epochs = {training.warmup_epochs}, of {course.batches} steps each: "
            "the learning rate would never be reached. Set fewer, or train for longer."
        )


def train(
    build: Callable[[], nn.Module],
    source: DataSource,
    training: Training,
    seed: Seed,
    *,
    device: torch.device,
    identity: str = "",
    workers: int = 0,
    threads: int | None = None,
    checkpoints: CheckpointFolder | None = None,
    checkpoint_every_seconds: float = 600.0,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    snapshots: Collection[int] = (),
    on_snapshot: Callable[[int, dict[str, torch.Tensor]], None] | None = None,
    find_best: bool = False,
    should_stop: Callable[[], bool] = _never,
    ranks: Ranks = ALONE,
) -> TrainedNetwork:
    """Train one network from its seeds, going on from its last checkpoint if there is one.

    On a CPU an interrupted training ends with the same weights, bit for bit, as one that was left
    alone. On every device the order, the augmentation and the dropout noise are the same.

    Parameters
    ----------
    build
        Makes the model, whose output is (examples, outputs), drawing its initial weights from
        torch's global generator, which is seeded for it.
    source
        Trained on its train split; its test split is answered after each epoch.
    identity
        What else determines the network (the model and its options, the data's fingerprint). A
        checkpoint is resumed only by a training with the same identity, settings and seeds.
    workers
        Processes that decode images.
    threads
        Of torch on the CPU; None leaves the setting of the process.
    checkpoints
        Written after each epoch, inside one when `checkpoint_every_seconds` have passed since the
        last, and before stopping. Any number of ranks goes on from them.
    on_epoch, on_progress
        Called after each epoch, and at most every few seconds or batches within one.
    snapshots, on_snapshot
        After so many steps (0: before the first) `on_snapshot` is called with that number and a
        state dict on the CPU, in the first rank alone. A checkpoint from after the first of them is
        not resumed. Snapshots do not change the network.
    find_best
        Whether the weights of the epoch with the best test score are wanted, too.
    should_stop
        Asked after every batch, so it must be quick.
    ranks
        The processes that train the network together. Each is called with the same arguments and a
        device of its own, and gets the same network. The first reads and writes the checkpoints.

    Raises
    ------
    StudyError
        If the model does not give such outputs, the data are refused by `check_data`, or there are
        fewer examples in a batch than ranks.
    TrainingError
        If a loss or a weight stops being finite.
    PreemptedError
        If `should_stop` said so. The checkpoint is written.

    Notes
    -----
    The last batch of an epoch may be smaller, but a single example left over sits the epoch out
    (another one in each epoch): batch norm has no variance of one example. A batch size of 1 is
    taken at its word.

    Of several ranks, each has a part of every batch: ``batch_size`` is that of all of them, and the
    learning rate is left alone. Batch norm is over the whole batch. One step is that of a single
    process but for the rounding of sums, and the draws of dropout.
    """
    check_data(source, training)
    with isolated_randomness(device), thread_limit(threads), repeatable_kernels():
        trainer = Trainer(
            source=source,
            training=training,
            seed=seed,
            device=device,
            precision=resolve_precision(training, device),
            workers=workers,
            identity=digest(
                {
                    "identity": identity,
                    "training": training.determining,
                    "seed": seed.model_dump(mode="json"),
                    "examples": len(source.train),
                }
            ),
            checkpoints=checkpoints,
            checkpoint_every_seconds=checkpoint_every_seconds,
            on_epoch=on_epoch,
            on_progress=on_progress,
            snapshots=frozenset(snapshots),
            on_snapshot=on_snapshot,
            find_best=find_best or training.keep == "best",
            should_stop=should_stop,
            ranks=ranks,
        )
        ranks.check_batches(trainer.course)
        state = start_or_resume(
            build,
            training,
            seed,
            device=device,
            checkpoints=checkpoints,
            identity=trainer.identity,
            usable=trainer.can_go_on_from,
            ranks=ranks,
        )
        trainer.take_snapshot(state)
        while state.epoch <= trainer.course.epochs:
            trainer.train_epoch(state)
            trainer.finish_epoch(state)
        found = state.best
        best = found if training.keep == "best" else None
        return TrainedNetwork(
            state=state.kept if best is None else best.weights,
            history=tuple(state.history),
            device=device.type,
            precision=trainer.precision,
            parameters=sum(p.numel() for p in state.model.parameters() if p.requires_grad),
            kept_epoch=trainer.course.epochs if best is None else best.epoch,
            best=None if found is None else found.weights,
        )
