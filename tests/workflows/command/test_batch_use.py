"""What a batch system relies on: lines of JSON, and a run with nothing to do that is quick."""

import json
import logging
import time
import warnings
from datetime import datetime

import pytest

from repsim.store import Artifact, Store
from repsim.study import parse_study
from workflows.command import output
from workflows.engines import dask, ray
from workflows.plan import plan_study


@pytest.fixture(autouse=True)
def _log_of_others_as_before():
    root = logging.getLogger()
    handlers, level, show = list(root.handlers), root.level, warnings.showwarning
    yield
    logging.captureWarnings(False)
    root.handlers, warnings.showwarning = handlers, show
    root.setLevel(level)


@pytest.fixture
def json_lines(repsim, capsys, monkeypatch):
    """Run with --log-format json; its exit code and the objects on stderr."""

    def call(*arguments):
        lines = []
        emit = logging.StreamHandler.emit

        def kept(handler, record):
            lines.append(handler.format(record))
            emit(handler, record)

        monkeypatch.setattr(logging.StreamHandler, "emit", kept)
        ran = repsim("run", *arguments, "--engine", "inline", "--log-format", "json")
        assert ran.err == " ".join(" ".join(lines).split())  # nothing else was said there
        return ran, [json.loads(line) for line in lines]

    return call


def test_every_line_is_an_object_and_progress_is_among_them(json_lines, study_file, tmp_path):
    ran, lines = json_lines(study_file, "--store", tmp_path / "runs")
    assert ran.code == 0
    for line in lines:
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in {"INFO", "WARNING", "ERROR"}
    messages = [line["message"] for line in lines]
    assert any(message.startswith("seed 0: training 2 of 2") for message in messages)
    assert "matching layers of pairs 6 of 6" in messages
    last = lines[-1]["summary"]
    assert (last["study"], last["networks_made"], last["exit_code"]) == ("tiny", 3, 0)


def test_errors_are_objects_with_their_exit_code(json_lines, study_file, tmp_path):
    ran, lines = json_lines(study_file, "--store", tmp_path / "runs", "--set", "seeds=[0,0]")
    assert ran.code == 2
    assert lines[-1]["exit_code"] == 2
    assert lines[-1]["level"] == "ERROR"
    assert lines[-1]["message"].startswith("repsim: Expected")


def test_failures_are_objects_with_their_label(json_lines, study_file, tmp_path):
    ran, lines = json_lines(
        study_file, "--store", tmp_path / "runs", "--set", "training.learning_rate=1e30"
    )
    assert ran.code == 3
    assert [line["failed"] for line in lines if "failed" in line] == ["seed 0", "seed 1", "seed 2"]


def test_a_record_keeps_its_fields_and_its_traceback():
    try:
        raise ValueError("of\ntwo lines")
    except ValueError as problem:
        record = logging.LogRecord(
            "repsim", logging.ERROR, "", 0, "a %s", ("b",), (ValueError, problem, None)
        )
    record.network = "seed 0"
    line = output.JsonLines().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["message"], said["network"]) == ("a b", "seed 0")
    assert said["traceback"].endswith("two lines")


def test_plain_lines_are_dated_on_a_terminal_too(monkeypatch):
    monkeypatch.setattr(output, "errors", output.Terminal(force_terminal=True))
    assert output.log_console("auto").is_terminal
    for log_format in ("plain", "json"):
        assert not output.log_console(log_format).is_terminal
    output.start_log("plain")
    (handler,) = logging.getLogger("repsim").handlers
    record = logging.makeLogRecord({"msg": "a line", "levelname": "INFO"})
    assert handler.format(record).endswith("INFO a line")


@pytest.fixture
def thousand(made, tiny_study, tmp_path, monkeypatch):
    """A complete study of more than 1000 artifacts, copied from the tiny one under other keys."""
    monkeypatch.setattr(Store, "flush", lambda *arguments: None)
    seeds = ",".join(str(seed) for seed in range(19))
    text = tiny_study.replace("seeds = [0, 1, 2]", f"seeds = [{seeds}]")
    file = tmp_path / "many.toml"
    file.write_text(text)
    plan = plan_study(parse_study(text))
    store = Store(str(tmp_path / "runs"))
    layers = {layer.layer: layer for layer in made.plan.layers["seed 0"]}
    models = {spec.x.layer: spec for spec in made.plan.comparisons}
    count = 0

    def copy(old, new):
        nonlocal count
        count += 1
        draft = new.draft()
        marker = old.marker()
        for part in marker.parts:
            if old.kind != "activations":
                draft.write(part.name, old.read(part.name))
        draft.publish(marker.facts)

    for spec in plan.networks:
        copy(made.plan.networks[0].artifact(made.store), spec.artifact(store))
        for layer in plan.layers[spec.label]:
            copy(layers[layer.layer].artifact(made.store), layer.artifact(store))
    for spec in plan.comparisons:
        old = models[spec.x.layer]
        copy(Artifact.at(made.store, old.folder), Artifact.at(store, spec.folder))
        for kind in ("moments_folder", "profile_folder"):
            source, folder = (getattr(one, kind) for one in (old, spec))
            copy(Artifact.at(made.store, source), Artifact.at(store, folder))
    assert count > 1000
    return file, store


def test_a_run_with_nothing_to_do_is_quick_and_starts_no_engine(repsim, thousand, monkeypatch):
    file, store = thousand

    def started(*arguments):
        raise AssertionError("an engine was started")

    monkeypatch.setattr(ray, "ray_session", started)
    monkeypatch.setattr(dask, "dask_session", started)
    first = repsim("run", file, "--store", store.root)
    assert first.code == 0
    assert "Made 0 networks and 0 comparisons" in first.out
    before = time.monotonic()
    second = repsim("run", file, "--store", store.root)
    took = time.monotonic() - before
    assert second.out.startswith("Nothing to do: the study 'tiny' is complete.")
    assert took < 5
