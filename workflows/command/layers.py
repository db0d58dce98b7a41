"""repsim layers"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from workflows.command.output import IN_DOUBT, columns, console, say

if TYPE_CHECKING:
    from repsim.model_layers import LayerInfo

__all__ = ["layers"]


def layers(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A built-in model (vgg16, resnet18, plain20, small_cnn ...), torchvision.NAME, or "
            "package.module:function.",
            show_default=False,
        ),
    ],
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            help="Show what a capture pattern selects: a glob over names ('features.*') or types "
            "('type:ReLU'), or blocks. Can be given several times.",
            show_default=False,
        ),
    ] = None,
    image_shape: Annotated[
        str | None,
        typer.Option(
            metavar="CxHxW",
            help="Shape of an image, as 3x32x32, or length of a vector or of a sequence of tokens, "
            "as 64.",
            show_default="the model's usual",
        ),
    ] = None,
    tree: Annotated[
        bool, typer.Option("--tree", help="Show the modules as they are nested, blocks marked.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Where the logits are, as model.output in a study: a key, an attribute or a "
            "position.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the layers of a model in order of execution, or those that a pattern selects."""
    from repsim.model_layers import layer_table_of, select_layers
    from repsim.models import build_model, default_input

    inputs, outputs = default_input(model)
    if image_shape is not None:
        shape = _shape(image_shape)
        tokens = inputs.vocabulary is not None
        inputs = replace(inputs, shape=shape) if tokens else InputSpec(shape=shape)
    key = int(output) if output is not None and output.lstrip("-").isdecimal() else output
    table = layer_table_of(
        lambda: build_model(model, {}, inputs=inputs, outputs=outputs, output=key), inputs
    )
    chosen = select_layers(pattern, table) if pattern else table
    if tree:
        console.print(_tree(model, chosen))
        return
    listing = columns("depth", "layer", "type", "shape", "neurons", "positions", words=4)
    listing.columns[0].justify = "right"
    for layer in chosen:
        unread = "in doubt" if layer.in_doubt else ""
        listing.add_row(
            str(layer.depth),
            layer.name,
            layer.type,
            "×".join(map(str, layer.shape)) or "no single batch",
            str(layer.neurons) if layer.capturable else unread,
            str(layer.positions) if layer.capturable else "",
        )
    console.print(listing)
    say(f"{len(chosen)} of {len(table)} layers, for {inputs}.")
    if any(layer.in_doubt for layer in chosen):
        say(f"In doubt: {IN_DOUBT}")


def _tree(model: str, layers: "Sequence[LayerInfo]") -> Tree:
    """The modules that are called, below those that hold them, in order of execution."""
    nodes = {"": Tree(model)}
    by_name = {layer.name: layer for layer in layers}
    # A block is complete after the layers inside it, and stands before them.
    for layer in layers:
        parts = layer.name.split(".")
        for end in range(1, len(parts) + 1):
            place = ".".join(parts[:end])
            if place not in nodes:
                parent = nodes[".".join(parts[: end - 1])]
                nodes[place] = parent.add(_line(parts[end - 1], by_name.get(place)))
    return nodes[""]


def _line(part: str, layer: "LayerInfo | None") -> Text:
    if layer is None:
        return Text(part)
    shape = "×".join(map(str, layer.shape)) or "no single batch"
    return Text(f"{part}  {layer.type}  {shape}{'  block' if layer.block else ''}")


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split("x")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise StudyError(
            f"Expected an image shape like 3x32x32, or a length of vectors like 64. Got {text!r}."
        )
    return tuple(map(int, parts))
