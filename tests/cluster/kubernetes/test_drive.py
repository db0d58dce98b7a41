"""The driver: stages in order, nothing without need, and the store alone decides what is done."""

import logging
import threading
from typing import Any

import pytest
import yaml

from cluster.kubernetes import Driver, Patience, drive, read_templates
from repsim.errors import ClusterError, PreemptedError, StudyError
from tests.cluster.kubernetes.profiles import rendered

DRIVER = Driver(job="repsim-two-layers-v2-000000", uid="11111111-2222")
QUICK = Patience(poll=0.001, survey=0.0, outage=0.05)
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}


class FakeApi:
    """Jobs by name. Each look takes a job a step further along `lives`."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.lives: list[dict[str, Any] | Exception | None] = []
        self.on_look = lambda: None

    def get(self, manifest):
        self.on_look()
        name = manifest["metadata"]["name"]
        job = self.jobs.get(name)
        if job is None or not self.lives:
            return job
        status = self.lives.pop(0)
        if isinstance(status, Exception):
            raise status
        if status is None:
            del self.jobs[name]
            return None
        job["status"] = status
        return job

    def create(self, manifest):
        self.made.append(manifest)
        self.jobs[manifest["metadata"]["name"]] = manifest


class FakeStore:
    """What is missing, stage by stage."""

    def __init__(self, networks: int, comparisons: int) -> None:
        self.left = {"networks": networks, "comparisons": comparisons}
        self.asked: list[str] = []

    def missing(self, stage: str) -> int:
        self.asked.append(stage)
        return self.left[stage]


@pytest.fixture(scope="module")
def templates():
    return rendered().stages


@pytest.fixture
def stop():
    return threading.Event()


def kinds(api):
    return [manifest["kind"] for manifest in api.made]


def test_a_complete_study_starts_nothing(templates, stop):
    api = FakeApi()
    drive(api, templates, DRIVER, FakeStore(0, 0).missing, stop, patience=QUICK)
    assert api.made == []


def test_the_stages_come_one_after_the_other(templates, stop):
    api, store = FakeApi(), FakeStore(10, 45)
    api.lives = [
        {"jobDeploymentStatus": "Running"},
        {"jobDeploymentStatus": "Complete"},
        {},
        COMPLETE,
    ]
    seen = []
    api.on_look = lambda: seen.append(len(api.made))
    drive(api, templates, DRIVER, store.missing, stop, patience=QUICK)
    assert kinds(api) == ["RayJob", "Job"]
    assert seen == sorted(seen)
    assert store.asked[0] == "networks"
    assert api.lives == [], "each job was waited for to its end"


def test_matching_alone_is_made_when_the_networks_are_there(templates, stop):
    api = FakeApi()
    api.lives = [COMPLETE]
    drive(api, templates, DRIVER, FakeStore(0, 3).missing, stop, patience=QUICK)
    assert kinds(api) == ["Job"]


@pytest.mark.parametrize("end", ["Complete", "Failed", "ValidationFailed"])
def test_how_the_training_ended_decides_nothing(templates, stop, end):
    """KubeRay has called failed jobs successful: what is there is compared, whatever it says."""
    api = FakeApi()
    api.lives = [{"jobDeploymentStatus": end, "message": "as it says"}, COMPLETE]
    drive(api, templates, DRIVER, FakeStore(2, 3).missing, stop, patience=QUICK)
    assert kinds(api) == ["RayJob", "Job"]


def test_a_job_that_was_removed_has_ended(templates, stop):
    api = FakeApi()
    api.lives = [None, COMPLETE]
    drive(api, templates, DRIVER, FakeStore(2, 3).missing, stop, patience=QUICK)
    assert kinds(api) == ["RayJob", "Job"]


def test_a_stage_of_which_nothing_is_missing_any_more_has_ended(templates, stop):
    """Should KubeRay never notice that its job is over."""
    api, store = FakeApi(), FakeStore(2, 0)
    api.lives = [{"jobDeploymentStatus": "Running"}] * 1000
    looks = iter(range(1000))

    def trained_at_the_third_look():
        if next(looks) == 3:
            store.left["networks"] = 0

    api.on_look = trained_at_the_third_look
    drive(api, templates, DRIVER, store.missing, stop, patience=QUICK)
    assert kinds(api) == ["RayJob"]


def test_the_jobs_belong_to_the_driver_and_run(templates, stop):
    api = FakeApi()
    api.lives = [{"jobDeploymentStatus": "Complete"}, COMPLETE]
    drive(api, templates, DRIVER, FakeStore(10, 1).missing, stop, patience=QUICK)
    for made, template in zip(api.made, templates.values(), strict=True):
        (owner,) = made["metadata"]["ownerReferences"]
        assert owner == {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": DRIVER.job,
            "uid": DRIVER.uid,
        }
        assert made["spec"]["suspend"] is False
        assert template["spec"]["suspend"] is True, "the template stays as it is"
        same = {**made["spec"], "suspend": True}
        assert same == template["spec"]


@pytest.mark.parametrize(
    ("gpus", "missing", "pods"), [(1, 1, 1), (1, 3, 3), (1, 10, 8), (0.25, 5, 2), (0.25, 4, 1)]
)
def test_no_more_gpus_are_asked_for_than_networks_are_missing(stop, gpus, missing, pods):
    api = FakeApi()
    api.lives = [{"jobDeploymentStatus": "Complete"}]
    templates = rendered(ray={"gpus_per_network": gpus}).stages
    drive(api, templates, DRIVER, FakeStore(missing, 0).missing, stop, patience=QUICK)
    (group,) = api.made[0]["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (pods,) * 3


def test_a_driver_that_replaces_a_killed_one_waits_for_the_job_that_runs(templates, stop):
    api = FakeApi()
    api.lives = [{}] * 3
    api.on_look = lambda: stop.set() if len(api.lives) == 1 else None
    with pytest.raises(PreemptedError, match=r"Stopped while repsim-.* goes on"):
        drive(api, templates, DRIVER, FakeStore(2, 0).missing, stop, patience=QUICK)
    assert kinds(api) == ["RayJob"]
    api.lives = [{"jobDeploymentStatus": "Running"}, {"jobDeploymentStatus": "Complete"}]
    again = threading.Event()
    drive(api, templates, DRIVER, FakeStore(2, 0).missing, again, patience=QUICK)
    assert kinds(api) == ["RayJob"], "no second one"


def test_another_attempt_is_another_job(templates, stop):
    api = FakeApi()
    api.lives = [FAILED]
    drive(api, templates, DRIVER, FakeStore(0, 3).missing, stop, patience=QUICK)
    api.lives = [FAILED, COMPLETE]
    drive(api, templates, DRIVER, FakeStore(0, 3).missing, stop, patience=QUICK)
    names = [made["metadata"]["name"] for made in api.made]
    assert [name[-6:] for name in names] == ["-com-1", "-com-2"]


def test_another_driver_has_jobs_of_its_own(templates, stop):
    api = FakeApi()
    for uid in ("one", "two"):
        api.lives = [COMPLETE]
        driver = Driver(job=DRIVER.job, uid=uid)
        drive(api, templates, driver, FakeStore(0, 3).missing, stop, patience=QUICK)
    assert len({made["metadata"]["name"] for made in api.made}) == 2


def test_an_api_that_is_away_for_a_while_is_waited_for(templates, stop, caplog):
    api = FakeApi()
    api.lives = [ClusterError("away"), ClusterError("away"), COMPLETE]
    logging.getLogger("repsim").propagate = True
    drive(api, templates, DRIVER, FakeStore(0, 3).missing, stop, patience=QUICK)
    assert kinds(api) == ["Job"]
    assert caplog.messages.count("away") == 2


def test_an_api_that_stays_away_ends_the_driver(templates, stop):
    api = FakeApi()
    api.lives = [ClusterError("away")] * 10_000
    with pytest.raises(ClusterError, match="away"):
        drive(api, templates, DRIVER, FakeStore(0, 3).missing, stop, patience=QUICK)


def test_the_log_says_how_far_it_is_and_how_a_job_ended(templates, stop, caplog):
    api, store = FakeApi(), FakeStore(0, 45)
    api.lives = [{"active": 8, "ready": 6, "completedIndexes": "0-1"}, FAILED]
    logging.getLogger("repsim").propagate = True
    with caplog.at_level(logging.INFO, "repsim"):
        drive(api, templates, DRIVER, store.missing, stop, patience=QUICK)
    nothing, start, progress, end = caplog.messages
    assert nothing == "networks: nothing to make"
    assert start.startswith("comparisons: 45 to make; starting repsim-two-layers-v2")
    assert progress.endswith("45 left to make; active 8, ready 6, completedIndexes 0-1")
    assert end.endswith("Failed: BackoffLimitExceeded")


def test_templates_are_read_from_the_folder(tmp_path, templates):
    for stage, template in templates.items():
        (tmp_path / f"{stage}.yaml").write_text(yaml.safe_dump(template), encoding="utf-8")
    assert read_templates(tmp_path) == templates
    (tmp_path / "networks.yaml").write_text("- 1", encoding="utf-8")
    with pytest.raises(StudyError, match=r"Expected the manifest of a job in .*networks.yaml"):
        read_templates(tmp_path)
    (tmp_path / "networks.yaml").unlink()
    with pytest.raises(StudyError, match=r"networks.yaml. Got: .*No such file"):
        read_templates(tmp_path)


def test_the_driver_knows_itself_by_its_variables(monkeypatch):
    monkeypatch.setenv("JOB_NAME", "repsim-x")
    monkeypatch.setenv("JOB_UID", "1-2")
    assert Driver.of_this_pod() == Driver(job="repsim-x", uid="1-2")
    monkeypatch.delenv("JOB_UID")
    with pytest.raises(ClusterError, match="Expected JOB_NAME and JOB_UID"):
        Driver.of_this_pod()
