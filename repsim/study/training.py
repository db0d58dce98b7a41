"""How a network is trained, and where its randomness comes from."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from repsim.objective import Loss
from repsim.options import StrictOptions
from repsim.study.course import Course
from repsim.study.snapshots import Moment, as_moments, snapshots_of

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

    epochs: int | None = Field(
        default=160, ge=0, description="0: the network stays untrained; null where steps are given"
    )
    steps: PositiveInt | None = Field(
        default=None, description="how many batches to train on, in place of `epochs`"
    )
    objective: Loss | Literal["auto"] = Field(
        default="auto",
        description="auto: cross-entropy of labels, mean squared error of numbers, the next token "
        "of sequences; labels can also be trained on as one-hot vectors, with the mean squared "
        "error",
    )
    batch_size: PositiveInt | Literal["all"] = Field(
        default=128, description="all: each step is on the whole training split"
    )
    optimiser: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    schedule: Literal["steps", "cosine", "constant", "plateau"] = Field(
        default="steps",
        description="plateau: the rate is multiplied by `decay` when the test score has not "
        "improved for `patience` epochs and one more",
    )
    milestones: tuple[PositiveInt, ...] | None = Field(
        default=None,
        description="epochs (steps, where those are given) after which the rate is multiplied by "
        "`decay`; by default one half and three quarters of them",
    )
    decay: float = Field(default=0.1, gt=0, le=1)
    warmup_epochs: int = Field(default=0, ge=0)
    clip: float | None = Field(
        default=None, gt=0, description="largest norm of a gradient: longer ones are scaled down"
    )
    patience: int = Field(
        default=0, ge=0, description="epochs that a plateau of the test score may take"
    )
    average: Annotated[int, Field(ge=0)] | Literal["plateau"] | None = Field(
        default=None,
        description="averaged SGD: from after this epoch, or from a plateau of the test score on, "
        "the mean of the weights over all steps is evaluated and kept",
    )
    augment: bool = Field(
        default=True,
        description="random crops and flips, as the data set has; of a text, other windows in each "
        "epoch",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: mixed precision on a GPU, float32 on a CPU"
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="the weights of the last epoch, or of the best test score "
        "(the paper's released code does the latter)",
    )
    snapshots: tuple[Moment, ...] = Field(
        default=(),
        description='states that are kept besides: epochs, "initial", "last", "best", "log", or '
        "a table of steps; they do not change the network",
    )

    @field_validator("snapshots", mode="before")
    @classmethod
    def _several_or_one(cls, value: object) -> object:
        return as_moments(value)

    @model_validator(mode="before")
    @classmethod
    def _epochs_or_steps(cls, value: object) -> object:
        if not isinstance(value, Mapping) or value.get("steps") is None:
            return value
        if value.get("epochs") is not None:
            raise ValueError(
                f"Expected epochs or steps. Got both, {value['epochs']} epochs and "
                f"{value['steps']} steps"
            )
        return {**value, "epochs": None}

    @model_validator(mode="after")
    def _milestones_in_order(self) -> Self:
        marks = self.milestones
        if self.length is None:
            raise ValueError("Expected a number of epochs or of steps. Got neither")
        if self.patience and "plateau" not in (self.schedule, self.average):
            raise ValueError(
                "Expected patience beside a plateau in training.schedule or training.average. Got "
                f"{self.patience} and neither"
            )
        if marks is not None and list(marks) != sorted(set(marks)):
            raise ValueError("Expected milestones in rising order. Got " + repr(list(marks)))
        if marks and marks[-1] >= self.length:
            raise ValueError(
                f"Expected milestones before the last of {self.length} {self.unit}s: a later one "
                f"would never apply. Got {list(marks)}. Set training.milestones as well ([] for "
                f"none), or leave it out, for one half and three quarters of the {self.unit}s"
            )
        return self

    @property
    def unit(self) -> Literal["epoch", "step"]:
        """What its length and milestones count."""
        return "epoch" if self.steps is None else "step"

    @property
    def length(self) -> int:
        """Of the training, in its unit."""
        return self.epochs if self.steps is None else self.steps  # type: ignore[return-value]

    @property
    def milestones_applied(self) -> tuple[int, ...]:
        """The milestones as they apply, in its unit."""
        if self.milestones is not None:
            return self.milestones
        return tuple(sorted({self.length // 2, self.length * 3 // 4} - {0}))

    def course(self, examples: int, *, whole: bool = False) -> Course:
        """How a training on a split of so many examples goes through them.

        In `whole` batches alone where the examples are the windows of a text.
        """
        return Course.of(
            examples,
            batch_size=self.batch_size,
            epochs=self.epochs,
            steps=self.steps,
            whole=whole,
        )

    def snapshots_in(self, course: Course) -> dict[str, int | None]:
        """The snapshots that are kept: `repsim.study.snapshots.snapshots_of`."""
        return snapshots_of(self.snapshots, course, self.keep)

    @property
    def determining(self) -> dict[str, Any]:
        """What the trained network depends on, beside its objective.

        Settings that were added later are left out where they do nothing: networks that were
        trained before keep their keys.
        """
        idle = {"clip", "patience", "average"} - self.model_dump(exclude_defaults=True).keys()
        return self.model_dump(mode="json", exclude={"snapshots", "objective"} | idle)
