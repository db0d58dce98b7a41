"""repsim plan"""

import math
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import tomli_w
import typer
from rich.filesize import decimal

from repsim.text import count
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

    from rich.table import Table

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
    from repsim.stages.trial import try_networks
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
    try_networks(survey.networks, planned.layers)
    stages = study_state(survey)
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
        f"{study.name}: {count(len(planned.networks), 'network')}, {_snapshots(planned)}"
        f"{count(len(planned.pairs), 'pair')}, {count(_layer_count(planned), 'layer')}, "
        f"{len(study.matching.epsilons)} ε, in {target.location}",
        highlight=False,
        soft_wrap=True,
    )
    if len(study.variations) > 1:
        console.print(_variants(planned))
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
    for line in planned.apart:
        say(f"\n{line}")
    console.print()
    console.print(_layers(planned))
    if planned.in_doubt:
        say(f"\nLeft out, in doubt: {', '.join(planned.in_doubt)}. {IN_DOUBT}")
    console.print()
    largest = _largest(planned)
    trains = (
        "While it trains, a network has checkpoints of about "
        f"{decimal(_checkpoint_bytes(planned))} besides. "
    )
    needs = (
        f"The largest matching task ({largest.task} of {largest.label}) needs about "
        f"{decimal(largest.memory)} of memory."
        if largest
        else ""
    )
    console.print(
        f"Sizes are before compression. {trains if study.trains else ''}{needs}", highlight=False
    )


def _snapshots(planned: "StudyPlan") -> str:
    """How many snapshots are kept, and which."""
    names = dict.fromkeys(name for spec in planned.representatives for name in spec.steps)
    kept = sum(len(spec.snapshots) for spec in planned.networks)
    return f"{count(kept, 'snapshot')} ({', '.join(names)}), " if kept else ""


def _variants(planned: "StudyPlan") -> "Table":
    from repsim.study.networks import flattened

    table = columns("variant", "networks", "parameters", "differs in", words=1)
    sizes = {spec.network.variant: spec.size for spec in planned.representatives}
    for one in planned.study.variations:
        parameters = f"{sizes[one.name].parameters:,}"
        changes = ", ".join(
            f"{key} = {_toml(value)}" for key, value in flattened(one.changes).items()
        )
        table.add_row(one.name, str(len(one.seeds)), parameters, changes)
    table.columns[-1].justify = "left"
    return table


def _toml(value: object) -> str:
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def _layers(planned: "StudyPlan") -> "Table":
    """Of every variant, where they have not all the same."""
    listings: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for spec in planned.representatives:
        rows = (
            (
                layer.layer,
                layer.type,
                f"{layer.neurons}",
                f"{layer.positions}",
                f"{layer.examples * layer.positions:,}",
            )
            for layer in planned.layers[spec.label]
        )
        listings.setdefault(tuple(rows), []).append(spec.network.variant)
    several = len(listings) > 1
    names = ("layer", "type", "neurons", "positions", "samples")
    table = columns(*["variant"] * several, *names, words=2 + several)
    for listing, variants in listings.items():
        for row in listing:
            table.add_row(*[", ".join(variants)] * several, *row)
    return table


def _layer_count(planned: "StudyPlan") -> int:
    """Layers of different names."""
    return len({layer.layer for layers in planned.layers.values() for layer in layers})


def _checkpoint_bytes(planned: "StudyPlan") -> int:
    """Of the largest network that is trained."""
    trained = (spec.size.parameters for spec in planned.networks if spec.given is None)
    return CHECKPOINT_BYTES * max(trained, default=0)


def _largest(planned: "StudyPlan") -> "Node | None":
    """The node that needs most memory of those that match, if there are any."""
    matching = (node for node in planned.graph.nodes if node.where == "match")
    return max(matching, key=lambda node: node.memory, default=None)


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
    from repsim.study.networks import flattened

    say_json(
        {
            "study": planned.study.name,
            "store": target.location,
            "networks": len(planned.networks),
            "snapshots": sum(len(spec.snapshots) for spec in planned.networks),
            "pairs": len(planned.pairs),
            "variants": [
                {"name": one.name, "networks": len(one.seeds), "changes": flattened(one.changes)}
                for one in planned.study.variations
            ],
            "layers": _layer_count(planned),
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
            "checkpoint_bytes_per_network": _checkpoint_bytes(planned),
            "largest_task_bytes": largest.memory if (largest := _largest(planned)) else 0,
        }
    )


def _cost(cost: "WorkCost", machines: "Machines | None") -> dict[str, object]:
    from workflows.costs import Rates, seconds_of

    seconds = seconds_of(cost, machines, Rates()) if machines else None
    return {**asdict(cost), "seconds": seconds}
