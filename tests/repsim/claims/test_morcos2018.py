"""Claims of Morcos et al. 2018 on made tables for which they hold, and do not."""

import pytest

from tests.repsim.claims.made_up import evidence, row, rows_of, verdicts

BOTH = {"true": range(3), "random": range(3)}
LABELS = {"true": {"data.random_labels": 0.0}, "random": {"data.random_labels": {"share": 1.0}}}
PWCCA = "pwcca[symmetric]"


def judge(similarity, *, networks=BOTH, settings=LABELS, measure=PWCCA, **more):
    rows = rows_of(networks, measure, similarity)
    return verdicts("morcos2018", evidence(networks, rows, settings, **more))


def as_in_the_paper(a, b, depth):
    if depth == 3:
        return 1.0 if a == b else 0.6
    return 0.9 - 0.1 * depth if a == b == "true" else 0.8 - 0.2 * depth


def test_what_the_paper_shows_bears_its_claims_out():
    found = judge(as_in_the_paper)
    assert found["B-1"] == (
        True,
        "In 2 of the 2 deeper layers (true and random labels: conv2: 0.200 and 0.400; "
        "conv3: 0.300 and 0.600).",
    )
    assert found["B-2"] == (True, "The largest difference of the 2 deeper layers is 0.000.")
    assert found["B-6"] == (
        True,
        "In fc: 0.000 with true labels, 0.000 with random ones, 0.400 between.",
    )


def test_outputs_that_differ_within_a_group_refute_it():
    assert judge(lambda a, b, depth: 0.8 if a == b else 0.2)["B-6"][0] is False


def test_networks_that_memorise_and_are_as_close_refute_it():
    assert judge(lambda a, b, depth: 0.5)["B-1"][0] is False


def test_networks_that_memorise_and_are_far_from_the_others_alone_refute_it():
    found = judge(lambda a, b, depth: 0.5 if a == b else 0.4)
    assert found["B-2"] == (False, "The largest difference of the 2 deeper layers is 0.100.")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"settings": {"true": {}, "random": {}}}, "has not one variant with true labels"),
        ({"settings": {"true": {}, "random": {"data.random_labels": 0.5}}}, "has not one variant"),
        ({"train_accuracy": 0.5}, "the lowest training accuracy is 50.0%"),
        ({"measure": "cka[linear]"}, "The study has no PWCCA"),
    ],
)
def test_what_a_study_cannot_tell_is_said(more, why):
    found = judge(as_in_the_paper, **more)
    for number in ("B-1", "B-2", "B-6"):
        assert found[number][0] is None
        assert why in found[number][1]


def test_the_output_is_judged_only_where_it_is_captured():
    assert judge(as_in_the_paper, output="ReLU")["B-6"] == (
        None,
        "The output is not captured: add its layer to capture.layers.",
    )


WIDTHS = {f"width={width}": range(2) for width in (1, 2, 4, 8)}


def by_width(similarity, accuracy):
    settings = {name: {"model.width": float(name.split("=")[1])} for name in WIDTHS}
    return judge(
        lambda a, b, depth: similarity(float(a.split("=")[1])) if a == b else 0.1,
        networks=WIDTHS,
        settings=settings,
        test_accuracy={name: accuracy(float(name.split("=")[1])) for name in WIDTHS},
    )["B-3"]


def test_wider_networks_that_are_closer_and_more_accurate_bear_it_out():
    holds, measured = by_width(lambda w: 0.4 + w / 20, lambda w: 0.5 + w / 20)
    assert holds is True
    assert measured == (
        "In conv3, over 4 widths: rank correlation of distance with width -1.00, correlation with "
        "test accuracy -1.00."
    )


def test_width_without_effect_or_without_accuracy_is_told_apart():
    assert by_width(lambda w: 0.9 - w / 20, lambda w: 0.5 + w / 20)[0] is False
    assert by_width(lambda w: 0.4 + w / 20, lambda w: 0.5)[0] is None
    assert judge(as_in_the_paper)["B-3"][0] is None


RATES = {
    f"learning_rate={rate}": (place, 3 + place) for place, rate in enumerate((0.1, 0.03, 0.01))
}


def by_rate(similarity, *, networks=RATES, other=None, **more):
    settings = {
        name: {"training.learning_rate": float(name.split("=")[1]), **(other or {}).get(name, {})}
        for name in networks
    }
    return judge(similarity, networks=networks, settings=settings, **more)["B-4"]


def test_networks_that_are_nearest_to_those_of_their_rate_bear_it_out():
    assert by_rate(lambda a, b, depth: 0.8 if a == b else 0.6) == (
        True,
        "In conv2, cut into 3 clusters: adjusted Rand index 1.00; the nearest network has the same "
        "rate for 6 of 6 networks.",
    )


def test_the_layer_of_the_paper_decides():
    # Eight elevenths of three hidden layers: the second.
    holds, _ = by_rate(lambda a, b, depth: 0.8 if (a == b) == (depth == 1) else 0.6)
    assert holds is True
    holds, measured = by_rate(lambda a, b, depth: 0.8 if (a == b) != (depth == 1) else 0.6)
    assert holds is False
    assert measured.endswith("the same rate for 0 of 6 networks.")


first = next(iter(RATES))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"networks": dict(list(RATES.items())[:2])}, "not at least three learning rates"),
        ({"networks": {name: [0] for name in RATES}}, "with two networks each"),
        ({"networks": {name: range(2) for name in RATES}}, "share a seed"),
        ({"other": {first: {"model.width": 2.0}}}, "differ by more than their learning rate"),
        ({"train_accuracy": 0.6}, "the lowest training accuracy is 60.0%"),
        ({"measure": "cka[linear]"}, "The study has no PWCCA"),
    ],
)
def test_clusters_are_not_looked_for_without_rates(more, why):
    holds, measured = by_rate(lambda a, b, depth: 0.8 if a == b else 0.6, **more)
    assert holds is None
    assert why in measured


def test_clusters_need_every_two_networks():
    rows = [
        row
        for row in rows_of(RATES, PWCCA, lambda a, b, depth: 0.8)
        if row["network_a"].split(" ")[0] == row["network_b"].split(" ")[0]
    ]
    settings = {name: {"training.learning_rate": float(name.split("=")[1])} for name in RATES}
    found = verdicts("morcos2018", evidence(RATES, rows, settings))
    assert found["B-4"] == (None, 'Not every two networks were compared (pairs = "all").')


SNAPSHOTS = {"initial": 0, "step 100": 100, "step 300": 300}
DEEP = ("conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "fc")


def settling(at, *, layers=DEEP, measure=PWCCA):
    """Verdict on a network whose layer settles at the step that follows from its depth."""
    rows = [
        row(f" seed 0 at {name}", " seed 0", layer, depth, measure, 0.9 if step >= at(depth) else 0)
        for name, step in SNAPSHOTS.items()
        for depth, layer in enumerate(layers)
    ]
    given = evidence({"": [0]}, rows, {"": {}}, layers=layers, snapshots=SNAPSHOTS)
    return verdicts("morcos2018", given)["B-5"]


def test_layers_that_settle_from_the_bottom_up_bear_it_out():
    # The last hidden layer and the output, which settle first, do not count.
    assert settling(lambda depth: 50 * (depth + 1) if depth < 5 else 0) == (
        True,
        "Rank correlation 0.87 over 5 layers.",
    )


def test_layers_that_settle_from_the_top_down_refute_it():
    assert settling(lambda depth: 250 - 50 * depth)[0] is False


def test_without_snapshots_of_deep_networks_nothing_is_said_of_their_course():
    assert "at least five" in settling(lambda depth: 50 * depth, layers=DEEP[-4:])[1]
    assert "at once" in settling(lambda depth: 50)[1]
    assert 'name = "pwcca"' in settling(lambda depth: 50 * depth, measure="cka[linear]")[1]
    assert judge(as_in_the_paper)["B-5"] == (
        None,
        "The study has no snapshots (training.snapshots).",
    )


def recurrent(similarity, layers=("lstm.0", "lstm.1", "lstm.2"), hidden="WeightDropLSTM"):
    """Verdict on a recurrent network whose snapshots have these similarities to its end."""
    rows = [
        row(f" seed 0 at {name}", " seed 0", layer, depth, PWCCA, similarity(depth) + step / 1e4)
        for name, step in SNAPSHOTS.items()
        for depth, layer in enumerate(layers)
    ]
    given = evidence({"": [0]}, rows, {"": {}}, layers=layers, snapshots=SNAPSHOTS, hidden=hidden)
    return verdicts("morcos2018", given)["B-5"]


def test_lower_recurrent_layers_that_are_closer_to_their_end_bear_it_out():
    assert recurrent(lambda depth: 0.6 - 0.1 * depth) == (
        True,
        "Mean similarity of the snapshots with the end, from the first recurrent layer to the "
        "last: 0.613, 0.513, 0.413, rank correlation -1.00.",
    )
    assert recurrent(lambda depth: 0.4 + 0.1 * depth)[0] is False
    assert recurrent(lambda depth: 0.4)[0] is None
    assert "three recurrent layers" in recurrent(lambda depth: 0.6, layers=("lstm.0",))[1]
