"""Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks".

Distances are 1 - PWCCA. Source: arXiv:1806.05759, with figures 2, 3 and A8 to A10.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from repsim.claims.claim import Claim, Evidence, Judged
from repsim.results import group_of

__all__ = ["CLAIMS"]

PWCCA = "pwcca["

# Below it, networks on random labels have not memorised them.
MEMORISED = 0.99

# Types of layers that put out logits or probabilities.
OUTPUTS = ("Linear", "Softmax", "LogSoftmax")

NO_PWCCA = 'The study has no PWCCA: add [[measures]] with name = "pwcca".'


def _groups(evidence: Evidence) -> tuple[str, str] | str:
    """The variants with true and with random labels, or why there are none to compare."""
    share = {variant: _random_share(s) for variant, s in evidence.settings.items()}
    true = [variant for variant, s in share.items() if s == 0]
    random = [variant for variant, s in share.items() if s == 1]
    if len(true) != 1 or len(random) != 1:
        return (
            "The study has not one variant with true labels and one with random ones "
            "(data.random_labels = 1.0)."
        )
    networks = evidence.tables.networks.filter(pl.col("variant") == random[0])
    least = networks["train_accuracy"].min()
    if not isinstance(least, float) or least < MEMORISED:
        shown = "unknown" if not isinstance(least, float) else f"{least:.1%}"
        return f"Random labels are not memorised: the lowest training accuracy is {shown}."
    return true[0], random[0]


def _random_share(settings: Mapping[str, Any]) -> float:
    labels = settings.get("data.random_labels", 0.0)
    return float(labels["share"] if isinstance(labels, Mapping) else labels)


def _distances(evidence: Evidence) -> dict[str, dict[str, float]] | str:
    """Mean distance of each group by layer, of layers that all three have, or what is lacking."""
    variants = _groups(evidence)
    if isinstance(variants, str):
        return variants
    rows = evidence.values(PWCCA).group_by("group", "layer").agg(pl.col("value").mean())
    found: dict[str, dict[str, float]] = {}
    for group, layer, value in rows.iter_rows():
        found.setdefault(layer, {})[group] = 1 - value
    true, random = variants
    names = {"true": true, "random": random, "between": group_of(true, random)}
    distances = {
        layer: {key: found[layer][group] for key, group in names.items()}
        for layer in evidence.layers()
        if layer in found and found[layer].keys() >= set(names.values())
    }
    return distances or NO_PWCCA


def _output(evidence: Evidence) -> str | None:
    """The last layer, if it is the output of the network."""
    types = dict(evidence.tables.layers.select("layer", "type").iter_rows())
    last = evidence.layers()[-1:]
    return last[0] if last and types.get(last[0]) in OUTPUTS else None


def _deeper(evidence: Evidence) -> dict[str, dict[str, float]] | str:
    """As `_distances`, of the deeper half of the hidden layers."""
    distances = _distances(evidence)
    if isinstance(distances, str):
        return distances
    layers = [layer for layer in distances if layer != _output(evidence)]
    return {layer: distances[layer] for layer in layers[len(layers) // 2 :]} or NO_PWCCA


def _generalising_networks_are_closer(evidence: Evidence) -> Judged:
    distances = _deeper(evidence)
    if isinstance(distances, str):
        return None, distances
    closer = sum(of["true"] < of["random"] for of in distances.values())
    numbers = "; ".join(
        f"{layer}: {of['true']:.3f} and {of['random']:.3f}" for layer, of in distances.items()
    )
    return closer == len(distances), (
        f"In {closer} of the {len(distances)} deeper layers (true and random labels: {numbers})."
    )


def _memorising_networks_are_as_far_from_each_other(evidence: Evidence) -> Judged:
    distances = _deeper(evidence)
    if isinstance(distances, str):
        return None, distances
    differences = [abs(of["between"] - of["random"]) for of in distances.values()]
    return max(differences) < 0.03, (
        f"The largest difference of the {len(distances)} deeper layers is {max(differences):.3f}."
    )


def _wider_networks_are_closer(evidence: Evidence) -> Judged:
    widths = {
        variant: float(settings["model.width"])
        for variant, settings in evidence.settings.items()
        if isinstance(settings.get("model.width"), int | float)
    }
    if len(set(widths.values())) < 4:
        return None, "The study has not at least four values of model.width."
    layers = [x for x in evidence.convolutional() if x in set(evidence.values(PWCCA)["layer"])]
    if not layers:
        return None, NO_PWCCA
    rows = evidence.values(PWCCA).filter(
        pl.col("layer") == layers[-1], pl.col("variant_a") == pl.col("variant_b")
    )
    means = dict(rows.group_by("variant_a").agg(pl.col("value").mean()).iter_rows())
    accuracies = dict(
        evidence.tables.networks.group_by("variant").agg(pl.col("test_accuracy").mean()).iter_rows()
    )
    known = [v for v in widths if v in means and accuracies.get(v) is not None]
    if len(known) < 4:
        return None, "Fewer than four widths have two networks that were compared."
    distance = np.array([1 - means[variant] for variant in known])
    accuracy = np.array([accuracies[variant] for variant in known])
    if not np.ptp(distance) or not np.ptp(accuracy):
        return None, "Distance or test accuracy is the same at all widths."
    rank = float(stats.spearmanr([widths[variant] for variant in known], distance).statistic)
    with_accuracy = float(stats.pearsonr(accuracy, distance).statistic)
    return rank < 0 and with_accuracy < -0.9, (
        f"In {layers[-1]}, over {len(known)} widths: rank correlation of distance with width "
        f"{rank:.2f}, correlation with test accuracy {with_accuracy:.2f}."
    )


def _outputs_agree_within_groups(evidence: Evidence) -> Judged:
    distances = _distances(evidence)
    if isinstance(distances, str):
        return None, distances
    output = _output(evidence)
    if output is None:
        return None, "The output is not captured: add its layer to capture.layers."
    last = distances.get(output)
    if last is None:
        return None, NO_PWCCA
    return max(last["true"], last["random"]) < 0.1 and last["between"] > 0.25, (
        f"In {output}: {last['true']:.3f} with true labels, {last['random']:.3f} with random "
        f"ones, {last['between']:.3f} between."
    )


CLAIMS = (
    Claim(
        number="B-1",
        statement="Networks that generalise are closer to each other than networks that memorise.",
        expected="a smaller distance with true labels in every hidden layer of the deeper half",
        source="figure 2",
        origin="our reading",
        judge=_generalising_networks_are_closer,
    ),
    Claim(
        number="B-2",
        statement="Networks that memorise are as far from each other as from those that "
        "generalise.",
        expected="distances that differ by less than 0.03 in every hidden layer of the deeper half",
        source="figure 2",
        origin="our reading",
        judge=_memorising_networks_are_as_far_from_each_other,
    ),
    Claim(
        number="B-3",
        statement="Wider networks are closer to each other, as far as they are more accurate.",
        expected="distance falls with width in the last convolution; correlation with test "
        "accuracy below -0.9 (the paper: -0.96)",
        source="figure 3",
        origin="the paper",
        judge=_wider_networks_are_closer,
    ),
    Claim(
        number="B-6",
        statement="On the training data, outputs agree within both groups, and not between them.",
        expected="distances below 0.1 within and above 0.25 between (the paper: 0, 0 and .355)",
        source="figure 2",
        origin="our reading",
        judge=_outputs_agree_within_groups,
    ),
)
