"""Giving the jobs of a study to Slurm, and asking what is queued already."""

import shutil
import subprocess
from dataclasses import dataclass

import tomli_w

from cluster.schema import Profile
from cluster.slurm.scripts import StudyJobs, matching_script, networks_script
from repsim.errors import ClusterError

__all__ = ["Submitted", "queued_jobs", "slurm_command", "submit"]


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """Numbers of the jobs; of the array, where there were networks to make."""

    networks: str | None
    matching: str


def submit(profile: Profile, jobs: StudyJobs, study_toml: str) -> Submitted:
    """Write what the jobs need into their folder, and queue them: the networks, then matching.

    Raises
    ------
    ClusterError
        When Slurm is not there, or refuses a job. Nothing stays queued then.
    """
    profile_toml = tomli_w.dumps(profile.model_dump(exclude_none=True, exclude={"description"}))
    texts = {"study.toml": study_toml, "profile.toml": profile_toml}
    if jobs.to_make:
        texts["networks.sh"] = networks_script(profile, jobs)
    texts["matching.sh"] = matching_script(profile, jobs)
    jobs.folder.mkdir(parents=True)
    for name, text in texts.items():
        (jobs.folder / name).write_text(text, encoding="utf-8")
    networks, after = None, []
    if jobs.to_make:
        networks = _queue(str(jobs.folder / "networks.sh"))
        # Also after networks that failed: what is there is matched, and the report says the rest.
        after = [f"--dependency=afterany:{networks}"]
    try:
        matching = _queue(*after, str(jobs.folder / "matching.sh"))
    except ClusterError:
        if networks is not None:
            slurm_command("scancel", networks)
        raise
    return Submitted(networks=networks, matching=matching)


def queued_jobs(jobs: StudyJobs) -> list[str]:
    """Numbers of the jobs of this study and store that wait or run."""
    names = ",".join(f"repsim-{jobs.study}-{kind}" for kind in ("networks", "matching"))
    lines = slurm_command("squeue", "--me", "--noheader", f"--name={names}", "--format=%i %k")
    listed = [line.strip().split(" ", 1) for line in lines.splitlines()]
    return [number for number, *comment in listed if comment == [jobs.store]]


def slurm_command(program: str, *arguments: str) -> str:
    """What a command of Slurm prints.

    Raises
    ------
    ClusterError
        When it is not installed, or fails.
    """
    if shutil.which(program) is None:
        raise ClusterError(
            f"Expected Slurm's {program} on this machine. Got none. Submit from a login node of "
            "the cluster."
        )
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ClusterError(
            f"Expected Slurm to accept `{program} {' '.join(arguments)}`. Got: "
            f"{' '.join((ran.stderr or ran.stdout).split())}. See the [slurm] table of the profile."
        )
    return ran.stdout


def _queue(*arguments: str) -> str:
    # With --parsable: the number, and the name of the cluster where there are several.
    return slurm_command("sbatch", "--parsable", *arguments).strip().split(";")[0]
