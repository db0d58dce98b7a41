"""Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks".

Distances are 1 - PWCCA. B-5 is what Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017 found in
convolutional networks (arXiv:1706.05806) and this paper in recurrent ones.

Source: arXiv:1806.05759, with figures 2, 3 and A8 to A10.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from repsim.claims.claim import Claim, Evidence, Judged
from repsim.claims.morcos2018_sequences import RECURRENT, SEQUENCE_CLAIMS
from repsim.results import group_of, settling_step, with_final
from repsim.results.clusters import adjusted_rand, cluster_tree

__all__ = ["CLAIMS"]

PWCCA = "pwcca["

# Below it, networks on random labels have not memorised them.
MEMORISED = 0.99

# Below it, a network has not learned: its learning rate is then no matter of the representation.
LEARNED = 0.9

RATE = "training.learning_rate"

# Types of layers that put out logits or probabilities.
OUTPUTS = ("Linear", "Softmax", "LogSoftmax")

# The paper clusters by its eighth layer of eleven.
CLUSTERED_LAYER = 8 / 11

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


def _hidden(evidence: Evidence) -> list[str]:
    """All layers but the output."""
    return [layer for layer in evidence.layers() if layer != _output(evidence)]


def _deeper(evidence: Evidence) -> dict[str, dict[str, float]] | str:
    """As `_distances`, of the deeper half of the hidden layers."""
    distances = _distances(evidence)
    if isinstance(distances, str):
        return distances
    layers = [layer for layer in _hidden(evidence) if layer in distances]
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


def _rates(evidence: Evidence) -> dict[str, float] | str:
    """The learning rate of each variant, or why they cannot be compared."""
    rates = {variant: settings.get(RATE) for variant, settings in evidence.settings.items()}
    networks = evidence.tables.networks
    sizes = networks.group_by("variant").len()["len"].to_list()
    if len(set(rates.values()) - {None}) < 3 or min(sizes) < 2:
        return "The study has not at least three learning rates with two networks each."
    if networks.group_by("seed").agg(pl.col("variant").n_unique())["variant"].max() != 1:
        return "Networks of several rates share a seed, which makes them alike: give each its own."
    others = [{k: v for k, v in one.items() if k != RATE} for one in evidence.settings.values()]
    if any(other != others[0] for other in others):
        return "The variants differ by more than their learning rate."
    least = networks["train_accuracy"].min()
    if not isinstance(least, float) or least < LEARNED:
        shown = "unknown" if not isinstance(least, float) else f"{least:.1%}"
        return f"Not all networks have learned: the lowest training accuracy is {shown}."
    return {variant: float(rate) for variant, rate in rates.items() if rate is not None}


def _learning_rates_are_clusters(evidence: Evidence) -> Judged:
    rates = _rates(evidence)
    if isinstance(rates, str):
        return None, rates
    rows = evidence.values(PWCCA)
    hidden = [layer for layer in _hidden(evidence) if layer in set(rows["layer"])]
    if not hidden:
        return None, NO_PWCCA
    layer = hidden[max(0, round(CLUSTERED_LAYER * len(hidden)) - 1)]
    networks = evidence.tables.networks["network"].to_list()
    place = {network: number for number, network in enumerate(networks)}
    distances = np.full((len(networks), len(networks)), np.nan)
    pairs = rows.filter(pl.col("layer") == layer).group_by("network_a", "network_b")
    for a, b, similarity in pairs.agg(pl.col("value").mean()).iter_rows():
        distances[place[a], place[b]] = distances[place[b], place[a]] = max(0.0, 1 - similarity)
    if np.isnan(distances[~np.eye(len(networks), dtype=bool)]).any():
        return None, 'Not every two networks were compared (pairs = "all").'
    rate = np.array([rates[variant] for variant in evidence.tables.networks["variant"]])
    np.fill_diagonal(distances, np.inf)
    same = int((rate == rate[distances.argmin(axis=1)]).sum())
    np.fill_diagonal(distances, 0.0)
    groups = np.unique(rate, return_inverse=True)[1]
    index = adjusted_rand(cluster_tree(distances), groups)
    return index >= 0.9, (
        f"In {layer}, cut into {len(set(groups))} clusters: adjusted Rand index {index:.2f}; the "
        f"nearest network has the same rate for {same} of {len(networks)} networks."
    )


def _lower_layers_settle_first(evidence: Evidence) -> Judged:
    snapshots = evidence.over_training
    if snapshots.is_empty() or snapshots["snapshot_a"].is_null().all():
        return None, "The study has no snapshots (training.snapshots)."
    rows = with_final(snapshots.filter(pl.col("measure").str.starts_with(PWCCA)))
    if rows.is_empty():
        return None, (
            'It needs [[measures]] with name = "pwcca", and each snapshot compared with its '
            'network (pairs = "over training").'
        )
    if recurrent := _recurrent(evidence):
        return _lower_recurrent_layers_are_closer(rows, recurrent)
    layers = _hidden(evidence)[:-1]
    kept = evidence.tables.networks.filter(pl.col("step").is_not_null())
    ends = dict(kept.group_by("variant").agg(pl.col("step").max()).iter_rows())
    ranks, words = [], []
    for (variant,), of in rows.filter(pl.col("layer").is_in(layers)).group_by(
        "variant", maintain_order=True
    ):
        if variant not in ends:
            return None, "The step at which the networks are trained is not known (training.keep)."
        settled = [
            settling_step(one["step"].to_list(), one["value"].to_list(), ends[variant])
            for _, one in of.group_by("layer", maintain_order=True)
        ]
        if len(settled) < 4 or not np.ptp(settled):
            return None, "It needs at least five hidden layers, which do not settle all at once."
        ranks.append(float(stats.spearmanr(range(len(settled)), settled).statistic))
        whose = f" ({variant})" if variant else ""
        words.append(f"{ranks[-1]:.2f} over {len(settled)} layers{whose}")
    return min(ranks) > 0.5, f"Rank correlation {', '.join(words)}."


def _recurrent(evidence: Evidence) -> list[str]:
    """The recurrent layers, in order of depth."""
    types = dict(evidence.tables.layers.select("layer", "type").iter_rows())
    return [x for x in evidence.layers() if types.get(x, "").endswith(RECURRENT)]


def _lower_recurrent_layers_are_closer(rows: pl.DataFrame, layers: Sequence[str]) -> Judged:
    """By the mean over snapshots: three layers or five settle too much alike for an order."""
    if len(layers) < 3:
        return None, "It needs at least three recurrent layers."
    ranks, words = [], []
    for (variant,), of in rows.group_by("variant", maintain_order=True):
        means = dict(of.group_by("layer").agg(pl.col("value").mean()).iter_rows())
        values = [means[layer] for layer in layers if layer in means]
        if len(values) < 3 or not np.ptp(values):
            return None, "It needs at least three recurrent layers, which are not all alike."
        ranks.append(float(stats.spearmanr(range(len(values)), values).statistic))
        whose = f" ({variant})" if variant else ""
        shown = ", ".join(f"{value:.3f}" for value in values)
        words.append(f"{shown}, rank correlation {ranks[-1]:.2f}{whose}")
    return max(ranks) < -0.5, (
        f"Mean similarity of the snapshots with the end, from the first recurrent layer to the "
        f"last: {'; '.join(words)}."
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
        number="B-4",
        statement="Networks fall into clusters that are their learning rates.",
        expected="adjusted Rand index of at least 0.9, by the hidden layer nearest to 8/11 of the "
        "depth (the paper: five clusters, which are the five rates)",
        source="200 networks of five learning rates",
        origin="our reading",
        judge=_learning_rates_are_clusters,
    ),
    Claim(
        number="B-5",
        statement="Layers converge from the bottom up, but for the very top.",
        expected="rank correlation above 0.5 of depth with the step at which a layer has come half "
        "of its way, over hidden layers but the last; of recurrent layers, below -0.5 of depth "
        "with the mean similarity of all snapshots with the end",
        source="Raghu et al. 2017, of convolutional networks; this paper, of recurrent ones",
        origin="our reading",
        judge=_lower_layers_settle_first,
    ),
    Claim(
        number="B-6",
        statement="On the training data, outputs agree within both groups, and not between them.",
        expected="distances below 0.1 within and above 0.25 between (the paper: 0, 0 and .355)",
        source="figure 2",
        origin="our reading",
        judge=_outputs_agree_within_groups,
    ),
    *SEQUENCE_CLAIMS,
)
