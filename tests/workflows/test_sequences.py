"""A study of language models on a text of one's own, from the file to the report."""

import math

import numpy as np
import polars as pl
import pytest

from repsim.errors import StudyError
from repsim.store import Activations, Store
from repsim.study import load_study
from tests.faults.publication_points import run_inline
from workflows.plan import plan_study

STUDY = """
name = "text"
seeds = [0, 1]
pairs = ["within", "over training"]
[data]
name = "text"
path = "PATH"
length = 6
[model]
name = "lstm"
layers = 2
width = 6
[training]
epochs = 2
batch_size = 8
snapshots = ["initial"]
[capture]
layers = ["lstm.*"]
positions = "each 2:6:3"
[matching]
epsilons = [0.3]
[across]
examples = 40
measures = ["cca", "cosine", "euclidean"]
[resampling]
permutations = 0
groups = 0
"""


@pytest.fixture
def study(tmp_path):
    text = tmp_path / "own.txt"
    words = np.random.default_rng(0).choice(["the", "cat", "sat", "on", "mats"], size=3000)
    text.write_text("\n".join(" ".join(line) for line in words.reshape(-1, 10)))
    file = tmp_path / "text.toml"
    file.write_text(STUDY.replace("PATH", str(text)))
    return file


def test_each_position_is_a_layer_in_every_table(study, tmp_path):
    summary = run_inline(study, tmp_path / "runs")
    # Two networks with each other and each with its start, at two positions of two layers; and
    # three comparisons across layers.
    assert (summary.exit_code, summary.networks_made, summary.comparisons_made) == (0, 2, 15)
    folder = tmp_path / "runs/studies/text/report"
    names = [f"lstm.{layer}@t={t}" for layer in (0, 1) for t in (2, 5)]
    layers = pl.read_csv(folder / "layers.csv")
    assert layers["layer"].to_list() == names
    assert layers["depth"].is_sorted()
    assert layers["positions"].to_list() == [1] * 4
    networks = pl.read_parquet(folder / "networks.parquet").filter(pl.col("snapshot").is_null())
    for perplexity, bits in networks.select("test_perplexity", "test_bits").iter_rows():
        assert 1 < perplexity < 8
        assert bits == pytest.approx(math.log2(perplexity))
    across = pl.read_parquet(folder / "across.parquet")
    for measure in ("cca[", "cosine[", "euclidean["):
        found = across.filter(
            pl.col("measure").str.starts_with(measure), pl.col("network_a") == pl.col("network_b")
        )
        assert found.height == 2 * 16
    page = (folder / "report.html").read_text()
    assert "erplexity" in page
    assert "ccurac" not in page


def test_a_position_is_that_part_of_the_whole_layer(study, tmp_path):
    every = study.with_name("every.toml")
    every.write_text(study.read_text().replace('"each 2:6:3"', '"all"').replace('"text"', '"x"', 1))
    found = {}
    for file in (study, every):
        assert run_inline(file, tmp_path / "runs").exit_code == 0
        plan = plan_study(load_study(file))
        for layer in plan.layers["seed 0"]:
            stored = Activations(Store(str(tmp_path / "runs")), layer.key)
            found[layer.layer] = stored.array[:]
    np.testing.assert_array_equal(found["lstm.1@t=5"][:, 0], found["lstm.1"][:, 5])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["capture.positions=4:9"], "positions of layer 'lstm.0', which has 6 positions. Got 6"),
        (["data.path=no.txt"], "Got no.txt, which does not exist"),
        (["model={name='resnet20'}"], r"images .* model 'resnet20'\. Got sequences of 6 ids"),
        (["data.name=digits"], "Expected a known|option of dataset 'digits'"),
        (["across.measures=['coz']"], "Expected a known measure. Got 'coz'"),
        (["training.batch_size=1000"], "Expected a batch of at most"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(study, changes, said):
    with pytest.raises(StudyError, match=said):
        plan_study(load_study(study, changes))


def test_padded_sequences_have_no_common_positions(study):
    padded = ["data={name='sequences', shortest=4}", "capture.positions=all"]
    with pytest.raises(StudyError, match="the shortest has 4"):
        plan_study(load_study(study, padded))
    plan = plan_study(load_study(study, [padded[0], "capture.positions=last"]))
    assert {layer.positions for layer in plan.layers["seed 0"]} == {1}
