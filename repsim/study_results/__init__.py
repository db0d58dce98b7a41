"""A study as an object: its tables, figures, activations and weights."""

from repsim.study_results.results import StudyResults

__all__ = ["StudyResults"]
