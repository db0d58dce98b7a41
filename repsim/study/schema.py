"""The study file as pydantic models: what may stand in it, and what each field means."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from repsim.errors import StudyError
from repsim.options import StrictOptions
from repsim.study.component import Component, Model
from repsim.study.networks import (
    Network,
    Sweep,
    Variant,
    Variation,
    Weights,
    flattened,
    trains_nothing,
    variations,
)
from repsim.study.pairs import Pairs, chosen_pairs, of_snapshots, pair_count
from repsim.study.positions import Positions
from repsim.study.recipes import with_recipe
from repsim.study.training import Seed, SeedInt, Training

__all__ = ["Across", "Capture", "Matching", "Resampling", "Study"]

Epsilon = Annotated[float, Field(ge=0.0, lt=1.0)]
PositiveInt = Annotated[int, Field(ge=1)]
CodeDigest = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Capture(StrictOptions):
    """Which activations are kept.

    A layer pattern is a glob over layer names (``features.*``) or over types (``type:ReLU``), or
    ``blocks``: the blocks that a model repeats.
    """

    layers: tuple[str, ...] = Field(default=("type:ReLU",), min_length=1)
    split: Literal["train", "test"] = "test"
    examples: PositiveInt | Literal["all"] = Field(
        default="all", description="how many examples of the split, the same for every network"
    )
    positions: Positions = Field(
        default="all",
        description="how many places of a feature map, the same for every network; mean: their "
        "average; last: of each example; a range such as 0:20, or a list; each: a layer for every "
        "position",
    )
    neurons: PositiveInt | Literal["all"] = Field(
        default="all",
        description="how many of each layer, drawn at random: for layers of different widths",
    )
    dtype: Literal["float32", "float16"] = "float32"
    seed: SeedInt = Field(default=0, description="draws the examples, positions and neurons")
    axes: dict[str, Literal["first", "last"]] = Field(
        default={},
        description="where layers have their channels, by pattern, if that cannot be found out",
    )

    @field_validator("layers", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def __hash__(self) -> int:
        """By content: a table of axes has no hash of its own."""
        return hash(self.model_dump_json())

    def neurons_of(self, total: int) -> int:
        """How many of `total` neurons are kept."""
        return total if self.neurons == "all" else min(self.neurons, total)

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
    measures: tuple[str, ...] = Field(
        default=(),
        description="further measures of which every value is kept, beside CKA, as cca or cosine",
    )


class Study(StrictOptions):
    """One declarative experiment: networks, and how they are compared layer by layer."""

    name: str = Field(description="also the name of a folder of the store")
    description: str = ""
    seeds: tuple[Seed, ...] = Field(
        default=(), description="one network of each variant for each; none where all are given"
    )
    weights: Weights | None = Field(
        default=None,
        description="where trained weights are, of all networks: a file, a URL, or a name such as "
        "torchvision:ResNet18_Weights.IMAGENET1K_V1; variants may have their own",
    )
    variants: dict[str, Variant] = Field(
        default={}, description="by name, what some networks have otherwise than the study says"
    )
    sweep: Sweep = Field(
        default={},
        description='lists of values by key, such as "training.learning_rate": each variant is '
        "trained with every combination",
    )
    pairs: Pairs = Field(
        default="all",
        description='"all", or one or several of "within" (a variant), "between" (variants), '
        '"same seed", "none", "over training" (each snapshot with the network it became) and "same '
        'snapshot" (networks at each of their snapshots), or pairs of names',
    )
    layers: tuple[tuple[str, str], ...] = Field(
        default=(),
        description="names of layers that correspond, for pairs of networks that do not have the "
        "same layers; others correspond by their name",
    )
    most_comparisons: int = Field(
        default=50_000,
        ge=1,
        description="a study of more comparisons (pairs × layers) is refused: planning takes a "
        "minute for so many, and each is a result in the store",
    )
    data: Component
    model: Model | None = Field(
        default=None, description="not needed where all weights are of a library, which knows it"
    )
    training: Training = Training()
    capture: Capture = Capture()
    matching: Matching = Matching()
    measures: tuple[Component, ...] = ()
    analyses: tuple[Component, ...] = Field(
        default=(), description="quantities of one network over its training"
    )
    resampling: Resampling = Resampling()
    across: Across = Across()
    claims: tuple[str, ...] = Field(
        default=(), description="papers whose claims are judged by the results"
    )
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
        return with_recipe(raw) if isinstance(raw, dict) and not trains_nothing(raw) else raw

    @field_validator("sweep", mode="before")
    @classmethod
    def _dotted_keys(cls, value: object) -> object:
        return flattened(value) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _networks_and_pairs(self) -> Self:
        if not self.trains:
            for key in ("seeds", "training", "sweep"):
                if key in self.model_fields_set:
                    raise ValueError(
                        f"Expected no {key} in a study in which the weights of all networks are "
                        f"given: nothing is trained. Got {key}. Remove it"
                    )
        if self.model is None and not all(one.names_its_model for one in self.variations):
            raise ValueError("Expected option 'model': name and options. Got nothing. Add it")
        for variation in self.variations:
            labels = Counter(seed.label for seed in variation.seeds if seed)
            twice = sorted(label for label, count in labels.items() if count > 1)
            if twice:
                raise ValueError(f"Expected each seed once. Got {', '.join(twice)} more than once")
        networks = sum(len(variation.seeds) for variation in self.variations)
        if self.pairs == "none" and not self.analyses:
            raise ValueError('Expected [[analyses]] beside pairs = "none". Got neither')
        if networks < 2 and self.pairs != "none" and "over training" not in self.snapshot_pairs:
            alone = ', or pairs = "none" for analyses alone' if self.analyses else ""
            raise ValueError(
                "Expected at least two seeds, or variants, so that there is a pair of networks"
                f"{alone}. Got {networks}"
            )
        if self.pair_count <= self.most_comparisons:  # else it is refused with its layers
            chosen_pairs(self.pairs, self.variations)
        names = [measure.name for measure in self.measures]
        if len({measure.model_dump_json() for measure in self.measures}) != len(names):
            raise ValueError(f"Expected each measure once. Got {', '.join(names)}")
        names = [analysis.name for analysis in self.analyses]
        if len({analysis.model_dump_json() for analysis in self.analyses}) != len(names):
            raise ValueError(f"Expected each analysis once. Got {', '.join(names)}")
        return self

    @cached_property
    def variations(self) -> tuple[Variation, ...]:
        """Each variant with each combination of the sweep; one without a name where there is none.

        What they have in common but for their seed is one group of networks.
        """
        return variations(self.seeds, self.variants, self.sweep, self.weights)

    @property
    def trains(self) -> bool:
        """Whether any network is trained: the weights of the others are given."""
        return any(variation.weights is None for variation in self.variations)

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Every network, variation by variation, in the order of the seeds.

        Raises
        ------
        StudyError
            When a variant or the sweep changes a table to what is not valid.
        """
        tables = self.data, self.model, self.training
        networks = tuple(n for one in self.variations for n in one.networks(*tables))
        seen: dict[str, Network] = {}
        for network in networks:
            trained = network.model_dump_json(exclude={"variant": True, "training": {"snapshots"}})
            same = seen.setdefault(trained, network)
            if same is not network:
                alike = "seed, data, model and training" if network.seed else "weights and data"
                raise StudyError(
                    f"Expected networks that differ. Got {same.label} and {network.label}, which "
                    f"have the same {alike}."
                )
        return networks

    @property
    def snapshot_pairs(self) -> frozenset[str]:
        """The kinds of pairs of snapshots that are compared."""
        return of_snapshots(self.pairs)

    @property
    def pair_count(self) -> int:
        """How many pairs of networks are compared."""
        return pair_count(self.pairs, self.variations)

    @cached_property
    def network_pairs(self) -> tuple[tuple[Network, Network], ...]:
        """The networks that are compared."""
        starts = [0, *accumulate(len(variation.seeds) for variation in self.variations)]
        return tuple(
            (self.networks[starts[a] + i], self.networks[starts[b] + j])
            for (a, i), (b, j) in chosen_pairs(self.pairs, self.variations)
        )
