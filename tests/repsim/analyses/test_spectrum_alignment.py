"""Spectrum alignment of a small training, from the study to tables, claims and figures."""

import numpy as np
import polars as pl
import pytest
import torch

from repsim.analyses import load_analysis
from repsim.analyses.gradient_kernel import gradient_kernel
from repsim.analyses.spectrum_alignment import relative_energy
from repsim.data import load_data
from repsim.drawing import house_style
from repsim.errors import StudyError
from repsim.graph import Worker, run_batch
from repsim.report.spectrum_alignment import (
    alignments,
    draw_alignment,
    draw_eigenvalues,
    draw_kernels,
)
from repsim.results import Tables
from repsim.stages.report import consolidate
from repsim.store import Store
from repsim.study import parse_study
from tests.conftest import CPU
from workflows.plan import plan_study

STUDY = """
name = "alignment"
seeds = [0]
pairs = "none"
claims = ["kopitkov2019"]

[data]
name = "image_regression"
side = 12

[model]
name = "mlp"
width = 32
depth = 3
activation = "leaky_relu"

[training]
steps = 400
batch_size = "all"
learning_rate = 0.05
momentum = 0.0
weight_decay = 0.0
schedule = "constant"
snapshots = ["initial", { steps = [100] }]

[[analyses]]
name = "spectrum_alignment"

[capture]
layers = ["type:Linear"]
"""


def test_energy_is_a_share_of_the_square():
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    phi = np.random.default_rng(1).normal(size=(6, 2))
    energy = relative_energy(basis, phi)
    assert energy[-1] == pytest.approx(1)
    assert (np.diff(energy) >= 0).all()
    assert relative_energy(basis[:, :1], basis[:, :1]) == pytest.approx(1)
    assert np.isnan(relative_energy(basis, np.zeros((6, 1)))).all()


def test_a_step_of_gradient_descent_is_what_the_kernel_says():
    """f - lr · c · G (f - y), to first order: the kernel is that of this loss."""
    torch.manual_seed(0)
    source = load_data("image_regression", {"side": 8})
    inputs, targets = next(
        iter(
            source.train.batches(
                np.arange(64), batch_size=64, augmentation=None, device=torch.device("cpu")
            )
        )
    )
    model = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    kernel = gradient_kernel(model, inputs)
    model.double()
    before = model(inputs.double())
    loss = torch.nn.functional.mse_loss(before, targets.double())
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(parameter.grad, alpha=-1e-6)
        moved = model(inputs.double()) - before
        expected = -1e-6 * 2 / 64 * kernel @ (before - targets)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-12)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    store = Store(str(tmp_path_factory.mktemp("alignment")))
    plan = plan_study(parse_study(STUDY))
    assert not run_batch(store, plan.graph.missing(()), (), Worker(resources=CPU))
    consolidate(store, plan, {})
    report = f"{store.location}/studies/alignment/report"
    return pl.read_parquet(f"{report}/analyses.parquet"), pl.read_csv(f"{report}/claims.csv")


def test_the_target_is_spanned_more_and_more(tables):
    rows, claims = tables
    energy = rows.filter(pl.col("quantity") == "energy of targets", pl.col("coordinate") == 5)
    assert energy.sort("step")["step"].to_list() == [0, 100, 400]
    frozen = rows.filter(
        pl.col("quantity") == "energy of targets, first kernel", pl.col("coordinate") == 5
    )
    assert frozen["value"].n_unique() == 1
    verdicts = dict(claims.select("claim", "holds").iter_rows())
    assert set(verdicts) == {f"kopitkov2019 C-{number}" for number in range(1, 8)}
    assert verdicts["kopitkov2019 C-5"] is True
    assert verdicts["kopitkov2019 C-3"] is None


def test_figures_are_drawn(tables):
    rows, _ = tables
    networks = [
        {"network": name, "variant": "", "seed": "0", "status": "done"}
        for name in rows["network"].unique(maintain_order=True)
    ]
    found = alignments(Tables.from_rows(networks=networks, analyses=rows))
    assert [len(of.steps) for of in found] == [3]
    with house_style():
        for draw in (draw_alignment, draw_eigenvalues, draw_kernels):
            drawing = draw(found)
            assert drawing is not None
            assert drawing.finding


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('name = "spectrum_alinment"', "Did you mean 'spectrum_alignment'?"),
        ('name = "spectrum_alignment"\nexamples = 1', "from 2 to 144"),
        ('name = "spectrum_alignment"\nexamples = 145', "from 2 to 144"),
        ('name = "spectrum_alignment"\nlead = 3', "Did you mean 'leading'?"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(change, said):
    with pytest.raises(StudyError, match=said.replace("?", r"\?")):
        plan_study(parse_study(STUDY.replace('name = "spectrum_alignment"', change)))


def test_no_pairs_need_an_analysis():
    with pytest.raises(StudyError, match=r"Expected \[\[analyses\]\] beside pairs"):
        parse_study(STUDY.replace('[[analyses]]\nname = "spectrum_alignment"\n', ""))
    with pytest.raises(StudyError, match='or pairs = "none" for analyses alone'):
        parse_study(STUDY.replace('pairs = "none"\n', ""))


def test_classes_are_one_hot_targets():
    source = load_data("digits", {"size": 8})
    load_analysis("spectrum_alignment", {"examples": 50}).check(source, source.objective("auto"))
