"""The graph of a piece of work, as data: which function runs, on what, after which other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from repsim.tasks.across import compare_across
from repsim.tasks.comparison import match_at, measure_row_of, profile_layer, publish_rows
from repsim.tasks.example_measures import measure_examples
from repsim.tasks.examples import summarise_layer
from repsim.tasks.record import Recorder, recorded
from repsim.tasks.reduction import collect_moments, discard_parts, reduce_tile
from repsim.tasks.replicates import replicate_layer
from repsim.tasks.simple import find_simple, join_simple, simple_summary
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, LayerSpec, TileSpec

__all__ = ["Ref", "Step", "run_step", "run_steps", "steps_of"]


@dataclass(frozen=True)
class Ref:
    """Stands for the result of the step of that name."""

    step: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call: a function and its arguments, where a `Ref` is the result of an earlier step."""

    name: str
    """Its kind, what distinguishes it, and a key: with `-` between."""
    of: str
    """What it belongs to, with its ε, measure or part: for people."""
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()
    """Earlier steps whose results it needs only to be there, in the store."""
    completes: ComparisonSpec | AcrossSpec | None = None
    """What is complete when this step is done."""

    @property
    def task(self) -> str:
        """Its kind: ``reduce``, ``profile``, ``match``, ..."""
        return self.name.partition("-")[0]


def steps_of(location: str, work: TileSpec | AcrossSpec) -> list[Step]:
    """The steps of one piece of work, each after those that it needs."""
    if isinstance(work, AcrossSpec):
        return _across_steps(location, work)
    return _tile_steps(location, work)


def _across_steps(location: str, spec: AcrossSpec) -> list[Step]:
    """examples of each layer → tables of each layer against each"""
    count = spec.across.examples
    examples = [_examples_step(location, layer, count) for layer in spec.layers]
    layers = [
        (layer.network.label, layer.layer, layer.depth, layer.examples_key(count))
        for layer in spec.layers
    ]
    pair = (spec.a[0].network.label, spec.b[0].network.label)
    compare = Step(
        name=f"across-{spec.key}",
        of=spec.label,
        function=partial(compare_across, features=spec.across.features, pairs=[pair]),
        arguments=(location, spec.key, layers),
        after=tuple(step.name for step in examples),
        completes=spec,
    )
    return [*examples, compare]


def _examples_step(location: str, layer: LayerSpec, count: int) -> Step:
    key = layer.examples_key(count)
    same_positions = layer.positions == layer.total_positions
    return Step(
        name=f"examples-{key}",
        of=layer.label,
        function=partial(summarise_layer, same_positions=same_positions),
        arguments=(location, key, layer.key, count),
    )


def _tile_steps(location: str, tile: TileSpec) -> list[Step]:
    """ranges of examples → for each pair: moments → profile → replicates → a row for each ε → rows
    └ simple matches       └ measures
    """
    parts = [
        Step(
            name=f"reduce-{tile.part_key(*span)}",
            of=f"{tile.label}, examples {span[0]} to {span[1]}",
            function=reduce_tile,
            arguments=(location, tile, *span),
        )
        for span in tile.example_ranges
    ]
    steps, keys = list(parts), [Ref(part.name) for part in parts]
    if any(spec.of_examples for spec in tile.comparisons):
        count = tile.comparisons[0].examples
        steps += [_examples_step(location, layer, count) for layer in tile.layers]
    collected = []
    for spec in tile.comparisons:
        moments = Step(
            name=f"moments-{spec.resamples_key}",
            of=spec.label,
            function=collect_moments,
            arguments=(location, spec, keys),
        )
        collected.append(Ref(moments.name))
        steps += [moments, *_comparison_steps(location, spec, moments.name)]
    tidy = Step(
        name=f"tidy-{tile.key}",
        of=tile.label,
        function=discard_parts,
        arguments=(location, keys, collected),
    )
    return [*steps, tidy]


def _comparison_steps(location: str, spec: ComparisonSpec, moments: str) -> Iterator[Step]:
    def step(
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        after: list[str],
        of: str = "",
    ) -> Step:
        return Step(
            name=f"{name}-{spec.key}",
            of=f"{spec.label}, {of}" if of else spec.label,
            function=function,
            arguments=(location, *arguments),
            after=tuple(after),
        )

    profile = step("profile", profile_layer, spec, after=[moments])
    yield profile
    replicates = [
        step(
            f"replicates-{part[0]}",
            replicate_layer,
            *(spec, part),
            after=[profile.name],
            of=_part_words(part),
        )
        for part in spec.replicate_parts
    ]
    yield from replicates
    made = [replicate.name for replicate in replicates]
    rows = [
        step(f"match-{epsilon}", match_at, spec, epsilon, after=made, of=f"ε={epsilon}")
        for epsilon in spec.matching.epsilons
    ]
    for number, measure in enumerate(spec.measures):
        values = made
        if measure in spec.of_examples:
            keys = [side.examples_key(spec.examples) for side in (spec.x, spec.y)]
            examples = [f"examples-{key}" for key in keys]
            measured = step(
                f"values-{number}-{measure.name}",
                measure_examples,
                *(spec, measure),
                after=examples,
                of=measure.name,
            )
            yield measured
            values = [measured.name]
        name = f"measure-{number}-{measure.name}"
        rows.append(step(name, measure_row_of, spec, measure, after=values, of=measure.name))
    for epsilon in spec.matching.minimal_at:
        simple = list(_simple_steps(location, spec, epsilon, profile.name))
        yield from simple
        key, centred = Ref(simple[-1].name), spec.matching.centred
        rows.append(
            step(f"unique-{epsilon}", simple_summary, key, centred, after=[], of=f"ε={epsilon}")
        )
    yield from rows
    yield Step(
        name=f"rows-{spec.key}",
        of=spec.label,
        function=publish_rows,
        arguments=(location, spec, [Ref(row.name) for row in rows]),
        completes=spec,
    )


def _simple_steps(
    location: str, spec: ComparisonSpec, epsilon: float, profile: str
) -> Iterator[Step]:
    """Minimal matches of groups of neurons, then all of them together.

    They come after the profile, which says whether the moments are enough.
    """
    count, moments = spec.simple_parts, spec.moments_key
    label = f"{spec.label}, ε={epsilon}"
    refs = []
    for number in range(count):
        part = (number, count)
        key = spec.simple_key(epsilon, part)
        refs.append(Ref(f"simple-{key}"))
        yield Step(
            name=f"simple-{key}",
            of=f"{label}, {_part_words(part)}",
            function=find_simple,
            arguments=(
                *(location, key, moments, spec.profile_key, epsilon, spec.simple_options, part),
            ),
            after=(profile,),
        )
    key, centred = spec.simple_key(epsilon), spec.matching.centred
    yield Step(
        name=f"simple-{key}",
        of=label,
        function=join_simple,
        arguments=(location, key, moments, refs, centred),
    )


def _part_words(part: tuple[int, int]) -> str:
    number, count = part
    return f"part {number + 1} of {count}"


def run_step(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    after: Sequence[Any] = (),
    *,
    task: str = "",
    of: str = "",
    recorder: Recorder | None = None,
) -> Any:
    """Call a step's function; `after` are the results of the steps that had to come first.

    `recorder` is given what it took, under the names `task` and `of`.
    """
    del after
    with recorded(recorder, task, of):
        return function(*arguments)


def run_steps(
    steps: Sequence[Step], recorder: Recorder | None = None
) -> Iterator[tuple[Step, Exception | None]]:
    """Run the steps one after the other in this process; yields each, and why it failed.

    A step fails with what it needs, for the same reason; the others go on. BLAS gets one thread,
    as it has in a worker: the number of threads changes the last bits.
    """
    results: dict[str, Any] = {}
    failed: dict[str, Exception] = {}

    def resolved(argument: Any) -> Any:
        if isinstance(argument, Ref):
            return results[argument.step]
        return [resolved(item) for item in argument] if isinstance(argument, list) else argument

    for step in steps:
        problem = next((failed[name] for name in _needed_by(step) if name in failed), None)
        if problem is None:
            try:
                with threadpool_limits(limits=1):
                    results[step.name] = run_step(
                        step.function,
                        resolved(list(step.arguments)),
                        task=step.task,
                        of=step.of,
                        recorder=recorder,
                    )
            except Exception as error:
                problem = error
        if problem is not None:
            failed[step.name] = problem
        yield step, problem


def _needed_by(step: Step) -> Iterator[str]:
    """Names of the steps that must be done before this one."""
    for argument in step.arguments:
        for item in argument if isinstance(argument, list) else [argument]:
            if isinstance(item, Ref):
                yield item.step
    yield from step.after
