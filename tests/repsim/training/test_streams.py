import numpy as np
import pytest
import torch

from repsim.data import from_arrays
from repsim.study import Seed
from repsim.training import epoch_order, stream_seed
from repsim.training.state import initial_model
from repsim.training.streams import isolated_randomness


def seeds(**changed):
    return Seed.model_validate({"initialisation": 0, "order": 0, "augmentation": 0, **changed})


class Recorded:
    """What a training of one epoch starts with and sees."""

    def __init__(self, train_small, source, seed):
        self.images = []
        self.noise = []
        self.order = epoch_order(seed.order, 1, len(source.train))
        self.weights = None
        spy = self

        class Spy(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = torch.nn.Linear(64, 3)
                spy.weights = self.linear.weight.detach().clone()

            def forward(self, images):
                if self.training:
                    spy.images.append(images.clone())
                    spy.noise.append(torch.nn.functional.dropout(torch.ones(8), 0.5))
                return self.linear(images.flatten(1))

        train_small(build=Spy, seed=seed, settings={"epochs": 1})

    def differs(self, other):
        def unsorted(record):
            pixels = torch.cat(record.images)[np.argsort(record.order[:24])]
            return pixels if np.array_equal(self.order, other.order) else None

        a, b = unsorted(self), unsorted(other)
        return {
            "initialisation": not torch.equal(self.weights, other.weights),
            "order": not np.array_equal(self.order, other.order),
            "dropout": not torch.equal(torch.stack(self.noise), torch.stack(other.noise)),
            "images": None if a is None else not torch.equal(a, b),
        }


def test_each_stream_changes_its_own_effect_and_no_other(train_small, source):
    base = Recorded(train_small, source, seeds())
    same = dict.fromkeys(["initialisation", "order", "dropout", "images"], False)
    assert base.differs(Recorded(train_small, source, seeds())) == same
    changed = Recorded(train_small, source, seeds(initialisation=1))
    assert base.differs(changed) == same | {"initialisation": True}
    changed = Recorded(train_small, source, seeds(augmentation=1))
    assert base.differs(changed) == same | {"dropout": True, "images": True}
    changed = Recorded(train_small, source, seeds(order=1))
    assert base.differs(changed) == same | {"order": True, "images": None}


def test_order_changes_which_batch_an_example_is_in_but_not_its_augmentation(train_small, source):
    a, b = (Recorded(train_small, source, seeds(order=order)) for order in (0, 1))
    pixels = [
        dict(zip(record.order[:24].tolist(), torch.cat(record.images), strict=True))
        for record in (a, b)
    ]
    for example in pixels[0].keys() & pixels[1].keys():
        assert torch.equal(pixels[0][example], pixels[1][example])


def test_every_epoch_augments_differently(train_small, source):
    seen = []

    class Spy(torch.nn.Linear):
        def forward(self, images):
            if self.training:
                seen.append(images.clone())
            return super().forward(images.flatten(1))

    train_small(build=lambda: Spy(64, 3), settings={"epochs": 2, "batch_size": 25})
    first, second = (
        pixels[np.argsort(epoch_order(3, epoch, 25))]
        for epoch, pixels in zip((1, 2), seen, strict=True)
    )
    assert not torch.equal(first, second)


def test_without_augmentation_images_are_as_they_are(train_small, source):
    seen = []

    class Spy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(64, 3)

        def forward(self, images):
            if self.training:
                seen.append(images.clone())
            return self.linear(images.flatten(1))

    train_small(build=Spy, settings={"epochs": 1, "augment": False})
    order = epoch_order(3, 1, len(source.train))[:24]
    plain = source.train.batches(
        order, batch_size=24, augmentation=None, device=torch.device("cpu")
    )
    assert torch.equal(torch.cat(seen), next(iter(plain))[0])


def test_every_epoch_has_its_own_order_without_its_predecessors():
    orders = [epoch_order(5, epoch, 50) for epoch in (1, 2, 3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert np.array_equal(epoch_order(5, 3, 50), orders[2])


def test_streams_with_equal_seeds_are_different():
    names = [stream_seed(0, name) for name in ("initialisation", "order", "augmentation")]
    counters = [stream_seed(0, "order", *numbers) for numbers in [(1,), (2,), (1, 2), (12,)]]
    wide = [stream_seed(2**32 + 1, "order"), stream_seed(1, "order", 1)]
    assert len({*names, *counters, *wide}) == 9
    assert all(0 <= seed < 2**63 for seed in names)


def test_initialisation_does_not_depend_on_the_caller(train_small):
    def build():
        return torch.nn.Linear(4, 4)

    torch.manual_seed(1)
    a = initial_model(build, seeds())
    torch.manual_seed(2)
    b = initial_model(build, seeds())
    assert torch.equal(a.weight, b.weight)


def test_the_callers_generators_and_threads_are_left_alone(train_small):
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002 - the legacy generator is what must not move
    threads = torch.get_num_threads()
    expected = torch.random.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002
    train_small()
    assert torch.equal(torch.random.get_rng_state(), expected[0])
    assert np.array_equal(np.random.get_state()[1], expected[1])  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_generators_are_put_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), isolated_randomness(torch.device("cpu")):
        1 / torch.rand(3).mul(0).int().sum().item()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_single_example_left_over_sits_the_epoch_out(train_small, source):
    sizes = []

    class Spy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(64, 3)

        def forward(self, images):
            if self.training:
                sizes.append(len(images))
            return self.linear(images.flatten(1))

    train_small(build=Spy, settings={"epochs": 1})
    assert sizes == [6, 6, 6, 6]
    sizes.clear()
    train_small(build=Spy, settings={"epochs": 1, "batch_size": 7})
    assert sizes == [7, 7, 7, 4]
    sizes.clear()
    train_small(build=Spy, settings={"epochs": 1, "batch_size": 1})
    assert sizes == [1] * 25
    left_out = {epoch_order(3, epoch, 25)[-1] for epoch in range(1, 9)}
    assert len(left_out) > 3


def test_one_training_example_is_too_few(train_small):
    one = (np.ones((1, 1, 8, 8)), np.array([0]))
    with pytest.raises(ValueError, match=r"Expected at least two training examples\. Got 1"):
        train_small(source=from_arrays(train=one, test=one))
