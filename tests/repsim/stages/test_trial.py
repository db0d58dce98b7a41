"""What cannot be trained or captured is found before anything is trained."""

import sys

import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.stages.trial import try_networks
from repsim.study import parse_study
from workflows.plan import plan_study

STUDY = """
name = "tried"
seeds = [0, 1]
[data]
name = "synthetic"
examples = 20
test_examples = 20
classes = 3
size = 8
[model]
name = "model_of_a_test:model"
[capture]
layers = ["*"]
[across]
examples = 0
"""


class Failing(nn.Module):
    """Passes shapes on, and fails where there are numbers."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, images):
        if not images.is_meta:
            raise self.error
        return images


class Detached(nn.Module):
    def forward(self, images):
        return images.detach()


class TrainedOtherwise(nn.Module):
    def forward(self, logits):
        return (logits, logits) if self.training else logits


def network(*between, width=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), *between, nn.Linear(8, width))


@pytest.fixture
def trial(monkeypatch):
    def call(build):
        module = type(sys)("model_of_a_test")
        module.model = lambda inputs, outputs: build()
        monkeypatch.setitem(sys.modules, "model_of_a_test", module)
        plan = plan_study(parse_study(STUDY))
        try_networks(plan.networks, plan.layers)

    return call


@pytest.mark.parametrize(
    "build",
    [
        network,
        lambda: network(nn.Dropout(), nn.BatchNorm1d(8)),
        lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)),
        lambda: network(width=5),
        lambda: network().requires_grad_(False).append(nn.Linear(3, 3)),
    ],
)
def test_models_that_can_be_used_pass_without_a_trace(trial, build):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trial(build)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: network(Failing(KeyError("x"))),
            r"KeyError in a forward pass in layer '3' \(Fail",
        ),
        (lambda: network().double(), r"images .*, float32\. .* in layer '1' \(Linear\): .*Double"),
        (lambda: network().requires_grad_(False), r"Got RuntimeError in a backward pass: element"),
        (lambda: network().append(Detached()), r"Got RuntimeError in a backward pass"),
        (lambda: nn.Sequential(nn.Flatten()), r"Got ValueError in a backward pass: .*empty param"),
        (lambda: network(width=2), r"logits of shape \(ex.*here \(2, 3\)\. Got \(2, 2\)"),
        (lambda: nn.Sequential(nn.Conv2d(1, 3, 1)), r"Got \(2, 3, 8, 8\)"),
        (lambda: network().append(TrainedOtherwise()), r"Got a tuple with 0 of shape"),
    ],
)
def test_models_that_cannot_be_used_are_an_error_of_the_study(trial, build, message):
    with pytest.raises(StudyError, match=message) as caught:
        trial(build)
    assert caught.value.exit_code == 2


def test_a_layer_that_is_another_one_with_numbers_is_refused(trial):
    class Wider(nn.Module):
        def forward(self, units):
            return units if units.is_meta else torch.cat([units, units], dim=1)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.wider = network(), Wider()

        def forward(self, images):
            logits = self.network(images)
            self.wider(logits)
            return logits

    with pytest.raises(StudyError, match=r"'wider' to have 3 neurons at 1 positions.*Got 6 at 1"):
        trial(Model)
