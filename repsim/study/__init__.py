"""A study: the declarative description of one experiment, read from a TOML file."""

from repsim.study.digest import canonical_json, digest
from repsim.study.load import load_study, parse_study
from repsim.study.schema import (
    Capture,
    Component,
    Matching,
    Network,
    Seed,
    Study,
    Training,
)

__all__ = [
    "Capture",
    "Component",
    "Matching",
    "Network",
    "Seed",
    "Study",
    "Training",
    "canonical_json",
    "digest",
    "load_study",
    "parse_study",
]
