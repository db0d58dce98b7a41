import pytest

from repsim.study import Course, Training
from repsim.study.course import MOST_EVALUATIONS


def test_a_single_example_left_over_sits_the_epoch_out():
    assert Training(batch_size=6).course(25).examples == 24
    assert Training(batch_size=1).course(25).examples == 25
    assert Training(batch_size="all").course(25).examples == 25
    assert Training(batch_size=100).course(25).batches == 1


def test_steps_end_within_an_epoch():
    course = Training(steps=10, batch_size=6).course(25)
    assert (course.batches, course.epochs, course.steps) == (4, 3, 10)
    assert [course.last_batch_of(epoch) for epoch in (1, 2, 3)] == [4, 4, 2]


def test_the_sizes_of_the_batches_are_those_of_the_epoch():
    course = Training(batch_size=8, epochs=1).course(28)
    assert [course.size_of(batch) for batch in range(course.batches)] == [8, 8, 8, 4]


def test_untrained_networks_take_no_step():
    course = Training(epochs=0).course(100)
    assert (course.steps, course.epochs, course.evaluations) == (0, 0, 0)


@pytest.mark.parametrize("steps", [1, 999, 1000, 1001, 600_000])
def test_of_very_many_epochs_a_bounded_number_is_evaluated(steps):
    course = Course.of(64, batch_size="all", epochs=None, steps=steps)
    evaluated = [epoch for epoch in range(1, steps + 1) if course.evaluates(epoch)]
    assert len(evaluated) == course.evaluations <= MOST_EVALUATIONS
    assert evaluated[-1] == steps


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"epochs": 3, "steps": 10}, "Got both, 3 epochs and 10 steps"),
        ({"epochs": None}, "Got neither"),
        ({"steps": 10, "milestones": (10,)}, "before the last of 10 steps"),
    ],
)
def test_epochs_and_steps_exclude_each_other(settings, expected):
    with pytest.raises(ValueError, match=expected):
        Training(**settings)
