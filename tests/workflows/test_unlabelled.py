"""A study whose test split has no labels, from its file to the report."""

import polars as pl

from tests.faults.publication_points import run_inline

OWN_DATA = """
import torch
from repsim.data import from_arrays

def load():
    images = torch.rand(80, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return from_arrays(train=(images[:40], torch.arange(40) % 3), test=(images[40:], None))
"""


def test_the_report_has_no_accuracy_and_all_else(study_file, tmp_path, monkeypatch):
    (tmp_path / "unlabelled_data_of_this_test.py").write_text(OWN_DATA)
    monkeypatch.syspath_prepend(tmp_path)
    text = study_file.read_text()
    start, end = text.index("[data]"), text.index("[model]")
    own = '[data]\nname = "unlabelled_data_of_this_test:load"\n\n'
    study_file.write_text(text[:start] + own + text[end:])
    summary = run_inline(study_file, tmp_path / "runs")
    assert (summary.exit_code, summary.networks_made, summary.comparisons_made) == (0, 3, 6)
    report = tmp_path / "runs" / "studies" / "tiny" / "report"
    networks = pl.read_parquet(report / "networks.parquet")
    assert networks["test_accuracy"].null_count() == 3
    assert networks["train_accuracy"].null_count() == 0
    training = pl.read_parquet(report / "training.parquet")
    assert training["test_accuracy"].null_count() == training.height == 6
    page = (report / "report.html").read_text()
    assert "accuracy on the test split was not taken" in page
    assert "On the test split" not in page
