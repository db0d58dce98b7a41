"""repsim init"""

import sys
from pathlib import Path
from string import Template
from typing import Annotated, TypeVar

import typer

from repsim.errors import OutputError, StudyError
from workflows.command.output import say

__all__ = ["init"]

Value = TypeVar("Value", str, int)

STUDY = Template("""\
# Networks that differ by their seed alone, compared layer by layer.
#
#     repsim plan $file  # what it would make, and about how long that takes
#     repsim run $file  # make it; type it again after any interruption
#
# Every key that is left out has a default: docs/studies.md. A line that begins with "#:" is a key
# that many studies set; remove the mark to set it.

name = "$name"
#: description = "What the study asks."
seeds = $seeds  # one network for each

[data]
name = "$data"
$options#: examples = 1000  # train on a subset
#: random_labels = 1.0  # the share of labels that are drawn at random

[model]
name = "$model"  # `repsim layers $model --tree` shows its layers

[training]
epochs = $epochs
batch_size = 64
learning_rate = 0.05
schedule = "cosine"
#: snapshots = ["initial", "log", "last"]  # keep the network over its training, too

[capture]
layers = ["type:ReLU"]  # globs over names ("features.*") or types; or "blocks"
#: examples = 500  # of the test split; all by default

[matching]
epsilons = [0.15, 0.3, 0.5]
#: minimal_at = [0.5]  # also find minimal and simple matches: costly for wide layers

[[measures]]  # further measures of the same layers: `repsim measures`
name = "cka"

#: [variants.wide]  # networks that differ by more than their seed
#: model.width = 2.0
""")


def init(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Names the study and its file.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A data set, or package.module:function.", show_default="digits"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A model (see `repsim layers`), or package.module:function.",
            show_default="small_cnn",
        ),
    ] = None,
    networks: Annotated[
        int | None, typer.Option(min=2, help="How many networks.", show_default="3")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="How long each is trained.", show_default="15")
    ] = None,
) -> None:
    """Write a study file with comments, to change and run; ask for what is not given.

    Nothing is asked where input or output is no terminal. A file that exists is left as it is.
    """
    from repsim.data import DATASETS
    from repsim.models import default_input
    from repsim.study import parse_study

    ask = sys.stdin.isatty() and sys.stdout.isatty()
    name = _given(name, "Name of the study", "my-study", ask=ask)
    file = Path(f"{name}.toml")
    if file.exists():
        raise StudyError(
            f"Expected a name without a file. Got {name!r}: {file} exists. Choose "
            "another, or remove it."
        )
    data = _given(data, "Data set", "digits", ask=ask)
    if DATASETS.path_of(data) is None:
        DATASETS[data]  # which says what there is
    model = _given(model, "Model", "small_cnn", ask=ask)
    default_input(model)
    count = _given(networks, "Networks, one for each seed", 3, ask=ask)
    text = STUDY.substitute(
        file=file,
        name=name,
        seeds=list(range(count)),
        data=data,
        # The images of 8 × 8 pixels are too small for most models.
        options="size = 16  # enlarge the 8 × 8 pixels\n" if data == "digits" else "",
        model=model,
        epochs=_given(epochs, "Epochs", 15, ask=ask),
    )
    parse_study(text, where=str(file))
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
    except OSError as problem:
        raise OutputError(f"Expected a folder to write {file} to. Got: {problem}.") from None
    say(f"Wrote {file}. Next: repsim plan {file}, then repsim run {file}.")


def _given(value: Value | None, question: str, usual: Value, *, ask: bool) -> Value:
    if value is not None:
        return value
    answer: Value = typer.prompt(question, default=usual) if ask else usual
    return answer
