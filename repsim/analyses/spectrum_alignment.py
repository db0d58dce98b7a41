"""Neural spectrum alignment (Kopitkov and Indelman 2019): do gradients turn to the target?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from repsim.analyses.contract import Analysis, Measured, Quantity, Snapshot
from repsim.errors import StudyError
from repsim.memory import physical_memory
from repsim.objective import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from repsim.data import DataSource

__all__ = ["Options", "relative_energy"]

# From so many examples on, only the leading eigenvectors are computed, by Lanczos' method.
DENSE = 4096

# Of so many points of a plane, the kernel with all others is kept, to be drawn.
PICTURES = 3


class Options(Analysis):
    """The spectrum of the gradient kernel, and how much of target, output and residual it spans.

    Of each snapshot: eigenvalues of the Gramian G of the gradients on the training examples, and
    the relative energy of the target y, the output f and the residual f - y in its leading
    eigenvectors, also in those of the first snapshot as control.
    """

    examples: int | Literal["all"] = Field(
        default="all", description="how many of the training split, the first ones"
    )
    leading: int = Field(default=400, ge=1, description="how many eigenvectors are kept")

    def check(self, source: "DataSource", objective: Objective | None) -> None:
        """Refuse data without targets, and more examples than memory holds."""
        if objective is None:
            raise StudyError(
                f"Expected targets in the training split of {source.name!r} for "
                "spectrum_alignment, which asks how much of them the kernel spans. Got none."
            )
        total = len(source.train)
        if self.examples != "all" and not 2 <= self.examples <= total:
            raise StudyError(
                f"Expected examples of spectrum_alignment from 2 to {total}, the size of the "
                f"training split. Got {self.examples}."
            )
        needed, there = self.memory(total, 0), physical_memory()
        if needed > there:
            raise StudyError(
                "Expected examples of spectrum_alignment whose kernel fits in memory. Got "
                f"{self._count(total)}, which take {needed / 1e9:.1f} GB of {there / 1e9:.1f} GB. "
                "Set examples of the analysis."
            )

    def operations(self, examples: int, network: int) -> int:
        """Of forward and backward passes, and of the eigenvectors."""
        n = self._count(examples)
        return 3 * n * network + 10 * n**3

    def memory(self, examples: int, parameters: int) -> int:
        """Of the kernel, its eigenvectors and the work between them; and of a Jacobian."""
        n = self._count(examples)
        return 8 * 4 * n**2 + min(2**30, 8 * n * parameters)

    def measure(self, snapshot: Snapshot) -> Mapping[str, np.ndarray]:
        """Eigenvalues and eigenvectors, outputs, targets and the residual."""
        import torch

        from repsim.analyses.gradient_kernel import gradient_kernel
        from repsim.training.evaluation import evaluation_mode
        from repsim.training.optimiser import learning_rate

        assert snapshot.objective is not None, "check refuses data without targets"
        split = snapshot.source.train
        n = self._count(len(split))
        batches = split.batches(
            np.arange(n), batch_size=n, augmentation=None, device=snapshot.device
        )
        inputs, targets = next(iter(batches))
        with evaluation_mode(snapshot.model):
            kernel = gradient_kernel(snapshot.model, inputs).cpu().numpy()
            with torch.no_grad():
                outputs = snapshot.model(inputs).double().cpu()
        wanted = _as_numbers(targets.cpu(), snapshot.objective, outputs.shape[1])
        residual = outputs - wanted
        if snapshot.objective.loss == "cross_entropy":
            residual = outputs.softmax(dim=1) - wanted
        values, vectors = _leading(kernel, min(self.leading, n))
        training, step = snapshot.training, snapshot.step
        plain = training.optimiser == "sgd" and training.batch_size == "all"
        squared = snapshot.objective.loss == "mean_squared_error"
        bound = math.nan
        if plain and squared and step is not None and snapshot.course.steps:
            rate = learning_rate(training, snapshot.course, min(step, snapshot.course.steps - 1))
            # Of the mean over n examples and the outputs, whose gradient has a factor of 2.
            bound = (1 + training.momentum) * n * outputs.shape[1] / rate
        found = {
            "eigenvalues": values,
            "eigenvectors": vectors.astype(np.float32),
            "trace": np.asarray(np.trace(kernel)),
            "outputs": outputs.numpy(),
            "targets": wanted.numpy(),
            "residual": residual.numpy(),
            "bound": np.asarray(bound),
        }
        if inputs.shape[1:] == (2,):  # Points of a plane, over which the kernel can be drawn.
            # Of a grid, row by row, along its diagonal.
            shares = np.arange(1, PICTURES + 1) / (PICTURES + 1)
            chosen = np.floor(shares * n).astype(int) + np.floor(shares * math.sqrt(n)).astype(int)
            chosen = np.minimum(chosen, n - 1)
            found |= {"chosen": chosen, "kernel": kernel[chosen]}
        return found

    def summarise(self, states: Sequence[Measured]) -> Iterator[tuple[int, Quantity]]:
        """Eigenvalues, relative energies, the bound of stability, and a few rows of the kernel."""
        first = states[0].arrays["eigenvectors"]
        for place, state in enumerate(states):
            found = state.arrays
            n, leading = found["eigenvectors"].shape
            for rank in _places(leading):
                value = float(found["eigenvalues"][rank - 1])
                yield place, Quantity(quantity="eigenvalue", coordinate=rank, value=value)
            yield place, Quantity(quantity="trace", value=float(found["trace"]))
            yield place, Quantity(quantity="stability bound", value=float(found["bound"]))
            yield place, Quantity(quantity="examples", value=n)
            for vectors, where in ((found["eigenvectors"], ""), (first, ", first kernel")):
                for part in ("targets", "outputs", "residual"):
                    energy = relative_energy(vectors.astype(np.float64), found[part])
                    for rank in _places(leading):
                        yield (
                            place,
                            Quantity(
                                quantity=f"energy of {part}{where}",
                                coordinate=rank,
                                value=float(energy[rank - 1]),
                            ),
                        )
            if place in (0, len(states) - 1) and "kernel" in found:
                for chosen, row in zip(found["chosen"], found["kernel"], strict=True):
                    for example, value in enumerate(row):
                        yield (
                            place,
                            Quantity(
                                quantity=f"kernel of example {chosen}",
                                coordinate=example,
                                value=float(value),
                            ),
                        )

    def _count(self, total: int) -> int:
        return total if self.examples == "all" else self.examples


def relative_energy(
    vectors: Float64[np.ndarray, "n k"], phi: Float64[np.ndarray, "n c"]
) -> Float64[np.ndarray, " k"]:
    r"""Share of a vector's square that its projection on the first 1, 2, ... k vectors has.

    .. math:: E(\phi, k) = \sum_{i \le k} \langle v_i, \phi \rangle^2 / \|\phi\|^2

    Parameters
    ----------
    vectors
        Orthonormal columns.
    phi
        A vector for each output; squares are summed over outputs.

    Returns
    -------
    array (k,)
        Rising, between 0 and 1; about k / n for a vector in no particular direction, NaN for zero.

    Examples
    --------
    >>> relative_energy(np.eye(3)[:, :2], np.array([[3.0], [0.0], [4.0]]))
    array([0.36, 0.36])
    """
    square = float(np.sum(phi**2))
    if square == 0:
        return np.full(vectors.shape[1], np.nan)
    return np.asarray(np.cumsum(np.sum((vectors.T @ phi) ** 2, axis=1)) / square)


def _leading(
    kernel: Float64[np.ndarray, "n n"], count: int
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "n k"]]:
    """The largest eigenvalues, falling, with their vectors."""
    from scipy import linalg
    from scipy.sparse.linalg import eigsh

    n = len(kernel)
    if n > DENSE and count < n // 4:
        start = np.ones(n)  # Lanczos' method starts at random otherwise.
        values, vectors = eigsh(kernel, k=count, which="LA", v0=start)
    else:
        values, vectors = linalg.eigh(kernel, subset_by_index=(n - count, n - 1))
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]


def _as_numbers(targets: "Tensor", objective: Objective, outputs: int) -> "Tensor":
    """Targets as the outputs should be: classes as one-hot vectors."""
    from torch.nn import functional

    if objective.score == "accuracy":
        return functional.one_hot(targets, outputs).double()
    return targets.double()


def _places(count: int) -> list[int]:
    """Ranks from 1 to a count, all of the first ten and then closer and closer together."""
    places = {*range(1, min(count, 10) + 1), count}
    places |= {round(value) for value in np.geomspace(1, count, 40)}
    return sorted(places)
