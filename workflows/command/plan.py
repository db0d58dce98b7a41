"""repsim plan"""

from rich.filesize import decimal
from rich.table import Table

from workflows.command.output import Overrides, StoreOption, StudyFile, console

__all__ = ["plan"]


def plan(study_file: StudyFile, store: StoreOption = "runs", overrides: Overrides = None) -> None:
    """Say what a run would make, and what is there already; start nothing."""
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.state import study_state

    study = load_study(study_file, overrides or ())
    planned = plan_study(study)
    target = Store(store)
    console.print(
        f"[bold]{study.name}[/bold]: {len(planned.networks)} networks, "
        f"{len(study.network_pairs)} pairs, {len(next(iter(planned.layers.values())))} layers, "
        f"{len(study.matching.epsilons)} ε, in {target.location}",
        highlight=False,
    )
    table = Table("stage", "to make", "there", "of", "size to write", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    stages = study_state(planned, target)
    for stage in stages:
        size = decimal(stage.missing_bytes) if stage.missing_bytes else ""
        to_make = stage.total - stage.done
        table.add_row(stage.name, str(to_make), str(stage.done), str(stage.total), size)
    console.print(table)
    layers = Table("layer", "type", "neurons", "positions", "samples", box=None, pad_edge=False)
    for column in layers.columns[2:]:
        column.justify = "right"
    for layer in next(iter(planned.layers.values())):
        samples = layer.examples * layer.positions
        layers.add_row(
            layer.layer, layer.type, str(layer.neurons), str(layer.positions), f"{samples:,}"
        )
    console.print()
    console.print(layers)
    console.print()
    largest = max(planned.comparisons, key=lambda comparison: comparison.memory)
    console.print(
        "Sizes are before compression. While it trains, a network has checkpoints of about "
        f"{decimal(16 * planned.parameters)} besides. The largest matching task "
        f"({largest.x.layer}) needs about {decimal(largest.memory)} of memory.",
        highlight=False,
    )
