"""What a user would do today, beside one pass of ours.

Alone: ``uv run python -m tests.benchmarks.other_tools`` (a minute). The same two layers in every
way, float32 on disk, each way in a process of its own: processor seconds on one core, and the most
memory beyond what the imports take.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.timing import timed

ROOT = Path(__file__).resolve().parents[2]
SAMPLES, NEURONS = 20_000, 256

Layers = tuple[np.ndarray, np.ndarray]


def google_svcca(x: np.ndarray, y: np.ndarray) -> str:
    """SVCCA as in the notebook: SVD of both layers, then CCA of what is kept."""
    from tests.references_measures import svcca

    return f"SVCCA {svcca(x.astype(float), y.astype(float)):.4f}"


def cca_zoo(x: np.ndarray, y: np.ndarray) -> str:
    """Every canonical correlation with cca-zoo."""
    from cca_zoo.linear import CCA

    views = [x.astype(float), y.astype(float)]
    variates = CCA(n_components=NEURONS).fit(views).transform(views)
    pairs = zip(*(view.T for view in variates), strict=True)
    return f"mean CCA {np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]):.4f}"


def torch_cka(x: np.ndarray, y: np.ndarray) -> str:
    """Debiased CKA with torch-cka's hooks, batches of 256."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset
    from torch_cka import CKA

    models = [nn.Sequential(nn.Identity()) for _ in range(2)]
    names = {"model1_name": "X", "model2_name": "Y", "model1_layers": ["0"], "model2_layers": ["0"]}
    tool = CKA(*models, **names)
    tool.compare(*(DataLoader(TensorDataset(torch.from_numpy(a)), batch_size=256) for a in (x, y)))
    return f"CKA {float(np.asarray(tool.export()['CKA'])[0, 0]):.4f}"


def repsim_one_pass(x: np.ndarray, y: np.ndarray) -> str:
    """Moments in one pass, then eight measures of them and the match at every ε."""
    import repsim
    from tests.benchmarks.measures import ONE_OF_EACH

    moments = repsim.Moments.from_arrays(x, y)
    found = {measure.convention: measure.value(moments) for measure in ONE_OF_EACH}
    area = repsim.match_profile(moments).area()
    svcca = next(value for name, value in found.items() if name.startswith("svcca"))
    cca = next(value for name, value in found.items() if name.startswith("cca"))
    cka = repsim.cka(moments, debiased=True)
    return f"SVCCA {svcca:.4f}, mean CCA {cca:.4f}, CKA {cka:.4f}, area {area:.4f}, 5 more"


WAYS: dict[str, Callable[[np.ndarray, np.ndarray], str]] = {
    "google/svcca, literally": google_svcca,
    "cca-zoo": cca_zoo,
    "torch-cka": torch_cka,
    "repsim, all measures": repsim_one_pass,
}


def layers() -> Layers:
    """Two layers after a ReLU that share half of what they see."""
    random = np.random.default_rng(0)
    shared = random.normal(size=(SAMPLES, NEURONS // 2))
    made = []
    for _ in range(2):
        own = random.normal(size=(SAMPLES, NEURONS // 2))
        mixed = np.hstack([shared, own]) @ random.normal(size=(NEURONS, NEURONS))
        made.append(np.maximum(mixed, 0).astype(np.float32))
    return made[0], made[1]


def main() -> None:
    """Print the table."""
    print(f"{SAMPLES:,} samples, {NEURONS} + {NEURONS} neurons, float32, one core\n")
    print(f"{'way':<26}{'seconds':>9}{'memory':>11}  result")
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "layers.npz", *layers())
        for name in WAYS:
            ran = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "tests.benchmarks.other_tools",
                    name,
                    f"{folder}/layers.npz",
                ],
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=True,
            )
            cost = json.loads(ran.stdout.splitlines()[-1])
            memory = f"{cost['bytes'] / 2**20:.0f} MiB"
            print(f"{name:<26}{cost['seconds']:>9.2f}{memory:>11}  {cost['result']}")


def _one(name: str, file: str) -> None:
    with np.load(file) as stored:
        x, y = (stored[array] for array in stored.files)
    warnings.simplefilter("ignore")
    WAYS[name](x[:1024], y[:1024])  # imports, and what libraries do once
    before = _resident("VmRSS:")
    result, seconds = timed(lambda: WAYS[name](x, y))
    cost = {"seconds": seconds, "bytes": _resident("VmHWM:") - before, "result": result}
    print(json.dumps(cost))


def _resident(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(field)[2].split()[0]) * 1024


if __name__ == "__main__":
    _one(*sys.argv[1:]) if len(sys.argv) > 1 else main()
