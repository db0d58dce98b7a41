import math

import pytest
import torch
from torch import nn

from repsim.errors import PreemptedError, StudyError, TrainingError
from repsim.study import Training
from repsim.training import evaluate, select_device
from repsim.training.evaluation import evaluation_mode
from repsim.training.metrics import RunningMetrics
from repsim.training.precision import autocast, repeatable_kernels, resolve_precision

CPU = torch.device("cpu")


def test_it_learns(train_small):
    trained = train_small(settings={"epochs": 12})
    assert trained.history[-1].test_score > 0.9
    assert trained.history[-1].train_loss < trained.history[0].train_loss
    assert [epoch.epoch for epoch in trained.history] == list(range(1, 13))
    assert [epoch.learning_rate for epoch in trained.history] == pytest.approx(
        [0.05] * 6 + [0.005] * 3 + [0.0005] * 3
    )
    assert (trained.device, trained.precision, trained.kept_epoch) == ("cpu", "float32", 12)
    assert trained.parameters == 4 * 9 + 4 + 4 + 4 + 64 * 3 + 3


def test_the_kept_weights_give_the_noted_accuracy(train_small, build_small, source):
    for keep in ("last", "best"):
        trained = train_small(settings={"keep": keep, "epochs": 4, "learning_rate": 0.4})
        model = build_small()
        model.load_state_dict(trained.state)
        accuracies = [epoch.test_score for epoch in trained.history]
        kept = accuracies.index(max(accuracies)) if keep == "best" else 3
        assert trained.kept_epoch == kept + 1
        assert evaluate(model, source.test, source.objective(), device=CPU) == accuracies[kept]


def test_trained_weights_share_no_memory_with_anything(train_small):
    trained = train_small()
    for tensor in trained.state.values():
        assert tensor.device == CPU
        assert tensor.is_contiguous()
        assert not tensor.requires_grad


class Explodes(nn.Module):
    """Logits become infinite at one batch of training."""

    def __init__(self, at):
        super().__init__()
        self.linear = nn.Linear(64, 3)
        self.at, self.calls = at, 0

    def forward(self, images):
        if self.training:
            self.calls += 1
        scale = math.inf if self.calls == self.at else 1.0
        return self.linear(images.flatten(1)) * scale


@pytest.mark.parametrize(
    ("call", "place", "rate"), [(1, "epoch 1, batch 1", 0.05), (7, "epoch 2, batch 3", 0.005)]
)
def test_a_loss_that_is_not_finite_says_where_and_what_to_do(
    train_small, folder, call, place, rate
):
    message = f"in the loss in {place} of 4, at learning rate {rate}, .*Lower training.learning"
    with pytest.raises(TrainingError, match=message):
        train_small(build=lambda: Explodes(call), checkpoints=folder, checkpoint_every_seconds=0)
    # The batches before it are kept, it is not.
    assert folder.saves == call - 1


def test_a_last_step_that_ruins_the_weights_is_found(train_small):
    class Ruined(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 3)
            self.calls = 0
            self.linear.weight.register_hook(self.ruin)

        def ruin(self, gradient):
            self.calls += 1
            return gradient * math.nan if self.calls == 4 else gradient

        def forward(self, images):
            return self.linear(images.flatten(1))

    with pytest.raises(TrainingError, match="in a weight in epoch 1, batch 4 of 4"):
        train_small(build=Ruined)


def test_a_model_with_auxiliary_outputs_is_refused(train_small):
    class Pair(nn.Linear):
        def forward(self, images):
            logits = super().forward(images.flatten(1))
            return logits, logits

    with pytest.raises(StudyError, match=r"to give logits .* Got a tuple. Auxiliary"):
        train_small(build=lambda: Pair(64, 3))


def test_stopping_without_checkpoints_says_that_nothing_is_kept(train_small):
    with pytest.raises(PreemptedError, match=r"epoch 1, after batch 1 of 4\. Nothing is saved"):
        train_small(should_stop=lambda: True)


def test_progress_is_told_in_windows(train_small, monkeypatch):
    monkeypatch.setattr("repsim.training.metrics.WINDOW_BATCHES", 2)
    told = []
    trained = train_small(on_progress=told.append)
    assert [(p.epoch, p.batch, p.batches) for p in told] == [
        (epoch, batch, 4) for epoch in (1, 2, 3) for batch in (2, 4)
    ]
    assert told[-1].train_loss == trained.history[-1].train_loss
    assert all(p.epochs == 3 for p in told)


def test_running_metrics_do_not_depend_on_the_windows():
    losses = torch.rand(7, generator=torch.Generator().manual_seed(0))
    results = set()
    for window in (1, 2, 7):
        metrics = RunningMetrics()
        for i, loss in enumerate(losses):
            metrics.add(loss, torch.tensor(i), 8)
            if (i + 1) % window == 0:
                assert metrics.read() is None
        metrics.read()
        results.add((metrics.loss, metrics.mean_tally))
    assert len(results) == 1
    assert results.pop() == (pytest.approx(losses.mean().item()), 21 / 56)


def test_running_metrics_find_the_first_bad_batch_of_a_window():
    metrics = RunningMetrics()
    for loss in (1.0, math.nan, 2.0, math.inf):
        metrics.add(torch.tensor(loss), torch.tensor(0), 1)
    assert metrics.read() == 3


def test_precision_auto_is_float32_on_a_cpu(train_small):
    assert resolve_precision(Training(), CPU) == "float32"
    assert resolve_precision(Training(precision="bfloat16"), CPU) == "bfloat16"
    trained = train_small(settings={"precision": "bfloat16"})
    assert trained.precision == "bfloat16"
    assert all(t.dtype in {torch.float32, torch.int64} for t in trained.state.values())


def test_full_batches_and_a_number_of_steps(train_small):
    whole = train_small(settings={"epochs": None, "steps": 5, "batch_size": "all"})
    assert [epoch.epoch for epoch in whole.history] == [1, 2, 3, 4, 5]
    assert whole.kept_epoch == 5
    cut = train_small(settings={"epochs": None, "steps": 6})  # 4 batches in an epoch
    assert [epoch.epoch for epoch in cut.history] == [1, 2]
    complete = train_small(settings={"epochs": 1, "schedule": "constant"})
    begun = train_small(settings={"epochs": None, "steps": 4, "schedule": "constant"})
    assert all(torch.equal(complete.state[name], begun.state[name]) for name in begun.state)


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float16")])
def test_precision_auto_on_cuda_is_what_the_gpu_computes_natively(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.device("cpu"))
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation
    )
    assert resolve_precision(Training(), torch.device("cuda:0")) == expected


def test_autocast_is_off_for_float32_whatever_the_caller_has():
    linear, images = nn.Linear(2, 2), torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with autocast("float32", CPU):
            assert linear(images).dtype == torch.float32
        with autocast("float16", CPU):
            assert linear(images).dtype == torch.float16


def test_kernel_settings_are_exact_inside_and_put_back():
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.conv.fp32_precision, matmul.fp32_precision, cudnn.deterministic
    with repeatable_kernels():
        assert (cudnn.conv.fp32_precision, matmul.fp32_precision) == ("ieee", "ieee")
        assert cudnn.deterministic
        assert not cudnn.benchmark
    assert (cudnn.conv.fp32_precision, matmul.fp32_precision, cudnn.deterministic) == before


def test_evaluation_gives_every_module_its_own_mode_back():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Dropout(0.5)))
    model[0].eval()
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, False, True, True]


def test_batches_are_made_outside_inference_mode(source):
    """A split may keep its tensors, and inference tensors cannot be trained on."""

    class Watched:
        has_targets = True
        contiguous = False
        targets = source.test.targets

        def __len__(self):
            return len(source.test)

        def batches(self, *args, **options):
            for batch in source.test.batches(*args, **options):
                assert not torch.is_inference_mode_enabled()
                yield batch

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    assert 0 <= evaluate(model, Watched(), source.objective(), device=CPU, batch_size=5) <= 1


def test_devices(monkeypatch):
    assert select_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert select_device("auto") == CPU
    for name in ("cuda", "cuda:1", "mps", "gpu"):
        with pytest.raises(StudyError, match=rf"this machine \(cpu\). Got '{name}'. Use 'auto'"):
            select_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert select_device("auto") == torch.device("cuda:0")
    assert select_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(StudyError, match=r"\(cpu, cuda, cuda:0, cuda:1\). Got 'cuda:2'"):
        select_device("cuda:2")
