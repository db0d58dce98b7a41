"""A study on a real Slurm of two nodes: jobs are stopped, a node is lost, and it completes."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.profile import load_profile
from cluster.slurm import StudyJobs, submit
from repsim.errors import ClusterError
from repsim.study import load_study
from tests.runs import assert_same_results, run, study_file
from tests.slurm_server import SlurmServer, install, slurm_server
from tests.task_lines import lines, named, times_planned
from workflows.plan import plan_study

PROFILE = """
batch = "slurm"
[ray]
gpus_per_network = 0
memory_per_network = "4GiB"
[dask]
workers = 1
[slurm]
folder = "{folder}/jobs"
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmServer]:
    """Two nodes of one CPU: a network fills one."""
    reason = install()
    if reason:
        pytest.skip(reason)
    with slurm_server(cpus=1) as server:
        yield server


@pytest.fixture
def on_slurm(slurm: SlurmServer, monkeypatch: pytest.MonkeyPatch) -> SlurmServer:
    """This process, and what it starts, talk to that Slurm."""
    for name, value in slurm.environment().items():
        monkeypatch.setenv(name, value)
    return slurm


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "profile.toml"
    file.write_text(PROFILE.format(folder=tmp_path))
    return file


def wait_until(condition: Callable[[], object], what: str, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain until {what}"
        time.sleep(0.1)


def state_of(slurm: SlurmServer, job: str) -> str:
    return slurm.states().get(job, "")


def node_of(slurm: SlurmServer, job: str) -> str:
    return slurm.ask("squeue", "--noheader", "--array", f"--jobs={job}", "-o", "%N").strip()


@pytest.mark.full
def test_a_study_survives_a_job_that_is_stopped_and_a_node_that_is_lost(
    on_slurm: SlurmServer, tmp_path: Path, profile: Path
) -> None:
    study = study_file(tmp_path, epochs=12)
    keys = [network.key for network in plan_study(load_study(study)).networks]
    store, undisturbed = tmp_path / "runs", tmp_path / "undisturbed"
    run("run", study, "--store", undisturbed, "--engine", "inline")
    submission = ("submit", study, "--store", store, "--cluster", profile)

    said = run(*submission)
    networks, matching = (
        line.split()[2].rstrip(":") for line in said.splitlines() if line.startswith("Submitted")
    )
    assert "Got" in run(*submission, expect=6)  # a second submission finds the jobs in the queue

    checkpoints = store / "checkpoints"
    wait_until(lambda: any((checkpoints / keys[0]).glob("*")), "seed 0 has a checkpoint")
    on_slurm.ask("scancel", "--signal=USR2", "--batch", f"{networks}_0")
    wait_until(lambda: any((checkpoints / keys[1]).glob("*")), "seed 1 has a checkpoint")
    lost = node_of(on_slurm, f"{networks}_1")
    on_slurm.kill_node(lost)
    assert json.loads(run("status", study, "--store", store, "--json"))["in_training"]
    wait_until(lambda: on_slurm.node_states()[lost].startswith("down"), f"{lost} is lost")
    on_slurm.start_node(lost)

    ended = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY"}
    wait_until(lambda: state_of(on_slurm, matching) in ended, "the study is matched", 600)
    (folder,) = (tmp_path / "jobs").iterdir()
    logs = "\n".join(log.read_text() for log in sorted(folder.glob("*.log")))
    jobs = (f"{networks}_0", f"{networks}_1", matching)
    assert [state_of(on_slurm, job) for job in jobs] == ["COMPLETED"] * 3, logs
    assert "Stopped in time: queued again" in (folder / "networks-0.log").read_text()
    assert (folder / "networks-1.log").read_text().count("Connecting to Ray") == 2, logs
    assert_same_results(store, undisturbed)
    assert "Nothing to do: the study 'tiny' is complete." in run(*submission)
    assert not list(folder.glob("matching-[0-9]*")), "the key of the Dask scheduler was left behind"
    told = [line for file in sorted(folder.glob("*-tasks.jsonl")) for line in lines(file)]
    assert ("train", "seed 0", "stopped") in {(t["task"], t["of"], t["status"]) for t in told}
    done = named([line for line in told if line["status"] == "done"])
    assert done == times_planned(plan_study(load_study(study)))


def test_a_dry_run_starts_and_writes_nothing(
    on_slurm: SlurmServer, tmp_path: Path, profile: Path
) -> None:
    before = on_slurm.states()
    arguments = (study_file(tmp_path), "--store", tmp_path / "runs", "--cluster", profile)
    said = run("submit", *arguments, "--dry-run")
    assert "#SBATCH --array=0-1\n" in said
    assert "#SBATCH --ntasks=2\n" in said
    assert on_slurm.states() == before
    assert not (tmp_path / "jobs").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", ["networks", "matching"])
def test_what_slurm_refuses_is_said_and_nothing_stays_queued(
    on_slurm: SlurmServer, tmp_path: Path, profile: Path, kind: str
) -> None:
    wrong = load_profile(str(profile), [f"slurm.{kind}.partition=nowhere"])
    jobs = StudyJobs(
        study="refused",
        networks=1,
        to_make=(0,),
        folder=tmp_path / "jobs",
        store="/nowhere",
        started_in=tmp_path,
    )
    with pytest.raises(ClusterError, match=r"invalid partition specified: nowhere.*\[slurm\]"):
        submit(wrong, jobs, "")
    queued = on_slurm.ask("squeue", "--noheader", "--name=repsim-refused-networks")
    assert queued == ""


@pytest.mark.full
def test_the_nodes_that_jobs_would_get_are_asked(
    on_slurm: SlurmServer, tmp_path: Path, profile: Path
) -> None:
    arguments = ("cluster", "check", profile, "--store", tmp_path / "runs", "--json")
    nodes = json.loads(run(*arguments))["nodes"]
    assert [node["fit"] for node in nodes] == [True] * 3
    assert [node["node"].split(" ", 1)[-1] for node in nodes[1:]] == [
        "for networks",
        "for matching",
    ]

    other = tmp_path / "zarr-9.9.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: zarr\nVersion: 9.9.9\n")
    setup = f'slurm.setup=["export PYTHONPATH={tmp_path}"]'
    nodes = json.loads(run(*arguments, "--cluster-set", setup, expect=2))["nodes"]
    assert [node["fit"] for node in nodes] == [True, False, False]
    assert nodes[1]["findings"][0]["found"].startswith("other versions: zarr 9.9.9 (here ")

    nowhere = "slurm.matching.partition=nowhere"
    nodes = json.loads(run(*arguments, "--cluster-set", nowhere, expect=4))["nodes"]
    assert [node["fit"] for node in nodes] == [True, True, False]
    assert "invalid partition specified: nowhere" in nodes[2]["findings"][0]["found"]


def test_without_slurm_it_is_said_where_to_submit(
    tmp_path: Path, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"Got none\. Submit from a login node"):
        submit(
            load_profile(str(profile)),
            StudyJobs(
                study="tiny",
                networks=1,
                to_make=(0,),
                folder=tmp_path / "jobs",
                store="/nowhere",
                started_in=tmp_path,
            ),
            "",
        )
