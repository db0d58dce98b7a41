"""Vectors, ids, numbers to be predicted and data without targets, from the study to the report."""

import polars as pl
import pytest

from repsim.errors import StudyError
from repsim.study import load_study
from tests.faults.publication_points import run_inline
from workflows.plan import plan_study

OWN = """
import numpy as np
from torch import nn
from repsim.data import DataSource, InputSpec, from_arrays

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(120, 6))
IDS = RANDOM.integers(0, 7, size=(120, 5))

def load(inputs="vectors", targets="numbers"):
    x = {"vectors": VECTORS, "ids": IDS}[inputs]
    y = {"numbers": np.tanh(VECTORS[:, :2]), "classes": np.arange(120) % 3, "none": None}[targets]
    return from_arrays(train=(x[:60], None if y is None else y[:60]),
                       test=(x[60:], None if y is None else y[60:]))

class Embedding(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.embedding = nn.Embedding(inputs.vocabulary, 6)
        self.hidden = nn.Sequential(nn.Linear(6, 5), nn.Tanh())
        self.output = nn.Linear(5, outputs)

    def forward(self, ids):
        return self.output(self.hidden(self.embedding(ids)).mean(dim=1))

def embedding(inputs: InputSpec, outputs: int) -> nn.Module:
    return Embedding(inputs, outputs)

def untrained(inputs, outputs):
    assert outputs is None
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh())


def declared(shape):
    from dataclasses import replace
    return replace(load(), inputs=InputSpec(shape=tuple(shape)))
"""

STUDY = """
name = "tasks"
seeds = [0, 1]
pairs = ["within"]
[data]
name = "own_of_this_test:load"
[model]
name = "mlp"
[training]
epochs = 2
batch_size = 20
[capture]
layers = ["type:Tanh"]
[matching]
epsilons = [0.3]
[across]
examples = 0
[resampling]
permutations = 3

[variants.numbers]
model = { width = 4, depth = 1, activation = "tanh" }
training.keep = "best"

[variants.one-hot]
data.targets = "classes"
model = { width = 4, depth = 1, activation = "tanh" }
training.objective = "mean_squared_error"

[variants.ids]
data = { inputs = "ids", targets = "classes" }
model.name = "own_of_this_test:embedding"

[variants.unknown]
data.targets = "none"
model.name = "own_of_this_test:untrained"
training.epochs = 0
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    (tmp_path / "own_of_this_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "tasks.toml"
    file.write_text(STUDY)
    return file


def test_each_task_is_trained_captured_compared_and_reported(study, tmp_path):
    summary = run_inline(study, tmp_path / "runs")
    assert (summary.exit_code, summary.networks_made, summary.comparisons_made) == (0, 8, 4)
    report = tmp_path / "runs" / "studies" / "tasks" / "report"
    networks = pl.read_parquet(report / "networks.parquet")
    known = networks.group_by("variant", maintain_order=True).agg(
        pl.col("test_accuracy", "test_r2", "train_accuracy", "train_r2").count()
    )
    assert known.rows() == [
        ("numbers", 0, 2, 0, 2),
        ("one-hot", 2, 0, 2, 0),
        ("ids", 2, 0, 2, 0),
        ("unknown", 0, 0, 0, 0),
    ]
    results = pl.read_parquet(report / "results.parquet")
    within = dict(results.group_by("variant_a").agg(pl.col("within_mean").count() > 0).iter_rows())
    assert within == {"numbers": False, "one-hot": True, "ids": True, "unknown": False}
    samples = dict(results.select("variant_a", "samples").unique().iter_rows())
    assert samples == {"numbers": 60, "one-hot": 60, "ids": 60 * 5, "unknown": 60}
    assert "Test accuracy or R²" in (report / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["data.targets=none"], "Expected targets in the training split of 'arrays'. Got none"),
        (
            ["data.targets=none", "training.epochs=0"],
            r"how many outputs model 'mlp' has. Got data without targets. .*classes=",
        ),
        (['training.objective="cross_entropy"'], 'for training.objective = "cross_entropy"'),
        (["data.random_labels={share=1.0,method='uniform'}"], "Got targets that are numbers"),
        (["model.name=small_cnn"], "images .* for model 'small_cnn'. Got vectors of 6 numbers"),
        (["data.inputs=ids"], "Expected numbers for model 'mlp'. Got sequences of 5 ids below 7"),
    ],
)
def test_what_makes_no_sense_is_refused_when_planned(study, changes, said):
    study.write_text(STUDY[: STUDY.index("[variants")])
    with pytest.raises(StudyError, match=said):
        plan_study(load_study(study, changes))


def test_inputs_of_another_shape_than_declared_are_refused(study):
    study.write_text(STUDY[: STUDY.index("[variants")].replace(":load", ":declared"))
    said = (
        r"from the train split of .* inputs of torch.float32 and shape \(1, 3, 2\).*Got .*\(1, 6\)"
    )
    with pytest.raises(StudyError, match=said):
        plan_study(load_study(study, ["data.shape=[3, 2]"]))
