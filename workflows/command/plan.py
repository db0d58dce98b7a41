"""repsim plan"""

import math
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from workflows.command.output import (
    IN_DOUBT,
    JsonOption,
    Overrides,
    StoreOption,
    StudyFile,
    columns,
    console,
    say,
    say_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from repsim.graph import Node
    from repsim.stages.plan import StudyPlan
    from repsim.store import Store
    from workflows.costs import Machines, WorkCost
    from workflows.explain import Reason
    from workflows.state import StageState

__all__ = ["plan"]

# Bytes of a checkpoint for each parameter: weights, momentum and Adam's second moment in
# float32, and room for another copy while it is written.
CHECKPOINT_BYTES = 16

CORES_PER_GPU = 8


def plan(
    study_file: StudyFile,
    store: StoreOption = "runs",
    overrides: Overrides = None,
    gpus: Annotated[
        int | None,
        typer.Option(min=0, help="Say about how long it would take with so many GPUs in all."),
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="... and so many CPU cores in all. By default 8 for each GPU."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would make and why, and what is there already; start nothing.

    With --gpus or --cores also about how long it would take, by the model in docs/scale.md.
    """
    from repsim.stages.trial import try_network
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.changes import changes_behind, notes_on_code
    from workflows.costs import costs_of
    from workflows.explain import explain
    from workflows.plan import plan_study
    from workflows.state import study_state, survey_study

    target = Store(store)
    planned = plan_study(load_study(study_file, overrides or ()), target)
    survey = survey_study(planned, target)
    for network in survey.networks[:1]:
        try_network(network, planned.layers[network.label])
    stages = study_state(planned, target, survey)
    changes = [str(one) for one in changes_behind(survey.networks, survey.trained, target)]
    changes += notes_on_code(planned)
    show = _show_json if as_json else _show
    reasons, costs = explain(survey), costs_of(survey)
    show(planned, target, stages, reasons, changes, costs, _machines(gpus, cores))


def _machines(gpus: int | None, cores: int | None) -> "Machines | None":
    """What a time is asked for; None where none is."""
    from workflows.costs import Machines

    if gpus is None and cores is None:
        return None
    return Machines(gpus=gpus or 0, cores=cores or CORES_PER_GPU * (gpus or 0) or 1)


def _show(
    planned: "StudyPlan",
    target: "Store",
    stages: "Sequence[StageState]",
    reasons: "Sequence[Reason]",
    changes: "Sequence[str]",
    costs: "Sequence[WorkCost]",
    machines: "Machines | None",
) -> None:
    study = planned.study
    console.print(
        f"{study.name}: {len(planned.networks)} networks, "
        f"{len(study.network_pairs)} pairs, {len(next(iter(planned.layers.values())))} layers, "
        f"{len(study.matching.epsilons)} ε, in {target.location}",
        highlight=False,
        soft_wrap=True,
    )
    table = columns("stage", "to make", "there", "of", "size to write")
    for stage in stages:
        size = decimal(stage.bytes_to_make) if stage.bytes_to_make else ""
        table.add_row(stage.name, str(stage.to_make), str(stage.done), str(stage.total), size)
    console.print(table)
    if reasons:
        console.print("\nWhy:")
        for reason in reasons:
            say(f"  {reason}")
    elif stages[-1].to_make:
        say("\nOnly the report is to be written: it is not of what is there now.")
    if changes:
        say("\nBehind the study:")
        for line in changes:
            say(f"  {line}")
    if any(cost.tasks for cost in costs):
        _show_costs(costs, machines)
    layers = columns("layer", "type", "neurons", "positions", "samples", words=2)
    for layer in next(iter(planned.layers.values())):
        samples = layer.examples * layer.positions
        layers.add_row(
            layer.layer, layer.type, str(layer.neurons), str(layer.positions), f"{samples:,}"
        )
    console.print()
    console.print(layers)
    if planned.in_doubt:
        say(f"\nLeft out, in doubt: {', '.join(planned.in_doubt)}. {IN_DOUBT}")
    console.print()
    largest = _largest(planned)
    console.print(
        "Sizes are before compression. While it trains, a network has checkpoints of about "
        f"{decimal(CHECKPOINT_BYTES * planned.parameters)} besides. The largest matching task "
        f"({largest.task} of {largest.label}) needs about {decimal(largest.memory)} of memory.",
        highlight=False,
    )


def _largest(planned: "StudyPlan") -> "Node":
    """The node that needs most memory of those that match."""
    matching = (node for node in planned.graph.nodes if node.where == "match")
    return max(matching, key=lambda node: node.memory)


def _show_costs(costs: "Sequence[WorkCost]", machines: "Machines | None") -> None:
    from workflows.costs import Rates, seconds_of

    rates = Rates()
    table = columns("work", "tasks", "reads", "keeps", "operations", *["time"] * bool(machines))
    for cost in costs:
        if not cost.tasks:
            continue
        row = [
            cost.name,
            f"{cost.tasks:,}",
            decimal(cost.read) if cost.read else "",
            decimal(cost.written) if cost.written else "",
            f"{cost.operations:.1e}",
        ]
        if machines:
            seconds = seconds_of(cost, machines, rates)
            row.append(str(timedelta(seconds=math.ceil(seconds))))
        table.add_row(*row)
    console.print()
    console.print(table)
    if machines:
        gpus = f" and {machines.gpus} GPUs" if machines.gpus else ""
        of_gpu = f" and {rates.gpu:.0e} of a GPU, which is an assumption" if gpus else ""
        console.print(
            f"Times are estimates for {machines.cores} cores{gpus}, with {rates.images:.0f} "
            f"photographs a second of a core, {rates.core:.0e} operations{of_gpu}. They leave out "
            "the start of processes. See docs/scale.md.",
            highlight=False,
        )


def _show_json(
    planned: "StudyPlan",
    target: "Store",
    stages: "Sequence[StageState]",
    reasons: "Sequence[Reason]",
    changes: "Sequence[str]",
    costs: "Sequence[WorkCost]",
    machines: "Machines | None",
) -> None:
    say_json(
        {
            "study": planned.study.name,
            "store": target.location,
            "networks": len(planned.networks),
            "pairs": len(planned.study.network_pairs),
            "layers": len(next(iter(planned.layers.values()))),
            "layers_in_doubt": list(planned.in_doubt),
            "epsilons": list(planned.study.matching.epsilons),
            "complete": not any(stage.to_make for stage in stages),
            "stages": [
                {
                    "name": stage.name,
                    "to_make": stage.to_make,
                    "there": stage.done,
                    "of": stage.total,
                    "bytes_to_write": stage.bytes_to_make,
                }
                for stage in stages
            ],
            "reasons": [
                {"stage": reason.stage, "why": reason.why, "of": list(reason.labels)}
                for reason in reasons
            ],
            "changes": list(changes),
            "costs": [_cost(cost, machines) for cost in costs],
            "checkpoint_bytes_per_network": CHECKPOINT_BYTES * planned.parameters,
            "largest_task_bytes": _largest(planned).memory,
        }
    )


def _cost(cost: "WorkCost", machines: "Machines | None") -> dict[str, object]:
    from workflows.costs import Rates, seconds_of

    seconds = seconds_of(cost, machines, Rates()) if machines else None
    return {**asdict(cost), "seconds": seconds}
