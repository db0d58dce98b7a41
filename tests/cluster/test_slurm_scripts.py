"""Job scripts of Slurm: exact lines, made from a profile with no scheduler at hand."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.profile import Profile, load_profile
from cluster.slurm import StudyJobs, matching_script, networks_script
from repsim.errors import StudyError
from repsim.options import validated_options

OVERRIDES = [
    "slurm.account=lab",
    "slurm.qos=low",
    "slurm.gres=gpu:a100",
    'slurm.setup=["module load cuda"]',
    "slurm.networks.partition=gpu",
    'slurm.networks.directives=["--constraint=nvme"]',
    "slurm.matching.partition=cpu",
    "slurm.matching.walltime=0:30:00",
    "environment.REGION=eu west",
]


def jobs(**changes):
    values = {
        "study": "digits",
        "networks": 20,
        "to_make": tuple(range(20)),
        "folder": Path("/shared/jobs/digits"),
        "store": "s3://bucket/runs",
        "started_in": Path("/home/me/my study"),
    }
    return StudyJobs(**{**values, **changes})


def directives(script):
    return [
        line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")
    ]


def profile(**tables):
    return validated_options(Profile, {"batch": "slurm", **tables}, "a test")


def test_the_array_that_makes_the_networks():
    script = networks_script(load_profile("slurm", OVERRIDES), jobs())
    assert script.splitlines()[0] == "#!/bin/bash"
    assert directives(script) == [
        "--array=0-19%16",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=8",
        "--mem=32768M",
        "--gres=gpu:a100:1",
        "--job-name=repsim-digits-networks",
        "--comment=s3://bucket/runs",
        "--chdir='/home/me/my study'",
        "--output=/shared/jobs/digits/networks-%a.log",
        "--open-mode=append",
        "--time=8:00:00",
        "--signal=B:USR2@120",
        "--requeue",
        "--partition=gpu",
        "--account=lab",
        "--qos=low",
        "--constraint=nvme",
    ]
    assert "\nexport REGION='eu west'\nmodule load cuda\n" in script
    assert (
        f"run {shlex.quote(sys.executable)} -m workflows.command run "
        "/shared/jobs/digits/study.toml --store s3://bucket/runs "
        "--cluster /shared/jobs/digits/profile.toml --log-format plain "
        '--stage networks --networks "$SLURM_ARRAY_TASK_ID" --task-log "$log"\n' in script
    )
    assert "\nlog=/shared/jobs/digits/networks-$SLURM_ARRAY_TASK_ID-tasks.jsonl\n" in script


def test_the_job_that_matches():
    script = matching_script(load_profile("slurm", OVERRIDES), jobs())
    assert directives(script) == [
        "--ntasks=17",
        "--cpus-per-task=1",
        "--mem-per-cpu=8192M",
        "--job-name=repsim-digits-matching",
        "--comment=s3://bucket/runs",
        "--chdir='/home/me/my study'",
        "--output=/shared/jobs/digits/matching.log",
        "--open-mode=append",
        "--time=0:30:00",
        "--signal=B:USR2@120",
        "--requeue",
        "--partition=cpu",
        "--account=lab",
        "--qos=low",
    ]
    assert "srun --ntasks=16 --cpus-per-task=1 " in script
    assert "--no-dashboard --dashboard-address 127.0.0.1:0 --memory-limit 8192MiB &\n" in script
    assert "\nexport DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES='[]'\n" in script
    assert "\nexport DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'\n" in script
    assert "--stage comparisons " in script
    assert "--task-log /shared/jobs/digits/matching-tasks.jsonl\n" in script


def test_what_a_profile_does_not_say_is_left_to_the_site():
    said = profile(ray={"gpus_per_network": 0.0}, dask={"workers": 2})
    lines = directives(networks_script(said, jobs())) + directives(matching_script(said, jobs()))
    for name in ("--mem", "--gres", "--partition", "--account", "--qos"):
        assert not [line for line in lines if line.startswith(name)], name
    assert "--array=0-19" in lines


@pytest.mark.parametrize(
    ("gpus", "side_by_side", "cpus", "gres", "array"),
    [
        (0.25, 8, 16, "--gres=gpu:2", "--array=0-2%1"),
        (0.25, 3, 6, "--gres=gpu:1", "--array=0-6%4"),
        (8.0, 1, 2, "--gres=gpu:8", "--array=0-19%12"),
        (1.0, 4, 8, "--gres=gpu:4", "--array=0-4%3"),
    ],
)
def test_networks_side_by_side_in_one_job(gpus, side_by_side, cpus, gres, array):
    ray = {"gpus_per_network": gpus, "cpus_per_network": 2, "networks_at_once": 12}
    said = profile(ray=ray, slurm={"networks_per_job": side_by_side})
    lines = directives(networks_script(said, jobs()))
    assert {f"--cpus-per-task={cpus}", gres, array} <= set(lines)


@pytest.mark.parametrize(
    ("to_make", "array"),
    [((0,), "0"), ((19,), "4"), ((0, 1, 5, 11, 12), "0-3"), ((2, 14, 17), "0,3-4")],
)
def test_only_jobs_that_have_something_to_make_are_queued(to_make, array):
    said = profile(ray={"gpus_per_network": 0.0}, slurm={"networks_per_job": 4})
    assert f"--array={array}" in directives(networks_script(said, jobs(to_make=to_make)))


@pytest.mark.parametrize(
    ("task", "networks", "numbers"), [(0, 10, "0-3"), (1, 10, "4-7"), (2, 10, "8-9"), (0, 1, "0-0")]
)
def test_every_network_is_in_one_job(tmp_path, task, networks, numbers):
    said = profile(
        ray={"gpus_per_network": 0.0}, slurm={"networks_per_job": 4, "python": "echo python"}
    )
    script = networks_script(said, jobs(networks=networks, to_make=(0,)))
    log = f"/shared/jobs/digits/networks-{task}-tasks.jsonl"
    assert ran(script, {"SLURM_ARRAY_TASK_ID": str(task)}, tmp_path).endswith(
        f"--networks {numbers} --task-log {log}\n"
    )


def ran(script, variables, folder):
    """What a script says; `scontrol` is one that only says what it is asked."""
    scontrol = folder / "scontrol"
    scontrol.write_text('#!/bin/bash\necho scontrol "$@"\n')
    scontrol.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "SLURM_JOB_ID": "7", **variables}
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return f"{done.stdout}" if done.returncode == 0 else f"{done.stdout}exit {done.returncode}"


@pytest.mark.parametrize(
    ("ending", "restarts", "said"),
    [
        ("exit 0", "", "begun\n"),
        ("exit 3", "", "begun\nexit 3"),
        ("exit 75", "", "begun\nStopped in time: queued again, to go on from there.\n"
         "scontrol requeue 7\nexit 75"),
        ("exit 6", "", "begun\nAn earlier attempt is still at it: queued again, to go on from "
         "there.\nscontrol requeue 7\nexit 6"),
        ("exit 75", "1", "begun\nStopped in time: queued again, to go on from there.\n"
         "scontrol requeue 7\nexit 75"),
        ("exit 75", "2", "begun\nStopped in time, and queued again 2 times before: submit the "
         "study again.\nexit 75"),
        # The signal comes twice, and while the run takes its time to write a checkpoint.
        ("trap 'sleep 1; exit 75' USR2; kill -USR2 $PPID; sleep 0.3; kill -USR2 $PPID; "
         "for i in {1..50}; do sleep 0.1; done", "", "begun\nStopped in time: queued again, to go "
         "on from there.\nscontrol requeue 7\nexit 75"),
        # It comes before the run listens to it.
        ("kill -USR2 $PPID; sleep 5", "", "begun\nStopped in time: queued again, to go on from "
         "there.\nscontrol requeue 7\nexit 140"),
    ],
)  # fmt: skip
def test_a_job_whose_time_is_up_is_queued_again(tmp_path, ending, restarts, said):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/bash\necho begun\n{ending}\n")
    python.chmod(0o755)
    slurm = {"python": str(python), "requeues": 2}
    script = networks_script(profile(ray={"gpus_per_network": 0.0}, slurm=slurm), jobs())
    variables = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_RESTART_COUNT": restarts}
    assert ran(script, variables, tmp_path) == said


def test_names_with_spaces_and_quotes_stay_one_word(tmp_path):
    folder = Path("/shared/it's mine/jobs")
    said = profile(ray={"gpus_per_network": 0.0}, slurm={"python": "printf '%s\\n'"})
    script = networks_script(said, jobs(folder=folder, store="/the store"))
    words = ran(script, {"SLURM_ARRAY_TASK_ID": "4"}, tmp_path).splitlines()
    assert words[3:] == [
        *(f"{folder}/study.toml", "--store", "/the store", "--cluster", f"{folder}/profile.toml"),
        *("--log-format", "plain", "--stage", "networks", "--networks", "4"),
        *("--task-log", f"{folder}/networks-4-tasks.jsonl"),
    ]


@pytest.mark.parametrize(
    ("render", "table", "said"),
    [
        (networks_script, {"ray": {"gpus_per_network": "auto"}}, "Set ray.gpus_per_network: 1,"),
        (matching_script, {"dask": {"workers": "auto"}}, "Set dask.workers."),
    ],
)
def test_what_slurm_must_be_told_cannot_be_left_open(render, table, said):
    with pytest.raises(StudyError, match=said):
        render(profile(**table), jobs())


@pytest.mark.parametrize("render", [networks_script, matching_script])
def test_the_scripts_are_valid_shell(render):
    script = render(load_profile("slurm", OVERRIDES), jobs())
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    "change",
    [
        {"folder": Path("/shared/jobs-%j/digits")},
        {"folder": Path("/shared/a\\b/digits")},
        {"folder": Path("/shared/a\nb/digits")},
        {"store": "/shared/runs\n#SBATCH --uid=0"},
        {"started_in": Path("/home/me\n#SBATCH --uid=0")},
    ],
)
@pytest.mark.parametrize("script", [networks_script, matching_script])
def test_paths_that_slurm_would_read_in_its_own_way_are_refused(script, change):
    with pytest.raises(StudyError, match="Expected a") as refused:
        script(load_profile("slurm"), jobs(**change))
    assert str(refused.value).isprintable()
