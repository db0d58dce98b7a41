"""Names of what a study has in a cluster, and the labels by which it is found again."""

import hashlib
import re

__all__ = ["DRIVER", "content_name", "labels", "stage_name", "study_name"]

# Longest name of a RayJob; KubeRay refuses more (its validation.go, MaxRayJobNameLength).
MOST_LETTERS = 47
DRIVER = "driver"


def study_name(study: str, store: str) -> str:
    """Name of a study's objects: the same study in another store is another one.

    At most 30 letters, so that all names that are made from it can be those of a RayJob.

    >>> study_name("digits", "s3://bucket/one")
    'repsim-digits-d3b0cc'
    """
    words = re.sub(r"[^a-z0-9]+", "-", study.lower()).strip("-")[:16].strip("-")
    return f"repsim-{words}-{_digest(study, store, letters=6)}"


def content_name(name: str, content: str) -> str:
    """Name of an object that never changes: with another content it is another object."""
    return f"{name}-{_digest(content, letters=6)}"


def stage_name(name: str, driver: str, stage: str, attempt: int) -> str:
    """Name of the job that a driver starts for a stage.

    Parameters
    ----------
    name
        Of `study_name`.
    driver
        Unique id of the driver's Job: a driver that replaces a killed one finds the same names.
    stage
        ``networks`` or ``comparisons``.
    attempt
        Counted from 1.
    """
    return f"{name}-{_digest(driver, letters=5)}-{stage[:3]}-{attempt}"


def labels(name: str, component: str) -> dict[str, str]:
    """Recommended labels of Kubernetes; ``app.kubernetes.io/instance`` selects a whole study."""
    return {
        "app.kubernetes.io/name": "repsim",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "repsim",
    }


def _digest(*texts: str, letters: int) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:letters]
