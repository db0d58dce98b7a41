"""Pictures of a match profile and of simple matches, on a page of their own and on axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from repsim.matching import match_profile, simple_matches
from repsim.matching.drawings import MOST_LABELLED


@pytest.fixture(scope="module")
def pair():
    """Two neurons that match alone, a group of two, and others; the last of X is dead."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    y = np.hstack([x[:, [0]], 2 * x[:, [1]], x[:, 2:4] @ turn, rng.normal(size=(300, 2))])
    x[:, 5] = 0
    return x, y + 0.01 * rng.normal(size=y.shape)


def test_the_match_curve_is_the_similarity_at_every_epsilon(pair):
    profile = match_profile(*pair)
    (axes,) = profile.plot().axes
    curves = {line.get_label(): line for line in axes.get_lines()}
    both = curves[f"both, area {profile.area():.2f}"]
    for epsilon, share in zip(*both.get_data(), strict=True):
        if epsilon < 1:
            assert share == pytest.approx(profile.similarity(float(epsilon)))
    assert curves["X"].get_ydata()[-1] <= 5 / 6  # a dead neuron is in no match
    assert curves["Y"].get_ydata()[-1] <= 1


def test_a_profile_of_dead_neurons_alone_is_drawn():
    profile = match_profile(np.zeros((10, 2)), np.zeros((10, 3)))
    (axes,) = profile.plot().axes
    assert all((line.get_ydata() == 0).all() for line in axes.get_lines())


def test_the_map_of_simple_matches_has_a_row_for_each(pair):
    found = simple_matches(*pair, 0.1)
    (axes,) = found.plot().axes
    cells = axes.get_images()[0].get_array()
    assert cells.shape == (len(found), found.whole.size)
    for row, simple in zip(np.asarray(cells), found.matches, strict=True):
        assert (row > 0).sum() == simple.size
        assert (row == 2).sum() == simple.minimal_for.size
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "2", "4"]
    assert axes.get_title(loc="left") == "8 of 12 neurons match at ε = 0.1"


def test_many_simple_matches_have_few_labels():
    x = np.random.default_rng(0).normal(size=(400, MOST_LABELLED + 6))
    found = simple_matches(x, 2 * x, 0.1)
    (axes,) = found.plot().axes
    assert len(found) > MOST_LABELLED
    assert len(axes.get_yticks()) <= 6


def test_no_match_is_said(pair):
    found = simple_matches(pair[0][:, 4:5], pair[1][:, 4:5], 0.1)
    (axes,) = found.plot().axes
    assert [text.get_text() for text in axes.texts] == ["no match"]
    assert repr(found).startswith("SimpleMatches(0 simple matches at ε = 0.1, where 0 of 1 + 1")


def test_they_are_drawn_on_axes_that_are_given(pair):
    page = Figure()
    first, second = page.subplots(1, 2)
    assert match_profile(*pair).plot(first) is page
    assert simple_matches(*pair, 0.1).plot(ax=second) is page
    assert first.get_lines()
    assert second.get_images()


def test_notebooks_show_the_picture_with_its_words(pair):
    profile, found = match_profile(*pair), simple_matches(*pair, 0.1)
    assert "MatchProfile(6 + 6 neurons, 1 dead" in profile._repr_html_()
    assert "<svg" in profile._repr_html_()
    assert repr(found) == (
        "SimpleMatches(3 simple matches of 2 to 4 neurons at ε = 0.1, where 8 of 6 + 6 neurons "
        "match; complete: True)"
    )
    assert repr(found) in found._repr_html_()
