"""Whether every node of a cluster is fit for a study: versions, store, GPUs."""

from dataclasses import dataclass

from cluster.doctor import Answer, Finding, NodeReport, exit_code, inspect_node
from cluster.doctor.finding import UNREACHABLE, WRONG, ok, problem
from cluster.doctor.store import check_path, standing_token
from cluster.schema import Profile
from repsim.errors import StudyError
from repsim.store import Store

__all__ = ["Check", "Node", "check_cluster"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """The verdict on a node."""

    place: str
    name: str
    gpus: int | None
    """How many torch can compute on; None where nobody asked, or it did not answer."""
    findings: tuple[Finding, ...]

    @property
    def is_fit(self) -> bool:
        """Whether a study can run on it."""
        return exit_code(self.findings) == 0

    def verdict(self, name: str) -> str:
        """Of the finding of that name; empty where there is none."""
        return next((one.verdict for one in self.findings if one.name == name), "")


@dataclass(frozen=True, kw_only=True)
class Check:
    """All nodes, the first of which is this one."""

    versions: dict[str, str]
    """Of this node."""
    nodes: tuple[Node, ...]

    @property
    def exit_code(self) -> int:
        """0: all are fit. 2: something must be put right. 4: a node or the store is not reached."""
        return exit_code(one for node in self.nodes for one in node.findings)


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
    with standing_token(store) as token:
        here = inspect_node(store.location, token, gpus=None)
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


def _verdict(answer: Answer, here: NodeReport, store: Store, token: str) -> Node:
    report = answer.report
    if report is None:
        remedy = "Is it up, and does its log say why?"
        silent = problem("answer", f"no answer: {answer.problem}", remedy, code=UNREACHABLE)
        return Node(place=answer.place, name=answer.node, gpus=None, findings=(silent,))
    findings = [_same_versions(report, here), *report.findings]
    written = all(one.name != "store" or one.verdict == "ok" for one in findings)
    if written and store.read(check_path(token, report.name)) != token.encode():
        found = f"what it wrote to {store.location} is not seen from here"
        remedy = "Mount the same folder at the same path on every node, or use a bucket."
        findings = [one for one in findings if one.name != "store"]
        findings.append(problem("store", found, remedy, code=UNREACHABLE))
    return Node(place=answer.place, name=answer.node, gpus=report.gpus, findings=tuple(findings))


def _same_versions(report: NodeReport, here: NodeReport) -> Finding:
    differences = [
        f"{name} {version} (here {here.versions[name]})"
        for name, version in report.versions.items()
        if version != here.versions[name]
    ]
    if not differences:
        return ok("versions", "the same as here")
    found = f"other versions: {', '.join(differences)}"
    return problem("versions", found, "Install the same environment there.", code=WRONG)
