"""Many nodes, no disk in common, and one of them lost while networks are trained and matched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repsim.store import Store
from repsim.study import load_study
from tests.nodes import Node, free_port, nodes
from tests.runs import (
    assert_same_results,
    downloaded,
    finish,
    run,
    start,
    study_file,
    wait_for,
)
from tests.s3_server import BUCKET, S3Server, s3_server
from workflows.plan import plan_study

EPOCHS = 12
# The machine may be busy; Ray takes some 15 seconds to be sure that a node is gone.
SECONDS = 400


RANKS = """cpus_per_network = 2
workers_per_network = 2

"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A head, three nodes that train and two that match, and the bucket that is all they share."""

    server: S3Server
    head: Node
    training: list[Node]
    matching: list[Node]
    profile: Path

    def put(self, kind: str) -> set[str]:
        """Keys of which something was written."""
        found = (re.search(rf"/{kind}/([0-9a-f]+)/", path) for _, path in self.writes)
        return {match[1] for match in found if match}

    def published(self, kind: str) -> set[str]:
        """Keys of artifacts that are there."""
        found = (re.search(rf"/{kind}/([0-9a-f]+)/marker", path) for _, path in self.writes)
        return {match[1] for match in found if match}

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [request for request in list(self.server.requests) if request[0] == "PUT"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    port, dask_port = free_port(), free_port()
    profile = tmp_path_factory.mktemp("profile") / "nodes.toml"
    profile.write_text(
        f"""
[ray]
address = "127.0.0.1:{port}"
gpus_per_network = 0

[dask]
scheduler = "tcp://127.0.0.1:{dask_port}"
"""
    )
    with pytest.MonkeyPatch.context() as patch, s3_server() as server, nodes(6) as made:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        head, training, matching = made[0], made[1:4], made[4:]
        head.ray(f"{head.host}:{port}", cpus=0)
        head.start(
            "distributed.cli.dask_scheduler",
            *("--host=127.0.0.1", f"--port={dask_port}", "--no-dashboard"),
        )
        for node in training:
            node.ray(head.address, cpus=1)
        for node in matching:
            node.start(
                "distributed.cli.dask_worker",
                *(f"tcp://127.0.0.1:{dask_port}", f"--host={node.host}", "--no-dashboard"),
                *("--nthreads=1", "--memory-limit=4GB", f"--local-directory={node.folder}"),
            )
        yield Cluster(
            server=server, head=head, training=training, matching=matching, profile=profile
        )


def busy_with(process: str, cluster: Cluster) -> Node:
    """A training node on which such a process runs."""
    for node in cluster.training:
        if any(process in name for name in node.commands()):
            return node
    raise AssertionError(f"no node runs {process}")


@pytest.mark.full
def test_the_tables_are_those_of_a_run_that_lost_no_node(cluster: Cluster, tmp_path: Path) -> None:
    store, file = Store(f"s3://{BUCKET}/of/nodes"), study_file(tmp_path, epochs=EPOCHS)
    undisturbed = tmp_path / "undisturbed"
    run("run", file, "--store", undisturbed, "--engine", "inline")
    cluster.server.misbehave(slow=1.0, delay=0.05)

    process = start("run", file, "--store", store.location, "--cluster", cluster.profile)
    wait_for(lambda: len(cluster.put("checkpoints")) == 2, process, seconds=SECONDS)
    busy_with("ray::NetworkActor", cluster).kill()
    assert not cluster.published("networks")
    wait_for(lambda: cluster.published("moments"), process, seconds=SECONDS)
    cluster.matching[0].kill()
    output = finish(process, seconds=SECONDS)
    assert process.returncode == 0, output
    assert len(cluster.published("networks")) == 2
    assert_same_results(downloaded(store, tmp_path / "report"), undisturbed)


@pytest.mark.full
def test_a_network_that_is_trained_across_nodes_goes_on_without_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    for node in cluster.training:
        if not node.processes:  # it comes back, empty
            node.ray(cluster.head.address, cpus=1)
    store, file = Store(f"s3://{BUCKET}/of/ranks"), study_file(tmp_path, epochs=EPOCHS)
    profile = tmp_path / "ranks.toml"
    profile.write_text(cluster.profile.read_text().replace("[dask]", RANKS + "[dask]"))
    cluster.server.misbehave(slow=1.0, delay=0.05)

    first = ("--stage", "networks", "--networks", "0")
    place = ("--store", store.location, "--cluster", profile, *first)
    process = start("run", file, *place)
    wait_for(lambda: cluster.put("checkpoints"), process, seconds=SECONDS)
    busy_with("ray::RayTrainWorker", cluster).kill()
    assert not cluster.published("networks")
    output = finish(process, seconds=SECONDS)
    assert process.returncode == 0, output
    record = plan_study(load_study(file)).networks[0].record(store)
    assert record["world_size"] == 2
    assert [epoch["epoch"] for epoch in record["history"]] == list(range(1, EPOCHS + 1))
