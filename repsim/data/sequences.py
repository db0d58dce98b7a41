"""Sequences of tokens made up from a seed, any number of any length: for tests and scale.

Kinds: ``motifs``, a few short patterns in random order; ``copy``, a first half at random and then
the same again; ``noise``, tokens that nothing predicts.
"""

from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from repsim.data.draws import Purpose, generator
from repsim.data.source import DataSource
from repsim.data.tokens import from_tokens
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

# How many patterns there are, and how long each is.
MOTIFS, MOTIF_LENGTH = 6, 5


class Options(StrictOptions):
    """Options of the dataset "sequences"."""

    kind: Literal["motifs", "copy", "noise"] = Field(
        default="motifs", description="patterns in random order, a copy task, or random tokens"
    )
    vocabulary: int = Field(default=20, ge=2, description="number of tokens")
    length: int = Field(
        default=20, ge=2, description="tokens of a sequence, each with the next one"
    )
    shortest: PositiveInt | None = Field(
        default=None,
        description="sequences are from this length to `length`, at random, and padded; by default "
        "all are of one length",
    )
    examples: PositiveInt = Field(default=1000, description="sequences to train on")
    test_examples: PositiveInt = Field(default=500, description="sequences of the test split")
    seed: int = Field(default=0, ge=0, description="draws patterns, tokens and lengths")

    @model_validator(mode="after")
    def _shortest_first(self) -> Self:
        if self.shortest is not None and self.shortest > self.length:
            raise ValueError(
                f"Expected shortest to be at most the length, {self.length}. Got {self.shortest}"
            )
        return self


def load(options: Options) -> DataSource:
    """Draw the sequences; ids such as "test/17"."""
    train, test = (
        _drawn(options, number, count)
        for number, count in enumerate((options.examples, options.test_examples))
    )
    return from_tokens(
        name="sequences",
        train=train,
        test=test,
        vocabulary=options.vocabulary,
        length=options.length,
        preprocessing=f"{options.kind} of seed {options.seed}",
    )


def _drawn(options: Options, split: int, count: int) -> list[np.ndarray]:
    draws = generator(options.seed, Purpose.NOISE, split)
    size = options.length + 1
    tokens = draws.integers(options.vocabulary, size=(count, size))
    if options.kind == "copy":
        half = (size + 1) // 2
        tokens[:, half:] = tokens[:, : size - half]
    elif options.kind == "motifs":
        patterns = generator(options.seed, Purpose.TEMPLATE)
        motifs = patterns.integers(options.vocabulary, size=(MOTIFS, MOTIF_LENGTH))
        chosen = draws.integers(MOTIFS, size=(count, -(-size // MOTIF_LENGTH)))
        tokens = motifs[chosen].reshape(count, -1)[:, :size]
    if options.shortest is None:
        return list(tokens)
    lengths = draws.integers(options.shortest, options.length, size=count, endpoint=True)
    return [row[: length + 1] for row, length in zip(tokens, lengths, strict=True)]
