"""Two processes in one process group of gloo, as an engine sets them up, and what they are asked.

What they run is named here, so that it can be sent to them.
"""

import copy
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from repsim.data import DataSource, from_arrays, from_tokens
from repsim.errors import RepsimError
from repsim.graph import NetworkProgress
from repsim.models import build_model
from repsim.stages.activations import LayerSpec
from repsim.stages.networks import NetworkSpec
from repsim.store import Store
from repsim.study import Seed, Training
from repsim.training import ALONE, Epoch, Ranks, evaluate, train
from tests.repsim.stages.preparing import prepare_network

SIZE = 2
SECONDS = 60
CPU = torch.device("cpu")


@contextmanager
def rank_processes() -> Iterator[Callable[..., list[Any]]]:
    """`each(function, ...)`: what `function(ranks, ...)` gives in every rank."""
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pools = [stack.enter_context(ProcessPoolExecutor(1, spawn)) for _ in range(SIZE)]

        def each(function: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
            asked = [pool.submit(_called, function, arguments, options) for pool in pools]
            return [answer.result(SECONDS) for answer in asked]

        joined = [pool.submit(_join, f"file://{folder}/group", i) for i, pool in enumerate(pools)]
        for answer in joined:
            answer.result(SECONDS)
        yield each


def _join(address: str, rank: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=SIZE)


def _called(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    return function(Ranks.of_process_group(), *arguments, **options)


def problem(count: int = 25) -> DataSource:
    """Three classes of noisy 8 × 8 images; 12 of them are the test split."""
    generator = np.random.default_rng(0)

    def split(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % 3
        images = generator.normal(size=(count, 1, 8, 8)) * 0.5
        images[np.arange(count), 0, 2 * labels] += 2
        return images, labels

    return from_arrays(train=split(count), test=split(12), padding=1, flip=True)


def language() -> DataSource:
    """A text of 23 windows of four tokens; ten of them are the test split."""
    text = np.cumsum(np.random.default_rng(0).integers(1, 3, size=93)) % 5
    return from_tokens(train=text, test=text[:41], vocabulary=5, length=4)


def language_model() -> nn.Module:
    inputs = language().inputs
    return build_model("gru", {"layers": 2, "width": 6}, inputs=inputs, outputs=5)


def without_batch_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3)
    )


def with_batch_norm() -> nn.Module:
    """No biases before batch norm: their gradient is nothing but rounding, which Adam makes big."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(64, 3, bias=False),
        nn.BatchNorm1d(3),
    )


def with_dropout() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 3))


@dataclass
class Folder:
    """Checkpoints in memory; a slow one writes as a bucket far away does."""

    contents: list[bytes] = field(default_factory=list)
    seconds: float = 0.0
    saved_at: float = 0.0

    def load(self) -> list[bytes]:
        return list(self.contents)

    def save(self, content: bytes, *, epoch: int) -> None:
        time.sleep(self.seconds)
        self.contents = [content, *self.contents][:2]
        self.saved_at = time.monotonic()


@dataclass
class Ended:
    """How a training ended in one rank."""

    weights: dict[str, np.ndarray] = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """Epochs."""
    error: str = ""
    at: float = 0.0
    contents: list[bytes] = field(default_factory=list)
    saved_at: float = 0.0


def training(
    ranks: Ranks,
    build: Callable[[], nn.Module],
    settings: Mapping[str, Any],
    *,
    examples: int = 25,
    source: DataSource | None = None,
    contents: Mapping[int, list[bytes]] | None = None,
    stop: Mapping[int, int] | None = None,
    seconds: float = 0.0,
) -> Ended:
    """Train; `contents` and the batch at which to `stop` are given for each rank."""
    folder = Folder(list((contents or {}).get(ranks.rank, [])), seconds)
    left = (stop or {}).get(ranks.rank, 0)
    ended = Ended()

    def should_stop() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    try:
        trained = train(
            build,
            source or problem(examples),
            Training(**{"epochs": 3, "batch_size": 7, "learning_rate": 0.05, **settings}),
            Seed.model_validate(3),
            device=CPU,
            threads=1,
            checkpoints=folder,
            on_epoch=lambda epoch: ended.told.append(epoch.epoch),
            should_stop=should_stop,
            ranks=ranks,
        )
        ended.weights = {name: tensor.numpy() for name, tensor in trained.state.items()}
        ended.history = list(trained.history)
    except RepsimError as error:
        ended.error = f"{type(error).__name__}: {error}"
    ended.at, ended.saved_at, ended.contents = time.monotonic(), folder.saved_at, folder.contents
    return ended


def alone(build: Callable[[], nn.Module], settings: Mapping[str, Any], **options: Any) -> Ended:
    """The same training in one process."""
    return training(ALONE, build, settings, **options)


class Seen(nn.Linear):
    """Keeps what it is shown in training, and a draw of dropout for each batch."""

    shown: list[np.ndarray]
    noise: list[np.ndarray]

    def __init__(self) -> None:
        super().__init__(64, 3)
        self.shown, self.noise = [], []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.shown.append(images.numpy().copy())
            self.noise.append(nn.functional.dropout(torch.ones(32), 0.5).numpy())
        return super().forward(images.flatten(1))


def what_is_seen(ranks: Ranks) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images and noise of every batch of a training."""
    models: list[Seen] = []

    def build() -> nn.Module:
        models.append(Seen())
        return models[-1]

    training(ranks, build, {})
    return models[-1].shown, models[-1].noise


def normalised(
    ranks: Ranks, norm: nn.Module, parts: list[np.ndarray], weights: list[np.ndarray]
) -> dict[str, np.ndarray]:
    """Output, gradients and running statistics of a batch norm, of two steps and in evaluation."""
    model = ranks.prepared(nn.Sequential(copy.deepcopy(norm)), CPU)
    images = torch.from_numpy(parts[ranks.rank]).requires_grad_()
    for _ in range(2):
        output = model(images)
    (output * torch.from_numpy(weights[ranks.rank])).sum().backward()
    found = {"output": output.detach(), "of images": images.grad}
    found |= {f"of {name}": parameter.grad for name, parameter in model.named_parameters()}
    found |= {name: value.detach() for name, value in model.state_dict().items()}
    model.eval()
    found["evaluated"] = model(images).detach()
    return {name: value.numpy() for name, value in found.items() if value is not None}


def prepared(
    ranks: Ranks, store: Store, spec: NetworkSpec, layers: Sequence[LayerSpec]
) -> list[NetworkProgress]:
    """A network that is trained and captured; the stages that are told."""
    told: list[NetworkProgress] = []
    prepare_network(store, spec, layers, ranks=ranks, report=told.append)
    return told


def accuracy(ranks: Ranks, batch_size: int) -> float:
    """Of an untrained network on the test split."""
    torch.manual_seed(1)
    return evaluate(
        without_batch_norm(),
        problem().test,
        problem().objective(),
        device=CPU,
        batch_size=batch_size,
        ranks=ranks,
    )
