"""Networks that are in a store, what determined each, and which of them a network is most like."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repsim.errors import IntegrityError
from repsim.stages.forms import TRAINING
from repsim.stages.networks import TRAINING_RECORD, NetworkSpec
from repsim.store import Artifact, Store
from repsim.study import canonical_json

__all__ = [
    "CODE",
    "Differences",
    "Trained",
    "changed_files",
    "differences",
    "nearest",
    "settings_of",
    "trained_networks",
]

Differences = dict[str, tuple[Any, Any]]

# The settings that hold a digest of code of one's own, with what it is the code of.
CODE = {"code.model": "model", "code.data": "data"}

# What two networks must share for one to be called a variant of the other.
_KIND = ("data", "model")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network in the store, and what determined it."""

    key: str
    label: str
    parameters: Mapping[str, Any]
    code: Mapping[str, Mapping[str, str]]
    """The code of one's own that trained it: digests of files, of the ``model`` and ``data``."""

    def history(self, store: Store) -> list[dict[str, Any]]:
        """What its training record says of each epoch."""
        record = Artifact(store, "networks", self.key).read_json(TRAINING_RECORD, TRAINING)
        return list(record["history"])


def trained_networks(store: Store, keys: Sequence[str] | None = None) -> list[Trained]:
    """Every network in the store, or of these keys, whose marker says what determined it."""
    if keys is None:
        places = [path.split("/") for path in store.sizes("networks")]
        keys = [place[1] for place in places if place[2:] == ["marker.json"]]

    def trained(key: str) -> Trained | None:
        try:
            facts = Artifact(store, "networks", key).marker().facts
        except IntegrityError:
            return None
        known, code = facts.get("parameters"), facts.get("code", {})
        # Not of a version that did not write them, nor of somebody who wrote something else.
        if not isinstance(known, dict) or not all(isinstance(known.get(w), dict) for w in _KIND):
            return None
        if not isinstance(code, dict) or not all(isinstance(of, dict) for of in code.values()):
            return None
        label = str(facts.get("network", key[:12]))
        return Trained(key=key, label=label, parameters=known, code=code)

    return [one for one in store.of_each(trained, keys) if one is not None]


def nearest(spec: NetworkSpec, trained: Sequence[Trained]) -> tuple[Trained, Differences] | None:
    """The network that differs least, and in what; None where none has its model and data."""
    # As it is in a marker: lists for tuples.
    wanted = json.loads(canonical_json(spec.parameters))
    alike = [
        (one, _recorded(differences(one.parameters, wanted)))
        for one in trained
        if ("weights" in one.parameters) == (spec.given is not None)
        and all(one.parameters.get(what, {}).get("name") == wanted[what]["name"] for what in _KIND)
    ]
    return min(alike, key=lambda pair: (*_distance(pair[1]), pair[0].label), default=None)


def changed_files(spec: NetworkSpec, one: Trained, found: Differences) -> list[str]:
    """Files of code of one's own that are not as they were when `one` was trained."""
    files: set[str] = set()
    for setting in CODE.keys() & found.keys():
        now = spec.code_files.get(CODE[setting], {})
        before = one.code.get(CODE[setting], {})
        files |= {file for file in now.keys() | before.keys() if now.get(file) != before.get(file)}
    return sorted(files)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Differences:
    """Settings that are not the same, by their dotted names, with both values."""
    old, new = dict(settings_of(before)), dict(settings_of(now))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def _recorded(found: Differences) -> Differences:
    """Without code and structure, where the network is of a version that did not record them."""
    if found.get("structure", ("",))[0] is not None:
        return found
    return {name: both for name, both in found.items() if name not in {*CODE, "structure"}}


def _distance(found: Differences) -> tuple[int, bool, int]:
    """How unlike two networks are: a network of the same seed and other code comes before another
    seed's, so that changed code is named.
    """
    code = CODE.keys() & found.keys()
    others = found.keys() - code - {"seed"}
    follows = {"structure"} if len(others | code) > 1 else set()
    return len(others - follows), "seed" in found, len(code)


def settings_of(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested tables by their dotted names."""
    for name, value in values.items():
        # The streams of a seed are one setting.
        if isinstance(value, Mapping) and name != "seed":
            yield from settings_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}".replace(".options.", "."), value
