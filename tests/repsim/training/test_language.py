"""Training on texts: streams, a hidden state that is carried and resumed, perplexity."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from repsim.data import from_tokens
from repsim.errors import PreemptedError, StudyError
from repsim.models import build_model
from repsim.study import Seed, Training
from repsim.training import check_data, epoch_order, evaluate, train
from repsim.training.carried import contiguous_order
from repsim.training.state import initial_model

CPU = torch.device("cpu")
VOCABULARY, LENGTH, STREAMS = 7, 5, 4
SEED = Seed.model_validate(3)


def text(count, seed):
    """A chain of tokens, each mostly the one after the last."""
    draws = np.random.default_rng(seed)
    steps = np.where(draws.random(count) < 0.8, 1, draws.integers(VOCABULARY, size=count))
    return np.cumsum(steps) % VOCABULARY


@pytest.fixture(scope="module")
def source():
    """22 windows, two of which do not fill a batch in each epoch."""
    return from_tokens(
        train=text(22 * LENGTH + 1, 0),
        test=text(9 * LENGTH + 1, 1),
        vocabulary=VOCABULARY,
        length=LENGTH,
    )


def build(source, name="lstm", **options):
    inputs = source.inputs
    extra = {"embedding": 8} if name == "awd_lstm" else {}
    return build_model(
        name,
        {"layers": 2, "width": 8} | extra | options,
        inputs=inputs,
        outputs=inputs.vocabulary,
    )


def settings(**changes):
    base = {
        "epochs": 3,
        "batch_size": STREAMS,
        "optimiser": "adamw",
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "schedule": "constant",
        "clip": 0.5,
    }
    return Training(**base | changes)


def trained(source, training, name="lstm", model=None, **options):
    arguments = {"device": CPU, "threads": 1, **options}
    return train(lambda: build(source, name, **(model or {})), source, training, SEED, **arguments)


def test_training_is_that_of_an_independent_loop_on_the_same_streams(source):
    training = settings(augment=False)
    found = trained(source, training)
    model = initial_model(lambda: build(source), SEED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.01)
    stream = torch.from_numpy(text(22 * LENGTH + 1, 0))
    for epoch in range(1, 4):
        first = int(epoch_order(SEED.order, epoch, 22)[0])
        state = None
        for step in range(5):
            places = [((first + s * 5 + step) % 22) * LENGTH for s in range(STREAMS)]
            inputs = torch.stack([stream[p : p + LENGTH] for p in places])
            targets = torch.stack([stream[p + 1 : p + 1 + LENGTH] for p in places])
            values, after = model.embedding(inputs), []
            for layer, before in zip(model.lstm, state or [None, None], strict=True):
                values, end = layer(values, before)
                after.append(tuple(part.detach() for part in end))
            state = after
            loss = functional.cross_entropy(model.decoder(values).flatten(0, 1), targets.flatten())
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimiser.step()
    for name, weights in model.state_dict().items():
        torch.testing.assert_close(found.state[name], weights, rtol=1e-4, atol=1e-5)
    assert found.history[-1].test_score < found.history[0].test_score < VOCABULARY


def test_perplexity_is_that_of_the_whole_text_with_the_state_carried(source):
    model = build(source).eval()
    found = evaluate(model, source.test, source.objective(), device=CPU, batch_size=1)
    with torch.no_grad():
        tokens = torch.from_numpy(text(9 * LENGTH + 1, 1))
        loss = functional.cross_entropy(model(tokens[None, :-1])[0], tokens[1:])
    assert found == pytest.approx(math.exp(loss), rel=1e-5)
    assert model.hidden is None
    # In streams, of which some are longer than others, each window counts once, too.
    several = evaluate(model, source.test, source.objective(), device=CPU, batch_size=2)
    assert several == pytest.approx(found, rel=0.05)
    assert several != found
    every = evaluate(model, source.test, source.objective(), device=CPU, batch_size=50)
    (batch,) = source.test.batches(
        np.arange(9), batch_size=9, augmentation=None, device=CPU, workers=0
    )
    with torch.no_grad():
        alone = functional.cross_entropy(model(batch[0]).transpose(1, 2), batch[1])
    assert every == pytest.approx(math.exp(alone), rel=1e-5)


class StopAfter:
    def __init__(self, batches):
        self.left = batches

    def __call__(self):
        self.left -= 1
        return self.left == 0


RESUMED = {
    "lstm": ("lstm", {}),
    "gru, plateau": ("gru", {"schedule": "plateau", "optimiser": "sgd", "momentum": 0.0}),
    "awd_lstm, averaged": ("awd_lstm", {"average": 1, "keep": "best"}),
    "transformer": ("transformer_lm", {}),
}


@pytest.mark.parametrize(("name", "changes"), RESUMED.values(), ids=RESUMED)
def test_a_killed_training_ends_with_the_same_weights(source, folder, name, changes):
    training, model = settings(**changes), {"dropout": 0.3}
    whole = trained(source, training, name, model)
    for stop in (2, 5, 7, 11):
        folder.contents.clear()
        with pytest.raises(PreemptedError):
            trained(source, training, name, model, checkpoints=folder, should_stop=StopAfter(stop))
        torch.rand(stop)
        again = trained(source, training, name, model, checkpoints=folder)
        for weights in whole.state:
            assert torch.equal(again.state[weights], whole.state[weights]), weights
        assert [one.test_score for one in again.history] == [
            one.test_score for one in whole.history
        ]


def test_the_hidden_state_is_carried_through_an_epoch_and_not_into_the_next(source):
    seen = []

    def watched():
        model = build(source)

        def note(module, inputs):
            if module.training:
                seen.append(bool(module.hidden[0].any()))

        model.register_forward_pre_hook(note)
        return model

    train(watched, source, settings(epochs=2), SEED, device=CPU, threads=1)
    assert seen == [False, True, True, True, True] * 2


def test_averaged_weights_are_the_mean_over_the_steps(source):
    kept = {}
    training = settings(epochs=2, optimiser="sgd", learning_rate=0.5, momentum=0.0, average=1)
    plain = training.model_copy(update={"average": None})
    steps = range(6, 11)
    trained(
        source, plain, snapshots=steps, on_snapshot=lambda step, state: kept.update({step: state})
    )
    averaged = trained(source, training).state
    for name, weights in averaged.items():
        mean = torch.stack([kept[step][name] for step in steps]).mean(dim=0)
        torch.testing.assert_close(weights, mean, rtol=1e-5, atol=1e-6)


def test_an_average_begins_at_a_plateau(source):
    """At a rate at which the perplexity rises at once."""
    changes = {"optimiser": "sgd", "learning_rate": 30.0, "momentum": 0.0, "clip": 5.0, "epochs": 6}
    rising = [one.test_score for one in trained(source, settings(**changes)).history]
    first = next(place for place, (a, b) in enumerate(pairwise(rising)) if b > a)
    found = [
        one.test_score for one in trained(source, settings(**changes, average="plateau")).history
    ]
    assert found[: first + 2] == rising[: first + 2]
    assert found[first + 2] != rising[first + 2]


def test_the_rate_steps_down_at_a_plateau(source):
    changes = {"optimiser": "sgd", "learning_rate": 30.0, "momentum": 0.0, "clip": 5.0, "epochs": 6}
    found = trained(source, settings(**changes, schedule="plateau", decay=0.25)).history
    best, expected, rate = math.inf, [], 30.0
    for epoch in found:
        expected.append(rate)
        if epoch.test_score < best:
            best = epoch.test_score
        else:
            rate /= 4
    assert [epoch.learning_rate for epoch in found] == expected
    assert expected[-1] < 30


def test_the_best_epoch_is_that_of_the_lowest_perplexity(source):
    training = settings(optimiser="sgd", learning_rate=20.0, momentum=0.0, clip=5.0, keep="best")
    found = trained(source, training)
    scores = [epoch.test_score for epoch in found.history]
    assert found.kept_epoch == 1 + int(np.argmin(scores))


def test_gradients_are_clipped():
    source = from_tokens(train=text(60, 0), test=text(20, 1), vocabulary=VOCABULARY, length=LENGTH)
    steps = {"epochs": None, "steps": 1, "optimiser": "sgd", "learning_rate": 1.0,
             "momentum": 0.0, "weight_decay": 0.0}  # fmt: skip
    before = initial_model(lambda: build(source), SEED).state_dict()
    after = trained(source, settings(**steps, clip=0.01)).state
    moved = torch.cat([(after[name] - before[name]).flatten() for name in after])
    assert float(moved.norm()) == pytest.approx(0.01, rel=1e-3)


def test_padding_is_part_of_no_loss_and_no_score():
    short = [[1, 2, 3], [4, 5], [6, 1, 2, 3]]
    padded = from_tokens(train=short, test=short, vocabulary=VOCABULARY, length=6)
    tight = [from_tokens(train=[one], test=[one], vocabulary=VOCABULARY) for one in short]
    model = build(padded)
    objective = padded.objective()

    def batch(source):
        arguments = {"batch_size": 9, "augmentation": None, "device": CPU}
        return next(source.train.batches(np.arange(len(source.train)), **arguments))

    def loss(source):
        inputs, targets = batch(source)
        return objective.mean_loss(model(inputs), targets)

    alone = torch.stack([loss(source) for source in tight]).detach()
    torch.testing.assert_close(loss(padded), alone.mean())
    score = evaluate(model, padded.test, objective, device=CPU)
    sizes = torch.tensor([2.0, 1.0, 3.0])
    assert score == pytest.approx(math.exp(float((alone * sizes).sum() / 6)), rel=1e-5)


def test_sequences_are_shuffled_and_carry_nothing():
    rows = [[row % 7, (row + 1) % 7, (row + 2) % 7] for row in range(23)]
    source = from_tokens(train=rows, test=rows[:5], vocabulary=VOCABULARY)
    found = trained(source, settings(epochs=8, learning_rate=0.05))
    assert found.history[-1].test_score < 3


def test_texts_are_trained_on_in_whole_batches():
    assert settings().course(22, whole=True).examples == 20
    assert settings().course(22).examples == 22
    assert settings(batch_size="all").course(22, whole=True).batches == 1
    np.testing.assert_array_equal(np.sort(contiguous_order(11, 4)), np.arange(11))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 23}, "Expected a batch of at most 22 windows .*batch_size = 23"),
        ({"objective": "cross_entropy"}, 'objective = "auto" .* the next tokens'),
    ],
)
def test_wrong_settings_are_refused(source, changes, said):
    with pytest.raises(StudyError, match=said):
        check_data(source, settings(**changes))


def test_patience_without_a_plateau_is_refused():
    with pytest.raises(ValueError, match="Expected patience beside a plateau"):
        settings(patience=2)


def test_settings_that_do_nothing_are_part_of_no_key():
    assert not {"clip", "patience", "average"} & Training().determining.keys()
    assert settings().determining["clip"] == 0.5
