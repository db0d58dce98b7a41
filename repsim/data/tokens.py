"""Data of tokens: a text cut into windows, or sequences of any length, padded to the longest."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch

from repsim.arrays import ArrayLike, as_array
from repsim.data.draws import Purpose, generator
from repsim.data.source import Augmentation, DataSource, Split, check_indices
from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.objective import PADDING

__all__ = ["TokenSplit", "from_tokens"]


class TokenSplit(Split):
    """Windows of a stream of tokens, whose targets are the tokens that follow.

    Parameters
    ----------
    stream
        int64 (tokens,).
    starts
        int64 (n,): the place in the stream of the first token of each window.
    length
        Tokens of a window.
    ids
        n ids, each once.
    lengths
        int64 (n,): how many tokens of each window are real; those after them are padding. None
        where all are.
    contiguous
        Whether each window goes on where the one before it ends. Training then cuts the text at
        other places in each epoch, if it augments the data.
    """

    def __init__(
        self,
        *,
        stream: np.ndarray,
        starts: np.ndarray,
        length: int,
        ids: Sequence[str],
        lengths: np.ndarray | None = None,
        contiguous: bool = False,
    ) -> None:
        self.ids = tuple(ids)
        self.lengths = lengths
        self.contiguous = contiguous
        self._stream = stream
        self._starts = starts
        self._length = length
        self._on_device: dict[torch.device, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self._starts)

    @cached_property
    def targets(self) -> np.ndarray:  # type: ignore[override]
        """int64 (n, length): the next tokens; `PADDING` where there is none."""
        places = self._starts[:, None] + np.arange(1, self._length + 1)
        targets = self._stream[places % len(self._stream)]
        if self.lengths is not None:
            targets[np.arange(self._length) >= self.lengths[:, None]] = PADDING
        return targets

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int = 0,  # noqa: ARG002 - nothing is left to decode
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Tokens and those that follow, in the order of `indices`; see `Split.batches`."""
        chosen = check_indices(indices, len(self))
        shift = 0
        if augmentation is not None and self.contiguous:
            draws = generator(augmentation.seed, Purpose.AUGMENTATION, augmentation.epoch)
            shift = int(draws.integers(self._length))
        if device not in self._on_device:
            self._on_device[device] = torch.from_numpy(self._stream).to(device)
        starts = torch.from_numpy(self._starts[chosen] + shift).to(device)
        lengths = None
        if self.lengths is not None:
            lengths = torch.from_numpy(self.lengths[chosen]).to(device)
        return self._batches(self._on_device[device], starts, lengths, batch_size)

    def _batches(
        self,
        stream: torch.Tensor,
        starts: torch.Tensor,
        lengths: torch.Tensor | None,
        batch_size: int,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        window = torch.arange(self._length + 1, device=stream.device)
        for first in range(0, len(starts), batch_size):
            batch = slice(first, first + batch_size)
            # A window that is shifted past the end goes on at the beginning.
            tokens = stream[(starts[batch, None] + window) % len(stream)]
            inputs, targets = tokens[:, :-1], tokens[:, 1:]
            if lengths is not None:
                padded = window[:-1] >= lengths[batch, None]
                inputs, targets = (
                    inputs.masked_fill(padded, 0),
                    targets.masked_fill(padded, PADDING),
                )
            yield inputs.contiguous(), targets.contiguous()

    def content_digest(self) -> str:
        """Sha256 (hex) of ids, windows and tokens."""
        digest = hashlib.sha256("\n".join(self.ids).encode())
        digest.update(f"\n{self._length} {self.contiguous}".encode())
        for part in (self._starts, self.lengths, self._stream):
            if part is not None:
                digest.update(f" {len(part)} ".encode())
                digest.update(part.astype("<i8", copy=False).tobytes())
        return digest.hexdigest()


def from_tokens(
    *,
    train: ArrayLike | Sequence[ArrayLike],
    test: ArrayLike | Sequence[ArrayLike],
    vocabulary: int,
    length: int | None = None,
    name: str = "tokens",
    preprocessing: str = "",
) -> DataSource:
    """Data on which networks predict the next token.

    Parameters
    ----------
    train, test
        A text, integers (tokens,), which is cut into windows of `length` tokens; or a list of
        sequences, integers (n,), each an example of its own, which are padded to the longest.
        Padding is part of no loss and of no statistic.
    vocabulary
        Number of tokens: ids are from 0 to this, excluded.
    length
        Of the windows of a text. Of sequences, the longest one by default; longer ones are refused.
    preprocessing
        Words that determine the tokens, such as how words are told apart.

    Raises
    ------
    StudyError
        There is no window, a sequence is too short or long, or an id is outside the vocabulary.

    Examples
    --------
    >>> text = np.arange(100) % 7
    >>> source = from_tokens(train=text, test=text[:30], vocabulary=7, length=5)
    >>> len(source.train), str(source.inputs), source.test.ids[1]
    (19, 'sequences of 5 ids below 7', 'test/5')
    >>> padded = from_tokens(train=[[1, 2, 3], [4, 5]], test=[[1, 2, 3, 4]], vocabulary=7)
    >>> padded.train.targets
    array([[ 2,  3, -1],
           [ 5, -1, -1]])
    """
    if isinstance(vocabulary, bool) or not isinstance(vocabulary, int) or vocabulary < 2:
        raise StudyError(
            f"Expected a vocabulary of at least 2 tokens in {name!r}. Got {vocabulary!r}."
        )
    parts = {"train": train, "test": test}
    if _is_text(train) != _is_text(test):
        raise StudyError(
            f"Expected texts, integers (n,), or lists of sequences in both splits of {name!r}. "
            "Got one of each."
        )
    if _is_text(train):
        if length is None or length < 1:
            raise StudyError(
                f"Expected the length of the windows that the text of {name!r} is cut into, at "
                f"least 1. Got {length}."
            )
        splits = {
            part: _windows(_tokens(given, vocabulary, f"{part} split of {name!r}"), length, part)
            for part, given in parts.items()
        }
    else:
        sequences = {
            part: [_tokens(one, vocabulary, f"{part} split of {name!r}") for one in given]
            for part, given in parts.items()
        }
        longest = max((len(one) for of in sequences.values() for one in of), default=0) - 1
        if length is not None and longest > length:
            raise StudyError(
                f"Expected sequences of at most {length + 1} tokens in {name!r}, {length} and the "
                f"one that follows. Got {longest + 1}. Cut them, or give a larger length."
            )
        length = max(length or longest, 1)
        splits = {part: _padded(of, length, part) for part, of in sequences.items()}
    return DataSource(
        name=name,
        inputs=InputSpec(shape=(length,), dtype="int64", vocabulary=vocabulary),
        preprocessing=preprocessing,
        train=splits["train"],
        test=splits["test"],
    )


def _is_text(given: object) -> bool:
    """Whether it is one array of tokens, not a list of them."""
    if not isinstance(given, list | tuple):
        return True
    first: ArrayLike = given[0] if given else 0
    return np.ndim(first) == 0


def _tokens(given: object, vocabulary: int, where: str) -> np.ndarray:
    tokens = as_array(given, f"tokens of the {where}")
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu" or len(tokens) < 2:
        raise StudyError(
            f"Expected at least two tokens, integers (n,), in the {where}. "
            f"Got {tokens.dtype} of shape {tokens.shape}."
        )
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= vocabulary:
        raise StudyError(
            f"Expected tokens from 0 to {vocabulary - 1} in the {where}. Got {low} to {high}."
        )
    return tokens.astype(np.int64)


def _windows(stream: np.ndarray, length: int, part: str) -> TokenSplit:
    if len(stream) <= length:
        raise StudyError(
            f"Expected more than {length} tokens in the {part} split, so that there is a window of "
            f"{length} with the token that follows. Got {len(stream)}. Choose a smaller length, or "
            "give more text."
        )
    starts = np.arange(0, len(stream) - length, length, dtype=np.int64)
    ids = [f"{part}/{start}" for start in starts]
    return TokenSplit(stream=stream, starts=starts, length=length, ids=ids, contiguous=True)


def _padded(sequences: Sequence[np.ndarray], length: int, part: str) -> TokenSplit:
    if not sequences:
        raise StudyError(f"Expected at least one sequence in the {part} split. Got none.")
    sizes = np.array([len(one) for one in sequences], dtype=np.int64)
    lengths = sizes - 1
    # Each in a row of its own, so that no window reaches into the next sequence.
    rows = np.zeros((len(sequences), length + 1), dtype=np.int64)
    rows[np.arange(length + 1) < sizes[:, None]] = np.concatenate(sequences)
    return TokenSplit(
        stream=rows.ravel(),
        starts=np.arange(len(sequences), dtype=np.int64) * (length + 1),
        length=length,
        ids=[f"{part}/{row}" for row in range(len(sequences))],
        lengths=lengths if (lengths < length).any() else None,
    )
