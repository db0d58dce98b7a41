"""Wang, Hu, Gu et al. 2018, "Towards understanding learning representations".

The paper shows its results as pictures; every threshold is our reading of them. Networks that were
not trained (``epochs = 0``) count in A-2 alone. Source: arXiv:1810.11750, section 5.
"""

import polars as pl

from repsim.claims.claim import Claim, Evidence, Judged
from repsim.results import MAXIMUM_MATCH

__all__ = ["CLAIMS"]

# Simple matches of so few neurons are small.
SMALL = 4


def _within_trained(evidence: Evidence, epsilon: float | None = None) -> pl.DataFrame:
    """Maximum matches within variants that were trained, at one ε or all."""
    rows = evidence.values(MAXIMUM_MATCH, epsilon=epsilon)
    return rows.filter(
        pl.col("variant_a") == pl.col("variant_b"), pl.col("variant_a").is_in(evidence.trained())
    )


def _middle(evidence: Evidence) -> list[str]:
    """Feature maps without the first."""
    return evidence.convolutional()[1:]


def _median(rows: pl.DataFrame, layers: list[str]) -> float | None:
    value = rows.filter(pl.col("layer").is_in(layers))["value"].median()
    return float(value) if isinstance(value, float) else None


def _middle_layers_hardly_match(evidence: Evidence) -> Judged:
    layers = _middle(evidence)
    at = {e: _median(_within_trained(evidence, e), layers) for e in (0.15, 0.3)}
    strict, loose = at[0.15], at[0.3]
    if strict is None or loose is None:
        return None, "It needs feature maps beyond the first, and ε = 0.15 and 0.3."
    return loose < 0.2 and strict < 0.05, (
        f"Median over pairs of {len(layers)} layers: {loose:.3f} at ε = 0.3, {strict:.3f} at 0.15."
    )


def _first_layer_matches_more(evidence: Evidence) -> Judged:
    layers, rows = evidence.convolutional(), _within_trained(evidence, 0.5)
    first, middle = _median(rows, layers[:1]), _median(rows, layers[1:])
    if first is None or middle is None:
        return None, "It needs two feature maps, and ε = 0.5."
    return first > middle, (
        f"Median over pairs at ε = 0.5: {first:.3f} in {layers[0]}, {middle:.3f} in the others."
    )


def _training_aligns_the_last_layers(evidence: Evidence) -> Judged:
    trained, layers = evidence.trained(), evidence.layers()
    untrained = [variant for variant in evidence.settings if variant not in trained]
    if not untrained or not trained:
        return None, "The study has not both trained networks and untrained ones (epochs = 0)."
    rows = evidence.values(MAXIMUM_MATCH, epsilon=0.5)
    ends = [pl.col(side).is_in(untrained) for side in ("variant_a", "variant_b")]
    crossed = _median(rows.filter(ends[0] != ends[1]), layers[-1:])
    both = _median(_within_trained(evidence, 0.5), layers[-1:])
    if both is None or crossed is None:
        return None, "It needs pairs of trained networks, of trained with untrained, and ε = 0.5."
    return both > 2 * crossed, (
        f"Median at ε = 0.5 in {layers[-1]}: {both:.3f} between trained networks, {crossed:.3f} "
        "between trained and untrained ones."
    )


def _few_small_simple_matches(evidence: Evidence) -> Judged:
    trained = _within_trained(evidence).select("network_a", "network_b").unique()
    simple = evidence.tables.simple_matches.join(trained, on=["network_a", "network_b"], how="semi")
    if not simple.height:
        return None, "Simple matches were not looked for (matching.minimal_at), or there are none."
    small = simple.filter(pl.col("size") <= SMALL).height
    return small / simple.height < 0.1, (
        f"{small} of {simple.height} simple matches have at most {SMALL} neurons."
    )


def _equal_accuracy_is_not_similarity(evidence: Evidence) -> Judged:
    spread = (
        evidence.tables.networks.filter(pl.col("test_accuracy").is_not_null())
        .group_by("variant")
        .agg((pl.col("test_accuracy").max() - pl.col("test_accuracy").min()).alias("spread"))
    )["spread"].max()
    similarity = _median(_within_trained(evidence, 0.3), _middle(evidence))
    if not isinstance(spread, float) or similarity is None:
        return None, "It needs test accuracies, feature maps beyond the first, and ε = 0.3."
    numbers = f"Accuracies differ by {spread:.1%}; the median match at ε = 0.3 is {similarity:.3f}."
    return (None if spread > 0.02 else similarity < 0.2), numbers


CLAIMS = (
    Claim(
        number="A-1",
        statement="Middle layers of networks from different seeds hardly match.",
        expected="median match of feature maps but the first below 0.2 at ε = 0.3 and below 0.05 "
        "at 0.15",
        source="section 5.1",
        origin="our reading",
        judge=_middle_layers_hardly_match,
    ),
    Claim(
        number="A-2",
        statement="Layers near the output are similar through training alone.",
        expected="a median match of the last layer at ε = 0.5 more than twice that of trained with "
        "untrained networks",
        source="section 5.1",
        origin="our reading",
        judge=_training_aligns_the_last_layers,
    ),
    Claim(
        number="A-3",
        statement="The first convolutional layer matches more than those after it.",
        expected="a higher median match at ε = 0.5",
        source="section 5.1",
        origin="our reading",
        judge=_first_layer_matches_more,
    ),
    Claim(
        number="A-4",
        statement="There are hardly any small simple matches.",
        expected=f"fewer than one in ten simple matches with at most {SMALL} neurons",
        source="section 5.2",
        origin="our reading",
        judge=_few_small_simple_matches,
    ),
    Claim(
        number="A-5",
        statement="Equal test accuracy does not imply similar middle layers.",
        expected="accuracies within 2 points, and a median match below 0.2 at ε = 0.3",
        source="section 5.1",
        origin="our reading",
        judge=_equal_accuracy_is_not_similarity,
    ),
)
