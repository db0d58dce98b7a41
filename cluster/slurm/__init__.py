"""Slurm: job scripts as text, and giving them to it."""

from cluster.slurm.scripts import StudyJobs, matching_script, networks_script
from cluster.slurm.submission import Submitted, queued_jobs, submit

__all__ = [
    "StudyJobs",
    "Submitted",
    "matching_script",
    "networks_script",
    "queued_jobs",
    "submit",
]
