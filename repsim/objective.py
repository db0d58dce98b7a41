"""What a network is trained for: its loss, the outputs that this needs, and how it is scored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from repsim.errors import StudyError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Loss", "Objective", "Score"]

Loss = Literal["cross_entropy", "mean_squared_error"]
Score = Literal["accuracy", "r2"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss of the outputs of a network, and a score that is higher where they are better.

    Where examples have classes, the score is the accuracy, whatever the loss; where their targets
    are numbers, it is the coefficient of determination R².
    """

    loss: Loss
    outputs: int
    """How many outputs a network has for each example: one for each class or number."""
    score: Score

    def mean_loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Mean () over the examples, of the squared error also over the outputs.

        Parameters
        ----------
        outputs
            (b, outputs)
        targets
            int64 (b,), classes, for the squared error as one-hot vectors; or float32 (b, outputs).
        """
        from torch.nn import functional

        if self.loss == "cross_entropy":
            return functional.cross_entropy(outputs, targets)
        if self.score == "accuracy":
            targets = functional.one_hot(targets, self.outputs)
        return functional.mse_loss(outputs.float(), targets.float())

    def example_targets(self, batch: int, device: "torch.device") -> "Tensor":
        """Targets of their form, to try a model with."""
        import torch

        if self.score == "accuracy":
            return torch.arange(batch, device=device) % self.outputs
        return torch.zeros(batch, self.outputs, device=device)

    def tally(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """What `scored` needs the mean of: correct answers, or squared errors over all outputs."""
        if self.score == "accuracy":
            return (outputs.argmax(dim=1) == targets).sum()
        return (outputs.float() - targets).square().sum()

    def scored(self, tally: float, targets: np.ndarray) -> float | None:
        """The score of a mean `tally` over examples of a split with these targets.

        Returns
        -------
        float or None
            Accuracy; or R², one less the squared error as a share of the variance of all outputs,
            which is None where targets do not vary.
        """
        if self.score == "accuracy":
            return tally
        variance = float(targets.var(axis=0, dtype=np.float64).sum())
        return 1 - tally / variance if variance else None

    def check(self, outputs: object, examples: int, *, who: str = "the model") -> None:
        """Refuse what a model puts out for so many examples if it is of another shape.

        Raises
        ------
        StudyError
            If it is no tensor (examples, outputs). There may be more logits than classes.
        """
        logits = self.loss == "cross_entropy"
        shape = tuple(getattr(outputs, "shape", ()))
        enough = shape[1:] == (self.outputs,) or (logits and shape[1:] > (self.outputs,))
        if len(shape) == 2 and shape[0] == examples and enough:
            return
        got = shape or f"a {type(outputs).__name__}"
        raise StudyError(
            f"Expected {who} to give {'logits' if logits else 'outputs'} of shape (examples, "
            f"{'classes' if logits else 'outputs'}), here ({examples}, {self.outputs}). Got {got}. "
            "Auxiliary outputs must be turned off."
        )
