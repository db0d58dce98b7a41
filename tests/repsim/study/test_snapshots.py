import pytest

from repsim.errors import StudyError
from repsim.study import Course, Training, parse_study
from repsim.study.snapshots import AtSteps, snapshots_of

COURSE = Course.of(1000, batch_size=100, epochs=6, steps=None)  # 10 batches, 60 steps

STUDY = """
name = "steps"
seeds = [0, 1]
[data]
name = "digits"
[model]
name = "small_cnn"
[training]
epochs = 3
snapshots = ["initial", 1]
"""


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ((), {}),
        (("initial", 0, 1, 6, "last"), {"initial": 0, "epoch 1": 10}),
        ((5, 2, AtSteps(steps=(20, 25))), {"epoch 2": 20, "step 25": 25, "epoch 5": 50}),
        (("best",), {"best": None}),
        (
            ("log",),
            {"initial": 0}
            | {f"step {n}": n for n in (1, 2, 5)}
            | {f"epoch {n}": 10 * n for n in (1, 2, 5)},
        ),
    ],
)
def test_snapshots_are_named_and_in_the_order_of_steps(moments, expected):
    found = snapshots_of(moments, COURSE, "last")
    assert found == expected
    assert list(found) == list(expected)


def test_where_every_step_is_an_epoch_it_is_called_as_the_study_does():
    course = Course.of(1000, batch_size="all", epochs=None, steps=30)
    found = snapshots_of((3, AtSteps(steps=(4,)), "log"), course, "last")
    assert list(found) == [
        "initial",
        *("step 1", "step 2", "epoch 3", "step 4", "step 5", "step 10", "step 20"),
    ]


def test_the_network_itself_is_no_snapshot_of_it():
    assert snapshots_of(("last", "best"), COURSE, "last") == {"best": None}
    assert snapshots_of(("last", "best"), COURSE, "best") == {"last": 60}
    untrained = Course.of(1000, batch_size=100, epochs=0, steps=None)
    assert snapshots_of(("initial", "last", "log", "best"), untrained, "last") == {}


@pytest.mark.parametrize(
    ("late", "said"), [(7, "epoch 7"), (AtSteps(steps=(3, 61)), r"steps \[3, 61\]")]
)
def test_a_snapshot_after_the_end_is_refused(late, said):
    with pytest.raises(StudyError, match=rf"training of 6 epochs \(60 steps.*Got {said} in"):
        snapshots_of((late,), COURSE, "last")


@pytest.mark.parametrize(
    "wrong", ["'frist'", "[1.5]", "[-1]", "[true]", "{step = [1]}", "[{steps = []}]"]
)
def test_what_is_no_moment_is_told_what_is(wrong):
    with pytest.raises(StudyError, match=r"Expected epochs, 'initial', .* Got .*snapshots"):
        parse_study(STUDY, [f"training.snapshots={wrong}"])


def test_one_moment_needs_no_list():
    assert Training(snapshots="log").snapshots == ("log",)
    assert Training(snapshots={"steps": [3]}).snapshots == (AtSteps(steps=(3,)),)


def test_snapshots_do_not_determine_the_network():
    assert Training(snapshots=(1,)).determining == Training().determining


def test_variants_that_differ_in_snapshots_alone_are_the_same_networks():
    with pytest.raises(StudyError, match="networks that differ"):
        parse_study(STUDY + "[variants.a]\n[variants.b]\ntraining.snapshots = []")


def test_pairs_over_training_need_no_second_network():
    study = parse_study(STUDY, ["seeds=[0]", "pairs='over training'"])
    assert study.network_pairs == ()
    assert study.pair_count == 0
    with pytest.raises(StudyError, match="at least two seeds"):
        parse_study(STUDY, ["seeds=[0]", "pairs='same snapshot'"])


def test_pairs_at_the_same_snapshot_are_of_the_networks_that_are_compared():
    assert len(parse_study(STUDY, ["pairs='same snapshot'"]).network_pairs) == 1
    within = parse_study(
        STUDY + "[variants.a]\n[variants.b]\nmodel.width = 0.5",
        ["pairs=['within','same snapshot']"],
    )
    assert [a.variant == b.variant for a, b in within.network_pairs] == [True, True]
