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
from cluster.profile import load_profile
from repsim.errors import ClusterError
from repsim.graph import Work, groups_of
from repsim.store import Store
from repsim.study import load_study
from workflows.engines import Session
from workflows.engines import ray as ray_engine
from workflows.plan import plan_study

ray_engine.SAY_SECONDS, ray_engine.START_SECONDS = 1.0, 3.0
logging.basicConfig(stream=sys.stdout)

@ray.remote
class Other:
    def here(self):
        pass

file, store = Path(sys.argv[1]), Store(sys.argv[2])
plan = plan_study(load_study(file))
work = Work(plan.graph.missing(()), lambda node, failed: None)
profile = load_profile("local", [f"ray.cpus_per_network={usable_cores()}"])
session = Session(
    store=store, profile=profile, reporter=SimpleNamespace(), stop=threading.Event()
)
with ray_session(profile.ray):
    other = Other.options(num_cpus=usable_cores()).remote()
    ray.get(other.here.remote())
    try:
        ray_engine._train(groups_of(work.take("train")), work, session)
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
