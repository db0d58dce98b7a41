"""What a reader must know before believing the numbers."""

import math
import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.facts import StudyFacts
from repsim.report.phrasing import code, count, number, percent, tolerance
from repsim.report.summary import LayerFacts, Summary

# Above this many neurons per sample a combination of unrelated neurons fits noticeably well:
# Wang et al. keep 10 000 samples for at most 512 neurons (A6, our reading).
MANY_NEURONS_PER_SAMPLE = 0.05
# Dead neurons lower the highest similarity that a layer can reach by their share (our reading).
MANY_DEAD = 0.10


@dataclass(frozen=True, kw_only=True)
class Caution:
    """A heading and its sentences."""

    title: str
    sentences: tuple[str, ...]


def cautions(summary: Summary, facts: StudyFacts) -> list[Caution]:
    """Everything that is missing or misleading, gravest first."""
    found = (
        _missing(summary, facts),
        _chance(summary),
        _dead(summary),
        _ties(summary),
    )
    return [caution for caution in found if caution is not None]


def unrelated_distance(neurons_per_sample: float, *, centred: bool) -> float:
    """Expected relative distance of an independent rectified Gaussian neuron to n others.

    .. math:: \\sqrt{(1 - 1/\\pi)(1 - n/d)}, \\text{ centred } \\sqrt{1 - n/d}

    Derived for i.i.d. max(0, N(0, 1)) units, whose squared mean is 1/π of their second moment.

    >>> round(unrelated_distance(64 / 2000, centred=False), 3)
    0.812
    """
    share = max(0.0, 1 - neurons_per_sample)
    return math.sqrt(share if centred else (1 - 1 / math.pi) * share)


def _missing(summary: Summary, facts: StudyFacts) -> Caution | None:
    sentences = list(facts.missing)
    for name, status, error in (
        summary.networks.filter(pl.col("status") != "done")
        .select("network", "status", "error")
        .iter_rows()
    ):
        # As a whole word: "seed 1" is not named by a sentence on "seed 10".
        named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        if not any(named.search(sentence) for sentence in facts.missing):
            why = f": {error.rstrip('.')}" if error else ""
            sentences.append(f"Network {code(name)} {_fate(status)}{why}.")
    known = np.isfinite(summary.similarity)
    holes = int(known.size - known.sum())
    if holes and known.any() and not facts.missing:
        sentences.append(
            f"{holes:,} of {known.size:,} results (pair × layer × ε) are not there; means are "
            "over those that are."
        )
    if not sentences:
        return None
    return Caution(title="This report is incomplete", sentences=tuple(sentences))


def _fate(status: str) -> str:
    return {"failed": "failed", "missing": "has not been trained"}[status]


def _chance(summary: Summary) -> Caution | None:
    crowded = [
        layer for layer in summary.layers if layer.neurons_per_sample > MANY_NEURONS_PER_SAMPLE
    ]
    if not crowded:
        return None
    worst = max(crowded, key=lambda layer: layer.neurons_per_sample)
    sentences = [
        f"{_where(crowded, summary)} more than {MANY_NEURONS_PER_SAMPLE:g} neurons per sample; "
        f"{code(worst.name)} has {worst.neurons:,} neurons and {worst.samples:,} samples "
        f"({worst.neurons_per_sample:.2f}).",
        "With so few samples, neurons are matched by chance: any neuron is partly a combination of "
        "enough others, whatever they represent. Capture more examples or positions, or read "
        "these layers only against each other.",
    ]
    floor = unrelated_distance(worst.neurons_per_sample, centred=summary.centred)
    reached = [epsilon for epsilon in summary.epsilons if epsilon >= floor]
    if worst.neurons_per_sample >= 1:
        sentences.append(f"At {code(worst.name)} even unrelated neurons match at every ε.")
    else:
        sentences.append(
            f"As a yardstick, independent rectified Gaussian neurons would already match at "
            f"{code(worst.name)} from about ε = {number(floor)}"
            + (f", which ε = {', '.join(map(tolerance, reached))} reaches." if reached else ".")
        )
    return Caution(title="Few samples for so many neurons", sentences=tuple(sentences))


def _where(layers: list[LayerFacts], summary: Summary) -> str:
    if len(layers) == 1:
        return f"Layer {code(layers[0].name)} has"
    if len(layers) == len(summary.layers):
        return f"All {len(layers)} layers have"
    return f"{len(layers)} of {count(len(summary.layers), 'layer')} have"


def _dead(summary: Summary) -> Caution | None:
    many = sorted(
        (layer for layer in summary.layers if layer.dead > MANY_DEAD),
        key=lambda layer: -layer.dead,
    )
    if not many:
        return None
    worst = many[0]
    return Caution(
        title="Many dead neurons",
        sentences=(
            f"{_where(many, summary)} more than {100 * MANY_DEAD:g} % of neurons that are never "
            f"active; {code(worst.name)} has {percent(worst.dead)}.",
            "Dead neurons cannot match but are counted, so the similarity of "
            f"{code(worst.name)} can be at most {number(1 - worst.dead)}.",
        ),
    )


def _ties(summary: Summary) -> Caution | None:
    if not summary.ties:
        return None
    return Caution(
        title="Some decisions are within rounding",
        sentences=(
            f"{count(summary.ties, 'neuron lies', 'neurons lie')} so near an ε of the study that "
            "rounding decides whether it matches; column `ties` of the results says where.",
        ),
    )
