import math

import pytest
import torch
from torch import nn

from repsim.study import Training
from repsim.training import learning_rate as rate_of_step
from repsim.training.optimiser import build_optimiser


def learning_rate(training, *, epoch, batch, batches):
    """The rate of a batch, where an epoch has so many of them."""
    course = training.course(batches * 128)
    assert course.batches == batches
    return rate_of_step(training, course, (epoch - 1) * batches + batch)


def rates(training, epochs, batches=10):
    return [
        learning_rate(training, epoch=epoch, batch=batch, batches=batches)
        for epoch in epochs
        for batch in (0, batches - 1)
    ]


def test_the_paper_s_protocol_is_the_default():
    assert rates(Training(), [1, 80]) == [0.1] * 4
    assert rates(Training(), [81, 120]) == pytest.approx([0.01] * 4)
    assert rates(Training(), [121, 160]) == pytest.approx([0.001] * 4)


def test_milestones_and_decay_of_one_s_own():
    training = Training(epochs=6, milestones=(1, 4), decay=0.5, learning_rate=8.0)
    assert rates(training, range(1, 7))[::2] == [8, 4, 4, 4, 2, 2]


def test_milestones_count_steps_where_the_training_does():
    training = Training(steps=8, learning_rate=8.0, decay=0.5)
    assert training.milestones_applied == (4, 6)
    course = training.course(3 * 128)
    values = [rate_of_step(training, course, step) for step in range(course.steps)]
    assert values == [8, 8, 8, 8, 4, 4, 2, 2]


def test_cosine_falls_from_the_full_rate_to_zero():
    training = Training(epochs=4, schedule="cosine", learning_rate=2.0)
    values = [
        learning_rate(training, epoch=epoch, batch=batch, batches=5)
        for epoch in range(1, 5)
        for batch in range(5)
    ]
    assert values == pytest.approx([1 + math.cos(math.pi * step / 20) for step in range(20)])


@pytest.mark.parametrize("schedule", ["steps", "cosine", "constant"])
def test_warm_up_rises_linearly_to_the_full_rate(schedule):
    training = Training(epochs=8, schedule=schedule, warmup_epochs=2, milestones=(6,))
    values = [
        learning_rate(training, epoch=epoch, batch=batch, batches=4)
        for epoch in (1, 2, 3)
        for batch in range(4)
    ]
    assert values[:8] == pytest.approx([0.1 * step / 8 for step in range(1, 9)])
    assert values[8] == pytest.approx(0.1)


def test_nothing_but_warm_up_is_allowed():
    training = Training(epochs=2, schedule="cosine", warmup_epochs=2)
    assert rates(training, [1, 2], batches=2) == pytest.approx([0.025, 0.05, 0.075, 0.1])


def test_sgd_follows_the_update_rule_with_decay_on_every_parameter():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    training = Training(learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    optimiser = build_optimiser(training, model)
    expected = {name: p.detach().clone() for name, p in model.named_parameters()}
    velocity = {name: torch.zeros_like(p) for name, p in expected.items()}
    for _ in range(3):
        optimiser.zero_grad()
        model(torch.arange(12.0).reshape(4, 3)).square().sum().backward()
        for name, parameter in model.named_parameters():
            gradient = parameter.grad + 0.01 * expected[name]
            velocity[name] = 0.9 * velocity[name] + gradient
            expected[name] = expected[name] - 0.1 * velocity[name]
        optimiser.step()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(parameter.detach(), expected[name])


def test_adam_is_there():
    optimiser = build_optimiser(Training(optimiser="adam", weight_decay=0.1), nn.Linear(2, 2))
    assert isinstance(optimiser, torch.optim.Adam)
    assert optimiser.param_groups[0]["weight_decay"] == 0.1
