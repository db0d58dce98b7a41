"""One share of a study's work, with no engine and no coordinator: for array and indexed jobs.

Every job makes the same list of what the study takes, sorted by key, and does every N-th item from
its own number on. Jobs share nothing but the store, and none waits for another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from repsim.errors import StudyError, TrainingError
from repsim.store import Store, conditions
from repsim.tasks.specs import LayerSpec, StudyPlan, TileSpec
from workflows.comparisons import Comparison, Work, work_of
from workflows.one_pass import Pass
from workflows.state import survey_study

__all__ = ["Shard", "ShardPass", "Stage", "shards_with_work"]

Stage = Literal["all", "networks", "comparisons"]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Share `number`, counted from 0, of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From ``3/16``.

        Raises
        ------
        StudyError
            When it is not of this form.

        Examples
        --------
        >>> Shard.parse("3/16")
        Shard(number=3, count=16)
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        if number >= count:
            raise StudyError(
                "Expected a share of the work as i/N, counted from 0: 0/16 to 15/16 are the shares "
                f"of sixteen jobs. Got {text!r}."
            )
        return cls(number=number, count=count)

    def of(self, keys: Sequence[str]) -> set[str]:
        """The keys that are this share's: every N-th of the sorted ones."""
        return set(sorted(set(keys))[self.number :: self.count])

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"


@dataclass
class ShardPass(Pass):
    """Makes one share of what is missing; whoever finds the study complete writes the report."""

    shard: Shard = Shard(number=0, count=1)
    stage: Stage = "all"

    def make(self) -> None:
        """Networks of this share, and then its comparisons whose networks are there."""
        if self.stage != "comparisons":
            wanted = self.shard.of([spec.key for spec in self.plan.networks])
            missing = self._absent_comparisons()
            work = [w for w in self._network_work(missing) if w.network.key in wanted]
            absent = self._absent(work, [])
            self._prepare(work, [])
            self.summary.bytes_written += self._published_bytes(absent)
            self.ready.get()  # the end of a queue of which nothing was compared
        if self.stage == "networks":
            return
        missing = self._absent_comparisons()
        mine = _comparisons_of(self.shard, self.plan)
        share = [spec for spec in missing if spec.key in mine]
        possible, waiting = self._with_inputs(share)
        absent = self._absent([], possible)
        for work_item in work_of(possible):
            self.ready.put(work_item)
        self.ready.put(None)
        self._compare(possible)
        self.summary.bytes_written += self._published_bytes(absent)
        self.summary.already_there = len(mine) - len(share)
        if waiting:
            label = f"{len(waiting)} comparisons of share {self.shard.number}/{self.shard.count}"
            self._failed(
                label,
                TrainingError(
                    "Expected their networks to be trained and captured. Got some that are not, "
                    f"first of {waiting[0].label}. Run this share again when other shares have "
                    "made them."
                ),
            )
        if not self._absent_comparisons():
            self._report()

    def _absent_comparisons(self) -> list[Comparison]:
        return [*self._missing(self.plan.comparisons), *self._missing(self.plan.across)]

    def _with_inputs(
        self, specs: Sequence[Comparison]
    ) -> tuple[list[Comparison], list[Comparison]]:
        """Those whose activations are there, and the others."""
        layers: dict[str, LayerSpec] = {layer.key: layer for s in specs for layer in s.layers}
        found = conditions([layer.artifact(self.store) for layer in layers.values()])
        there = {key for key, condition in zip(layers, found, strict=True) if condition == "sound"}
        possible = [s for s in specs if there >= {layer.key for layer in s.layers}]
        return possible, [s for s in specs if s not in possible]


def shards_with_work(plan: StudyPlan, store: Store, count: int, stage: Stage) -> list[int]:
    """Numbers of the shares, of `count`, of which something is not in the store."""
    survey = survey_study(plan, store)
    captured = {layer.network.key for layer in survey.layers}
    networks = {spec.key for spec in survey.networks} | captured
    absent: list[Comparison] = [*survey.comparisons, *survey.across]
    missing = {spec.key for spec in absent}
    lacking = []
    for number in range(count):
        shard = Shard(number=number, count=count)
        of_networks = shard.of([spec.key for spec in plan.networks]) & networks
        of_comparisons = _comparisons_of(shard, plan) & missing
        work = {"networks": of_networks, "comparisons": of_comparisons}
        if any(work[name] for name in work if stage in ("all", name)):
            lacking.append(number)
    return lacking


def _comparisons_of(shard: Shard, plan: StudyPlan) -> set[str]:
    """Keys of the comparisons of a share: whole tiles, so that activations are read once."""
    works: list[Work] = work_of([*plan.comparisons, *plan.across])
    mine = shard.of([work.key for work in works])
    return {
        spec.key
        for work in works
        if work.key in mine
        for spec in (work.comparisons if isinstance(work, TileSpec) else (work,))
    }
