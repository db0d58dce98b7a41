"""Canonical correlations against cca-zoo, a library of CCA (MIT licence)."""

import numpy as np
import pytest
from cca_zoo.linear import CCA

from repsim.measures import cca, cca_spectrum
from tests.repsim.matching.instances import relu_pair


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("p", "q"), [(6, 6), (4, 9), (9, 4)])
def test_correlations_of_the_variates_are_the_spectrum(seed, p, q):
    pair = relu_pair(seed, 300, p, q, shared=6, noise=1.0)
    model = CCA(n_components=min(p, q)).fit([pair.x, pair.y])
    variates = zip(*(view.T for view in model.transform([pair.x, pair.y])), strict=True)
    expected = [np.corrcoef(x, y)[0, 1] for x, y in variates]
    np.testing.assert_allclose(cca_spectrum(pair.x, pair.y), expected, rtol=1e-6)
    assert cca(pair.x, pair.y) == pytest.approx(np.mean(expected), rel=1e-8)
