"""TensorBoard: event files in the store, beside the report of the study."""

import re
from collections.abc import Mapping

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat import tf
from torch.utils.tensorboard import SummaryWriter

from workflows.trackers.tracker import Results, TrackedNetwork, TrackedStudy

__all__ = ["TensorBoard"]

# A run that is killed loses the events of this many seconds; TensorBoard itself waits for 120.
FLUSH_SECONDS = 10


class TensorBoard:
    """``studies/NAME/tensorboard`` of the store, with a folder for each network."""

    def __init__(self, study: TrackedStudy) -> None:
        self._study = study
        self._root = f"{study.store}/studies/{study.name}/tensorboard"
        self._writers: dict[str, SummaryWriter] = {}

    def last_epoch(self, network: TrackedNetwork) -> int:
        """The last epoch in the event files of the network."""
        folder = self._folder(network.label, network.key)
        if not tf.io.gfile.exists(folder):
            return 0
        events = EventAccumulator(folder)
        events.Reload()
        curves = [events.Scalars(tag) for tag in events.Tags()["scalars"]]
        return max((event.step for curve in curves for event in curve), default=0)

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Add a scalar for each value."""
        if network.key not in self._writers:
            self._writers[network.key] = self._writer(network.label, network.key)
        for epoch, values in epochs.items():
            for name, value in values.items():
                self._writers[network.key].add_scalar(name, value, epoch)

    def finish(self, network: TrackedNetwork, *, failed: bool) -> None:
        """Close the event file of the network."""
        del failed
        if network.key in self._writers:
            self._writers.pop(network.key).close()

    def results(self, results: Results) -> None:
        """Add a curve over the depth of the layers for each measure, and the study file."""
        if tf.io.gfile.exists(self._folder("results", results.key)):
            return
        with self._writer("results", results.key) as writer:
            for one in results.similarities:
                writer.add_scalar(one.curve, one.value, one.depth)
            writer.add_text("study", f"```toml\n{self._study.toml}\n```")

    def close(self) -> None:
        """Close all event files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, name: str, key: str) -> SummaryWriter:
        return SummaryWriter(self._folder(name, key), flush_secs=FLUSH_SECONDS)

    def _folder(self, name: str, key: str) -> str:
        name = re.sub(r"[^\w .=+-]", "_", name)
        return f"{self._root}/{name} {key[:8]}"
