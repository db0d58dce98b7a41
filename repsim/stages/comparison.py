"""One layer of one pair of networks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from repsim.errors import IntegrityError
from repsim.graph import PROCESS_BYTES
from repsim.measures import MEASURES, Measure, load_measure
from repsim.stages.activations import LayerSpec
from repsim.stages.examples import examples_folder
from repsim.stages.replicate_order import ReplicateOrder
from repsim.store import artifact_folder
from repsim.study import Component, Matching, Resampling

__all__ = ["MOMENTS_VERSION", "ComparisonSpec"]

# Each rises when its stage would compute something else from the same parameters.
MOMENTS_VERSION = 4
PROFILE_VERSION = 3
REPLICATES_VERSION = 2
MEASURES_VERSION = 2
MATCHES_VERSION = 3
SIMPLE_VERSION = 2

# What a task that reduces activations does for one pair, at some 3e10 operations a second: some
# seconds, long beside the writing of its moments. It does so for all pairs of a tile.
OPERATIONS_PER_TASK = 2e11

# The spread of fewer groups than this says next to nothing.
LEAST_GROUPS = 5

# Examples are permuted within their classes among those of a shard. With fewer of each class than
# this, on average, one in twenty (e⁻³) or more would meet itself, and chance look too similar.
LEAST_OF_A_CLASS = 3

# All minimal matches of 256 + 256 neurons on one core, and about the third power of the width
# beyond (4.5 s, and 26 s for 512 + 512: `python -m tests.benchmarks`).
SECONDS_FOR_512_NEURONS = 4.5
SECONDS_PER_TASK = 30.0

# One match profile of 512 + 512 neurons on one core, and a few measures of the same moments.
SECONDS_FOR_A_REPLICATE = 0.6


@dataclass(frozen=True, kw_only=True)
class ComparisonSpec:
    """One layer of one pair of networks."""

    x: LayerSpec
    y: LayerSpec
    matching: Matching
    measures: tuple[Component, ...] = field(default=())
    resampling: Resampling = field(default_factory=Resampling)
    measure_code: Mapping[str, str] = field(default_factory=dict)
    """Digests of the code of measures of one's own, by name."""
    examples: int = 0
    """How many examples the measures of examples × examples take."""

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.x.network.label} / {self.y.network.label}, {self.layer}"

    @property
    def layer(self) -> str:
        """The name that both layers have, or both names."""
        x, y = self.x.layer, self.y.layer
        return x if x == y else f"{x} – {y}"

    @property
    def layers(self) -> tuple[LayerSpec, LayerSpec]:
        """Both layers."""
        return self.x, self.y

    @property
    def sides(self) -> tuple[int, int]:
        """Neurons of X and of Y."""
        return self.x.neurons, self.y.neurons

    @property
    def permutations(self) -> int:
        """How often examples are permuted for a null: n examples have n - 1 rotations."""
        return min(self.resampling.permutations, self.x.examples - 1)

    @cached_property
    def within(self) -> int:
        """How often they are permuted within their classes, where these are known.

        Not where the examples of a shard hold too few of each class.
        """
        classes = self.x.network.classes or 0
        enough = self.examples_at_once >= LEAST_OF_A_CLASS * classes
        return self.permutations if self.x.labelled and classes > 1 and enough else 0

    @property
    def examples_at_once(self) -> int:
        """Examples that are read together: those of a shard of both layers."""
        shard = min(self.x.examples_per_shard, self.y.examples_per_shard)
        return min(shard, self.x.examples)

    @property
    def groups(self) -> int:
        """Groups of examples, of at least two each; 0 where there are too few for intervals."""
        groups = min(self.resampling.groups, self.x.examples // 2)
        return groups if groups >= LEAST_GROUPS else 0

    @property
    def example_ranges(self) -> list[tuple[int, int]]:
        """Ranges of examples that are reduced by one task each, whole shards all.

        They follow from the shapes of the layers alone: the same sums in the same order, whatever
        else is compared in the same pass.
        """
        x, y = self.x, self.y
        per_shard = min(x.examples_per_shard, y.examples_per_shard)
        p, q = x.neurons, y.neurons
        products = 1 + self.permutations + self.within
        operations = x.positions * (p * p + q * q + 2 * p * q * products)
        shards = max(1, round(OPERATIONS_PER_TASK / (operations * per_shard)))
        # Examples are permuted within a task: there must be some to permute.
        step = per_shard * max(shards, math.ceil((1 + self.permutations) / per_shard))
        starts = list(range(0, x.examples, step))
        if len(starts) > 1 and x.examples - starts[-1] <= self.permutations:
            starts.pop()
        return list(pairwise([*starts, x.examples]))

    @property
    def moment_numbers(self) -> int:
        """How many numbers the second moments are."""
        p, q = self.x.neurons, self.y.neurons
        return p * p + p * q + q * q

    @property
    def group_borders(self) -> list[int]:
        """Where the groups of examples begin, and the end of the last: contiguous, since examples
        are captured in a random order."""
        examples, groups = self.x.examples, max(1, self.groups)
        return [number * examples // groups for number in range(groups + 1)]

    @property
    def memory(self) -> int:
        """Bytes that the largest task on its moments needs, its process included.

        Fitted to measured peaks; `tests/repsim/stages/test_memory.py` holds it to a factor of 1.5.
        """
        square = 8 * (self.x.neurons + self.y.neurons) ** 2
        return int(7.5 * square) + PROCESS_BYTES

    @property
    def neurons_cubed(self) -> int:
        """What decompositions of its moments are a multiple of."""
        return (self.x.neurons + self.y.neurons) ** 3

    @cached_property
    def moments_folder(self) -> str:
        """Where the moments over all examples are in a store."""
        parameters = {"x": self.x.key, "y": self.y.key}
        return artifact_folder("moments", MOMENTS_VERSION, parameters)

    @cached_property
    def resamples_folder(self) -> str:
        """Where those of groups and of the null are, which are removed when used."""
        parameters = {
            "moments": self.moments_folder,
            "groups": self.groups,
            "permutations": self.permutations,
            "within": self.within,
        }
        return artifact_folder("resamples", MOMENTS_VERSION, parameters)

    @cached_property
    def profile_folder(self) -> str:
        """Where the match profile is: it holds for every ε."""
        parameters = {"moments": self.moments_folder, "centred": self.matching.centred}
        return artifact_folder("profiles", PROFILE_VERSION, parameters)

    @cached_property
    def order(self) -> ReplicateOrder:
        """Which replicates are computed, and where each stands."""
        jackknife = self.resampling.interval == "jackknife"
        return ReplicateOrder(
            permutations=self.permutations,
            within=self.within,
            groups=self.groups if jackknife else 0,
            draws=0 if jackknife or not self.groups else self.resampling.bootstrap_samples,
        )

    @property
    def replicates(self) -> int:
        """How often everything is computed: once as it is, for the nulls, and for the intervals."""
        return self.order.count

    def groups_of(self, number: int) -> Sequence[int]:
        """The groups of examples in a replicate; a bootstrap draws them with replacement."""
        if number not in self.order.drawn:
            return self.order.groups_of(number)
        generator = np.random.default_rng([self.resampling.seed, number])
        drawn: list[int] = np.sort(generator.integers(self.groups, size=self.groups)).tolist()
        return drawn

    @cached_property
    def examples_order(self) -> ReplicateOrder:
        """The replicates of measures of examples × examples, which know no bootstrap.

        All examples are at hand at once: they need not be in one shard.
        """
        examples = min(self.examples, self.x.examples)
        classes = self.x.network.classes or 0
        enough = self.x.labelled and classes > 1 and examples >= LEAST_OF_A_CLASS * classes
        return ReplicateOrder(
            permutations=self.permutations,
            within=self.permutations if enough else 0,
            groups=self.groups,
        )

    @property
    def replicate_parts(self) -> list[tuple[int, int]]:
        """How the replicates are shared out among tasks: part i of n."""
        neurons = self.x.neurons + self.y.neurons
        seconds = self.replicates * SECONDS_FOR_A_REPLICATE * (neurons / 1024) ** 3
        count = max(1, min(self.replicates, round(seconds / SECONDS_PER_TASK)))
        return [(number, count) for number in range(count)]

    def replicates_folder(self, part: tuple[int, int]) -> str:
        """Where the match profiles of part of the replicates are."""
        parameters = {"profile": self.profile_folder, "part": part, **self._resampled}
        return artifact_folder("replicates", REPLICATES_VERSION, parameters)

    @cached_property
    def of_moments(self) -> tuple[Component, ...]:
        """The measures that are computed from moments."""
        return tuple(m for m in self.measures if _statistic(m) == "moments")

    @cached_property
    def of_examples(self) -> tuple[Component, ...]:
        """The measures that are computed from examples × examples."""
        return tuple(m for m in self.measures if _statistic(m) == "examples")

    def measure_folder(self, measure: Component, part: tuple[int, int] = (0, 1)) -> str:
        """Where the values of a measure for part of the replicates are."""
        sides = [examples_folder(side, self.examples) for side in self.layers]
        of_examples = _statistic(measure) == "examples"
        code = self.measure_code.get(measure.name)
        parameters = {
            "of": sides if of_examples else self.moments_folder,
            "measure": measure.model_dump(mode="json"),
            **({} if code is None else {"code": code}),
            "part": part,
            **self._resampled,
        }
        if of_examples:
            parameters["within"] = self.examples_order.within
        return artifact_folder("measures", MEASURES_VERSION, parameters)

    def loaded(self, measure: Component) -> Measure:
        """The measure, whose code must be as it was when the run was planned.

        Raises
        ------
        IntegrityError
            When this node has other code.
        """
        code = MEASURES.code(measure.name)
        if (None if code is None else code.counted) != self.measure_code.get(measure.name):
            raise IntegrityError(
                f"Expected the code of the measure {measure.name!r} as it was when the run was "
                "planned. Got other code on this node. Make every node see the same code, and run "
                "the study again if it was edited meanwhile."
            )
        return load_measure(measure.name, measure.options)

    @property
    def _resampled(self) -> dict[str, Any]:
        """What determines the replicates; the level of an interval does not."""
        drawn = self.groups and self.resampling.interval == "bootstrap"
        return {
            "permutations": self.permutations,
            "within": self.within,
            "groups": self.groups,
            "bootstrap": [self.resampling.bootstrap_samples, self.resampling.seed]
            if drawn
            else None,
        }

    @property
    def resampled_folders(self) -> tuple[str, ...]:
        """What is computed of every replicate: once it exists, their moments are of no use."""
        parts = self.replicate_parts
        of_part = [self.replicates_folder(part) for part in parts]
        return (
            *of_part,
            *(self.measure_folder(m, part) for m in self.of_moments for part in parts),
        )

    @property
    def simple_options(self) -> dict[str, Any]:
        """How simple matches are looked for."""
        matching = self.matching
        # Without restarts no order is drawn, and the seed decides nothing.
        seed = matching.seed if matching.restarts else 0
        return {"centred": matching.centred, "restarts": matching.restarts, "seed": seed}

    @property
    def simple_parts(self) -> int:
        """How many tasks the simple matches of one ε are worth."""
        neurons = self.x.neurons + self.y.neurons
        runs = 1 + self.matching.restarts
        seconds = runs * SECONDS_FOR_512_NEURONS * (neurons / 512) ** 3
        return max(1, min(neurons // 2, round(seconds / SECONDS_PER_TASK)))

    def simple_folder(self, epsilon: float, part: tuple[int, int] | None = None) -> str:
        """Where the simple matches at one ε are, or those of part of the neurons."""
        parameters = {
            "moments": self.moments_folder,
            "epsilon": epsilon,
            "part": part,
            **self.simple_options,
        }
        return artifact_folder("simple", SIMPLE_VERSION, parameters)

    @cached_property
    def folder(self) -> str:
        """Where the rows of the report are."""
        parameters: dict[str, Any] = {
            "profile": self.profile_folder,
            "epsilons": self.matching.epsilons,
            "simple": [self.simple_folder(epsilon) for epsilon in self.matching.minimal_at],
            "measures": [self.measure_folder(measure) for measure in self.measures],
            **self._resampled,
        }
        return artifact_folder("matches", MATCHES_VERSION, parameters)


def _statistic(measure: Component) -> str:
    return load_measure(measure.name, measure.options).statistic
