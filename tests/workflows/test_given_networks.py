"""Studies of networks that others trained: planned, run, reported, and refused in time."""

import functools
import http.server
import threading
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from repsim.errors import IntegrityError, StudyError
from repsim.graph import Resources, Worker, run_batch
from repsim.inputs import InputSpec
from repsim.models import build_model
from repsim.stages.report import consolidate
from repsim.stages.trial import try_networks
from repsim.stages.weights import publish_given
from repsim.store import Store
from repsim.study import parse_study
from tests.s3_server import BUCKET
from workflows.changes import changes_behind
from workflows.explain import explain
from workflows.plan import plan_study
from workflows.state import survey_study
from workflows.trained import trained_networks

GIVEN = """
[variants.given]
weights = "{folder}/given.pt"
[variants.own]
"""
CPU = Worker(resources=Resources(device="cpu", threads=1, loader_workers=0))


def state(width=0.2, classes=3, seed=0):
    torch.manual_seed(seed)
    shape = (1, 8, 8)
    model = build_model(
        "small_cnn", {"width": width}, inputs=InputSpec(shape=shape), outputs=classes
    )
    return model.state_dict()


@pytest.fixture
def folder(tmp_path):
    torch.save({"model": state(), "epoch": 3}, tmp_path / "given.pt")
    return tmp_path


@pytest.fixture
def plan(tiny_study, folder):
    def planned(*overrides, tables=GIVEN):
        text = tiny_study + tables.format(folder=folder)
        return plan_study(parse_study(text, ["seeds=[0]", *overrides]))

    return planned


def test_a_given_network_is_published_and_compared_with_a_trained_one(plan, folder):
    planned, store = plan(), Store(str(folder / "runs"))
    reasons = [str(reason) for reason in explain(survey_study(planned, store))]
    assert reasons[0] == f"1 network (given): given weights, from {folder}/given.pt"
    assert "2 layers: the network is loaded first" in reasons
    try_networks(planned.networks, planned.layers)
    assert not run_batch(store, planned.graph.missing(()), (), CPU)
    given = planned.networks[0]
    record = given.record(store)
    assert (record["history"], record["kept_epoch"], record["weights"]) == (
        [],
        0,
        given.network.weights,
    )
    consolidate(store, planned, {})
    report = folder / "runs" / "studies" / "tiny" / "report"
    networks = pl.read_csv(report / "networks.csv")
    assert networks["network"].to_list() == ["given", "own seed 0"]
    assert networks["epochs"].to_list() == [None, 2]
    assert networks["weights"].to_list() == [given.network.weights, None]
    assert networks["test_accuracy"].null_count() == 0
    assert "<td>given</td>" in (report / "report.html").read_text()
    results = pl.read_parquet(report / "results.parquet")
    assert set(results["group"]) == {"given – own"}
    assert set(results["layer_a"]) == {layer.layer for layer in planned.layers["given"]}
    # Another trained network is told by the trained one, and given ones are never trained again.
    more = plan("training.epochs=3")
    survey = survey_study(more, store)
    assert [spec.label for spec in survey.networks] == ["own seed 0"]
    assert "differs from the one trained before" in str(explain(survey)[0])
    gone = [replace(given, fingerprint="other")]
    assert changes_behind(gone, trained_networks(store), store) == []


def test_weights_count_by_their_content_wherever_they_are(plan, folder):
    before = plan().networks[0].key
    half = {f"module.{key}": value for key, value in state().items()}
    torch.save({"state_dict": half}, folder / "other.pth")
    assert plan(f"variants.given.weights={folder}/other.pth").networks[0].key == before
    torch.save(state(seed=1), folder / "given.pt")
    assert plan().networks[0].key != before


def test_weights_of_other_classes_are_compared_without_accuracy(plan, folder):
    torch.save(state(classes=1000), folder / "given.pt")
    planned, store = plan(), Store(str(folder / "runs"))
    given = planned.networks[0]
    assert (given.outputs, given.classes) == (1000, 3)
    publish_given(given, store, {given.folder}, CPU)
    assert given.record(store)["test_score"] is None


def test_weights_that_changed_since_the_plan_are_refused(plan, folder):
    given = plan().networks[0]
    torch.save(state(seed=1), folder / "given.pt")
    with pytest.raises(IntegrityError, match="as they were when the run was planned"):
        publish_given(given, Store(str(folder / "runs")), {given.folder}, CPU)


def test_one_network_under_two_names_is_refused(plan, folder):
    (folder / "copy.pt").write_bytes((folder / "given.pt").read_bytes())
    twice = GIVEN + '[variants.copy]\nweights = "{folder}/copy.pt"'
    with pytest.raises(StudyError, match=r"Got given and copy, whose weights .*are the same"):
        plan(tables=twice)


def test_weights_that_do_not_fit_are_refused_before_anything_is_made(plan, folder):
    torch.save({"conv.weight": torch.ones(2, 2)}, folder / "given.pt")
    with pytest.raises(StudyError) as caught:
        plan()
    assert "Missing in the weights: features.conv1.weight" in str(caught.value)
    assert "Unexpected in the weights: conv.weight" in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("nowhere.pt", "Got 'nowhere.pt', which does not exist in"),
        (".", "a folder. A model of Hugging Face is hf:."),
        ("/dev/zero", "which is a character device"),
        ("ftp://host/a.pt", "at a URL of https, s3, gs or az. Got 'ftp'"),
        ("http://127.0.0.1:1/a.pt", "Expected weights that can be fetched. Got"),
    ],
)
def test_a_place_without_weights_is_refused(plan, weights, said):
    with pytest.raises(StudyError) as caught:
        plan(f"variants.given.weights={weights}")
    assert said in str(caught.value)


def test_a_file_behind_a_url_is_fetched_once(plan, folder, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(folder / "cache"))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"variants.given.weights=http://127.0.0.1:{server.server_port}/given.pt"
        keys = {plan(url).networks[0].key for _ in range(2)}
        server.shutdown()
    assert keys == {plan().networks[0].key}
    assert asked == ["/given.pt"]


def test_weights_may_be_in_a_bucket(plan, folder, server):
    content = (folder / "given.pt").read_bytes()
    Store(f"s3://{BUCKET}/zoo").write("given.pt", content)
    key = plan(f"variants.given.weights=s3://{BUCKET}/zoo/given.pt").networks[0].key
    assert key == plan().networks[0].key
    with pytest.raises(StudyError, match="Got nothing there"):
        plan(f"variants.given.weights=s3://{BUCKET}/zoo/other.pt")


def test_the_table_of_layers_is_in_the_plan_and_the_tables(plan, folder):
    depths = """
[variants.a]
model.name = "resnet20"
weights = "{folder}/a.pt"
[variants.b]
model.name = "resnet32"
weights = "{folder}/b.pt"
"""
    for file, name in (("a.pt", "resnet20"), ("b.pt", "resnet32")):
        options = {"width": 0.25}
        network = build_model(name, options, inputs=InputSpec(shape=(1, 32, 32)), outputs=3)
        torch.save(network.state_dict(), folder / file)
    text = f"""
name = "depths"
layers = [["stage1.2.relu2", "stage1.4.relu2"]]
[data]
name = "synthetic"
classes = 3
size = 32
test_examples = 30
[capture]
layers = ["stage1.?.relu2"]
positions = 4
[across]
examples = 0
[resampling]
permutations = 0
groups = 0
[model]
name = "resnet20"
width = 0.25
{depths.format(folder=folder)}
model.width = 0.25
"""
    planned, store = plan_study(parse_study(text)), Store(str(folder / "runs"))
    assert [spec.layer for spec in planned.comparisons] == [
        "stage1.0.relu2",
        "stage1.1.relu2",
        "stage1.2.relu2 – stage1.4.relu2",
    ]
    assert not run_batch(store, planned.graph.missing(()), (), CPU)
    consolidate(store, planned, {})
    table = Path(store.location) / "studies" / "depths" / "report" / "results.parquet"
    rows = pl.read_parquet(table).select("layer", "layer_a", "layer_b").unique().rows()
    assert ("stage1.2.relu2 – stage1.4.relu2", "stage1.2.relu2", "stage1.4.relu2") in rows
