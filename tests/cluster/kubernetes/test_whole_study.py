"""A study on Kubernetes from submission to report, with a stand-in that runs the pods' commands.

The driver, the API by HTTP and each command of each pod are the real ones; Kubernetes itself, which
starts the pods and counts their ends, is played.
"""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.kubernetes import InClusterApi, Manifests, manifests_of
from cluster.kubernetes.pods import CONFIG
from repsim.store import Artifact, Store
from repsim.study import parse_study
from tests.cluster.kubernetes.fake_cluster import FakeCluster, account_folder, running_cluster
from tests.cluster.kubernetes.profiles import of_kind, pod_templates, profile
from workflows.command import main
from workflows.plan import plan_study
from workflows.state import study_state, survey_study
from workflows.summary import read_summary


def run_pods(job: dict[str, Any], config: Path) -> None:
    """What Kubernetes does with an Indexed Job: a pod for each index, a condition at the end."""
    assert job["spec"]["suspend"] is False
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {v["name"]: v["value"] for v in container["env"]}
    ends = []
    for index in range(job["spec"]["completions"]):
        command = [
            word.replace("$(JOB_COMPLETION_INDEX)", str(index)).replace(CONFIG, str(config))
            for word in container["command"]
        ]
        assert command[0] == "repsim"
        done = subprocess.run(
            [sys.executable, "-m", "workflows.command", *command[1:]],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        ends.append((done.returncode, done.stderr))
    failed = [end for end in ends if end[0]]
    condition = {
        "type": "Failed" if failed else "Complete",
        "status": "True",
        "message": str(failed),
    }
    job["status"] = {"conditions": [condition]}


@pytest.fixture
def manifests(tiny_study, tmp_path) -> Manifests:
    """The tiny study with a pod for its networks, and two for its comparisons."""
    tables = {
        "ray": {"networks_at_once": 1, "gpus_per_network": 0, "cpus_per_network": 1},
        "dask": {"workers": 2, "threads_per_worker": 1},
        "kubernetes": {"training": "indexed", "store_claim": "studies", "store_secret": "none"},
    }
    return manifests_of(parse_study(tiny_study), profile(**tables), str(tmp_path / "runs"))


@pytest.fixture
def config(manifests, tmp_path) -> Path:
    """The ConfigMap as a folder."""
    folder = tmp_path / "config"
    folder.mkdir()
    for name, text in of_kind(manifests, "ConfigMap")["data"].items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def drive(config, tmp_path, monkeypatch):
    """`repsim drive` in a pod of a cluster; its exit code."""
    account = tmp_path / "account"
    account.mkdir()
    log = logging.getLogger("repsim")
    before = log.handlers, log.level, log.propagate

    def call(cluster: FakeCluster) -> object:
        monkeypatch.setenv("JOB_NAME", "driver")
        monkeypatch.setenv("JOB_UID", "0000-1111")
        api = InClusterApi(cluster.url, account_folder(account))
        monkeypatch.setattr("cluster.kubernetes.InClusterApi", lambda: api)
        monkeypatch.setattr(sys, "argv", ["repsim", "drive", str(config)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    yield call
    log.handlers, log.level, log.propagate = before


@pytest.mark.full
def test_a_study_from_submission_to_report(manifests, config, drive, tiny_study, tmp_path):
    with running_cluster() as cluster:
        cluster.started = lambda job: threading.Thread(target=run_pods, args=(job, config)).start()
        assert drive(cluster) == 0
        jobs = list(cluster.objects.values())
        assert [job["metadata"]["labels"]["app.kubernetes.io/component"] for job in jobs] == [
            "networks",
            "comparisons",
        ]
        for job in jobs:
            assert job["status"]["conditions"][0]["type"] == "Complete", job["status"]
        plan, store = plan_study(parse_study(tiny_study)), Store(str(tmp_path / "runs"))
        assert not [stage.name for stage in study_state(survey_study(plan, store)) if stage.to_make]

        # The next tick of a schedule.
        assert drive(cluster) == 0
        assert list(cluster.objects.values()) == jobs, "nothing is started for a complete study"


def ends_at_once(job: dict[str, Any]) -> None:
    """A job that made nothing, and that Kubernetes calls complete."""
    job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}


def test_matching_that_fails_is_not_made_up_for_by_the_driver(drive, made_copy):
    """It has the memory to drive and not to compare; it says what is missing."""
    plan, store = made_copy.plan, made_copy.store
    for spec in plan.comparisons[:2]:
        Artifact.at(store, spec.folder).discard()
    with running_cluster() as cluster:
        cluster.started = ends_at_once
        assert drive(cluster) == 3
        (job,) = cluster.objects.values()
        assert job["metadata"]["name"].endswith("-com-1")
    summary = read_summary(store, plan.study.name)
    assert summary is not None
    assert set(summary.failures) == {spec.label for spec in plan.comparisons[:2]}
    assert summary.exit_code == 3
    assert summary.comparisons_made == 0
    assert summary.already_there == len(plan.comparisons) - 2
    assert store.read("studies/tiny/report/report.html"), "of what there is"


def test_training_that_fails_ends_the_driver_with_the_code_of_the_study(drive):
    """Whatever Kubernetes says of the job: no network is there."""
    with running_cluster() as cluster:
        cluster.started = ends_at_once
        assert drive(cluster) == 3
        (job,) = cluster.objects.values()
        assert job["metadata"]["name"].endswith("-net-1")

        assert drive(cluster) == 3
        assert len(cluster.objects) == 2, "the next driver tries once more"


def test_the_command_prints_what_is_applied(tiny_study, tmp_path, capsys, monkeypatch):
    study_file = tmp_path / "study.toml"
    study_file.write_text(tiny_study, encoding="utf-8")
    words = ["repsim", "submit", str(study_file), "--cluster", "kubernetes", "--dry-run"]
    monkeypatch.setattr(sys, "argv", [*words, "--store", "s3://bucket/x", "--schedule", "@daily"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [manifest["kind"] for manifest in printed] == [
        *("ConfigMap", "ServiceAccount", "Role", "RoleBinding", "CronJob"),
        *("RayJob", "Job"),
    ]
    assert len(pod_templates(printed)) == 5


def test_a_schedule_is_for_kubernetes(tiny_study, tmp_path, capsys, monkeypatch):
    study_file = tmp_path / "study.toml"
    study_file.write_text(tiny_study, encoding="utf-8")
    words = ["repsim", "submit", str(study_file), "--cluster", "slurm", "--schedule", "@daily"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "Expected --schedule with a profile for Kubernetes alone" in capsys.readouterr().err
