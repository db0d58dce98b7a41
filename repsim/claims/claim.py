"""What a paper claims, what a study has measured, and whether the one follows from the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from repsim.errors import StudyError
from repsim.results import Tables

__all__ = ["Claim", "Evidence", "Judged", "Origin", "Verdict"]

Judged = tuple[bool | None, str]
"""Whether a claim holds, None where the study cannot tell, and the numbers or the reason."""

Origin = Literal["the paper", "our reading"]
"""Where the threshold of a claim is from."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim, judged by one study."""

    claim: str
    """Its id, such as ``morcos2018 B-1``."""
    statement: str
    holds: bool | None
    """None where the study cannot tell."""
    measured: str
    expected: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What claims are judged by.

    Parameters
    ----------
    tables
        Of the networks of the study as they are kept.
    settings
        Of each variant, by keys as in the study file: ``data.name``, ``training.epochs``.
    over_training
        Rows of ``results`` with those of snapshots.
    analyses
        Rows of ``analyses``, with the variant and the seed of each network.
    """

    tables: Tables
    settings: Mapping[str, Mapping[str, Any]]
    over_training: pl.DataFrame = field(default_factory=pl.DataFrame)
    analyses: pl.DataFrame = field(default_factory=pl.DataFrame)

    def layers(self) -> list[str]:
        """Names of the compared layers, in order of depth."""
        rows = self.tables.results if self.over_training.is_empty() else self.over_training
        first = rows.sort("depth", "layer").unique("layer", maintain_order=True)
        return first["layer"].to_list()

    def convolutional(self) -> list[str]:
        """Those that are feature maps: with more than one position."""
        maps = self.tables.layers.filter(pl.col("total_positions") > 1)["layer"]
        return [layer for layer in self.layers() if layer in set(maps)]

    def trained(self) -> list[str]:
        """The variants whose networks were trained (``epochs`` are not 0)."""
        return [v for v, of in self.settings.items() if of.get("training.epochs") != 0]

    def values(self, measure: str, *, epsilon: float | None = None) -> pl.DataFrame:
        """Rows of one measure, without what is not defined.

        Parameters
        ----------
        measure
            The beginning of its convention, such as ``"pwcca["``.
        epsilon
            Of the maximum match.
        """
        rows = self.tables.results.filter(
            pl.col("measure").str.starts_with(measure), pl.col("value").is_not_null()
        )
        return rows if epsilon is None else rows.filter(pl.col("epsilon") == epsilon)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of a paper that tables can bear out or not."""

    number: str
    statement: str
    expected: str
    """The threshold."""
    source: str
    origin: Origin
    """Of the threshold."""
    judge: Callable[[Evidence], Judged]

    def verdict(self, paper: str, evidence: Evidence) -> Verdict:
        """What a study says of it."""
        holds, measured = self.judge(evidence)
        return Verdict(
            claim=f"{paper} {self.number}",
            statement=self.statement,
            holds=holds,
            measured=measured,
            expected=self.expected,
            source=f"{self.source}; threshold: {self.origin}",
        )


def as_claims(found: object, name: str) -> Sequence[Claim]:
    """What a module or a name in a study offers, checked."""
    if isinstance(found, tuple) and found and all(isinstance(one, Claim) for one in found):
        return found
    raise StudyError(
        f"Expected {name!r} to be a tuple of repsim.claims.Claim. Got {type(found).__name__}."
    )
