import io
import logging

import numpy as np
import pytest
import torch

from repsim.errors import PreemptedError
from repsim.study import Seed

BATCHES = 4  # of 6 examples; the 25th is left over
STEPS = 3 * BATCHES


class StopAfter:
    """Becomes true when it has been asked so many times: once after every batch."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def same(a, b):
    """Weights bit for bit, and the history up to the clock."""
    assert a.state.keys() == b.state.keys()
    for name in a.state:
        assert torch.equal(a.state[name], b.state[name]), name
    assert a.kept_epoch == b.kept_epoch
    assert [{**vars(e), "seconds": 0} for e in a.history] == [
        {**vars(e), "seconds": 0} for e in b.history
    ]


VARIANTS = {
    "paper": {},
    "adam, best": {"optimiser": "adam", "learning_rate": 0.003, "keep": "best"},
    "cosine, warm-up": {"schedule": "cosine", "warmup_epochs": 1},
    "float16": {"precision": "float16"},
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_at_any_batch_it_ends_with_the_same_weights(train_small, folder, settings):
    uninterrupted = train_small(settings=settings)
    for stop in range(1, STEPS + 1):
        folder.contents.clear()
        with pytest.raises(PreemptedError, match=f"epoch {(stop - 1) // BATCHES + 1}, after"):
            train_small(settings=settings, checkpoints=folder, should_stop=StopAfter(stop))
        # What the caller's generator is at, and how often it was used, must not matter.
        torch.rand(stop)
        same(train_small(settings=settings, checkpoints=folder), uninterrupted)


def test_the_loss_scale_of_float16_is_resumed(train_small, folder):
    class Steep(torch.nn.Linear):
        """Its gradients overflow until the scale has fallen."""

        def forward(self, images):
            return super().forward(images.flatten(1)) * 300

    steep = {
        "build": lambda: Steep(64, 3),
        "settings": {"precision": "float16", "learning_rate": 1e-5},
    }
    uninterrupted = train_small(**steep)
    with pytest.raises(PreemptedError):
        train_small(**steep, checkpoints=folder, should_stop=StopAfter(6))
    snapshot = torch.load(io.BytesIO(folder.contents[0]), weights_only=True)
    assert snapshot["scaler"]["scale"] < 65536
    same(train_small(**steep, checkpoints=folder), uninterrupted)


def test_interrupted_after_every_single_batch(train_small, folder):
    for _ in range(STEPS):
        with pytest.raises(PreemptedError):
            train_small(checkpoints=folder, should_stop=lambda: True)
    same(train_small(checkpoints=folder, should_stop=lambda: True), train_small())


def test_killed_without_notice_it_goes_on_from_the_last_checkpoint(train_small, folder):
    def killed_in_epoch_2(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("repsim.training.metrics.WINDOW_BATCHES", 2)
        with pytest.raises(KeyboardInterrupt):
            train_small(checkpoints=folder, on_progress=killed_in_epoch_2)
    epochs = []
    resumed = train_small(checkpoints=folder, on_epoch=lambda epoch: epochs.append(epoch.epoch))
    assert epochs == [2, 3]
    same(resumed, train_small())


def test_a_finished_training_is_not_repeated(train_small, folder):
    done = train_small(checkpoints=folder)
    saves = folder.saves
    same(train_small(checkpoints=folder, should_stop=lambda: True), done)
    assert folder.saves == saves


def test_checkpoints_are_written_per_epoch_and_when_time_has_passed(train_small, folder):
    train_small(checkpoints=folder)
    assert folder.saves == 3
    train_small(checkpoints=type(folder)(), checkpoint_every_seconds=0)
    often = type(folder)()
    train_small(checkpoints=often, checkpoint_every_seconds=0)
    assert often.saves == STEPS


def test_a_checkpoint_holds_nothing_but_plain_values(train_small, folder):
    train_small(checkpoints=folder, settings={"keep": "best"})
    snapshot = torch.load(io.BytesIO(folder.contents[0]), weights_only=True)
    assert snapshot["epoch"] == 4
    assert len(snapshot["history"]) == 3


def truncated(content):
    return content[: len(content) // 2]


def one_bit_of_a_weight_flipped(content):
    weight = torch.load(io.BytesIO(content), weights_only=True)["model"]["5.weight"]
    at = content.index(weight.numpy().tobytes()) + 1
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def other_model(content):
    snapshot = torch.load(io.BytesIO(content), weights_only=True)
    del snapshot["model"]["5.weight"]
    buffer = io.BytesIO()
    torch.save(snapshot, buffer)
    return buffer.getvalue()


def other_value(name, value):
    def changed(content):
        snapshot = torch.load(io.BytesIO(content), weights_only=True)
        buffer = io.BytesIO()
        torch.save({**snapshot, name: value}, buffer)
        return buffer.getvalue()

    return changed


DAMAGES = [
    truncated,
    one_bit_of_a_weight_flipped,
    other_model,
    lambda content: b"",
    other_value("model", 3),
    other_value("optimiser", [1]),
    other_value("epoch", "text"),
    other_value("history", [1]),
    other_value("best", "text"),
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("damaged", [1, 2])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    train_small, folder, caplog, damage, damaged
):
    with pytest.raises(PreemptedError):
        train_small(checkpoints=folder, should_stop=StopAfter(2 * BATCHES + 2))
    assert len(folder.contents) == 2
    for i in range(damaged):
        folder.contents[i] = damage(folder.contents[i])
    epochs = []
    with caplog.at_level(logging.WARNING):
        resumed = train_small(checkpoints=folder, on_epoch=lambda epoch: epochs.append(epoch.epoch))
    assert epochs == ([3] if damaged == 1 else [1, 2, 3])
    assert caplog.text.count("A checkpoint is passed over: ") == damaged
    assert ("starts from the beginning" in caplog.text) == (damaged == 2)
    same(resumed, train_small())


@pytest.mark.parametrize(
    "difference",
    [
        {"identity": "other"},
        {"seed": Seed.model_validate(4)},
        {"settings": {"learning_rate": 0.01}},
    ],
)
def test_a_checkpoint_of_another_training_is_never_resumed(train_small, folder, caplog, difference):
    train_small(checkpoints=folder)
    other = train_small(checkpoints=folder, **difference)
    assert "Expected a checkpoint of this training" in caplog.text
    same(other, train_small(**difference))


def test_history_has_the_running_metrics_of_the_whole_epoch(train_small, folder):
    with pytest.raises(PreemptedError):
        train_small(checkpoints=folder, should_stop=StopAfter(3))
    first = train_small(checkpoints=folder).history[0]
    assert 0 < first.train_loss < 10
    # 24 examples were trained on: the accuracy is a whole number of them.
    assert np.isclose(first.train_score * 24, round(first.train_score * 24))
