"""A study of 200 networks × 20 layers × 20 ε as one graph: seconds a task, memory of the driver.

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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from torch import nn

from repsim.study import load_study
from repsim.tasks.graph import run_steps, steps_of
from workflows.comparisons import Work, work_of
from workflows.plan import plan_study

LAYERS = 20
NEURONS = 16
WORKERS = 2
EPSILONS = [round(0.05 * (1 + number), 2) for number in range(19)] + [0.99]
# Works that are made once more in this process, for the time of their steps alone.
SAMPLED_WORKS = 10

STUDY = """
name = "graph"
seeds = {seeds}
pairs = {pairs}
[data]
name = "synthetic"
examples = 64
probe_examples = 128
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


def deep_network(classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
    """Twenty hidden layers of sixteen neurons."""
    channels, height, width = image_shape
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = channels * height * width
    for _ in range(LAYERS):
        layers += [nn.Linear(inputs, NEURONS), nn.ReLU()]
        inputs = NEURONS
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


@dataclass(frozen=True, kw_only=True)
class GraphRun:
    """A run of all comparisons of a study on a local Dask, and its steps in one process."""

    networks: int
    comparisons: int
    tasks: int
    seconds: float
    """Of the whole command, start and report included."""
    matching_seconds: float
    """From the start of Dask to the last comparison."""
    driver_bytes: int
    """Most resident memory of the process that drives, in which Dask's scheduler is, too."""
    step_seconds: float
    """Of one step on average, with no engine."""
    again_seconds: float
    """Of the command typed once more, when there is nothing to do."""

    @property
    def overhead(self) -> float:
        """Seconds that a task costs a worker beyond the step that it runs."""
        return WORKERS * self.matching_seconds / self.tasks - self.step_seconds

    def __str__(self) -> str:
        return (
            f"{self.networks} networks, {self.comparisons} comparisons, {self.tasks} tasks\n"
            f"matching {self.matching_seconds:.0f} s on {WORKERS} workers: "
            f"{1000 * self.matching_seconds / self.tasks:.1f} ms a task; a step alone takes "
            f"{1000 * self.step_seconds:.1f} ms of one core, its task "
            f"{1000 * self.overhead:.1f} ms more\n"
            f"whole command {self.seconds:.0f} s, driver at most {self.driver_bytes / 2**20:.0f} "
            f"MiB; typed again {self.again_seconds:.1f} s"
        )


def graph_run(pairs: int, folder: Path) -> GraphRun:
    """Train the networks of `pairs` pairs, then measure their comparison."""
    file = folder / "graph.toml"
    of_pairs = [[2 * number, 2 * number + 1] for number in range(pairs)]
    file.write_text(STUDY.format(seeds=list(range(2 * pairs)), pairs=of_pairs, epsilons=EPSILONS))
    place = (str(file), "--store", str(folder / "runs"))
    command = (sys.executable, "-m", "workflows.command", "run", *place)
    subprocess.run([*command, "--stage", "networks", "--engine", "inline"], check=True)
    setting = ("--cluster-set", f"dask.workers={WORKERS}", "--log-format", "json")
    seconds, driver_bytes, log = _watched([*command, *setting])
    again, _, _ = _watched([*command, *setting])

    plan = plan_study(load_study(file))
    works = work_of(plan.comparisons)
    tasks = sum(len(steps_of("", work)) for work in works)
    return GraphRun(
        networks=len(plan.networks),
        comparisons=len(plan.comparisons),
        tasks=tasks,
        seconds=seconds,
        matching_seconds=_between(log, "Connecting to Dask", "Writing the report"),
        driver_bytes=driver_bytes,
        step_seconds=_step_seconds(folder / "runs", works, folder / "again"),
        again_seconds=again,
    )


def _watched(command: list[str]) -> tuple[float, int, list[dict[str, object]]]:
    """Seconds of a command, most resident bytes of its process, and the lines of its log."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        with subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL) as process:
            most = 0
            while process.poll() is None:
                most = max(most, _peak(process.pid))
                time.sleep(0.2)
        seconds = time.perf_counter() - started
        log.seek(0)
        lines = [json.loads(line) for line in log if line.startswith("{")]
    assert process.returncode == 0, lines[-1]
    return seconds, most, lines


def _peak(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0  # it has ended
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else 0


def _between(log: list[dict[str, object]], first: str, last: str) -> float:
    def at(words: str) -> datetime:
        (line,) = (line for line in log if str(line["message"]).startswith(words))
        return datetime.fromisoformat(str(line["time"]))

    return (at(last) - at(first)).total_seconds()


def _step_seconds(store: Path, works: Sequence[Work], folder: Path) -> float:
    """Seconds of one step, of some works made again where there are activations alone."""
    steps = []
    for work in works[:: max(1, len(works) // SAMPLED_WORKS)]:
        for layer in work.layers:
            key = f"activations/{layer.key}"
            shutil.copytree(store / key, folder / key, dirs_exist_ok=True)
        steps += steps_of(str(folder), work)
    started = time.perf_counter()
    for step, error in run_steps(steps):
        assert error is None, step.name
    return (time.perf_counter() - started) / len(steps)


def main() -> None:
    """Print what a run of the size that is asked for takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100, help="of networks, each with 20 layers")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        print(graph_run(pairs, Path(folder)))


if __name__ == "__main__":
    main()
