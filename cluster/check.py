"""Whether every node of a cluster is fit for a study: versions, store, GPUs."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster.schema import Profile
from repsim.errors import StudyError
from repsim.store import Store
from repsim.tasks.node import NodeReport, check_path, inspect_node

__all__ = ["Check", "Node", "check_cluster"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a node answered, or why it did not."""

    place: str
    """Where it was reached: here, Ray, Dask, Slurm."""
    node: str
    """What that calls it."""
    gpus_asked: bool = False
    report: NodeReport | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """The verdict on a node. All lists are empty where it is fit."""

    place: str
    name: str
    gpus: tuple[str, ...] | None
    silent: str
    """Why it did not answer."""
    differences: tuple[str, ...]
    """Versions that are not those of here."""
    store_problem: str
    lacks_gpu: bool

    @property
    def is_fit(self) -> bool:
        """Whether a study can run on it."""
        return not (self.silent or self.differences or self.store_problem or self.lacks_gpu)


@dataclass(frozen=True, kw_only=True)
class Check:
    """All nodes, the first of which is this one."""

    versions: dict[str, str]
    """Of this node."""
    nodes: tuple[Node, ...]

    @property
    def exit_code(self) -> int:
        """0: all are fit. 2: something must be put right. 4: a node or the store is not reached."""
        if any(node.differences or node.lacks_gpu for node in self.nodes):
            return 2
        return 0 if all(node.is_fit for node in self.nodes) else 4


def check_cluster(profile: Profile, location: str) -> Check:
    """Ask every node that a study with this profile would run on.

    Ray's nodes and Dask's workers; a local one is started for it. With Slurm one node for each kind
    of job, as it would be given to it.

    Raises
    ------
    ClusterError, StoreError
        When Ray, Dask or Slurm cannot be reached, or the store not from here.
    StudyError
        When the profile is for Kubernetes, whose nodes run an image.
    """
    if profile.batch == "kubernetes":
        raise StudyError(
            "Expected a profile whose nodes can be asked from here. Got one for Kubernetes, whose "
            "pods all run the profile's image: run `repsim cluster check local --store URL` in it."
        )
    store = Store(location)
    with _token(store) as token:
        here = inspect_node(store.location, token, gpus=False)
        answers = [Answer(place="here", node=here.host, report=here)]
        if profile.batch == "slurm":
            from cluster.slurm.nodes import ask_slurm

            answers += ask_slurm(profile, store.location, token)
        else:
            from cluster.nodes import ask_dask, ask_ray

            answers += ask_ray(profile, store.location, token)
            answers += ask_dask(profile.dask, store.location, token)
        return Check(
            versions=dict(here.versions),
            nodes=tuple(_verdict(answer, here, store, token) for answer in answers),
        )


@contextmanager
def _token(store: Store) -> Iterator[str]:
    """A token that stands in the store for the length of the block."""
    token = secrets.token_hex(8)
    store.write(check_path(token, "here"), token.encode())
    try:
        yield token
    finally:
        for path in store.sizes(check_path(token, "")):
            store.delete(path)
        if store.is_local:
            folder = store.root / check_path(token, "")
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another check is under way
                folder.parent.rmdir()


def _verdict(answer: Answer, here: NodeReport, store: Store, token: str) -> Node:
    report = answer.report
    differences: tuple[str, ...] = ()
    store_problem, gpus = "", None
    if report is not None:
        differences = tuple(
            f"{name} {version} (here {here.versions[name]})"
            for name, version in report.versions.items()
            if version != here.versions[name]
        )
        store_problem, gpus = report.store_problem, report.gpus
        if not store_problem and store.read(check_path(token, report.name)) != token.encode():
            store_problem = "what it wrote there is not seen from here"
    return Node(
        place=answer.place,
        name=answer.node,
        gpus=None if gpus is None else tuple(gpus),
        silent=answer.problem,
        differences=differences,
        store_problem=store_problem,
        lacks_gpu=answer.gpus_asked and gpus is not None and not gpus,
    )
