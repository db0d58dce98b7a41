"""Models: networks with named layers, one file per architecture.

A new architecture is one new module here with ``MODELS``, a mapping from names to
`repsim.models.builder.Builder`; it is found by that name.
"""

from repsim.models.registry import build_model, default_input, model_names

__all__ = ["build_model", "default_input", "model_names"]
