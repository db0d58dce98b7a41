"""How a network is trained, and where its randomness comes from."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from repsim.options import StrictOptions

__all__ = ["Seed", "SeedInt", "Training"]

PositiveInt = Annotated[int, Field(ge=1)]
SeedInt = Annotated[int, Field(ge=0, lt=2**63)]


class Seed(StrictOptions):
    """Where the randomness of one network comes from: one number for each stream.

    ``3`` in a study file is short for the same number in all three. Different numbers let a study
    vary, say, the order of the data alone.
    """

    initialisation: SeedInt = Field(description="initial weights")
    order: SeedInt = Field(description="order of the training examples")
    augmentation: SeedInt = Field(description="random crops and flips, and dropout")

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: object) -> object:
        if isinstance(value, Mapping | Seed):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return {"initialisation": value, "order": value, "augmentation": value}
        raise ValueError(
            "Expected a seed, a whole number of at least 0, or a table of initialisation, order "
            f"and augmentation. Got {value!r}"
        )

    @property
    def label(self) -> str:
        """``3``, or ``i0-o1-a1`` where the streams differ."""
        if self.initialisation == self.order == self.augmentation:
            return str(self.initialisation)
        return f"i{self.initialisation}-o{self.order}-a{self.augmentation}"


class Training(StrictOptions):
    """How each network is trained. The defaults are the protocol of Wang et al. 2018 on CIFAR-10.

    Source: the paper's released configuration (SGD, momentum 0.9, weight decay 5e-4, batch 128,
    160 epochs, learning rate 0.1, times 0.1 after 80 and 120).
    """

    epochs: int = Field(default=160, ge=0, description="0: the network stays untrained")
    batch_size: PositiveInt = 128
    optimiser: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    schedule: Literal["steps", "cosine", "constant"] = "steps"
    milestones: tuple[PositiveInt, ...] | None = Field(
        default=None,
        description="epochs after which the rate is multiplied by `decay`; "
        "by default one half and three quarters of the epochs",
    )
    decay: float = Field(default=0.1, gt=0, le=1)
    warmup_epochs: int = Field(default=0, ge=0)
    augment: bool = Field(default=True, description="random crops and flips, as the data set has")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: mixed precision on a GPU, float32 on a CPU"
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="the weights of the last epoch, or of the best test accuracy "
        "(the paper's released code does the latter)",
    )

    @model_validator(mode="after")
    def _milestones_in_order(self) -> Self:
        marks = self.milestones
        if marks is not None and list(marks) != sorted(set(marks)):
            raise ValueError("Expected milestones in rising order. Got " + repr(list(marks)))
        if marks and marks[-1] >= self.epochs:
            raise ValueError(
                f"Expected milestones before the last of {self.epochs} epochs: a later one would "
                f"never apply. Got {list(marks)}. Set training.milestones as well ([] for none), "
                "or leave it out, for one half and three quarters of the epochs"
            )
        return self

    @property
    def milestone_epochs(self) -> tuple[int, ...]:
        """The milestones as they apply."""
        if self.milestones is not None:
            return self.milestones
        return tuple(sorted({self.epochs // 2, self.epochs * 3 // 4} - {0}))
