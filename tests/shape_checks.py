"""Checks of shapes and types while tests run; they start when this module is imported.

Every call of a function of the numerics is held to its signature, though not in the processes of
workers. What is imported before this module is not checked.
"""

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

__all__ = ["checked"]

NUMERICS = ("across", "estimates", "examples", "matching", "measures", "moments", "uncertainty")

# A whole number is a float to Python's type checkers.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

install_import_hook([f"repsim.{package}" for package in NUMERICS], f"{__name__}.checked")
