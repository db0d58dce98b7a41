"""To what extent do different neural networks learn the same representation?

For two arrays of activations, samples × neurons, of the same inputs in the same order:

>>> import numpy as np, repsim
>>> x = np.maximum(np.random.default_rng(0).normal(size=(500, 8)), 0)
>>> profile = repsim.match_profile(x, x[:, ::-1])
>>> float(profile.similarity(0.1))
1.0

For two models and data: ``repsim.compare(model_a, model_b, loader)``.

For whole studies, from training to report, there is the command ``repsim``.
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("repsim-workflows")

# The names are in the stub beside this file. A command that needs none of them imports none.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
