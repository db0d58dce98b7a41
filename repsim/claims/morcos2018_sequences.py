"""What Morcos et al. 2018 say of recurrent networks over a sequence, and of one without inputs.

Each state is compared with the last one within a network, by the tables of layers across layers: a
layer for each position (`capture.positions = "each"`), or for each call of a module. Thresholds are
our reading: the paper has figures and no numbers for them.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float64

from repsim.claims.claim import Claim, Evidence, Judged

__all__ = ["RECURRENT", "SEQUENCE_CLAIMS"]

# Types of modules that carry a state from token to token; those of our models end alike.
RECURRENT = ("LSTM", "GRU", "RNN")

CCA, COSINE, EUCLIDEAN = "cca[", "cosine[", "euclidean["

# Fewer positions show no course.
LEAST_POSITIONS = 8

REPEATED = "data.repeat_from"
EARLY, LATE = 0.1, 0.6

NEEDED = (
    'The study has no CCA of each position with the last one: set capture.positions = "each" and '
    'across.measures = ["cca", "cosine", "euclidean"].'
)

Course = Float64[np.ndarray, " positions"]


def _course(evidence: Evidence, measure: str, variant: str) -> Course | None:
    """Mean distance of the state at each position from the last, over networks and layers."""
    networks = evidence.tables.networks.filter(pl.col("variant") == variant)["network"]
    place = r"^(.+)@(?:t=)?(\d+)$"
    rows = (
        evidence.tables.across.filter(
            pl.col("measure").str.starts_with(measure),
            pl.col("network_a") == pl.col("network_b"),
            pl.col("network_a").is_in(networks.to_list()),
            pl.col("value").is_not_null(),
        )
        .with_columns(
            pl.col(f"layer_{side}").str.extract(place, part).alias(f"{name}_{side}")
            for side in "ab"
            for part, name in ((1, "base"), (2, "position"))
        )
        .filter(pl.col("base_a") == pl.col("base_b"))
        .with_columns(pl.col("position_a", "position_b").cast(pl.Int64))
    )
    found = (
        rows.filter(pl.col("position_b") == pl.col("position_b").max())
        .group_by("position_a")
        .agg(pl.col("value").mean())
        .sort("position_a")["value"]
        .to_numpy()
    )
    if len(found) < LEAST_POSITIONS:
        return None
    return 1 - found if measure == CCA else np.asarray(found)


def _place(evidence: Evidence, variant: str) -> float | None:
    """From which share of a window on the token is repeated; None of text as it is."""
    settings = evidence.settings[variant]
    place = settings.get(REPEATED)
    return None if place is None else float(place) / float(settings.get("data.length", 35))


def _even_cca_is_far_until_the_last_steps(evidence: Evidence) -> Judged:
    plain = [v for v in evidence.trained() if _place(evidence, v) is None]
    words, shares = [], []
    for variant in plain:
        course = _course(evidence, CCA, variant)
        if course is None:
            continue
        late = round(0.75 * (len(course) - 1))
        shares.append(course[late] / course[0])
        words.append(
            f"{course[0]:.2f} at the first position, {course[late]:.2f} at three quarters and "
            f"{course[-2]:.2f} one before the last"
        )
    if not shares:
        return None, NEEDED
    return bool(min(shares) >= 0.5), f"CCA distance from the last position: {'; '.join(words)}."


def _repeated(evidence: Evidence, measures: Sequence[str]) -> dict[str, tuple[float, float]] | str:
    """Mean distance from the last position, where a token is repeated from early or late on."""
    places = {v: place for v in evidence.settings if (place := _place(evidence, v)) is not None}
    early = [v for v, place in places.items() if place <= EARLY]
    late = [v for v, place in places.items() if place >= LATE]
    if len(early) != 1 or len(late) != 1:
        return (
            "The study has not one variant whose token is repeated from early and one from late on "
            "(data.repeat_from)."
        )
    found = {}
    for measure in measures:
        courses = [_course(evidence, measure, v) for v in (early[0], late[0])]
        if any(course is None for course in courses):
            return NEEDED
        first, second = (float(course[:-1].mean()) for course in courses if course is not None)
        found[measure] = first, second
    return found


def _in_words(found: dict[str, tuple[float, float]]) -> str:
    names = {CCA: "CCA", COSINE: "cosine", EUCLIDEAN: "Euclidean"}
    said = (f"{names[key]} {early:.3f} and {late:.3f}" for key, (early, late) in found.items())
    return f"Mean distance from the last position, early and late: {', '.join(said)}."


def _cca_tells_a_repeated_input(evidence: Evidence) -> Judged:
    found = _repeated(evidence, [CCA])
    if isinstance(found, str):
        return None, found
    early, late = found[CCA]
    return early < 0.5 * late, _in_words(found)


def _others_do_not_tell_it(evidence: Evidence) -> Judged:
    found = _repeated(evidence, [COSINE, EUCLIDEAN])
    if isinstance(found, str):
        return None, found
    return all(early >= 0.5 * late for early, late in found.values()), _in_words(found)


def _rotations_are_nothing_for_cca(evidence: Evidence) -> Judged:
    toys = [v for v, of in evidence.settings.items() if of.get("model.name") == "rotation_rnn"]
    if not toys:
        return None, 'The study has no network without inputs (model.name = "rotation_rnn").'
    words, holds = [], []
    for variant in toys:
        cca, cosine = (_course(evidence, measure, variant) for measure in (CCA, COSINE))
        if cca is None or cosine is None:
            return None, NEEDED
        farthest, mean = float(cca.max()), float(cosine[:-1].mean())
        holds.append(farthest < 0.05 and mean > 0.5)
        words.append(
            f"{variant or 'all'}: CCA at most {farthest:.3f}, cosine {mean:.2f} on average"
        )
    return all(holds), f"Distance from the last state; {'; '.join(words)}."


SEQUENCE_CLAIMS = (
    Claim(
        number="B-7",
        statement="Over a sequence, the hidden state is far from its last one, also by CCA, until "
        "the last steps.",
        expected="CCA distance from the last position that is, at three quarters of the sequence, "
        "at least half of that at the first",
        source="the experiment on recurrent networks over a sequence",
        origin="our reading",
        judge=_even_cca_is_far_until_the_last_steps,
    ),
    Claim(
        number="B-8",
        statement="Where an input is repeated from early on, CCA finds the states alike; where it "
        "is from late on, it does not.",
        expected="mean CCA distance from the last position less than half as large",
        source="the experiment with repeated inputs (from 1 % and from 81 % of a sequence on)",
        origin="our reading",
        judge=_cca_tells_a_repeated_input,
    ),
    Claim(
        number="B-9",
        statement="Cosine and Euclidean distance do not tell the one from the other.",
        expected="neither mean distance less than half as large",
        source="the experiment with repeated inputs",
        origin="our reading",
        judge=_others_do_not_tell_it,
    ),
    Claim(
        number="B-10",
        statement="In a network without inputs that rotates its state, CCA finds all states the "
        "same and the cosine does not.",
        expected="CCA distance from the last state below 0.05 at every step, mean cosine distance "
        "above 0.5, with and without a non-linear part",
        source="the experiment with 1 000 runs without inputs",
        origin="our reading",
        judge=_rotations_are_nothing_for_cca,
    ),
)
