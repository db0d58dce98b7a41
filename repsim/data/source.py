"""What every dataset is to the rest of repsim: two splits, whose examples have ids."""

import abc
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from repsim.data.targets import check_targets
from repsim.errors import InputError, StudyError, unknown_name
from repsim.inputs import InputSpec
from repsim.objective import Loss, Objective
from repsim.text import check_utf8

if TYPE_CHECKING:
    import torch

__all__ = [
    "Augmentation",
    "DataSource",
    "Split",
    "check_channels_first",
    "check_examples",
    "check_indices",
]

# Examples that are read at a time to digest a split.
_DIGESTED_BATCH = 256

# Pixels. Below it, axes of 3 and 4 are as likely places as colours.
_SMALLEST_PICTURE = 8


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Seed and epoch of random augmentation.

    The draws for example i depend only on (seed, epoch, i): any batch size, number of workers, or
    restart gives the same images.
    """

    seed: int
    epoch: int


class Split(abc.ABC):
    """One split of a dataset, in a fixed order."""

    ids: tuple[str, ...]
    """Ids of the n examples, in the order of the split."""
    targets: np.ndarray
    """int64 (n,), the class of each example; or float32 (n, outputs), numbers, none of them
    (outputs = 0) where targets are not known: then activations can be captured, and nothing
    trained; or, of sequences of tokens, int64 (n, length), the next ones."""
    decodes: bool = False
    """Whether images are decoded from files each time they are asked for."""
    contiguous: bool = False
    """Whether each example goes on where the one before it ends, as windows of a text do."""
    lengths: np.ndarray | None = None
    """int64 (n,): how many positions of each example are real, from the first on, where sequences
    are padded; None where none are."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def has_targets(self) -> bool:
        """Whether targets are known."""
        return self.targets.size > 0

    @property
    def true_labels(self) -> np.ndarray | None:
        """int64 (n,); the class of each example, also where it is trained on a random label.

        None where there are no classes.
        """
        return self.targets if self.targets.dtype.kind == "i" and self.targets.ndim == 1 else None

    @abc.abstractmethod
    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: "torch.device",
        workers: int = 0,
    ) -> Iterator[tuple["torch.Tensor", "torch.Tensor"]]:
        """Inputs and targets on `device`, in exactly the order of `indices`.

        Parameters
        ----------
        indices
            int (m,), positions in the split.
        batch_size
            Examples per batch; the last batch may have fewer.
        augmentation
            Seed and epoch of the random augmentation; None for the inputs as they are.
        device
            Where the batches go.
        workers
            Processes that decode images; 0 decodes in this one. Splits held in memory ignore it.

        Yields
        ------
        tuple
            Inputs (b, ...) of the shape and type of the data set, images normalised; and targets,
            int64 (b,) or float32 (b, outputs).

        Raises
        ------
        InputError
            An index is outside the split, or an image cannot be read.
        """

    def content_digest(self) -> str:
        """Sha256 (hex) of what the split contains; paths are no part of it.

        Of ids, targets, and every input as `batches` gives it without augmentation, bit by bit: all
        of them are read for it, in each process that loads the data. A split that knows its content
        more cheaply, or whose inputs are computed by what differs between processors, has a digest
        of its own.

        Raises
        ------
        StudyError
            Inputs that are not augmented differ from one time to the next.
        """
        every = np.arange(len(self))
        once, again = (list(self._plain_bytes(every[:_DIGESTED_BATCH])) for _ in range(2))
        if once != again:
            raise StudyError(
                f"Expected a split ({type(self).__name__}) whose batches are the same each time "
                "when augmentation is None. Got other inputs the second time. Draw at random only "
                "where an augmentation is given, from its seed and epoch."
            )
        digest = hashlib.sha256(self._names_digest().encode())
        for content in self._plain_bytes(every):
            digest.update(content)
        return digest.hexdigest()

    def _names_digest(self) -> str:
        """Sha256 (hex) of ids and targets."""
        digest = hashlib.sha256(json.dumps(self.ids).encode())
        targets = np.ascontiguousarray(self.targets)
        digest.update(f"{targets.dtype.name} {targets.shape}".encode())
        digest.update(targets.astype(targets.dtype.newbyteorder("<"), copy=False).tobytes())
        return digest.hexdigest()

    def _plain_bytes(self, indices: np.ndarray) -> Iterator[bytes]:
        """Dtypes, shapes and bytes of inputs without augmentation, and of targets, by batch."""
        import torch

        for batch in self.batches(
            indices, batch_size=_DIGESTED_BATCH, augmentation=None, device=torch.device("cpu")
        ):
            for tensor in batch:
                if not isinstance(tensor, torch.Tensor):
                    raise StudyError(
                        "Expected tensors of inputs and targets from "
                        f"{type(self).__name__}.batches. Got {type(tensor).__name__}."
                    )
                yield f"{tensor.dtype} {tuple(tensor.shape)}".encode()
                yield tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A dataset: a split to train on, and the fixed test split that activations are captured on.

    Raises
    ------
    StudyError
        A split is empty, targets are of another form, a label is not one of the classes, the splits
        differ in their targets, or images have their channels last.
    """

    name: str
    inputs: InputSpec
    train: Split
    test: Split
    preprocessing: str
    """Words that determine the inputs, given the ids."""
    classes: int | None = None
    """Number of classes; None where there are none."""

    def __post_init__(self) -> None:
        check_channels_first(self.inputs.shape, self.name)
        for name in ("train", "test"):
            split, where = self.split(name), f"{name} split of {self.name!r}"
            check_targets(split, self.classes, where, inputs=self.inputs)
        numbers = {part.targets.shape[1:] for part in (self.train, self.test) if part.has_targets}
        if len(numbers) > 1:
            raise StudyError(
                f"Expected targets of one shape in both splits of {self.name!r}. "
                f"Got {self.train.targets.shape} in train and {self.test.targets.shape} in test."
            )

    @property
    def predicts_tokens(self) -> bool:
        """Whether the targets are the next tokens of sequences."""
        return self.train.targets.dtype.kind == "i" and self.train.targets.ndim == 2

    @property
    def outputs(self) -> int | None:
        """How many outputs a network has for these targets; None where that is not known."""
        if self.predicts_tokens:
            return self.inputs.vocabulary
        known = [part.targets.shape[1:] for part in (self.train, self.test) if part.has_targets]
        return int(known[0][0]) if known and known[0] else self.classes

    def objective(self, loss: Loss | Literal["auto"] = "auto") -> Objective | None:
        """What a network is trained for on these data; None where there are no targets.

        Parameters
        ----------
        loss
            "auto": cross-entropy of classes, the mean squared error of numbers, the next token of
            sequences.

        Raises
        ------
        StudyError
            For cross-entropy there are no classes, or for the next token no sequences of tokens.
        """
        if not self.train.has_targets or self.outputs is None:
            return None
        if self.predicts_tokens != (loss == "next_token") and (self.predicts_tokens, loss) != (
            True,
            "auto",
        ):
            raise StudyError(
                f'Expected training.objective = "auto" for {self.name!r}, whose targets are '
                f"{'the next tokens' if self.predicts_tokens else 'no next tokens'}. Got {loss!r}. "
                "Leave it out."
            )
        if self.predicts_tokens:
            return Objective(loss="next_token", outputs=self.outputs, score="perplexity")
        labelled = self.train.targets.dtype.kind == "i"
        if loss == "cross_entropy" and not labelled:
            raise StudyError(
                'Expected labels, integers (n,), for training.objective = "cross_entropy". Got '
                f"numbers of shape {self.train.targets.shape} in {self.name!r}. "
                'Set training.objective = "mean_squared_error".'
            )
        return Objective(
            loss=("cross_entropy" if labelled else "mean_squared_error")
            if loss == "auto"
            else loss,
            outputs=self.outputs,
            score="accuracy" if labelled else "r2",
        )

    def split(self, name: str) -> Split:
        """The split of that name, "train" or "test".

        Raises
        ------
        StudyError
            There is no such split.
        """
        if name == "train":
            return self.train
        if name == "test":
            return self.test
        raise StudyError(unknown_name(f"split of dataset {self.name!r}", name, ["train", "test"]))

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over classes, inputs, preprocessing and the content of both splits."""
        facts = [
            self.classes,
            asdict(self.inputs),
            self.preprocessing,
            self.train.content_digest(),
            self.test.content_digest(),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def check_channels_first(shape: tuple[int, ...], name: str) -> None:
    """Refuse images that by their shape are (height, width, channels), as (32, 32, 3)."""
    if len(shape) != 3:
        return
    first, second, last = shape
    colours = last in (3, 4) and min(first, second) >= _SMALLEST_PICTURE
    grey = last == 1 and first == second >= _SMALLEST_PICTURE
    if colours or grey:
        raise StudyError(
            f"Expected images of shape (channels, height, width) in {name!r}. Got "
            f"{tuple(shape)}, which is (height, width, channels): give "
            "np.moveaxis(images, -1, 1)."
        )


def check_examples(split: Split, where: str) -> None:
    """Refuse a split whose ids do not name each example once, in UTF-8."""
    ids = split.ids
    if len(ids) != len(split):
        raise StudyError(
            f"Expected one id per example in the {where}. "
            f"Got {len(ids)} ids and {len(split)} targets."
        )
    check_utf8(ids, f"ids in the {where}")
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        repeated = next(name for name in ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise StudyError(
            f"Expected every id once in the {where}. Got {repeated!r} more than once. "
            "Ids are how the activations of two networks are lined up."
        )


def check_indices(indices: np.ndarray, count: int) -> np.ndarray:
    """Indices as int64 (m,), refused where they are not positions of a split of `count`."""
    indices = np.asarray(indices)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise InputError(
            f"Expected integer indices of shape (m,). Got {indices.dtype} of shape {indices.shape}."
        )
    # A negative index would be taken from the end, and one too large stops a GPU for good.
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        raise InputError(
            f"Expected indices from 0 to {count - 1}. Got {indices.min()} to {indices.max()}."
        )
    return indices.astype(np.int64)
