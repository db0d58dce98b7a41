"""How well networks answer: the score that a study's tables have, as it is written and drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from repsim.report.phrasing import percent

__all__ = ["ACCURACY", "R2", "Score", "of_either", "score_of", "scores_in_words"]


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

    @property
    def title(self) -> str:
        """The name at the start of a sentence."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def prefix(self) -> str:
        """What stands before a value in a sentence: a percentage says itself that it is one."""
        return "" if self.name == "accuracy" else f"{self.name} = "


ACCURACY = Score(
    name="accuracy",
    plural="accuracies",
    train="train_accuracy",
    test="test_accuracy",
    words=percent,
    difference=lambda gap: f"{100 * gap:.1f} points",
)
R2 = Score(
    name="R²",
    plural="values of R²",
    train="train_r2",
    test="test_r2",
    words=lambda value: f"{value:.3f}".replace("-", "−"),
    difference=lambda gap: f"{gap:.3f}",
)


def score_of(networks: pl.DataFrame) -> Score:
    """The score that the networks have; of both, accuracy."""
    return (_known(networks) or [ACCURACY])[0]


def scores_in_words(networks: pl.DataFrame) -> str:
    """The scores that the networks have, as the head of a column that holds either."""
    return " or ".join(score.name for score in _known(networks) or [ACCURACY])


def _known(networks: pl.DataFrame) -> list[Score]:
    return [
        score
        for score in (ACCURACY, R2)
        if networks[score.train].count() or networks[score.test].count()
    ]


def of_either(value: float | None, r2: float | None) -> str:
    """An accuracy, or the R² of a network that has none, in a table; a dash for neither."""
    if value is not None:
        return ACCURACY.words(value)
    return "–" if r2 is None else R2.words(r2)
