"""What a network is trained for: its loss, the outputs that this needs, and how it is scored."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from repsim.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PADDING", "Loss", "Objective", "Score"]

Loss = Literal["cross_entropy", "mean_squared_error", "next_token"]
Score = Literal["accuracy", "r2", "perplexity"]

# The target where a padded sequence has no next token.
PADDING = -1

# Of a token at most, so that the perplexity of a network that has diverged is a finite number.
MOST_NATS = 700.0


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss of the outputs of a network, and a score of them.

    Where examples have classes, the score is the accuracy, whatever the loss; where their targets
    are numbers, it is the coefficient of determination R²; where they are the next tokens, it is
    the perplexity, which alone is lower where outputs are better.
    """

    loss: Loss
    outputs: int
    """How many outputs a network has: for each example one for each class or number, for each
    token one for each of the vocabulary."""
    score: Score

    def mean_loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Mean () over the examples, of the squared error also over the outputs.

        Of next tokens the mean over the tokens of each example, then over the examples: a shorter
        example counts as much as a longer one.

        Parameters
        ----------
        outputs
            (b, outputs); (b, t, outputs) of next tokens.
        targets
            int64 (b,), classes, for the squared error as one-hot vectors; or float32 (b, outputs);
            or int64 (b, t), next tokens, `PADDING` where there is none.
        """
        from torch.nn import functional

        if self.loss == "next_token":
            losses = self._token_losses(outputs, targets).sum(dim=1)
            return (losses / (targets != PADDING).sum(dim=1)).mean()
        if self.loss == "cross_entropy":
            return functional.cross_entropy(outputs, targets)
        if self.score == "accuracy":
            targets = functional.one_hot(targets, self.outputs)
        return functional.mse_loss(outputs.float(), targets.float())

    def _token_losses(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Cross-entropy in nats (b, t) of each next token; 0 where there is none."""
        from torch.nn import functional

        return functional.cross_entropy(
            outputs.transpose(1, 2), targets, ignore_index=PADDING, reduction="none"
        )

    def example_targets(self, inputs: "Tensor") -> "Tensor":
        """Targets of their form for a batch of inputs, to try a model with."""
        import torch

        if self.loss == "next_token":
            return inputs.roll(-1, dims=1)
        if self.score == "accuracy":
            return torch.arange(len(inputs), device=inputs.device) % self.outputs
        return torch.zeros(len(inputs), self.outputs, device=inputs.device)

    def tally(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """What `scored` needs the mean of over the examples.

        Correct answers, squared errors over all outputs, or the losses of all tokens.
        """
        if self.score == "perplexity":
            return self._token_losses(outputs.float(), targets).sum()
        if self.score == "accuracy":
            return (outputs.argmax(dim=1) == targets).sum()
        return (outputs.float() - targets).square().sum()

    def scored(self, tally: float, targets: np.ndarray) -> float | None:
        """The score of a mean `tally` over examples of a split with these targets.

        Returns
        -------
        float or None
            Accuracy; or R², one less the squared error as a share of the variance of all outputs,
            which is None where targets do not vary; or the perplexity, exp of the mean loss of a
            token.
        """
        if self.score == "perplexity":
            return math.exp(min(tally * len(targets) / int((targets != PADDING).sum()), MOST_NATS))
        if self.score == "accuracy":
            return tally
        variance = float(targets.var(axis=0, dtype=np.float64).sum())
        return 1 - tally / variance if variance else None

    def improves(self, score: float, best: float | None) -> bool:
        """Whether a score is better than the best so far; any is better than None."""
        if best is None:
            return True
        return score < best if self.score == "perplexity" else score > best

    def check(self, outputs: object, examples: int, *, who: str = "the model") -> None:
        """Refuse what a model puts out for so many examples if it is of another shape.

        Raises
        ------
        StudyError
            If it is no tensor (examples, outputs), or (examples, tokens, outputs) of next tokens.
            There may be more logits than classes.
        """
        shape = tuple(getattr(outputs, "shape", ()))
        if self.loss == "next_token":
            if len(shape) == 3 and shape[0] == examples and shape[2] >= self.outputs:
                return
            raise StudyError(
                f"Expected {who} to give logits of the next token, of shape (examples, tokens, "
                f"vocabulary), here ({examples}, tokens, {self.outputs}). Got "
                f"{shape or f'a {type(outputs).__name__}'}. Choose a model of sequences, such as "
                '"lstm".'
            )
        logits = self.loss == "cross_entropy"
        enough = shape[1:] == (self.outputs,) or (logits and shape[1:] > (self.outputs,))
        if len(shape) == 2 and shape[0] == examples and enough:
            return
        got = shape or f"a {type(outputs).__name__}"
        raise StudyError(
            f"Expected {who} to give {'logits' if logits else 'outputs'} of shape (examples, "
            f"{'classes' if logits else 'outputs'}), here ({examples}, {self.outputs}). Got {got}. "
            "Auxiliary outputs must be turned off."
        )
