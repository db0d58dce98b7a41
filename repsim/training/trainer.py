"""Through one epoch and its end: steps, metrics, evaluation, checkpoints, stopping."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from repsim.data import Augmentation, DataSource
from repsim.errors import PreemptedError, TrainingError
from repsim.objective import Objective
from repsim.study import Course, Seed, Training
from repsim.training.carried import carries, contiguous_order, gathered, start
from repsim.training.checkpoint import CheckpointFolder
from repsim.training.evaluation import evaluate
from repsim.training.history import Epoch, Progress
from repsim.training.metrics import RunningMetrics
from repsim.training.optimiser import learning_rate, plateaus, set_learning_rate
from repsim.training.precision import Precision, autocast
from repsim.training.ranks import Ranks
from repsim.training.state import Best, TrainingState
from repsim.training.streams import epoch_order, seed_torch, stream_seed

__all__ = ["Trainer"]

# Examples that are evaluated at a time, where batches are larger.
MOST_EVALUATED = 1024


@dataclass(kw_only=True)
class Trainer:
    """Takes the state of a training through its epochs, and writes its checkpoints.

    Where several ranks train the network, each has a Trainer, and all go through the same steps.
    """

    source: DataSource
    training: Training
    seed: Seed
    device: torch.device
    precision: Precision
    workers: int
    identity: str
    checkpoints: CheckpointFolder | None
    checkpoint_every_seconds: float
    on_epoch: Callable[[Epoch], None] | None
    on_progress: Callable[[Progress], None] | None
    snapshots: frozenset[int]
    on_snapshot: Callable[[int, dict[str, Tensor]], None] | None
    find_best: bool
    should_stop: Callable[[], bool]
    ranks: Ranks
    _saved_at: float = field(default_factory=time.monotonic)

    @cached_property
    def course(self) -> Course:
        """How it goes through the training split."""
        train = self.source.train
        return self.training.course(len(train), whole=train.contiguous)

    @cached_property
    def objective(self) -> Objective:
        """What the network is trained for."""
        objective = self.source.objective(self.training.objective)
        assert objective is not None  # `check_data` refuses to train without one.
        return objective

    def steps(self, state: TrainingState) -> int:
        """Steps that are done."""
        return (state.epoch - 1) * self.course.batches + state.batch

    def can_go_on_from(self, state: TrainingState) -> bool:
        """Whether everything that is wanted of the training comes after this state."""
        late = self.steps(state) > min(self.snapshots, default=self.course.steps)
        return not late and not (self.find_best and state.history and state.best is None)

    def take_snapshot(self, state: TrainingState) -> None:
        """Hand on the weights, if a snapshot is wanted after as many steps as are done."""
        step = self.steps(state)
        if step not in self.snapshots or self.on_snapshot is None:
            return
        if not _finite(state.model):
            raise self._diverged(state, state.batch, "a weight")
        if self.ranks.first:
            self.on_snapshot(step, state.kept)

    def train_epoch(self, state: TrainingState) -> None:
        """Train on what is left of the state's epoch."""
        resumed_at = time.monotonic() - state.seconds
        self._begin_average(state)
        self._carry(state)
        for inputs, targets in self._remaining_batches(state):
            self._step(state, inputs, targets)
            state.batch += 1
            self.take_snapshot(state)
            state.seconds = time.monotonic() - resumed_at
            late = time.monotonic() - self._saved_at >= self.checkpoint_every_seconds
            # Clocks and signals differ between ranks.
            due, stop, late = self.ranks.any(state.metrics.due, self.should_stop(), late)
            if due:
                self._read_metrics(state)
                self._tell_progress(state)
            if stop:
                self._stop(state)
            if late and state.batch < self.course.last_batch_of(state.epoch):
                self._save(state)

    def _remaining_batches(self, state: TrainingState) -> Iterator[tuple[Tensor, Tensor]]:
        course = self.course
        order = self._order(state.epoch)
        order = order[: min(course.examples, course.last_batch_of(state.epoch) * course.batch_size)]
        size = course.batch_size
        starts = range(state.batch * size, len(order), size)
        if not starts:
            return iter(())
        parts = [self.ranks.part(order[start : start + size]) for start in starts]
        augmentation = Augmentation(
            seed=stream_seed(self.seed.augmentation, "augmentation"), epoch=state.epoch
        )
        return self.source.train.batches(
            np.concatenate(parts),
            # All parts but the last are of this size, so that they are cut as they were put.
            batch_size=len(self.ranks.part(order[:size])),
            augmentation=augmentation if self.training.augment else None,
            device=self.device,
            workers=self.workers,
        )

    def _step(self, state: TrainingState, inputs: Tensor, targets: Tensor) -> None:
        # Per batch, so that dropout does not depend on what ran before: an interruption, or a
        # data loader that draws from the same generator. Ranks must not repeat each other's noise.
        rank = [self.ranks.rank] if self.ranks.size > 1 else []
        noise = stream_seed(self.seed.augmentation, "dropout", state.epoch, state.batch, *rank)
        seed_torch(noise, self.device)
        set_learning_rate(state.optimiser, self._rate(state))
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with autocast(self.precision, self.device):
            outputs = state.replica(inputs)
            self.objective.check(outputs, len(targets))
            loss = self.objective.mean_loss(outputs, targets)
        state.optimiser.zero_grad(set_to_none=True)
        # The mean over the ranks of these is the gradient of the mean over the whole batch.
        share = self.ranks.size * len(targets) / self.course.size_of(state.batch)
        state.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
        if self.training.clip is not None:
            state.scaler.unscale_(state.optimiser)
            nn.utils.clip_grad_norm_(state.model.parameters(), self.training.clip)
        state.scaler.step(state.optimiser)
        state.scaler.update()
        if state.average is not None:
            state.average.update_parameters(state.model)
        tally = self.objective.tally(outputs.detach(), targets)
        state.metrics.add(loss, tally, len(targets))

    def _rate(self, state: TrainingState, batch: int | None = None) -> float:
        at = state.batch if batch is None else batch
        step = (state.epoch - 1) * self.course.batches + at
        rate = learning_rate(self.training, self.course, step)
        if self.training.schedule == "plateau":
            scores = [epoch.test_score for epoch in state.history]
            rate *= self.training.decay ** plateaus(scores, self.training.patience, self.objective)
        return rate

    def _order(self, epoch: int) -> np.ndarray:
        """Order of the training examples in an epoch.

        The windows of a text are in streams, which start at another window in each epoch: so it is
        another part of the text that does not fill a batch.
        """
        count = len(self.source.train)
        order = epoch_order(self.seed.order, epoch, count)
        if not self.source.train.contiguous:
            return order
        streams = contiguous_order(self.course.examples, self.course.batch_size)
        return np.asarray((streams + order[0]) % count)

    def _carry(self, state: TrainingState) -> None:
        """Let a recurrent model carry its hidden state through the epoch, from where it stands."""
        if not (self.source.train.contiguous and carries(state.model)):
            return
        mine = self.ranks.part(np.arange(self.course.batch_size))
        start(state.model, len(mine), self.device)
        if state.hidden is not None:
            state.model.hidden = tuple(part[:, mine].to(self.device) for part in state.hidden)  # type: ignore[assignment]
            state.hidden = None

    def _begin_average(self, state: TrainingState) -> None:
        begin = self.training.average
        if begin is None or state.average is not None or state.batch:
            return
        scores = [epoch.test_score for epoch in state.history]
        if begin == "plateau":
            due = plateaus(scores, self.training.patience, self.objective) > 0
        else:
            due = state.epoch > begin
        if due:
            state.average = AveragedModel(state.model)

    def finish_epoch(self, state: TrainingState) -> None:
        """Evaluate, note the epoch, and move the state to the start of the next one."""
        self._read_metrics(state)
        noted = self._noted(state) if self.course.evaluates(state.epoch) else None
        state.epoch, state.batch, state.seconds = state.epoch + 1, 0, 0.0
        state.metrics = RunningMetrics()
        if noted is not None:
            self._save(state)
            if self.on_epoch is not None:
                self.on_epoch(noted)

    def _noted(self, state: TrainingState) -> Epoch:
        """The epoch that is over; its weights are kept if they are the best so far."""
        started = time.monotonic()
        if not _finite(state.model):
            raise self._diverged(state, state.batch, "a weight")
        score = evaluate(
            state.model if state.average is None else state.average.module,
            self.source.test,
            self.objective,
            device=self.device,
            precision=self.precision,
            batch_size=min(self.course.batch_size, MOST_EVALUATED),
            workers=self.workers,
            ranks=self.ranks,
        )
        epoch = Epoch(
            epoch=state.epoch,
            learning_rate=self._rate(state, 0),
            train_loss=state.metrics.loss,
            train_score=self._train_score(state),
            test_score=score,
            seconds=state.seconds + time.monotonic() - started,
        )
        state.history.append(epoch)
        best = None if state.best is None else state.best.test_score
        if self.find_best and score is not None and self.objective.improves(score, best):
            state.best = Best(epoch=epoch.epoch, test_score=score, weights=state.kept)
        return epoch

    def _train_score(self, state: TrainingState) -> float | None:
        return self.objective.scored(state.metrics.mean_tally, self.source.train.targets)

    def _read_metrics(self, state: TrainingState) -> None:
        before_end = state.metrics.read(self.ranks)
        if before_end is not None:
            raise self._diverged(state, state.batch - before_end + 1, "the loss")

    def _diverged(self, state: TrainingState, batch: int, what: str) -> TrainingError:
        rate = self._rate(state, batch - 1)
        return TrainingError(
            f"Expected finite numbers. Got NaN or infinity in {what} in epoch {state.epoch}, "
            f"batch {batch} of {self.course.batches}, at learning rate {rate:.4g}, "
            f"in {self.precision}. Lower training.learning_rate, set training.warmup_epochs, or "
            'set training.precision = "float32".'
        )

    def _tell_progress(self, state: TrainingState) -> None:
        if self.on_progress is not None:
            progress = Progress(
                epoch=state.epoch,
                epochs=self.course.epochs,
                batch=state.batch,
                batches=self.course.batches,
                train_loss=state.metrics.loss,
                train_score=self._train_score(state),
            )
            self.on_progress(progress)

    def _save(self, state: TrainingState) -> None:
        self._read_metrics(state)
        carried = getattr(state.model, "hidden", None) if state.batch else None
        hidden = None
        if carried is not None:
            hidden = gathered(carried, self.course.batch_size, self.ranks)
        if self.checkpoints is not None and self.ranks.first:
            content = state.encode(identity=self.identity, hidden=hidden)
            self.checkpoints.save(content, epoch=state.epoch)
        self._saved_at = time.monotonic()

    def _stop(self, state: TrainingState) -> None:
        self._save(state)
        self.ranks.wait()  # a rank that ends takes the others with it
        kept = "Nothing is" if self.checkpoints is None else "The checkpoint is"
        raise PreemptedError(
            f"Expected to train {self.course.epochs} epochs. Got a request to stop in epoch "
            f"{state.epoch}, after batch {state.batch} of {self.course.batches}. {kept} saved; "
            "run the same command again to go on."
        )


def _finite(model: nn.Module) -> bool:
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    return not tensors or bool(torch.stack([t.isfinite().all() for t in tensors]).all())
