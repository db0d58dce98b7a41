"""The main job on real engines: local Ray and Dask, and existing clusters by address."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from distributed import LocalCluster

from repsim.stages.plan import StudyPlan
from repsim.study import load_study
from tests.runs import assert_same_results, results, run, study_file
from tests.task_lines import lines, named, times_planned
from workflows.plan import plan_study

DIGITS = Path(__file__).parents[2] / "workflows" / "studies" / "digits.toml"


@pytest.fixture(scope="module")
def digits_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job as the README has it, run once; `tasks.jsonl` beside it is its task log."""
    store = tmp_path_factory.mktemp("digits") / "runs"
    output = run("run", DIGITS, "--store", store, "--task-log", store.parent / "tasks.jsonl")
    assert "Made 3 networks and 21 comparisons" in output
    return store


def test_every_network_of_the_main_job_has_learned(digits_store: Path) -> None:
    report = digits_store / "studies" / "digits" / "report"
    networks = pl.read_parquet(report / "networks.parquet")
    assert networks["status"].to_list() == ["done"] * 3
    assert networks["test_accuracy"].min() > 0.95


def test_the_main_job_writes_a_report_of_every_layer_pair_and_epsilon(digits_store: Path) -> None:
    table = results(digits_store, "digits")
    matches = table.filter(pl.col("measure") == "maximum match similarity")
    assert matches.height == 3 * 5 * 5
    assert matches["value"].is_between(0, 1).all()
    page = digits_store / "studies" / "digits" / "report" / "report.html"
    assert page.read_text().count("<svg") >= 3


def test_every_task_of_both_engines_has_one_line(digits_store: Path) -> None:
    found = lines(digits_store.parent / "tasks.jsonl")
    check_lines(found, plan_study(load_study(DIGITS)))
    # An actor for each network, beside the workers of Dask.
    assert len({line["process"] for line in found if line["task"] == "train"}) == 3


def check_lines(found: list[dict[str, Any]], plan: StudyPlan) -> None:
    """A line for each task of the plan."""
    assert named(found) == times_planned(plan)
    assert {line["status"] for line in found} == {"done"}
    assert {line["host"] for line in found} == {platform.node()}
    for line in found:
        if line["task"] in {"train", "capture"}:
            assert line["bytes_written"] > 0
            assert line["cpu_seconds"] > 0
        if line["task"] in {"reduce", "capture"}:
            assert line["bytes_read"] > 0


def test_running_again_does_nothing(digits_store: Path) -> None:
    page = digits_store / "studies" / "digits" / "report" / "report.html"
    before = page.stat().st_mtime_ns
    output = run("run", DIGITS, "--store", digits_store)
    assert "Nothing to do: the study 'digits' is complete." in output
    assert page.stat().st_mtime_ns == before


def test_another_epsilon_makes_only_matches(digits_store: Path) -> None:
    change = ("--set", "matching.epsilons=[0.4]", "--set", "name=other")
    output = run("run", DIGITS, "--store", digits_store, *change)
    assert "Made 0 networks and 15 comparisons" in output
    for kind in ("networks", "moments", "profiles"):
        made = len(list((digits_store / kind).glob("*/marker.json")))
        assert made == (3 if kind == "networks" else 15), kind


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A profile of a Ray cluster and a Dask scheduler that run already."""
    folder = tmp_path_factory.mktemp("clusters")
    ray_folder = Path("/") / "tmp" / f"repsim-test-ray-{os.getpid()}"  # sockets need short paths
    port = 26379 + os.getpid() % 1000
    head = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"),
            *("--include-dashboard=false", f"--temp-dir={ray_folder}"),
        ],
        env={**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": str(ray_folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as dask:
            profile = folder / "profile.toml"
            profile.write_text(
                f'[ray]\naddress = "127.0.0.1:{port}"\n'
                f'[dask]\nscheduler = "{dask.scheduler_address}"\n'
            )
            yield profile
    finally:
        family = [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]
        for process in family:
            process.kill()
        head.wait()
        psutil.wait_procs(family, timeout=10)


def test_clusters_by_address_give_the_results_of_one_process(
    clusters: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    store = tmp_path / "runs"
    file, log = study_file(tmp_path), tmp_path / "tasks.jsonl"
    output = run("run", file, "--store", store, "--cluster", clusters, "--task-log", log)
    assert "Made 2 networks and 8 comparisons" in output
    assert_same_results(store, undisturbed)
    check_lines(lines(log), plan_study(load_study(file)))


@pytest.mark.full
def test_no_scheduler_at_the_address_is_said_with_what_to_do(tmp_path: Path) -> None:
    arguments = (study_file(tmp_path), "--store", tmp_path / "runs")
    run("run", *arguments, "--engine", "inline", "--set", "training.epochs=1")
    change = ("--set", "training.epochs=1", "--set", "matching.epsilons=[0.1]")
    output = run("run", *arguments, *change, "--cluster", "tcp://127.0.0.1:9", expect=4)
    assert "Expected a Dask scheduler with workers at tcp://127.0.0.1:9" in output
