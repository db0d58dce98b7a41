"""Several processes train one network: the network of one process, but for rounding."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.study import Seed, Training
from repsim.training import Ranks, epoch_order
from repsim.training.state import initial_model
from tests.repsim.training import rank_processes
from tests.repsim.training.rank_processes import (
    accuracy,
    alone,
    language,
    language_model,
    normalised,
    problem,
    training,
    what_is_seen,
    with_batch_norm,
    with_dropout,
    without_batch_norm,
)

Each = Callable[..., list[Any]]
BATCHES = 4  # of 7 examples, the last of 4


@pytest.fixture(scope="module")
def each() -> Iterator[Each]:
    with rank_processes.rank_processes() as each:
        yield each


def history(ended):
    return [{**vars(epoch), "seconds": 0} for epoch in ended.history]


def assert_same(a, b):
    """Bit for bit, up to the clock."""
    assert a.weights.keys() == b.weights.keys()
    for name in a.weights:
        np.testing.assert_array_equal(a.weights[name], b.weights[name], err_msg=name)
    assert history(a) == history(b)


def assert_close(a, b):
    """To the rounding of float32, over twelve steps."""
    for name in a.weights:
        np.testing.assert_allclose(
            a.weights[name], b.weights[name], rtol=1e-4, atol=1e-5, err_msg=name
        )
    for one, other in zip(a.history, b.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.train_score == other.train_score
        assert one.test_score == other.test_score


@pytest.mark.parametrize("batch", [24, 25])
def test_a_step_follows_the_gradient_of_the_whole_batch(each, batch):
    """Also where one part is longer than the other."""
    settings = {
        "epochs": 1,
        "batch_size": batch,
        "learning_rate": 1.0,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "augment": False,
    }
    source, seed = problem(batch), Seed.model_validate(3)
    model = initial_model(without_batch_norm, seed)
    before = {name: value.detach().numpy().copy() for name, value in model.named_parameters()}
    order = epoch_order(seed.order, 1, batch)
    images, labels = next(
        source.train.batches(order, batch_size=batch, augmentation=None, device=torch.device("cpu"))
    )
    nn.functional.cross_entropy(model(images), labels).backward()
    for ended in each(training, without_batch_norm, settings, examples=batch):
        for name, parameter in model.named_parameters():
            np.testing.assert_allclose(
                before[name] - ended.weights[name], parameter.grad, rtol=1e-4, atol=2e-7
            )


@pytest.mark.parametrize("build", [without_batch_norm, with_batch_norm])
@pytest.mark.parametrize("settings", [{}, {"optimiser": "adam", "keep": "best"}], ids=str)
def test_a_training_is_that_of_one_process_to_rounding(each, build, settings):
    first, second = each(training, build, settings)
    assert_same(first, second)
    assert_close(first, alone(build, settings))
    assert first.contents
    assert not second.contents


def test_every_batch_is_that_of_one_process_in_the_same_order(each):
    (one, noise), (other, other_noise) = each(what_is_seen)
    whole, _ = what_is_seen(rank_processes.ALONE)
    assert [len(images) for images in one[:BATCHES]] == [4, 4, 4, 2]
    assert [len(images) for images in other[:BATCHES]] == [3, 3, 3, 2]
    for parts in zip(one, other, whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts[:2]), parts[2])
    for a, b in zip(noise, other_noise, strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize("build", [with_batch_norm, with_dropout])
def test_stopped_at_any_batch_it_goes_on_to_the_same_bits(each, build):
    undisturbed = each(training, build, {})[0]
    for batch in (1, BATCHES - 1, BATCHES, BATCHES + 2):
        # Only one rank is asked to stop: both do.
        first, second = each(training, build, {}, stop={1: batch}, seconds=0.3)
        assert first.error.startswith("PreemptedError: Expected to train 3 epochs.")
        assert first.error == second.error
        # A rank that ends takes the others with it, and so must not before the checkpoint is kept.
        assert second.at > first.saved_at > 0
        going_on = each(training, build, {}, contents={0: first.contents})
        assert_same(going_on[0], undisturbed)


def test_only_the_first_rank_s_checkpoints_count(each):
    done = each(training, with_batch_norm, {})[0]
    ended = each(training, with_batch_norm, {}, contents={1: done.contents})
    assert [one.told for one in ended] == [[1, 2, 3]] * 2
    damaged = [done.contents[0][:-9], done.contents[1]]
    ended = each(training, with_batch_norm, {}, contents={0: damaged})
    assert [one.told for one in ended] == [[3]] * 2
    assert_same(ended[0], done)


def test_any_number_of_processes_goes_on_from_a_checkpoint(each):
    whole = alone(with_batch_norm, {})
    by_two = each(training, with_batch_norm, {}, stop={0: 6})[0]
    assert_close(alone(with_batch_norm, {}, contents={0: by_two.contents}), whole)
    by_one = alone(with_batch_norm, {}, stop={0: 6})
    assert_close(each(training, with_batch_norm, {}, contents={0: by_one.contents})[0], whole)


def test_a_training_that_diverges_is_the_same_error_in_every_rank(each):
    settings = {"learning_rate": 1e30}
    first, second = each(training, without_batch_norm, settings)
    assert "NaN or infinity in the loss in epoch 1, batch" in first.error
    assert first.error == second.error
    assert first.error == alone(without_batch_norm, settings).error


def test_a_batch_with_fewer_examples_than_processes_is_refused():
    ranks = Ranks(rank=0, size=8)

    def check(examples, size):
        ranks.check_batches(Training(batch_size=size).course(examples))

    check(64, 32)
    check(8, 32)
    check(8, "all")
    for examples, size in ((70, 32), (7, 32), (70, 4)):
        with pytest.raises(StudyError, match=r"at least 8 examples, .* Give a network fewer GPUs"):
            check(examples, size)


def test_it_is_refused_in_every_rank_before_anything_is_trained(each):
    for ended in each(training, with_batch_norm, {"batch_size": 1}):
        assert ended.error.startswith("StudyError: Expected batches of at least 2 examples")
        assert not ended.contents


def test_parts_cover_a_batch_in_order():
    for count in range(12):
        for size in (1, 2, 3, 5):
            parts = [Ranks(rank=rank, size=size).part(np.arange(count)) for rank in range(size)]
            assert np.concatenate(parts).tolist() == list(range(count))
            lengths = [len(part) for part in parts]
            assert lengths == sorted(lengths, reverse=True)
            assert max(lengths) - min(lengths) <= 1


NORMS = {
    "maps": (nn.BatchNorm2d(4), (4, 3, 2)),
    "vectors": (nn.BatchNorm1d(4), (4,)),
    "volumes": (nn.BatchNorm3d(4, affine=False), (4, 2, 2, 2)),
    "cumulative average": (nn.BatchNorm2d(4, momentum=None), (4, 3, 2)),
    "without running statistics": (nn.BatchNorm2d(4, track_running_stats=False), (4, 3, 2)),
}


@pytest.mark.parametrize(("norm", "shape"), NORMS.values(), ids=NORMS)
def test_batch_norm_is_that_of_the_whole_batch(each, norm, shape):
    """torch's own, of one process, is the oracle; a part may be a single example."""
    generator = np.random.default_rng(0)
    images = generator.normal(100, 1, size=(7, *shape)).astype(np.float32)
    weights = generator.normal(size=(7, *shape)).astype(np.float32)
    for cut in (4, 6):
        ranks = each(normalised, norm, np.split(images, [cut]), np.split(weights, [cut]))
        whole = normalised(rank_processes.ALONE, norm, [images], [weights])
        for name, expected in whole.items():
            found = [rank[name] for rank in ranks]
            if name in {"output", "of images", "evaluated"}:
                value = np.concatenate(found)
            elif name.startswith("of "):  # the sum over the ranks is what makes a step
                value = sum(found)
            else:
                value = found[0]
                np.testing.assert_array_equal(found[0], found[1])
            np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_the_accuracy_of_a_split_is_that_of_one_process(each, batch_size):
    expected = accuracy(rank_processes.ALONE, 12)
    assert 0 < expected < 1
    assert each(accuracy, batch_size) == [expected] * 2


def test_the_hidden_state_of_all_ranks_is_carried_and_resumed(each):
    """In batches of five streams, of which one rank has three."""
    settings, source = {"batch_size": 5, "epochs": 2}, language()
    one = alone(language_model, settings, source=source)
    whole = each(training, language_model, settings, source=source)
    for part in whole:
        for name, weights in one.weights.items():
            np.testing.assert_allclose(part.weights[name], weights, rtol=1e-4, atol=1e-5)
        for epoch, expected in zip(part.history, one.history, strict=True):
            assert epoch.test_score == pytest.approx(expected.test_score, rel=1e-5)
    stopped = each(training, language_model, settings, source=source, stop={0: 2, 1: 2})
    contents = {0: stopped[0].contents}
    again = each(training, language_model, settings, source=source, contents=contents)
    assert_same(again[0], whole[0])
    # One process resumes from the checkpoint of two.
    resumed = alone(language_model, settings, source=source, contents=contents)
    for name, weights in one.weights.items():
        np.testing.assert_allclose(resumed.weights[name], weights, rtol=1e-4, atol=1e-5)
