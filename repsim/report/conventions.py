"""The conventions behind every number, stated for whoever has only the page."""

import polars as pl

from repsim.report.facts import StudyFacts
from repsim.report.intervals import CORRECTED
from repsim.report.measure_layers import Kind
from repsim.report.nulls import PERMUTED, QUESTIONS
from repsim.results import Tables


def conventions(tables: Tables, facts: StudyFacts) -> list[tuple[str, str]]:
    """(term, words): the report's own, then those of the study, which replace a term of its own."""
    stated = dict(_own(tables, facts))
    stated.update(facts.conventions)
    return list(stated.items())


def _own(tables: Tables, facts: StudyFacts) -> list[tuple[str, str]]:
    return [
        (
            "Match",
            "Two sets of neurons, one of each network, are an ε-match if each neuron of one is "
            "within ε of its own norm of a linear combination of the other set, both ways. The "
            "maximum match holds every match (Wang et al. 2018).",
        ),
        (
            "Similarity",
            "Neurons of both networks in the maximum match, over all their neurons. The area under "
            "the match curve is its mean over ε from 0 to 1.",
        ),
        ("ε", "Inclusive: a distance equal to ε is a match."),
        (
            "Centring",
            "Each neuron’s mean over the samples was removed before matching."
            if facts.centred
            else "Uncentred, as in the paper: activations are compared with their mean, so a "
            "common mean counts as agreement.",
        ),
        (
            "Dead neurons",
            "A neuron that is never active is outside the match and inside the denominator.",
        ),
        (
            "Neurons",
            "Units of a fully connected layer; channels of a convolutional one.",
        ),
        ("Samples", _samples(tables)),
        *_context(tables),
        *_simple(tables),
    ]


def _context(tables: Tables) -> list[tuple[str, str]]:
    """What stands beside values: corrected values with intervals, and permutations."""
    there = {name for name, count in tables.results.count().row(0, named=True).items() if count}
    stated = [("Corrected", CORRECTED)] if {"corrected", "interval_low"} <= there else []
    kinds: list[Kind] = ["within"] if "within_mean" in there else []
    kinds += ["plain"] if "null_mean" in there else []
    asked = " ".join(f"{PERMUTED[kind].capitalize()} ask {QUESTIONS[kind]}." for kind in kinds)
    return [*stated, ("Permutations", asked)] if kinds else stated


def _simple(tables: Tables) -> list[tuple[str, str]]:
    if not tables.simple_matches.height and not tables.structure.height:
        return []
    return [
        (
            "Simple matches",
            "A minimal match of a neuron holds it, and no smaller match inside does; a simple "
            "match is minimal for some neuron. Where a neuron has several minimal matches, the one "
            "that is reported depends on the order in which neurons are tried, and a smaller one "
            "may exist. Where it has a minimum match, which lies inside every match that "
            "holds the neuron, no order changes it.",
        )
    ]


def _samples(tables: Tables) -> str:
    words = "A sample is one position of one example; a fully connected layer has one position."
    # Layers of one name may have other sizes in other variants.
    maps = (
        tables.layers.filter(pl.col("total_positions") > 1)
        .group_by("layer")
        .agg((pl.col("positions") - pl.col("total_positions")).min().alias("left_out"))
    )
    if not maps.height:
        return words
    parts = maps.filter(pl.col("left_out") < 0).height
    if not parts:
        return f"{words} All positions of every feature map were used."
    return (
        f"{words} Of {parts} of {maps.height} feature maps some of the positions were used, "
        "the same for every network."
    )
