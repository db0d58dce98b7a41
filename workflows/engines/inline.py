"""All nodes in this process, one after the other: for tiny studies, jobs of shards, debugging."""

from contextlib import nullcontext

from threadpoolctl import threadpool_limits

from repsim.errors import PreemptedError
from repsim.graph import Resources, Where, Work, Worker, groups_of, run_batch
from workflows.engines.session import Session

__all__ = ["match", "train"]


def train(work: Work, session: Session) -> None:
    """Train and capture."""
    profile = session.profile.ray
    worker = Worker(
        resources=Resources(
            device=profile.device,
            threads=profile.cpus_per_network,
            loader_workers=profile.loader_workers,
        ),
        report=session.reporter.network,
        should_stop=session.stop.is_set,
        recorder=session.recorder,
    )
    _run(work, "train", session, worker)


def match(work: Work, session: Session) -> None:
    """Match, with one thread for BLAS as a worker has it: their number changes the last bits."""
    _run(work, "match", session, Worker(recorder=session.recorder))


def _run(work: Work, where: Where, session: Session, worker: Worker) -> None:
    # A network is captured before the next is trained.
    taken = work.take(where)
    nodes = [n for group in groups_of(taken) for n in group] if where == "train" else taken
    last = {node.share: node for node in nodes}
    for node in nodes:
        with threadpool_limits(limits=1) if where == "match" else nullcontext():
            failed = run_batch(session.store, [node], [work.failed], worker)
        work.end(node, failed)
        if session.stop.is_set():
            raise PreemptedError("Stopped. Run again to go on.")
        if where == "train" and node is last[node.share]:
            session.reporter.network_done(node.label)
