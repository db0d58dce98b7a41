"""What the report says and draws of training, from similarities at given steps."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from repsim.drawing import house_style, name_steps
from repsim.report.layer_by_step import draw_layers_by_step
from repsim.report.over_training import Development, OverTraining, settling_words, steps_section

END = 40


def over(steps, values) -> OverTraining:
    """Of layers at these steps of one network, trained for END steps."""
    mean = np.array(values, dtype=float).T
    development = Development(
        name="",
        layers=tuple(f"relu{place}" for place in range(1, mean.shape[1] + 1)),
        steps=np.array(steps, dtype=float),
        mean=mean,
        deviation=np.zeros_like(mean),
        pairs=1,
    )
    return OverTraining(measure="cka", with_final=(development,), between=(), ends={"": END})


@pytest.mark.parametrize(
    ("steps", "values", "said"),
    [
        ([0, 10], [[0, 1]], "Over training, `relu1` settles (half way) after 5 steps, by cka."),
        (
            [0, 10, 20],
            [[0, 1, 1], [0, 1, 1]],
            "Over training, all layers settle (half way) after 5 steps, by cka.",
        ),
        (
            [0, 4, 5],
            [[0, 0, 0.8], [0, 0, 1]],
            "`relu2` settles first (half way after 4.5 steps) and `relu1` last (4.6), by cka",
        ),
        ([0], [[0.1], [0.2]], "not known: that takes two snapshots at least."),
    ],
)
def test_settling_is_said_of_what_the_snapshots_can_tell(steps, values, said):
    one = over(steps, values)
    assert said in settling_words(one, one.with_final[0])
    assert steps_section([one]).snapshots == len(steps)


def test_marks_and_numbers_do_not_share_a_cell():
    with house_style():
        drawing = draw_layers_by_step(over([0, 4, 5], [[0, 0, 0.8], [0, 0, 1]]))
    assert not drawing.figure.axes[0].texts


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_numbers_of_steps_do_not_overlap(scale):
    steps = [factor * 10**power for power in range(6) for factor in (1, 2, 5)]
    with house_style():
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.set(xscale=scale, xlim=(1, steps[-1]))
        name_steps(axes, steps, steps)
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        plt.close(figure)
    boxes.sort(key=lambda box: box.x0)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    assert axes.get_xticks().max() == steps[-1]
