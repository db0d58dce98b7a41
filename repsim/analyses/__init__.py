"""Quantities of one network over its training: one file for each analysis.

An analysis is a module of this package with a class ``Options`` that derives from `Analysis`, and
is found by its file's name. A study names it in ``[[analyses]]``, or one of its own as
``package.module:Name``.
"""

from collections.abc import Mapping

from repsim.analyses.contract import Analysis, Measured, Quantity, Snapshot
from repsim.errors import StudyError
from repsim.options import validated_options
from repsim.registry import Registry, load_dotted

__all__ = ["ANALYSES", "Analysis", "Measured", "Quantity", "Snapshot", "load_analysis"]

ANALYSES: Registry[type[Analysis]] = Registry(
    kind="analysis",
    package=__name__,
    offered=lambda name, module: {name: module.Options} if hasattr(module, "Options") else {},
)


def load_analysis(name: str, options: Mapping[str, object]) -> Analysis:
    """An analysis by name.

    Raises
    ------
    StudyError
        For an unknown name or option, or a class that is no analysis.

    Examples
    --------
    >>> load_analysis("spectrum_alignment", {"examples": 100}).examples
    100
    """
    path = ANALYSES.path_of(name)
    found = ANALYSES[name] if path is None else load_dotted(path, "analysis")
    if not (isinstance(found, type) and issubclass(found, Analysis)):
        raise StudyError(
            f"Expected analysis {name!r} to be a class that derives from repsim.analyses.Analysis. "
            f"Got {found if isinstance(found, type) else type(found).__name__}."
        )
    return validated_options(found, options, f"analysis {name!r}")
