"""The networks of a study: every variant, with every combination of the sweep, and every seed."""

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from repsim.errors import StudyError
from repsim.options import StrictOptions, validated_options
from repsim.study.component import Component, Model
from repsim.study.given import implied_model
from repsim.study.training import Seed, Training

__all__ = [
    "PARTS",
    "Network",
    "Sweep",
    "Variant",
    "Variation",
    "Weights",
    "flattened",
    "trains_nothing",
    "variations",
]

Part = TypeVar("Part", bound=BaseModel)

# The tables of a study that a variant or a sweep may change.
PARTS = ("data", "model", "training")

Weights = Annotated[str, Field(min_length=1)]

Sweep = dict[str, tuple[Any, ...]]
"""Values by key, such as ``training.learning_rate``."""

# Longer lists would take minutes to check, and no study trains as many networks.
MOST_VARIATIONS = 10_000


class Variant(StrictOptions):
    """What some networks have otherwise than the study says: any keys of these tables."""

    data: dict[str, Any] = Field(default={})
    model: dict[str, Any] = Field(default={})
    training: dict[str, Any] = Field(default={})
    weights: Weights | None = Field(
        default=None, description="where the trained weights of its one network are"
    )
    seeds: tuple[Seed, ...] | None = Field(
        default=None, min_length=1, description="by default those of the study"
    )


class Network(StrictOptions):
    """One network of a study, completely described."""

    variant: str = Field(default="", description="empty where a study has no variants")
    seed: Seed | None = Field(default=None, description="none of a network with given weights")
    data: Component
    model: Model
    training: Training
    weights: str | None = Field(default=None, description="given ones: the network is not trained")

    @property
    def label(self) -> str:
        """Name in tables and figures, such as ``wide seed 3``."""
        return self.variant if self.seed is None else _label(self.variant, self.seed)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but its seed, by keys as in the study file, such as ``model.width``."""
        given = self.weights is not None
        tables = {
            "data": {"name": self.data.name, **self.data.options},
            "model": {"name": self.model.name, **self.model.options},
            "training": {} if given else self.training.model_dump(mode="json"),
        }
        of_parts = {f"{part}.{key}": v for part in PARTS for key, v in tables[part].items()}
        return {"weights": self.weights, **of_parts} if given else of_parts


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A variant with one combination of the sweep: networks that differ by their seed alone."""

    name: str
    variant: str
    """The name in the study file; empty where there are no variants."""
    changes: dict[str, Any]
    """What it has otherwise than the study, by table and key."""
    swept: dict[str, Any]
    """Its values of the sweep, by dotted key."""
    seeds: tuple[Seed | None, ...]
    """One for each network: none where its weights are given."""
    weights: str | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """Those values of the sweep that are numbers."""
        return {
            key: float(value)
            for key, value in self.swept.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    def networks(self, data: Component, model: Model | None, training: Training) -> list[Network]:
        """Its networks, from the tables of the study.

        Raises
        ------
        StudyError
            When a table with its changes is not valid.
        """
        place = f"variants.{self.variant}." if self.variant else ""
        data = _changed(data, self.changes["data"], f"{place}data")
        own = self._model(model, f"{place}model")
        # A network with given weights is trained for no epoch.
        base = training if self.weights is None else Training(epochs=0)
        training = _changed(base, self.changes["training"], f"{place}training")
        return [
            Network(
                variant=self.name,
                seed=seed,
                data=data,
                model=own,
                training=training,
                weights=self.weights,
            )
            for seed in self.seeds
        ]

    @property
    def names_its_model(self) -> bool:
        """Whether it has a model where the study has none."""
        implied = self.weights is not None and implied_model(self.weights) is not None
        return implied or "name" in self.changes["model"]

    def _model(self, model: Model | None, where: str) -> Model:
        """That of the study with its changes; weights of a library bring their own."""
        implied = None if self.weights is None else implied_model(self.weights)
        changes = self.changes["model"]
        if implied is not None:
            if model is None or model.name != implied:
                model = Model(name=implied)
            if changes.get("name", implied) != implied:
                raise StudyError(
                    f"Expected {where}.name = {implied!r}, the model of the weights "
                    f"{self.weights!r}, or none. Got {changes['name']!r}. Leave it out."
                )
        if model is None:
            return validated_options(Model, changes, where)
        return _changed(model, changes, where)


def variations(
    seeds: Sequence[Seed],
    variants: Mapping[str, Variant],
    sweep: Sweep,
    weights: str | None = None,
) -> tuple[Variation, ...]:
    """All combinations, in the order of the study file.

    A variant whose weights are given is one network: neither seeds nor the sweep concern it.

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
        if (given := variant.weights or weights) is not None:
            found.append(_given(name, variant, given))
            continue
        if not (variant.seeds or seeds):
            raise ValueError(
                "Expected option 'seeds': one network of each variant for each. Got nothing. Add it"
            )
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


def trains_nothing(raw: Mapping[str, Any]) -> bool:
    """Whether a study, as it is in its file, has weights for all its networks."""
    variants = raw.get("variants")
    listed = list(variants.values()) if isinstance(variants, Mapping) else []
    given = [isinstance(one, Mapping) and "weights" in one for one in listed]
    return "weights" in raw or (bool(given) and all(given))


def _given(name: str, variant: Variant, weights: str) -> Variation:
    for key in ("seeds", "training"):
        if getattr(variant, key):
            raise ValueError(
                f"Expected no {key} in variants.{name}, whose weights are given: it is one network "
                f"that is not trained. Got variants.{name}.{key}. Remove it"
            )
    changes = {part: dict(getattr(variant, part)) for part in PARTS}
    return Variation(
        name=name,
        variant=name,
        changes={"weights": weights, **changes} if variant.weights else changes,
        swept={},
        seeds=(None,),
        weights=weights,
    )


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
        if key == "training.snapshots":
            raise ValueError(
                "Expected keys in the sweep that change networks. Got training.snapshots, which "
                "changes none. List all snapshots in [training], or in those of the variants"
            )
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


def _label(variant: str, seed: Seed) -> str:
    return f"{variant} seed {seed.label}".lstrip()


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
