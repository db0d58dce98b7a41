"""A Ray whose processors others keep: it is said that no network starts, and the run ends."""

import os
import subprocess
import sys
from pathlib import Path

from tests.runs import study_file

ROOT = Path(__file__).parents[2]

TAKEN = """
import logging, sys, threading
from pathlib import Path
from types import SimpleNamespace
import ray
from cluster.machine import usable_cores
from cluster.ray_cluster import ray_session
from cluster.schema import RayProfile
from repsim.errors import ClusterError
from repsim.study import load_study
from workflows import networks
from workflows.plan import plan_study

networks.SAY_SECONDS, networks.START_SECONDS = 1.0, 3.0
logging.basicConfig(stream=sys.stdout)

@ray.remote
class Other:
    def here(self):
        pass

file, store = Path(sys.argv[1]), sys.argv[2]
plan = plan_study(load_study(file))
work = [
    networks.NetworkWork(network=network, layers=plan.layers[network.label])
    for network in plan.networks
]
profile = RayProfile(cpus_per_network=usable_cores())
with ray_session(profile):
    other = Other.options(num_cpus=usable_cores()).remote()
    ray.get(other.here.remote())
    try:
        list(networks.prepare_on_ray(store, work, profile, SimpleNamespace(), threading.Event()))
    except ClusterError as problem:
        print("ended:", problem)
"""


def test_networks_that_never_start_end_the_run(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TAKEN, str(study_file(tmp_path)), str(tmp_path / "runs")],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Nothing moves: no actor of 2 networks for" in ran.stdout
    assert "ended: Expected Ray to start a network. Got no actor of 2 networks" in ran.stdout
    assert "free in the cluster are 0 CPU" in ran.stdout
