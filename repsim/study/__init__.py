"""A study: the declarative description of one experiment, read from a TOML file."""

from repsim.study.digest import canonical_json, digest
from repsim.study.load import load_study, parse_study
from repsim.study.schema import (
    Across,
    Capture,
    Component,
    Matching,
    Model,
    Network,
    Resampling,
    Seed,
    Study,
    Training,
)

__all__ = [
    "Across",
    "Capture",
    "Component",
    "Matching",
    "Model",
    "Network",
    "Resampling",
    "Seed",
    "Study",
    "Training",
    "canonical_json",
    "digest",
    "load_study",
    "parse_study",
]
