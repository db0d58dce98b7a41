"""The networks of a study: every variant, with every combination of the sweep, and every seed."""

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from repsim.options import StrictOptions, validated_options
from repsim.study.component import Component, Model
from repsim.study.training import Seed, Training

__all__ = ["PARTS", "Network", "Sweep", "Variant", "Variation", "flattened", "variations"]

Part = TypeVar("Part", bound=BaseModel)

# The tables of a study that a variant or a sweep may change.
PARTS = ("data", "model", "training")

Sweep = dict[str, tuple[Any, ...]]
"""Values by key, such as ``training.learning_rate``."""

# Longer lists would take minutes to check, and no study trains as many networks.
MOST_VARIATIONS = 10_000


class Variant(StrictOptions):
    """What some networks have otherwise than the study says: any keys of these tables."""

    data: dict[str, Any] = Field(default={})
    model: dict[str, Any] = Field(default={})
    training: dict[str, Any] = Field(default={})
    seeds: tuple[Seed, ...] | None = Field(
        default=None, min_length=1, description="by default those of the study"
    )


class Network(StrictOptions):
    """One network of a study, completely described."""

    variant: str = Field(default="", description="empty where a study has no variants")
    seed: Seed
    data: Component
    model: Model
    training: Training

    @property
    def label(self) -> str:
        """Name in tables and figures, such as ``wide seed 3``."""
        return f"{self.variant} seed {self.seed.label}".lstrip()

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but its seed, by keys as in the study file, such as ``model.width``."""
        tables = {
            "data": {"name": self.data.name, **self.data.options},
            "model": {"name": self.model.name, **self.model.options},
            "training": self.training.model_dump(mode="json"),
        }
        return {f"{part}.{key}": value for part in PARTS for key, value in tables[part].items()}


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A variant with one combination of the sweep: networks that differ by their seed alone."""

    name: str
    variant: str
    """The name in the study file; empty where there are no variants."""
    changes: dict[str, dict[str, Any]]
    """What it has otherwise than the study, by table and key."""
    swept: dict[str, Any]
    """Its values of the sweep, by dotted key."""
    seeds: tuple[Seed, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """Those values of the sweep that are numbers."""
        return {
            key: float(value)
            for key, value in self.swept.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    def networks(self, data: Component, model: Model, training: Training) -> list[Network]:
        """Its networks, from the tables of the study.

        Raises
        ------
        StudyError
            When a table with its changes is not valid.
        """
        place = f"variants.{self.variant}." if self.variant else ""
        data = _changed(data, self.changes["data"], f"{place}data")
        model = _changed(model, self.changes["model"], f"{place}model")
        training = _changed(training, self.changes["training"], f"{place}training")
        return [
            Network(variant=self.name, seed=seed, data=data, model=model, training=training)
            for seed in self.seeds
        ]


def variations(
    seeds: Sequence[Seed], variants: Mapping[str, Variant], sweep: Sweep
) -> tuple[Variation, ...]:
    """All combinations, in the order of the study file.

    Raises
    ------
    ValueError
        For names, keys or values that cannot be used; the message has no full stop.
    """
    for name in variants:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", name):
            raise ValueError(
                "Expected names of variants of at most 50 letters, digits, '.', '_' and '-' that "
                f"start with a letter or digit. Got {name!r}"
            )
    _check_sweep(sweep)
    count = max(1, len(variants)) * math.prod(map(len, sweep.values()))
    if count > MOST_VARIATIONS:
        raise ValueError(
            f"Expected at most {MOST_VARIATIONS:,} combinations of variants and values of the "
            f"sweep. Got {count:,}"
        )
    found = []
    for name, variant in (variants or {"": Variant()}).items():
        for values in itertools.product(*sweep.values()):
            swept = dict(zip(sweep, values, strict=True))
            changes = {part: dict(getattr(variant, part)) for part in PARTS}
            for key, value in swept.items():
                part, _, inner = key.partition(".")
                if inner in changes[part]:
                    raise ValueError(f"Expected {key} in the sweep or in variants.{name}. Got both")
                changes[part][inner] = value
            found.append(
                Variation(
                    name=" ".join(filter(None, (name, *_swept_names(swept)))),
                    variant=name,
                    changes=changes,
                    swept=swept,
                    seeds=variant.seeds or tuple(seeds),
                )
            )
    return tuple(found)


def flattened(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one with dotted keys.

    >>> flattened({"training": {"learning_rate": [0.1]}, "model.width": [1, 2]})
    {'training.learning_rate': [0.1], 'model.width': [1, 2]}
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = (
            flattened(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": value}
        )
        if twice := found.keys() & inner.keys():
            raise ValueError(f"Expected each key of the sweep once. Got {min(twice)} twice")
        found |= inner
    return found


def _check_sweep(sweep: Sweep) -> None:
    for key, values in sweep.items():
        part, _, inner = key.partition(".")
        if part not in PARTS or not inner or "." in inner:
            raise ValueError(
                "Expected keys of data, model or training in the sweep, as in "
                f'"training.learning_rate" = [0.1, 0.01]. Got {key!r}'
            )
        if not values or len({_text(value) for value in values}) != len(values):
            raise ValueError(
                f"Expected at least one value of {key} in the sweep, and each once. "
                f"Got {list(values)}"
            )


def _swept_names(swept: Mapping[str, Any]) -> Iterator[str]:
    """``learning_rate=0.1``; the whole key where two end alike."""
    ends = Counter(key.partition(".")[2] for key in swept)
    for key, value in swept.items():
        end = key.partition(".")[2]
        yield f"{end if ends[end] == 1 else key}={_text(value)}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _changed(base: Part, changes: Mapping[str, Any], where: str) -> Part:
    """A table of the study with some keys changed.

    Another data set or model starts without the options of the study's. Another number of epochs
    or steps has milestones in proportion, as in `with_recipe`.
    """
    if not changes:
        return base
    values = base.model_dump()
    if "name" in changes and changes["name"] != values.get("name"):
        values = {}
    if not changes.keys().isdisjoint({"epochs", "steps"}):
        for key in ("epochs", "steps", "milestones"):
            values.pop(key, None)
    return validated_options(type(base), {**values, **changes}, where)
