"""Claims of Morcos et al. 2018 on recurrent networks over a sequence, on made tables."""

import pytest

from tests.repsim.claims.made_up import evidence, verdicts

CCA, COSINE, EUCLIDEAN = "cca[power=1,centred]", "cosine[distance,uncentred]", "euclidean[rms]"
TEXT = {"text": {"data.length": 10}}
REPEATED = {
    "text": {"data.length": 10},
    "early": {"data.length": 10, "data.repeat_from": 0},
    "late": {"data.length": 10, "data.repeat_from": 8},
}
TOY = {"turned": {"model.name": "rotation_rnn", "training.epochs": 0}}


def judge(
    settings, distance, *, measures=(CCA, COSINE, EUCLIDEAN), positions=10, name="lstm.0@t={}"
):
    """Verdicts for these distances between positions: (variant, measure, position)."""
    rows = [
        {
            "network_a": f"{variant} seed 0",
            "layer_a": name.format(a),
            "depth_a": a,
            "network_b": f"{variant} seed {other}",
            "layer_b": name.format(b),
            "depth_b": b,
            "measure": measure,
            "features": "averaged",
            "value": 1 - far if measure == CCA else far,
        }
        for variant in settings
        for other in (0, 1)
        for measure in measures
        for a in range(positions)
        for b in range(positions)
        # Other rows than those of the last position within a network must not count.
        for far in [distance(variant, measure, a) if (b, other) == (positions - 1, 0) else 0.123]
    ]
    networks = dict.fromkeys(settings, (0, 1))
    return verdicts("morcos2018", evidence(networks, [], settings, across=rows))


def straight(variant, measure, position):
    return (9 - position) / 9


def test_states_that_stay_far_until_the_last_steps_bear_it_out():
    assert judge(TEXT, lambda v, m, t: 0.0 if t == 9 else 0.5)["B-7"] == (
        True,
        "CCA distance from the last position: 0.50 at the first position, 0.50 at three quarters "
        "and 0.50 one before the last.",
    )
    assert judge(TEXT, straight)["B-7"][0] is False
    # Text whose tokens are repeated is no sequence of this kind.
    only = judge(REPEATED, lambda v, m, t: float(v == "text" and t < 9))["B-7"]
    assert only[0] is True


def by_repeat(cca, other):
    return judge(
        REPEATED,
        lambda v, m, t: (0.8 if v != "early" else cca if m == CCA else other) * (t < 9),
    )


def test_cca_tells_a_repeated_input_and_the_others_do_not():
    found = by_repeat(0.1, 0.7)
    assert (found["B-8"][0], found["B-9"][0]) == (True, True)
    assert found["B-8"][1] == (
        "Mean distance from the last position, early and late: CCA 0.100 and 0.800."
    )
    assert "cosine 0.700 and 0.800, Euclidean 0.700 and 0.800" in found["B-9"][1]
    found = by_repeat(0.5, 0.1)
    assert (found["B-8"][0], found["B-9"][0]) == (False, False)


def test_rotations_are_nothing_for_cca_and_far_for_the_cosine():
    def turned(variant, measure, step):
        return 0.01 if measure == CCA else 0.9 * (step < 9)

    assert judge(TOY, turned, name="cell@{}")["B-10"] == (
        True,
        "Distance from the last state; turned: CCA at most 0.010, cosine 0.90 on average.",
    )
    assert judge(TOY, straight, name="cell@{}")["B-10"][0] is False


@pytest.mark.parametrize(
    ("number", "settings", "given", "why"),
    [
        ("B-7", TEXT, {"measures": (COSINE,)}, "no CCA of each position"),
        ("B-7", TEXT, {"positions": 5}, "no CCA of each position"),
        ("B-8", TEXT, {}, "data.repeat_from"),
        ("B-9", REPEATED, {"measures": (CCA,)}, "no CCA of each position"),
        ("B-10", TEXT, {}, "no network without inputs"),
        ("B-10", TOY, {"measures": (COSINE,)}, "no CCA of each position"),
    ],
)
def test_what_a_study_cannot_tell_is_said(number, settings, given, why):
    holds, measured = judge(settings, straight, **given)[number]
    assert holds is None
    assert why in measured
