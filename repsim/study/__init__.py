"""A study: the declarative description of one experiment, read from a TOML file."""

from repsim.study.component import Component, Model
from repsim.study.course import Course
from repsim.study.digest import canonical_json, digest
from repsim.study.load import load_study, parse_study
from repsim.study.networks import Network, Variant
from repsim.study.schema import Across, Capture, Matching, Resampling, Study
from repsim.study.training import Seed, Training

__all__ = [
    "Across",
    "Capture",
    "Component",
    "Course",
    "Matching",
    "Model",
    "Network",
    "Resampling",
    "Seed",
    "Study",
    "Training",
    "Variant",
    "canonical_json",
    "digest",
    "load_study",
    "parse_study",
]
