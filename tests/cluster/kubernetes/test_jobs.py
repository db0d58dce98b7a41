"""Jobs: shards and their numbers, which ends are tried again, and studies on a schedule."""

import pytest

from cluster.kubernetes.jobs import HOPELESS, STOPPED
from repsim import errors
from repsim.errors import StudyError
from tests.cluster.kubernetes.profiles import of_kind, rendered


def action_for(policy: dict, *, code: int, disrupted: bool = False) -> str:
    """What Kubernetes does about a failed pod, by its documentation: the first rule that fits.

    https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    """
    for rule in policy["rules"]:
        if "onPodConditions" in rule:
            if (
                disrupted
                and {"type": "DisruptionTarget", "status": "True"} in rule["onPodConditions"]
            ):
                return str(rule["action"])
        elif rule["onExitCodes"]["operator"] == "In" and code in rule["onExitCodes"]["values"]:
            return str(rule["action"])
    return "Count"


def jobs():
    """The driver, the driver of a schedule, and the two stages as indexed jobs."""
    indexed = rendered(kubernetes={"training": "indexed"})
    scheduled = rendered(schedule="0 3 * * *").driver["spec"]["jobTemplate"]["spec"]
    return [indexed.driver["spec"], scheduled, *(job["spec"] for job in indexed.stages.values())]


@pytest.mark.parametrize("spec", jobs())
@pytest.mark.parametrize(
    ("code", "action"),
    [
        (1, "Count"),
        (2, "FailJob"),
        (3, "Count"),
        (4, "Count"),
        (5, "FailJob"),
        (6, "Count"),
        (75, "Ignore"),
        (137, "Count"),
    ],
)
def test_what_cannot_end_better_is_not_tried_again(spec, code, action):
    assert action_for(spec["podFailurePolicy"], code=code) == action


@pytest.mark.parametrize("spec", jobs())
@pytest.mark.parametrize("code", [2, 75, 137, 143])
def test_a_pod_that_lost_its_node_costs_no_retry(spec, code):
    assert action_for(spec["podFailurePolicy"], code=code, disrupted=True) == "Ignore"


def test_the_codes_are_those_of_the_command():
    assert [errors.StudyError.exit_code, errors.IntegrityError.exit_code] == HOPELESS
    assert [errors.PreemptedError.exit_code] == STOPPED


@pytest.mark.parametrize("spec", jobs())
def test_rules_for_exit_codes_need_pods_that_are_not_restarted(spec):
    """The API server refuses the one without the other."""
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    (container,) = spec["template"]["spec"]["containers"]
    for rule in spec["podFailurePolicy"]["rules"]:
        if "onExitCodes" in rule:
            assert rule["onExitCodes"]["containerName"] == container["name"]


def test_matching_is_one_pod_for_each_worker():
    job = rendered(dask={"workers": 5}).stages["comparisons"]["spec"]
    assert job["completionMode"] == "Indexed"
    assert (job["completions"], job["parallelism"]) == (5, 5)
    assert job["backoffLimitPerIndex"] == 3, "a shard that fails takes no other one along"
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == [
        *("repsim", "run", "/etc/repsim/study.toml", "--store", "s3://bucket/studies"),
        *("--cluster", "/etc/repsim/profile.toml", "--engine", "inline"),
        *("--stage", "comparisons", "--shard", "$(JOB_COMPLETION_INDEX)/5"),
    ]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "16Gi"}
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_training_without_an_operator_is_an_indexed_job():
    manifests = rendered(kubernetes={"training": "indexed"})
    job = manifests.stages["networks"]["spec"]
    assert (job["completions"], job["parallelism"]) == (8, 8), "networks_at_once of ten"
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"][-4:] == [
        "--stage",
        "networks",
        "--shard",
        "$(JOB_COMPLETION_INDEX)/8",
    ]
    assert container["resources"]["limits"] == {
        "cpu": "8",
        "memory": "32Gi",
        "nvidia.com/gpu": "1",
    }


def test_stages_wait_for_the_driver():
    for manifests in (rendered(), rendered(kubernetes={"training": "indexed"})):
        assert all(job["spec"]["suspend"] is True for job in manifests.stages.values())
        assert "suspend" not in manifests.driver["spec"]


def test_libraries_start_as_many_threads_as_the_pod_has_cores():
    job = rendered(dask={"threads_per_worker": 3}).stages["comparisons"]["spec"]
    variables = {v["name"]: v["value"] for v in job["template"]["spec"]["containers"][0]["env"]}
    assert variables["OPENBLAS_NUM_THREADS"] == variables["OMP_NUM_THREADS"] == "3"


def test_a_deadline_ends_the_stages_and_not_the_driver():
    manifests = rendered(kubernetes={"deadline_hours": 2})
    assert [job["spec"]["activeDeadlineSeconds"] for job in manifests.stages.values()] == [7200] * 2
    assert "activeDeadlineSeconds" not in manifests.driver["spec"]
    unlimited = [job["spec"] for job in rendered().stages.values()]
    assert all("activeDeadlineSeconds" not in spec for spec in unlimited)


def test_a_schedule_runs_one_study_at_a_time():
    cron = of_kind(
        rendered(schedule="*/5 * * * *", kubernetes={"time_zone": "Asia/Tokyo"}), "CronJob"
    )
    assert cron["spec"]["schedule"] == "*/5 * * * *"
    assert cron["spec"]["timeZone"] == "Asia/Tokyo"
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    once = rendered().driver
    assert cron["spec"]["jobTemplate"]["spec"] == once["spec"], "it lives as long as its study"


def test_the_schedule_of_the_command_replaces_that_of_the_profile():
    daily = {"schedule": "@daily"}
    assert rendered(kubernetes=daily).driver["spec"]["schedule"] == "@daily"
    replaced = rendered(schedule="0 3 * * 1-5", kubernetes=daily)
    assert replaced.driver["spec"]["schedule"] == "0 3 * * 1-5"


@pytest.mark.parametrize(
    "schedule", ["daily", "0 3 * *", "0 3 * * * *", "@often", "TZ=UTC 0 3 * * *"]
)
def test_no_schedule(schedule):
    with pytest.raises(StudyError, match=r"Expected a cron expression.*Got"):
        rendered(schedule=schedule)
