"""The picture of an estimate."""

import numpy as np
from matplotlib.figure import Figure

from repsim.estimates import estimate


def estimated(**options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    return estimate("cka", x, x + rng.normal(size=x.shape), **options)


def test_the_value_its_interval_and_chance_are_drawn():
    found = estimated(labels=np.arange(200) % 4)
    (axes,) = found.plot().axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        "value",
        "corrected, 90 % interval",
        "permuted within classes",
        "permuted",
    ]
    spans = [line.get_xdata() for line in axes.get_lines()]
    assert [found.interval.low, found.interval.high] in [list(span) for span in spans]
    assert axes.get_xlabel() == found.convention


def test_it_is_drawn_on_axes_that_are_given_and_in_notebooks():
    found = estimated(permutations=0)
    page = Figure()
    axes = page.add_subplot()
    assert found.plot(axes) is page
    assert "permuted" not in [label.get_text() for label in axes.get_yticklabels()]
    shown = found._repr_html_()
    assert "<svg" in shown
    assert "cka[linear,centred,biased] = " in shown
