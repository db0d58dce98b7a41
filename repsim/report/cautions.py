"""What a reader must know before believing the numbers."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.facts import StudyFacts
from repsim.report.phrasing import ceiling, code, near, number, percent, tolerance
from repsim.report.summary import LayerFacts, Summary
from repsim.report.unrelated import UNRELATED, unrelated_from
from repsim.text import count

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
        _large_epsilons(summary),
        _dead(summary),
        _ties(summary),
    )
    return [caution for caution in found if caution is not None]


def _missing(summary: Summary, facts: StudyFacts) -> Caution | None:
    sentences = list(facts.missing)
    for name, status, given, error in (
        summary.networks.filter(pl.col("status") != "done")
        .select("network", "status", "weights", "error")
        .iter_rows()
    ):
        # As a whole word: "seed 1" is not named by a sentence on "seed 10".
        named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        if not any(named.search(sentence) for sentence in facts.missing):
            why = f": {error.rstrip('.')}" if error else ""
            sentences.append(f"Network {code(name)} {_fate(status, given)}{why}.")
    known = np.isfinite(summary.similarity)
    holes = int(known.size - known.sum())
    if holes and known.any() and not facts.missing:
        sentences.append(
            f"{holes:,} of {known.size:,} results (pair × layer × ε) are missing; means are "
            "over the others."
        )
    if not sentences:
        return None
    return Caution(title="This report is incomplete", sentences=tuple(sentences))


def _fate(status: str, given: object) -> str:
    return "failed" if status == "failed" else f"has not been {'loaded' if given else 'trained'}"


def _chance(summary: Summary) -> Caution | None:
    crowded = [
        layer for layer in summary.layers if layer.neurons_per_sample > MANY_NEURONS_PER_SAMPLE
    ]
    if not crowded:
        return None
    worst = max(crowded, key=lambda layer: layer.neurons_per_sample)
    floor = unrelated_from(worst, centred=summary.centred)
    if worst.neurons_per_sample >= 1:
        match = f"at {code(worst.name)} even unrelated neurons match at every ε"
    else:
        match = f"{UNRELATED} would match at {code(worst.name)} from about ε = {near(floor)}"
    return Caution(
        title="Few samples for so many neurons",
        sentences=(
            f"{_where(crowded, summary)} more than {MANY_NEURONS_PER_SAMPLE:g} neurons per sample; "
            f"{code(worst.name)} has {worst.neurons:,} neurons and {worst.samples:,} samples "
            f"({worst.neurons_per_sample:.3f}).",
            "With few samples any neuron is nearly a combination of enough others, whatever they "
            f"represent: {match}.",
            _permuted(summary, [summary.layers.index(layer) for layer in crowded]),
        ),
    )


def _permuted(summary: Summary, layers: list[int]) -> str:
    """What the null of the match says of layers with few samples."""
    null = summary.null_high[:, layers]
    more = "Capture more examples or positions, or read these layers only against each other."
    known = np.isfinite(summary.similarity[:, layers])
    if not known.any() or np.isnan(null[known]).any():
        return f"How much of the match this explains was not measured. {more}"
    most = float(np.nanmax(null))
    permuted = (
        f"{count(summary.permutations, 'permutation')} of the examples"
        if summary.permutations
        else "the permutations of the examples"
    )
    if not most:
        return (
            f"Here the permutations show none of that: no neuron of "
            f"{'this layer' if len(layers) == 1 else 'these layers'} matches at any ε of the study "
            f"in any of {permuted}."
        )
    _, place, epsilon = np.unravel_index(int(np.nanargmax(null)), null.shape)
    return (
        f"Over {permuted} the match holds up to {number(most)} of the neurons, at "
        f"{code(summary.names[layers[place]])} and ε = {tolerance(summary.epsilons[epsilon])}. "
        f"{more}"
    )


def _large_epsilons(summary: Summary) -> Caution | None:
    """The ε of the study at which unrelated neurons would match."""
    floors = [unrelated_from(layer, centred=summary.centred) for layer in summary.layers]
    reached = [epsilon for epsilon in summary.epsilons if floors and epsilon >= min(floors)]
    if not reached:
        return None
    least = floors.index(min(floors))
    layers = sum(floor <= reached[-1] for floor in floors)
    return Caution(
        title="Some ε are so large that unrelated neurons match",
        sentences=(
            f"At ε = {', '.join(map(tolerance, reached))} {UNRELATED} would match, too: in "
            f"{layers} of {count(len(floors), 'layer')}, and at {code(summary.names[least])} from "
            f"about ε = {near(floors[least])} on. A match there says nothing by itself.",
        ),
    )


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
            f"{code(worst.name)} can be at most {ceiling(1 - worst.dead)}"
            f"{', as a mean over pairs' if len(summary.pairs) > 1 else ''}.",
        ),
    )


def _ties(summary: Summary) -> Caution | None:
    if not summary.ties:
        return None
    return Caution(
        title="Some decisions are within rounding",
        sentences=(
            f"{count(summary.ties, 'decision')} (a neuron of a pair, at an ε) "
            f"{'was' if summary.ties == 1 else 'were'} made by rounding: the neuron lies so near ε "
            "that it could as well be on the other side. Column `ties` of the results says where.",
        ),
    )
