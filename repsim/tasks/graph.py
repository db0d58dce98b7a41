"""The graph of one comparison, as data: which function runs, on what, after which other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from repsim.tasks.comparison import (
    match_at,
    measure_layer,
    merge_moments,
    profile_layer,
    publish_rows,
    reduce_examples,
)
from repsim.tasks.simple import find_simple, join_simple, simple_summary
from repsim.tasks.specs import ComparisonSpec

__all__ = ["Ref", "Step", "comparison_steps", "run_steps"]

# How many moments one task adds up; it reads them one at a time, so its memory is that of two.
MERGE_WIDTH = 8


@dataclass(frozen=True)
class Ref:
    """Stands for the result of the step of that name."""

    step: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call: a function and its arguments, where a `Ref` is the result of an earlier step."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def comparison_steps(location: str, spec: ComparisonSpec) -> list[Step]:
    """The steps of a comparison, each after those that it refers to; the last publishes the rows.

    shards → moments → tree sum → profile → a row for each ε → publish
                                └ measures      └ simple matches at the ε of `minimal_at`
    """
    steps = _moments_steps(location, spec)
    moments = Ref(steps[-1].name)
    profile = Step(
        name="profile",
        function=profile_layer,
        arguments=(
            *(location, spec.profile_key, moments, spec.x.key, spec.y.key),
            spec.matching.centred,
        ),
    )
    simple: list[Step] = []
    rows = [
        Step(
            name=f"match-{epsilon}",
            function=match_at,
            arguments=(location, Ref("profile"), epsilon),
        )
        for epsilon in spec.matching.epsilons
    ]
    rows += [
        Step(
            name=f"measure-{number}-{measure.name}",
            function=measure_layer,
            arguments=(location, moments, measure.name, measure.options),
        )
        for number, measure in enumerate(spec.measures)
    ]
    for epsilon in spec.matching.minimal_at:
        simple += _simple_steps(location, spec, epsilon)
        rows.append(
            Step(
                name=f"unique-{epsilon}",
                function=simple_summary,
                arguments=(location, Ref(simple[-1].name), spec.matching.centred),
            )
        )
    publish = Step(
        name="rows",
        function=publish_rows,
        arguments=(location, spec.key, Ref("profile"), [Ref(row.name) for row in rows]),
    )
    return [*steps, profile, *simple, *rows, publish]


def _simple_steps(location: str, spec: ComparisonSpec, epsilon: float) -> list[Step]:
    """Minimal matches of groups of neurons, then all of them together.

    They come after the profile, which says whether the moments are enough.
    """
    count, moments, profile = spec.simple_parts, spec.moments_key, Ref("profile")
    parts = [
        Step(
            name=key,
            function=find_simple,
            arguments=(location, key, moments, profile, epsilon, spec.simple_options, part),
        )
        for part in ((i, count) for i in range(count))
        for key in [spec.simple_key(epsilon, part)]
    ]
    key = spec.simple_key(epsilon)
    refs = [Ref(step.name) for step in parts]
    centred = spec.matching.centred
    joined = Step(name=key, function=join_simple, arguments=(location, key, moments, refs, centred))
    return [*parts, joined]


def _moments_steps(location: str, spec: ComparisonSpec) -> list[Step]:
    """Leaves over ranges of examples, then a tree of sums; the last step has all examples."""
    levels = [spec.example_ranges]
    while len(levels[-1]) > 1:
        spans = levels[-1]
        groups = [spans[i : i + MERGE_WIDTH] for i in range(0, len(spans), MERGE_WIDTH)]
        levels.append([(group[0][0], group[-1][1]) for group in groups])

    def containing(span: tuple[int, int], above: list[list[tuple[int, int]]]) -> list[str]:
        """Keys of the sums that contain this one: where one is there, this is not needed."""
        wider = {s for level in above for s in level if s[0] <= span[0] and span[1] <= s[1]}
        return [spec.partial_key(*s) for s in sorted(wider - {span})]

    steps = []
    for span in levels[0]:
        key = spec.partial_key(*span)
        reduce = partial(reduce_examples, unless=containing(span, levels[1:]))
        arguments = (location, key, spec.x.key, spec.y.key, *span)
        steps.append(Step(name=key, function=reduce, arguments=arguments))
    for number, level in enumerate(levels[1:], start=1):
        for span in level:
            parts = [part for part in levels[number - 1] if span[0] <= part[0] < span[1]]
            if parts == [span]:
                continue  # already there, under the same key
            key = spec.partial_key(*span)
            merge = partial(merge_moments, unless=containing(span, levels[number + 1 :]))
            refs = [Ref(spec.partial_key(*part)) for part in parts]
            steps.append(Step(name=key, function=merge, arguments=(location, key, refs)))
    return steps


def run_steps(steps: list[Step]) -> Any:
    """Run the steps one after the other in this process; return the result of the last.

    BLAS gets one thread, as it has in a worker: the number of threads changes the last bits.
    """
    results: dict[str, Any] = {}

    def resolved(argument: Any) -> Any:
        if isinstance(argument, Ref):
            return results[argument.step]
        return [resolved(item) for item in argument] if isinstance(argument, list) else argument

    with threadpool_limits(limits=1):
        for step in steps:
            results[step.name] = step.function(*map(resolved, step.arguments))
    return results[steps[-1].name]
