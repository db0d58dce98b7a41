"""Values that others have published for data that can be made again."""

import numpy as np
import pytest

from repsim.measures import cca, cka
from tests import references_measures as literal


@pytest.fixture(scope="module")
def demo():
    """The demo of Kornblith et al. 2019 (representation_similarity/Demo.ipynb)."""
    generator = np.random.RandomState(1337)
    x = generator.randn(100, 10)
    return x, generator.randn(100, 10) + x


def test_the_demo_of_the_cka_paper(demo):
    assert round(cka(*demo), 5) == 0.55761
    assert round(cka(*demo, debiased=True), 5) == 0.51346
    assert round(cca(*demo, compat="kornblith"), 5) == 0.54312
    assert round(cca(*demo, power=2, centred=False), 5) == 0.54312


def test_the_references_have_these_values_too(demo):
    assert round(literal.cka(*demo), 5) == 0.55761
    assert round(literal.debiased_cka(*demo), 5) == 0.51346
    assert round(literal.kornblith_cca(*demo), 5) == 0.54312
