"""Asking nodes that Slurm gives to jobs what they are."""

import json
import math
import shlex

from cluster.doctor import Answer, report_of
from cluster.schema import Profile, SlurmJob
from cluster.slurm.scripts import job_directives, python_command
from cluster.slurm.submission import slurm_command
from repsim.errors import ClusterError

__all__ = ["ask_slurm"]

# How long Slurm may take to find a node that is free.
PATIENCE_SECONDS = 60


def ask_slurm(profile: Profile, location: str, token: str) -> list[Answer]:
    """One node of those that make networks, and one of those that match."""
    gpus = profile.ray.gpus_per_network
    count = math.ceil(gpus) if gpus != "auto" else 0
    gres = [f"--gres={profile.slurm.gres}:{count}"] if count else []
    return [
        _ask(profile, "networks", profile.slurm.networks, gres, location, token, bool(gres)),
        _ask(profile, "matching", profile.slurm.matching, [], location, token, None),
    ]


def _ask(
    profile: Profile,
    kind: str,
    job: SlurmJob,
    gres: list[str],
    location: str,
    token: str,
    gpus: bool | None,
) -> Answer:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in profile.environment.items()]
    question = f"{python_command(profile)} -m cluster.doctor.node {shlex.quote(location)}"
    script = "\n".join([*exports, *profile.slurm.setup, f"{question} {token} {json.dumps(gpus)}"])
    options = [
        *("--quiet", f"--immediate={PATIENCE_SECONDS}", "--nodes=1", "--ntasks=1", "--time=5"),
        *gres,
        *job_directives(profile, job),
    ]
    node = f"for {kind}"
    try:
        report = report_of(slurm_command("srun", *options, "bash", "-c", script))
    except ClusterError as problem:
        return Answer(place="Slurm", node=node, problem=str(problem))
    except (ValueError, IndexError, TypeError):
        said = (
            "Expected a report of the node. Got other words: what do the [slurm] setup lines say?"
        )
        return Answer(place="Slurm", node=node, problem=said)
    return Answer(place="Slurm", node=f"{report.host} {node}", report=report)
