"""Networks with given weights: read where the study says, and published as trained ones are.

Torch is imported by the functions that need it, as in the other modules of this package.
"""

import functools
import hashlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from repsim.errors import IntegrityError, StudyError
from repsim.graph import Cost, Node, Product, Worker
from repsim.inputs import InputSpec
from repsim.regular_files import never_a_file
from repsim.stages.networks import (
    GivenWeights,
    NetworkSpec,
    check_code,
    model_of,
    publish_weights,
    source_of,
)
from repsim.store import Store
from repsim.study import Model
from repsim.study.given import published_by

if TYPE_CHECKING:
    from torch import Tensor, nn

    from repsim.models.weights import State
    from repsim.stages.plan import StudyPlan

__all__ = ["given_weights", "nodes", "publish_given"]

KINDS = ("networks",)


def given_weights(
    weights: str, model: Model, *, inputs: InputSpec, outputs: int | None
) -> GivenWeights:
    """What the weights at a place are, fitted to the model.

    Raises
    ------
    StudyError
        When there are none, they cannot be read, or do not fit the model.
    """
    from repsim.models.weights import state_digest

    found, state, count = _read(weights, model, inputs=inputs, outputs=outputs)
    return GivenWeights(model=found, outputs=count, digest=state_digest(state))


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each network whose weights are given."""
    for spec in plan.networks:
        if spec.given is None:
            continue
        size = spec.size
        yield Node(
            task="load",
            label=spec.label,
            makes=(
                Product(
                    folder=spec.folder, label=spec.label, bytes=4 * size.parameters, result=True
                ),
            ),
            make=functools.partial(publish_given, spec),
            where="train",
            share=spec.key,
            cost=Cost(operations=size.operations * size.test, images=size.test * size.decodes),
        )


def publish_given(spec: NetworkSpec, store: Store, wanted: Collection[str], worker: Worker) -> None:
    """Publish a network with its given weights, and its accuracy on the test split.

    Raises
    ------
    IntegrityError
        When data, code, model or weights here are not those that were planned for.
    """
    import torch

    from repsim.models.weights import state_digest
    from repsim.training import evaluate, select_device, thread_limit

    if not wanted:
        return
    given, weights = spec.given, spec.network.weights
    assert given is not None
    assert weights is not None
    check_code(spec, trained=False)
    source = source_of(spec, worker)
    _, state, _ = _read(weights, spec.network.model, inputs=spec.inputs, outputs=spec.outputs)
    if state_digest(state) != given.digest:
        raise IntegrityError(
            f"Expected the weights {weights!r} as they were when the run was planned. Got others "
            "on this node. Make every node see the same file, and run the study again if it was "
            "changed meanwhile."
        )
    model = model_of(spec)
    model.load_state_dict(state)
    device = select_device(worker.resources.device)
    score = None
    with thread_limit(worker.resources.threads):
        if spec.objective is not None and _answers(model, spec, spec.objective.outputs):
            score = evaluate(
                model.to(device),
                source.test,
                spec.objective,
                device=device,
                batch_size=spec.batch,
                workers=worker.resources.loader_workers,
            )
    record = {
        "history": [],
        "kept_epoch": 0,
        "weights": weights,
        "test_score": score,
        "score": spec.objective.score if spec.objective else None,
        "device": device.type,
        "precision": "float32",
        "parameters": sum(p.numel() for p in model.parameters()),
        "torch": torch.__version__,
        "code": spec.code_files,
    }
    publish_weights(spec, store, state, record)


def _answers(model: "nn.Module", spec: NetworkSpec, outputs: int) -> bool:
    """Whether it answers with so many outputs: one for each class, number or token of the data."""
    import torch

    from repsim.training import evaluation_mode

    with evaluation_mode(model), torch.inference_mode():
        tokens = spec.inputs.shape if spec.objective and spec.objective.loss == "next_token" else ()
        return tuple(model(spec.inputs.zeros(2)).shape) == (2, *tokens, outputs)


def _read(
    weights: str, model: Model, *, inputs: InputSpec, outputs: int | None
) -> "tuple[Model, dict[str, Tensor], int]":
    """The model of the weights, its state dict with them, and its number of logits."""
    from torch import nn

    from repsim.model_layers import without_computing
    from repsim.models import build_model
    from repsim.models.weights import fitted

    found, state = _found(weights, model)

    def build(count: int) -> nn.Module:
        return without_computing(
            lambda: build_model(
                found.name,
                found.options,
                inputs=inputs,
                outputs=count,
                output=found.output,
            )
        )

    # Where the data do not say how many, the weights do.
    return found, *fitted(state, build, outputs or 1, model=found.name, name=weights)


def _found(weights: str, model: Model) -> "tuple[Model, State]":
    from repsim.models import pretrained
    from repsim.models.weights import read_state

    published = published_by(weights)
    if published is None:
        return model, read_state(_file(weights), weights)
    found, state = pretrained(*published)
    options = {**found.options, **model.options}
    output = found.output if model.output is None else model.output
    return Model(name=found.name, output=output, **options), state


def _file(weights: str) -> Path | io.BytesIO:
    if weights.startswith(("https://", "http://")):
        return _downloaded(weights)
    if weights.startswith(("s3://", "gs://", "az://")):
        folder, _, name = weights.rpartition("/")
        content = Store(folder).read(name)
        if content is None:
            raise StudyError(f"Expected weights at {weights}. Got nothing there.")
        return io.BytesIO(content)
    path = Path(weights).expanduser()
    if "://" in weights:
        raise StudyError(
            "Expected weights at a URL of https, s3, gs or az. Got "
            f"{weights.partition('://')[0]!r}. Download the file, and name its path."
        )
    if kind := never_a_file(path):
        raise StudyError(f"Expected a file of weights. Got {weights}, which is {kind}.")
    if not path.is_file():
        is_folder = path.is_dir()
        got = "a folder" if is_folder else f"which does not exist in {Path.cwd()}"
        hint = f" A model of Hugging Face is hf:{weights}." if is_folder else ""
        raise StudyError(
            f"Expected a file of weights, a URL, or a name as torchvision:NAME, timm:NAME or "
            f"hf:NAME. Got {weights!r}, {got}.{hint}"
        )
    return path


def _downloaded(url: str) -> Path:
    """The file in torch's cache, fetched the first time."""
    import torch

    name = url.partition("?")[0].rpartition("/")[2]
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    # Files of many names are `model.pt`: the URL tells them apart.
    path = cache / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=False)
        except (OSError, ValueError) as problem:
            raise StudyError(
                f"Expected weights that can be fetched. Got {problem} from "
                f"{url.partition('?')[0]}. Download the file, and name its path."
            ) from None
    return path
