"""The study file as pydantic models: what may stand in it, and what each field means."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from repsim.options import StrictOptions
from repsim.study.digest import canonical_json
from repsim.study.recipes import with_recipe

__all__ = ["Capture", "Component", "Matching", "Model", "Network", "Seed", "Study", "Training"]

Epsilon = Annotated[float, Field(ge=0.0, lt=1.0)]
PositiveInt = Annotated[int, Field(ge=1)]
SeedInt = Annotated[int, Field(ge=0, lt=2**63)]
CodeDigest = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Component(BaseModel):
    """A data set, model or measure by name; the other keys are its own options.

    The name is a built-in one or ``package.module:function``. The options are checked by the
    component itself, which alone knows them.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_digested(self) -> Self:
        try:
            canonical_json(self.options)
        except (TypeError, ValueError):
            raise ValueError(
                "Expected finite numbers, words, true or false, lists and tables as options. "
                f"Got {self.options}"
            ) from None
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class Model(Component):
    """A model by name, its options, and where it puts its logits."""

    output: str | int | None = Field(
        default=None,
        description="key, attribute or position of the logits, where the model puts out several "
        "tensors",
    )


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

    epochs: PositiveInt = 160
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


class Capture(StrictOptions):
    """Which activations are kept.

    A layer pattern is a glob over layer names (``features.*``) or over types (``type:ReLU``).
    """

    layers: tuple[str, ...] = Field(default=("type:ReLU",), min_length=1)
    split: Literal["train", "test"] = "test"
    examples: PositiveInt | Literal["all"] = Field(
        default="all", description="how many examples of the split, the same for every network"
    )
    positions: PositiveInt | Literal["all"] = Field(
        default="all", description="places of a feature map, the same for every network"
    )
    dtype: Literal["float32", "float16"] = "float32"
    seed: SeedInt = Field(default=0, description="draws the examples and positions")
    axes: dict[str, Literal["first", "last"]] = Field(
        default={},
        description="where layers have their channels, by pattern, if that cannot be found out",
    )

    def __hash__(self) -> int:
        """By content: a table of axes has no hash of its own."""
        return hash(self.model_dump_json())

    def examples_of(self, total: int) -> int:
        """How many of `total` examples are kept."""
        return total if self.examples == "all" else self.examples


class Matching(StrictOptions):
    """Subspace matching. The defaults are the ε of the paper's released script, uncentred."""

    epsilons: tuple[Epsilon, ...] = Field(default=(0.15, 0.2, 0.25, 0.3, 0.5), min_length=1)
    minimal_at: tuple[Epsilon, ...] = Field(
        default=(), description="ε at which minimal and simple matches are found: costly"
    )
    restarts: int = Field(
        default=0, ge=0, description="further random visiting orders; the smallest match is kept"
    )
    seed: SeedInt = Field(default=0, description="draws the visiting orders of the restarts")
    centred: bool = False

    @field_validator("epsilons", "minimal_at")
    @classmethod
    def _distinct(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"Expected each ε once. Got {list(value)}")
        return tuple(sorted(value))


class Resampling(StrictOptions):
    """How far each value is from chance, and how much it would vary with other examples.

    Both come from the one pass over the activations: the nulls from Y's examples permuted, the
    intervals from groups of whole examples.
    """

    permutations: int = Field(
        default=19,
        ge=0,
        le=999,
        description="permutations of examples for each null: the least p-value is 1 / (1 + this)",
    )
    groups: int = Field(
        default=16, ge=0, le=100, description="groups of examples for the intervals; 0: none"
    )
    interval: Literal["jackknife", "bootstrap"] = "jackknife"
    bootstrap_samples: int = Field(default=200, ge=20, le=10_000)
    level: float = Field(default=0.9, gt=0, lt=1, description="coverage of the intervals")
    seed: SeedInt = Field(default=0, description="draws the bootstrap samples")

    @field_validator("groups")
    @classmethod
    def _enough_groups(cls, value: int) -> int:
        if 0 < value < 5:
            raise ValueError(
                f"Expected at least 5 groups, or 0 for no intervals. Got {value}: the spread of "
                "so few says next to nothing"
            )
        return value


class Across(StrictOptions):
    """Every layer against every other, within and between networks."""

    examples: int = Field(
        default=1024,
        ge=0,
        description="how many of the captured examples: memory and time rise with its square; "
        "0: no comparison across layers",
    )
    features: tuple[Literal["averaged", "flattened"], ...] = Field(
        default=("averaged",),
        min_length=1,
        description="what stands for a feature map: its average over positions, or all of it",
    )


class Network(StrictOptions):
    """One network of a study: a variant of it, and a seed."""

    variant: str
    seed: Seed

    @property
    def label(self) -> str:
        """Name in tables and figures."""
        return (
            f"seed {self.seed.label}" if not self.variant else f"{self.variant} {self.seed.label}"
        )


class Study(StrictOptions):
    """One declarative experiment: networks that differ by their seed, compared layer by layer."""

    name: str = Field(description="also the name of a folder of the store")
    description: str = ""
    seeds: tuple[Seed, ...]
    pairs: Literal["all"] | tuple[tuple[int | str, int | str], ...] = "all"
    most_comparisons: int = Field(
        default=50_000,
        ge=1,
        description="a study of more comparisons (pairs × layers) is refused: planning takes a "
        "minute for so many, and each is a result in the store",
    )
    data: Component
    model: Model
    training: Training = Training()
    capture: Capture = Capture()
    matching: Matching = Matching()
    measures: tuple[Component, ...] = ()
    resampling: Resampling = Resampling()
    across: Across = Across()
    accept_code: dict[CodeDigest, tuple[CodeDigest, ...]] = Field(
        default_factory=dict,
        description="by digest of a model's or data set's code as it is: those of earlier code "
        "whose networks are kept, since the change does not matter",
    )

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise ValueError(
                "Expected a name of at most 100 letters, digits, '.', '_' and '-' that starts "
                f"with a letter or digit. Got {value!r}"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, raw: object) -> object:
        return with_recipe(raw) if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _networks_and_pairs(self) -> Self:
        labels = [seed.label for seed in self.seeds]
        twice = sorted(label for label, count in Counter(labels).items() if count > 1)
        if twice:
            raise ValueError(f"Expected each seed once. Got {', '.join(twice)} more than once")
        if len(labels) < 2:
            raise ValueError(
                f"Expected at least two seeds, so that there is a pair. Got {len(labels)}"
            )
        if self.pairs != "all":
            for pair in self.pairs:
                for end in pair:
                    if str(end) not in labels:
                        raise ValueError(
                            f"Expected pairs of seeds ({', '.join(labels)}). Got {end!r}"
                        )
                if str(pair[0]) == str(pair[1]):
                    raise ValueError(f"Expected two different seeds in a pair. Got {list(pair)}")
            ends = [frozenset(map(str, pair)) for pair in self.pairs]
            if not ends or len(set(ends)) != len(ends):
                raise ValueError(
                    "Expected at least one pair, and each pair once. "
                    f"Got {[list(pair) for pair in self.pairs]}"
                )
        names = [measure.name for measure in self.measures]
        if len({measure.model_dump_json() for measure in self.measures}) != len(names):
            raise ValueError(f"Expected each measure once. Got {', '.join(names)}")
        return self

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every network, in the order of the seeds."""
        return tuple(Network(variant="", seed=seed) for seed in self.seeds)

    @property
    def pair_count(self) -> int:
        """How many pairs of networks are compared."""
        networks = len(self.seeds)
        return networks * (networks - 1) // 2 if self.pairs == "all" else len(self.pairs)

    @property
    def network_pairs(self) -> tuple[tuple[Network, Network], ...]:
        """The networks that are compared."""
        networks = self.networks
        if self.pairs == "all":
            return tuple((a, b) for i, a in enumerate(networks) for b in networks[i + 1 :])
        by_label = {network.seed.label: network for network in networks}
        return tuple((by_label[str(a)], by_label[str(b)]) for a, b in self.pairs)
