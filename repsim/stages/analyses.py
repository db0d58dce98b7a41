"""Analyses: a node for each state of a network that is analysed."""

import functools
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from repsim.analyses import ANALYSES, Analysis, Measured, Snapshot, load_analysis
from repsim.graph import PROCESS_BYTES, Cost, NetworkProgress, Node, Product, Worker
from repsim.stages.networks import NetworkSpec, check_code, source_of, trained_model
from repsim.store import Artifact, Store, artifact_key
from repsim.study import Component

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["AnalysisSpec", "analysis_rows", "nodes"]

KINDS = ("analyses",)

# Rises when the stage would compute something else from the same parameters.
ANALYSES_VERSION = 1

FILE = "measured.npz"


@dataclass(frozen=True, kw_only=True)
class AnalysisSpec:
    """One analysis of a network, or of a snapshot of it."""

    network: NetworkSpec
    analysis: Component

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.network.label}, {self.analysis.name}"

    @cached_property
    def loaded(self) -> Analysis:
        """The analysis with its options."""
        return load_analysis(self.analysis.name, self.analysis.options)

    @cached_property
    def key(self) -> str:
        """The key of what it measures."""
        code = ANALYSES.code(self.analysis.name)
        options = self.loaded.model_dump(mode="json")
        parameters = {
            "network": self.network.key,
            "analysis": {"name": self.analysis.name, "options": options},
            "code": None if code is None else code.counted,
        }
        return artifact_key("analyses", ANALYSES_VERSION, parameters)

    @property
    def folder(self) -> str:
        """Where what it measures is in a store."""
        return f"analyses/{self.key}"


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each analysis of each network and snapshot."""
    for spec in plan.analyses:
        size, analysis = spec.network.size, spec.loaded
        yield Node(
            task="analyse",
            label=spec.label,
            makes=(Product(folder=spec.folder, label=spec.label, result=True),),
            needs=(spec.network.folder,),
            make=functools.partial(measure, spec),
            where="train",
            share=spec.network.training_key,
            memory=PROCESS_BYTES + analysis.memory(size.train, size.parameters),
            cost=Cost(
                operations=analysis.operations(size.train, size.operations),
                images=size.train * size.decodes,
            ),
        )


def measure(spec: AnalysisSpec, store: Store, wanted: Collection[str], worker: Worker) -> None:
    """Measure a state of a network, and publish what was found.

    Raises
    ------
    IntegrityError
        When data, code or model here are not those that were planned for.
    """
    from repsim.training import select_device, thread_limit

    if spec.folder not in wanted:
        return
    network = spec.network
    check_code(network, trained=True)
    worker.report(NetworkProgress(network=network.label, name="analysing", done=0, total=1))
    source = source_of(network, worker)
    model = trained_model(network, store)
    device = select_device(worker.resources.device)
    with thread_limit(worker.resources.threads):
        found = spec.loaded.measure(
            Snapshot(
                model=model.to(device).eval(),
                source=source,
                objective=network.objective,
                training=network.training,
                course=network.course,
                step=network.step,
                device=device,
            )
        )
    file = io.BytesIO()
    arrays: dict[str, Any] = dict(found)
    np.savez_compressed(file, **arrays)
    draft = Artifact.at(store, spec.folder).draft()
    draft.write(FILE, file.getvalue())
    draft.publish({"network": network.label, "code": network.code_files})


def stored_analysis(store: Store, spec: AnalysisSpec) -> Measured:
    """What an analysis measured."""
    artifact = Artifact.at(store, spec.folder)
    content = artifact.read(FILE)
    with artifact.as_expected(FILE), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Measured(step=spec.network.step, arrays=dict(arrays))


def analysis_rows(store: Store, specs: Collection[AnalysisSpec]) -> Iterator[dict[str, Any]]:
    """Rows of the table of analyses, of analyses that are there.

    Parameters
    ----------
    specs
        In the order of the study: the states of one network by one analysis side by side.
    """

    def group(spec: AnalysisSpec) -> tuple[str, str]:
        return spec.analysis.model_dump_json(), spec.network.network.label

    for _, several in groupby(sorted(specs, key=group), key=group):
        states = sorted(several, key=lambda spec: (spec.network.step is None, spec.network.step))
        measured = [stored_analysis(store, spec) for spec in states]
        for place, found in states[0].loaded.summarise(measured):
            yield {
                "analysis": states[0].analysis.name,
                "network": states[place].network.label,
                "step": states[place].network.step,
                "quantity": found.quantity,
                "coordinate": found.coordinate,
                "value": found.value,
            }
