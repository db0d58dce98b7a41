"""A study of 200 networks × 20 layers × 20 ε as one graph: tasks, seconds, bytes, memory.

Alone: ``uv run python -m tests.benchmarks.graph``, with ``--pairs 10`` for a tenth of it. Networks
are tiny, so that what is measured is what orchestration costs.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits
from torch import nn

from repsim.graph import Worker, run_node
from repsim.inputs import InputSpec
from repsim.stages.plan import StudyPlan
from repsim.store import Store
from repsim.study import load_study
from workflows.plan import plan_study

LAYERS = 20
NEURONS = 16
WORKERS = 2
EPSILONS = [round(0.05 * (1 + number), 2) for number in range(19)] + [0.99]
# Tiles that are made once more in this process, for the time of their nodes alone.
SAMPLED_TILES = 10

STUDY = """
name = "graph"
seeds = {seeds}
most_comparisons = 1_000_000
pairs = {pairs}
[data]
name = "synthetic"
examples = 64
test_examples = 128
size = 8
[model]
name = "tests.benchmarks.graph:deep_network"
[training]
epochs = 1
learning_rate = 0.01
[matching]
epsilons = {epsilons}
[across]
examples = 0
"""


def deep_network(inputs: InputSpec, outputs: int) -> nn.Module:
    """Twenty hidden layers of sixteen neurons."""
    channels, height, width = inputs.shape
    layers: list[nn.Module] = [nn.Flatten()]
    units = channels * height * width
    for _ in range(LAYERS):
        layers += [nn.Linear(units, NEURONS), nn.ReLU()]
        units = NEURONS
    return nn.Sequential(*layers, nn.Linear(units, outputs))


@dataclass(frozen=True, kw_only=True)
class GraphRun:
    """A run of all comparisons of a study on a local Dask, and its nodes in one process."""

    networks: int
    comparisons: int
    nodes: int
    tasks: int
    seconds: float
    """Of the whole command, start and report included."""
    matching_seconds: float
    """From the start of Dask to the last comparison."""
    bytes_read: int
    """By all tasks, from the store."""
    driver_bytes: int
    """Most resident memory of the process that drives, in which Dask's scheduler is, too."""
    driver_seconds: float
    """Of processor time of that process: what bounds the tasks a second of any cluster."""
    node_seconds: float
    """Of one node on average, with no engine."""
    again_seconds: float
    """Of the command typed once more, when there is nothing to do."""

    def __str__(self) -> str:
        matching, tasks, nodes = self.matching_seconds, self.tasks, self.nodes
        overhead = matching / nodes - self.node_seconds / WORKERS
        return (
            f"{self.networks} networks, {self.comparisons} comparisons, {nodes} nodes, {tasks} "
            "tasks\n"
            f"matching: {matching:.0f} s on {WORKERS} workers, {matching / tasks:.2f} s a task; "
            f"{self.bytes_read / 2**20:.0f} MiB read from the store\n"
            f"a node alone {1000 * self.node_seconds:.1f} ms of one core; overhead "
            f"{1000 * overhead:.1f} ms a node\n"
            f"driver and scheduler: at most {self.driver_bytes / 2**20:.0f} MiB, "
            f"{1000 * self.driver_seconds / tasks:.1f} ms of processor time a task\n"
            f"whole command: {self.seconds:.0f} s; typed again {self.again_seconds:.1f} s"
        )


def graph_run(pairs: int, folder: Path) -> GraphRun:
    """Train the networks of `pairs` pairs, then measure their comparison."""
    file, task_log = folder / "graph.toml", folder / "tasks.jsonl"
    of_pairs = [[2 * number, 2 * number + 1] for number in range(pairs)]
    file.write_text(STUDY.format(seeds=list(range(2 * pairs)), pairs=of_pairs, epsilons=EPSILONS))
    place = (str(file), "--store", str(folder / "runs"))
    command = (sys.executable, "-m", "workflows.command", "run", *place)
    subprocess.run([*command, "--stage", "networks", "--engine", "inline"], check=True)
    setting = ("--cluster-set", f"dask.workers={WORKERS}", "--log-format", "json")
    first = _watched([*command, *setting, "--task-log", str(task_log)])
    again = _watched([*command, *setting])

    plan = plan_study(load_study(file))
    said = re.compile(r"Matching: (\d+) nodes of the graph in (\d+) tasks")
    counts = [found for line in first.log if (found := said.match(str(line["message"])))]
    return GraphRun(
        networks=len(plan.networks),
        comparisons=len(plan.comparisons),
        nodes=sum(int(found[1]) for found in counts),
        tasks=sum(int(found[2]) for found in counts),
        seconds=first.seconds,
        matching_seconds=_between(first.log, "Connecting to Dask", "Writing the report"),
        bytes_read=sum(json.loads(line)["bytes_read"] for line in task_log.open()),
        driver_bytes=first.most_bytes,
        driver_seconds=first.processor_seconds,
        node_seconds=_node_seconds(folder / "runs", plan, folder / "again"),
        again_seconds=again.seconds,
    )


@dataclass(frozen=True, kw_only=True)
class _Watched:
    """What a command took, as a process without its children, and the lines of its log."""

    seconds: float
    most_bytes: int
    processor_seconds: float
    log: list[dict[str, object]]


def _watched(command: list[str]) -> _Watched:
    started = time.perf_counter()
    most, processor = 0, 0.0
    with tempfile.TemporaryFile("w+") as log:
        with subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL) as process:
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                with suppress(psutil.Error):
                    most = max(most, watched.memory_info().rss)
                    times = watched.cpu_times()
                    processor = times.user + times.system
                time.sleep(0.1)
        seconds = time.perf_counter() - started
        log.seek(0)
        lines = [json.loads(line) for line in log if line.startswith("{")]
    assert process.returncode == 0, lines[-1]
    return _Watched(seconds=seconds, most_bytes=most, processor_seconds=processor, log=lines)


def _between(log: list[dict[str, object]], first: str, last: str) -> float:
    def at(words: str) -> datetime:
        (line,) = (line for line in log if str(line["message"]).startswith(words))
        return datetime.fromisoformat(str(line["time"]))

    return (at(last) - at(first)).total_seconds()


def _node_seconds(made: Path, plan: StudyPlan, folder: Path) -> float:
    """Seconds of one node, of some tiles made again where there are activations alone."""
    targets, captured = [], set()
    for tile in plan.tiles[:: max(1, len(plan.tiles) // SAMPLED_TILES)]:
        targets += [spec.folder for spec in tile.comparisons]
        captured |= {layer.folder for layer in tile.layers}
    for activations in captured:
        shutil.copytree(made / activations, folder / activations, dirs_exist_ok=True)
    nodes = plan.graph.missing(captured, targets)
    store, worker = Store(str(folder)), Worker()
    with threadpool_limits(limits=1):
        started = time.perf_counter()
        for node in nodes:
            run_node(store, node, worker)
        return (time.perf_counter() - started) / len(nodes)


def main() -> None:
    """Print what a run of the size that is asked for takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100, help="of networks, each with 20 layers")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        print(graph_run(pairs, Path(folder)))


if __name__ == "__main__":
    main()
