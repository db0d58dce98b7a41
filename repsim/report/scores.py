"""How well networks answer: the score that a study's tables have, as it is written and drawn."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from repsim.report.phrasing import percent

__all__ = [
    "ACCURACY",
    "PERPLEXITY",
    "R2",
    "Score",
    "score_of",
    "score_words_of",
    "scores_in_words",
]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of the tables of networks and of training."""

    name: str
    plural: str
    train: str
    """Its column for the training split."""
    test: str
    words: Callable[[float], str]
    """A value as it is printed."""
    difference: Callable[[float], str]
    """A difference of two values as it is printed."""
    slug: str
    """In names of figures."""
    low_is_good: bool = False

    @property
    def title(self) -> str:
        """The name at the start of a sentence."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def prefix(self) -> str:
        """What stands before a value in a sentence: a percentage says itself that it is one."""
        return {"accuracy": "", "perplexity": "a perplexity of "}.get(self.name, f"{self.name} = ")


def _three_digits(value: float) -> str:
    """A number from 1, with a decimal where it is small.

    >>> _three_digits(83.24), _three_digits(1234.5)
    ('83.2', '1,234')
    """
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


ACCURACY = Score(
    name="accuracy",
    plural="accuracies",
    train="train_accuracy",
    test="test_accuracy",
    words=percent,
    difference=lambda gap: f"{100 * gap:.1f} points",
    slug="accuracy",
)
R2 = Score(
    name="R²",
    plural="values of R²",
    train="train_r2",
    test="test_r2",
    words=lambda value: f"{value:.3f}".replace("-", "−"),
    difference=lambda gap: f"{gap:.3f}",
    slug="r2",
)
PERPLEXITY = Score(
    name="perplexity",
    plural="perplexities",
    train="train_perplexity",
    test="test_perplexity",
    words=lambda value: f"{_three_digits(value)} ({math.log2(value):.2f} bits per token)",
    difference=_three_digits,
    slug="perplexity",
    low_is_good=True,
)
SCORES = (ACCURACY, R2, PERPLEXITY)


def score_of(networks: pl.DataFrame) -> Score:
    """The score that the networks have; of several, the first of `SCORES`."""
    return (_known(networks) or [ACCURACY])[0]


def scores_in_words(networks: pl.DataFrame) -> str:
    """The scores that the networks have, as the head of a column that holds either."""
    return " or ".join(score.name for score in _known(networks) or [ACCURACY])


def _known(networks: pl.DataFrame) -> list[Score]:
    return [
        score for score in SCORES if networks[score.train].count() or networks[score.test].count()
    ]


def score_words_of(network: Mapping[str, float | None], part: Literal["train", "test"]) -> str:
    """The score of a row of the table of networks; a dash where it has none."""
    for score in SCORES:
        value = network[score.train if part == "train" else score.test]
        if value is not None:
            return score.words(value)
    return "–"
