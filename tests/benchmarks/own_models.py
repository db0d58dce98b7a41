"""Two models of one's own, compared layer by layer: what a user would do today, beside ours.

Alone: ``uv run python -m tests.benchmarks.own_models`` (three minutes). ResNet-18 and ResNet-34
with random weights on the same images, six layers of each, each way in a process of its own: lines
of the user's code, processor seconds on one core, and the most memory beyond what the imports take.
Of a feature map ours takes the mean over its positions, as do the ways that store features;
pytorch-cka and torch-cka take each position as a feature of its own, batch by batch.
"""

import inspect
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.timing import timed

ROOT = Path(__file__).resolve().parents[2]
# The first activation, the last block of each stage, and the features.
LAYERS = {
    "a": ["relu", "layer1.1", "layer2.1", "layer3.1", "layer4.1", "avgpool"],
    "b": ["relu", "layer1.2", "layer2.3", "layer3.5", "layer4.2", "avgpool"],
}
EXAMPLES, SIDE, BATCH = 512, 64, 128


def forward_passes(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    with torch.inference_mode():
        for batch in images.split(BATCH):
            a(batch)
            b(batch)
    return ""


def repsim_cka(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    import repsim

    cka = ("cka", {"debiased": True})
    found = repsim.compare(
        {"a": a, "b": b}, images, layers=LAYERS, measures=[cka], across=True, pool="mean"
    )
    return f"{found.matrix('cka')[-1, -1]:.4f}"


def repsim_three(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    import repsim

    wanted = ["match", ("cka", {"debiased": True}), "svcca"]
    found = repsim.compare(
        {"a": a, "b": b}, images, layers=LAYERS, measures=wanted, across=True, pool="mean"
    )
    return f"{found.matrix('cka')[-1, -1]:.4f}"


def pytorch_cka(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    from cka import compute_cka

    loader = DataLoader(TensorDataset(images), batch_size=BATCH)
    found = compute_cka(
        a, b, loader, layers=LAYERS["a"], model2_layers=LAYERS["b"], device=torch.device("cpu")
    )
    return f"{float(found[0][-1, -1]):.4f}"


def torch_cka(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    from torch_cka import CKA

    loader = DataLoader(TensorDataset(images), batch_size=BATCH)
    tool = CKA(a, b, "a", "b", LAYERS["a"], LAYERS["b"])
    tool.compare(loader)
    return f"{float(np.asarray(tool.export()['CKA'])[-1, -1]):.4f}"


def features_by_hooks(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    """As users of netrep and rsatoolbox do: keep the features, then kernels of all examples."""
    kept: dict[tuple[str, str], list[np.ndarray]] = {}
    for name, model in (("a", a), ("b", b)):
        model.eval()
        modules, handles = dict(model.named_modules()), []
        for layer in LAYERS[name]:
            places = kept.setdefault((name, layer), [])

            def hook(module, inputs, output, places=places):
                places.append(output.flatten(2).mean(2).numpy())

            handles.append(modules[layer].register_forward_hook(hook))
        with torch.inference_mode():
            for batch in images.split(BATCH):
                model(batch)
        for handle in handles:
            handle.remove()
    return f"{_kernel_cka({of: np.concatenate(some) for of, some in kept.items()})[-1, -1]:.4f}"


def one_pass_for_each_layer(a: nn.Module, b: nn.Module, images: Tensor) -> str:
    """As thingsvision does: features of one module at a time, then the same kernels."""
    kept: dict[tuple[str, str], np.ndarray] = {}
    for name, model in (("a", a), ("b", b)):
        model.eval()
        for layer in LAYERS[name]:
            places: list[np.ndarray] = []

            def hook(module, inputs, output, places=places):
                places.append(output.flatten(2).mean(2).numpy())

            handle = dict(model.named_modules())[layer].register_forward_hook(hook)
            with torch.inference_mode():
                for batch in images.split(BATCH):
                    model(batch)
            handle.remove()
            kept[name, layer] = np.concatenate(places)
    return f"{_kernel_cka(kept)[-1, -1]:.4f}"


WAYS: dict[str, Callable[[nn.Module, nn.Module, Tensor], str]] = {
    "the two forward passes": forward_passes,
    "repsim.compare, CKA": repsim_cka,
    "repsim.compare, match, CKA and SVCCA": repsim_three,
    "pytorch-cka": pytorch_cka,
    "torch-cka": torch_cka,
    "hooks, features kept, CKA literally": features_by_hooks,
    "the same, a pass for each layer": one_pass_for_each_layer,
}


def _kernel_cka(features: dict[tuple[str, str], np.ndarray]) -> np.ndarray:
    from tests.references_measures import debiased_cka

    return np.array(
        [
            [
                debiased_cka(*(f.astype(float) for f in (features["a", x], features["b", y])))
                for y in LAYERS["b"]
            ]
            for x in LAYERS["a"]
        ]
    )


def lines_of(way: Callable[..., str]) -> int:
    """Statements and continued lines of its body: no signature, docstring, return or blank line."""
    source = inspect.getsource(way).split('"""')
    body = (source[-1] if len(source) > 1 else source[0].partition(":\n")[2]).splitlines()
    return sum(bool(line.strip()) and not line.startswith("    return ") for line in body)


def main() -> None:
    """Print the table."""
    print(
        f"ResNet-18 and ResNet-34, {EXAMPLES} images of {SIDE} × {SIDE}, 6 × 6 layers, one core\n"
    )
    print(f"{'way':<38}{'lines':>6}{'seconds':>9}{'passes':>8}{'memory':>11}  CKA of avgpool")
    passes = 0.0
    for name, way in WAYS.items():
        ran = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.own_models", name],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        cost = json.loads(ran.stdout.splitlines()[-1])
        passes = passes or cost["seconds"]
        memory = f"{cost['bytes'] / 2**20:.0f} MiB"
        print(
            f"{name:<38}{lines_of(way):>6}{cost['seconds']:>9.2f}{cost['seconds'] / passes:>8.2f}"
            f"{memory:>11}  {cost['result']}",
            flush=True,
        )


def _one(name: str) -> None:
    from torchvision.models import resnet18, resnet34

    from tests.benchmarks.memory import _resident_most

    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    models = resnet18(weights=None).eval(), resnet34(weights=None).eval()
    # Images that have something in common: noise alone would leave nothing to be similar in.
    patterns = torch.randn(8, 3, SIDE, SIDE)
    images = torch.einsum("np,pchw->nchw", torch.randn(EXAMPLES, 8), patterns)
    images += torch.randn(EXAMPLES, 3, SIDE, SIDE)
    WAYS[name](*models, images[:16])  # imports, and what libraries do once
    before = _resident_most()
    result, seconds = timed(lambda: WAYS[name](*models, images))
    print(json.dumps({"seconds": seconds, "bytes": _resident_most() - before, "result": result}))


if __name__ == "__main__":
    _one(sys.argv[1]) if len(sys.argv) > 1 else main()
