"""Networks that differ: what a study with variants takes, and a run of one."""

import polars as pl
import pytest

from repsim.errors import StudyError
from repsim.graph import Resources, Worker, run_batch
from repsim.stages.report import consolidate
from repsim.stages.trial import try_networks
from repsim.store import Store
from repsim.study import parse_study
from workflows.changes import notes_on_code
from workflows.plan import plan_study

WIDTHS = """
[variants.narrow]
[variants.wide]
model.width = 0.4
"""

AXES = "capture.axes={'featurs.*' = 'first'}"


def plan(text, *overrides):
    return plan_study(parse_study(text, overrides))


@pytest.fixture(scope="module")
def widths(tiny_study):
    """A narrow and a wide variant of the tiny study, two networks each."""
    return parse_study(tiny_study + WIDTHS, ["seeds=[0,1]", "pairs=['within','same seed']"])


def test_layers_of_one_name_are_compared_whatever_their_widths(widths):
    planned = plan_study(widths)
    assert [network.label for network in planned.representatives] == [
        "narrow seed 0",
        "wide seed 0",
    ]
    narrow, wide = (planned.layers[one.label] for one in planned.representatives)
    assert [a.neurons < b.neurons for a, b in zip(narrow, wide, strict=True)] == [True, True]
    assert len(planned.comparisons) == 2 * 4
    assert {spec.sides for spec in planned.comparisons if "wide" in spec.label} >= {
        (narrow[0].neurons, wide[0].neurons)
    }
    assert planned.apart == ()


def test_variants_that_differ_in_training_alone_share_data_and_model(tiny_study, monkeypatch):
    from workflows import plan as module

    loaded = []
    load = module.load_data

    def count(name, options):
        loaded.append(name)
        return load(name, options)

    monkeypatch.setattr(module, "load_data", count)
    planned = plan(tiny_study + "[sweep]\ntraining.learning_rate = [0.1, 0.2, 0.3]")
    assert len(planned.networks) == 9
    assert len(loaded) == 1
    assert len({network.key for network in planned.networks}) == 9


def test_a_run_of_variants_has_its_groups_in_the_tables(widths, tmp_path):
    store, planned = Store(str(tmp_path / "runs")), plan_study(widths)
    worker = Worker(resources=Resources(device="cpu", threads=1, loader_workers=0))
    assert not run_batch(store, planned.graph.missing(()), (), worker)
    consolidate(store, planned, {})
    folder = tmp_path / "runs" / "studies" / widths.name / "report"
    networks = pl.read_csv(folder / "networks.csv")
    assert networks["variant"].to_list() == ["narrow", "narrow", "wide", "wide"]
    results = pl.read_parquet(folder / "results.parquet")
    assert results.select("network_a", "network_b", "group").unique(maintain_order=True).rows() == [
        ("narrow seed 0", "narrow seed 1", "narrow"),
        ("narrow seed 0", "wide seed 0", "narrow – wide"),
        ("narrow seed 1", "wide seed 1", "narrow – wide"),
        ("wide seed 0", "wide seed 1", "wide"),
    ]
    layers = pl.read_csv(folder / "layers.csv")
    assert layers.filter(pl.col("layer") == "features.relu4")["variant"].to_list() == [
        "narrow",
        "wide",
    ]


def test_an_untrained_network_is_compared_as_any_other(tiny_study, tmp_path):
    text = tiny_study + "[variants.trained]\n[variants.untrained]\ntraining.epochs = 0\n"
    study = parse_study(text, ["seeds=[0]", "claims=['wang2018']"])
    store, planned = Store(str(tmp_path / "runs")), plan_study(study)
    worker = Worker(resources=Resources(device="cpu", threads=1, loader_workers=0))
    assert not run_batch(store, planned.graph.missing(()), (), worker)
    consolidate(store, planned, {})
    folder = tmp_path / "runs" / "studies" / study.name / "report"
    networks = pl.read_csv(folder / "networks.csv")
    assert networks["epochs"].to_list() == [planned.networks[0].training.epochs, 0]
    assert networks["test_accuracy"].is_null().to_list() == [False, True]
    assert pl.read_parquet(folder / "results.parquet")["value"].drop_nulls().len()
    claims = pl.read_csv(folder / "claims.csv")
    assert claims["claim"].to_list()[1] == "wang2018 A-2"


def test_maps_of_different_sizes_are_compared_by_their_averages(tiny_study):
    sizes = tiny_study + "[variants.small]\n[variants.large]\ndata.size = 16\n"
    compared = [spec.x.layer for spec in plan(sizes, "pairs=same seed").comparisons]
    assert set(compared) == {"classifier.relu1"}
    averaged = plan(sizes, "pairs=same seed", "capture.positions=mean")
    assert {spec.x.layer for spec in averaged.comparisons} == {
        "features.relu4",
        "classifier.relu1",
    }
    assert {layer.positions for layers in averaged.layers.values() for layer in layers} == {1}


def test_layers_of_different_widths_are_compared_by_as_many_neurons(tiny_study):
    planned = plan(tiny_study + WIDTHS, "seeds=[0,1]", "capture.neurons=5")
    assert {spec.sides for spec in planned.comparisons} == {(5, 5)}
    every = plan(tiny_study + WIDTHS, "seeds=[0,1]")
    wide = plan(tiny_study + WIDTHS, "seeds=[0,1]", "capture.neurons=5000")
    assert {s.sides for s in every.comparisons} == {s.sides for s in wide.comparisons}


def test_architectures_without_common_layers_are_compared_across_layers_alone(tiny_study):
    two = "[variants.cnn]\n[variants.vgg]\nmodel.name = 'vgg11'\n"
    layers = "capture.layers=['classifier.relu1','features.*']"
    planned = plan(tiny_study + two, layers, "seeds=[0,1]", "data.size=32", "across.examples=9")
    between = [spec for spec in planned.comparisons if "vgg" in spec.label and "cnn" in spec.label]
    assert between == []
    assert planned.apart[0].startswith("cnn and vgg have no captured layers of the same name")
    assert any("cnn" in spec.label and "vgg" in spec.label for spec in planned.across)
    with pytest.raises(StudyError, match=r"correspond\. Got cnn and vgg"):
        plan(tiny_study + two, layers, "seeds=[0,1]", "data.size=32", "across.examples=0")
    alone = plan(tiny_study + two, layers, "data.size=32", "pairs=between", "across.examples=9")
    assert (alone.comparisons, bool(alone.across)) == ((), True)


@pytest.mark.parametrize("group", ["capture.layers=['features.relu4','featurs.*']", AXES])
def test_a_pattern_that_selects_a_layer_of_no_variant_is_refused(tiny_study, group):
    with pytest.raises(StudyError, match=r"'featurs\.\*', which selects none"):
        plan(tiny_study + WIDTHS, group)


def test_variants_with_other_examples_cannot_be_compared(tiny_study):
    other = "[variants.a]\n[variants.b]\ndata.name = 'digits'"
    with pytest.raises(StudyError, match="same test examples in all variants") as caught:
        plan(tiny_study + other)
    assert "Got 40 in a and 599 in b, and their ids differ" in str(caught.value)


def test_each_model_is_tried_once(widths, monkeypatch):
    from repsim.stages import trial

    tried = []
    monkeypatch.setattr(trial, "_try_network", lambda spec, layers: tried.append(spec.label))
    planned = plan_study(widths)
    try_networks(planned.networks, planned.layers)
    assert [label.split()[0] for label in tried] == ["narrow", "wide"]


def test_notes_on_code_are_of_every_variant(widths):
    assert notes_on_code(plan_study(widths)) == []
