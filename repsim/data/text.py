"""Text as windows of tokens: files of one's own, those of PTB and WikiText-2, or Python's help.

The default is the help of the standard library (`pydoc_data.topics`): English, 460 kB, no download.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from repsim.data.source import DataSource
from repsim.data.tokens import TokenSplit, from_tokens
from repsim.errors import StudyError
from repsim.options import StrictOptions
from repsim.regular_files import never_a_file

__all__ = ["UNKNOWN", "Options", "load"]

UNKNOWN = "<unk>"
END_OF_LINE = "<eos>"

# A word, with its apostrophes and hyphens; a marker such as <unk>; or one sign.
WORDS = re.compile(r"<\w+>|\w+(?:['’-]\w+)*|[^\w\s]")

Part = Literal["train", "valid", "test"]
Tokens = Literal["auto", "words", "spaces", "characters"]


class Options(StrictOptions):
    """Options of the dataset "text"."""

    path: str | None = Field(
        default=None,
        description="a file, which is cut into shares; or a folder with a file each for train, "
        "valid and test, such as ptb.train.txt or wiki.train.tokens; by default Python's help",
    )
    tokens: Tokens = Field(
        default="auto",
        description="words and signs, what spaces separate, or characters; auto: words of a file, "
        "and spaces in a folder, as in PTB and WikiText-2",
    )
    vocabulary: int | None = Field(
        default=10_000,
        ge=2,
        description=f"most tokens that are told apart, {UNKNOWN} included: the most frequent of "
        "the training text; null for all",
    )
    length: PositiveInt = Field(default=35, description="tokens of a window, which is one example")
    valid: float = Field(default=0.1, ge=0, lt=1, description="share of a file for validation")
    test: float = Field(default=0.1, ge=0, lt=1, description="share of a file at its end")
    held_out: Literal["valid", "test"] = Field(
        default="valid", description="which of them is the test split of the study"
    )
    examples: PositiveInt | None = Field(
        default=None, description="windows to train on, from the start of the training text"
    )
    repeat_from: int | None = Field(
        default=None,
        ge=0,
        description="from this place of each window of the test split on, its token is repeated",
    )

    @model_validator(mode="after")
    def _leaves_some_text(self) -> Self:
        if self.valid + self.test >= 1:
            raise ValueError(
                f"Expected shares for validation and test below 1 together. Got {self.valid} and "
                f"{self.test}"
            )
        if self.repeat_from is not None and self.repeat_from >= self.length:
            raise ValueError(
                f"Expected repeat_from below the length of a window, {self.length}. "
                f"Got {self.repeat_from}"
            )
        return self


@dataclass(frozen=True)
class _Text:
    """A text by parts, and how tokens are told apart in it."""

    parts: dict[Part, str]
    tokens: Tokens


def load(options: Options) -> DataSource:
    """Load a text; the id of a window, such as "valid/70", has the place of its first token."""
    where = "the help of Python" if options.path is None else options.path
    found = _read(options)
    kind = found.tokens
    tokens = {part: _tokens(text, kind) for part, text in found.parts.items()}
    words = _vocabulary(tokens["train"], options.vocabulary)
    if len(words) < 2:
        raise StudyError(
            f"Expected at least two kinds of tokens in the training text of {where}. Got "
            f"{len(words)}. Give more text, or other tokens than {kind!r}."
        )
    number = {word: place for place, word in enumerate(words)}
    train, test = (
        np.array([number.get(word, 0) for word in tokens[part]], dtype=np.int64)
        for part in ("train", options.held_out)
    )
    if options.examples is not None:
        most = (len(train) - 1) // options.length
        if options.examples > most:
            raise StudyError(
                f"Expected option 'examples' of dataset 'text' to be at most {most}, the windows "
                f"of {options.length} tokens in the training text. Got {options.examples}."
            )
        train = train[: options.examples * options.length + 1]
    dictionary = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    source = from_tokens(
        name="text",
        train=train,
        test=test,
        vocabulary=len(words),
        length=options.length,
        preprocessing=f"tokens: {kind}; dictionary {dictionary}; held out: {options.held_out}",
    )
    if options.repeat_from is None:
        return source
    return _repeated(source, test, options)


def _repeated(source: DataSource, stream: np.ndarray, options: Options) -> DataSource:
    """The test split with the token at a place of each window repeated to its end."""
    assert options.repeat_from is not None
    starts = np.arange(len(source.test)) * options.length
    place = np.minimum(np.arange(options.length + 1), options.repeat_from)
    rows = stream[starts[:, None] + place]
    split = TokenSplit(
        stream=rows.ravel(),
        starts=np.arange(len(rows), dtype=np.int64) * rows.shape[1],
        length=options.length,
        ids=source.test.ids,
    )
    words = f"; tokens repeated from place {options.repeat_from}"
    return replace(source, test=split, preprocessing=source.preprocessing + words)


def _read(options: Options) -> _Text:
    kind = options.tokens
    if options.path is None:
        from pydoc_data.topics import topics

        text = "\n".join(topics[name] for name in sorted(topics))
        return _Text(_shares(text, options), "words" if kind == "auto" else kind)
    path = Path(options.path).expanduser()
    if special := never_a_file(path):
        raise StudyError(f"Expected a file or folder of text. Got {path}, which is {special}.")
    if path.is_dir():
        parts: dict[Part, str] = {
            part: _content(_file(path, part)) for part in ("train", options.held_out)
        }
        return _Text(parts, "spaces" if kind == "auto" else kind)
    return _Text(_shares(_content(path), options), "words" if kind == "auto" else kind)


def _file(folder: Path, part: str) -> Path:
    names = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and re.search(rf"(^|[._-]){part}([._-]|$)", path.name)
    )
    if len(names) != 1:
        got = ", ".join(path.name for path in names) or "none"
        raise StudyError(
            f"Expected one file for {part} in {folder}, such as ptb.{part}.txt, wiki.{part}.tokens "
            f"or {part}.txt. Got {got}. Give a folder with a file for each part, or a single file, "
            "which is cut into shares."
        )
    return names[0]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StudyError(
            f"Expected a file or folder of text. Got {path}, which does not exist in {Path.cwd()}."
        ) from None
    except UnicodeDecodeError as problem:
        raise StudyError(f"Expected text in UTF-8 in {path}. Got {problem}.") from None
    except OSError as problem:
        raise StudyError(f"Expected readable text. Got {path}: {problem}.") from None


def _shares(text: str, options: Options) -> dict[Part, str]:
    """A text cut at ends of lines: the training text first, that of the test last."""
    lines = text.splitlines(keepends=True)
    ends = np.cumsum([len(line) for line in lines] or [0])
    cuts = [1 - options.valid - options.test, 1 - options.test]
    first, second = (int(np.searchsorted(ends, cut * len(text), side="right")) for cut in cuts)
    return {
        "train": "".join(lines[:first]),
        "valid": "".join(lines[first:second]),
        "test": "".join(lines[second:]),
    }


def _tokens(text: str, kind: Tokens) -> list[str]:
    if kind == "characters":
        return list(text)
    split = str.split if kind == "spaces" else WORDS.findall
    return [token for line in text.splitlines() for token in (*split(line), END_OF_LINE)]


def _vocabulary(tokens: Iterable[str], most: int | None) -> list[str]:
    """`UNKNOWN`, then the most frequent tokens, of equals the first by code point."""
    counts = Counter(tokens)
    counts.pop(UNKNOWN, None)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return [UNKNOWN, *ranked[: None if most is None else most - 1]]
