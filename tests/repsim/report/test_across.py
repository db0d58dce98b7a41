"""What a report says of layers against all others follows from the rows."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex

from repsim.drawing import house_style
from repsim.report.across_section import across_figures, across_section
from repsim.report.block_structure import block_words
from repsim.report.drawing import render
from repsim.report.layer_identification import identification_words
from repsim.report.layer_maps import MOST_NUMBERED, draw_map, map_axes
from repsim.results.across_layers import across_layers
from repsim.results.schemas_across import ACROSS, IDENTIFICATION, PRINCIPAL
from tests.repsim.report.across_rows import invent_across

DEBIASED = "cka[linear,centred,debiased,averaged]"


def drawn(frames):
    with house_style():
        return {
            drawing.name: drawing
            for draw in across_figures(*frames)
            if (drawing := draw()) is not None
        }


def test_made_up_tables_have_the_columns_of_the_schemas():
    for frame, schema in zip(invent_across(), (ACROSS, PRINCIPAL, IDENTIFICATION), strict=True):
        assert frame.schema == {name: column.dtype for name, column in schema.items()}


def test_arrays_are_the_rows():
    across, principal, _ = invent_across(layers=4, block=(1, 4))
    (found,) = across_layers(across, principal)
    assert found.names == ("relu1", "relu2", "relu3", "relu4")
    assert found.networks == ("seed-0", "seed-1", "seed-2")
    assert found.cka.within.shape == found.cka.between.shape == (3, 4, 4)
    for row in across.filter(pl.col("measure") == DEBIASED).iter_rows(named=True):
        if row["network_a"] == row["network_b"]:
            place = found.networks.index(row["network_a"])
            got = found.cka.within[place, row["depth_a"], row["depth_b"]]
            assert got == row["value"]
    assert found.shares[0].tolist() == [0.2, 0.9, 0.9, 0.9]
    assert found.examples == 1024


def test_networks_of_several_depths_have_blocks_of_their_own_layers():
    shallow = invent_across(networks=("shallow",), layers=["a1", "b1", "c1"])
    deep = invent_across(
        networks=("deep",), layers=["a1", "a2", "a3", "b1", "b2", "c1", "c2"], block=(2, 5)
    )
    frames = [pl.concat(both) for both in zip(shallow, deep, strict=True)]
    (found,) = across_layers(*frames[:2])
    assert found.names == ("a1", "a2", "a3", "b1", "b2", "c1", "c2")
    none, block = found.blocks
    assert not none.size
    assert [found.names[place] for place in block] == ["a3", "b1", "b2"]
    assert "1 of 2 networks have a block" in block_words(found)


def test_a_pair_has_no_order():
    across, principal, _ = invent_across(networks=("a", "b"), layers=2)
    lopsided = across.with_columns(
        pl.when((pl.col("network_a") != pl.col("network_b")) & (pl.col("depth_a") == 0))
        .then(0.2)
        .when(pl.col("network_a") != pl.col("network_b"))
        .then(0.6)
        .otherwise("value")
        .alias("value")
    )
    (found,) = across_layers(lopsided, principal)
    np.testing.assert_allclose(found.cka.between, [[[0.2, 0.4], [0.4, 0.6]]])


def test_heatmaps_say_what_they_show():
    drawing = drawn(invent_across(layers=4))["layer-heatmaps-averaged"]
    assert drawing.finding == (
        "Mean CKA within a network is 0.90 between neighbouring layers, and 0.73 between the first "
        "and the last; mean CKA between networks is 0.90 for a layer and its counterpart."
    )
    within, between, _ = drawing.figure.axes
    assert within.get_title(loc="left") == "Within a network, mean of 3"
    assert between.get_title(loc="left") == "Between networks, mean of 3 pairs"
    assert "1,024 examples" in drawing.reading
    assert "averaged over positions" in drawing.reading


def test_the_most_and_the_least_alike_counterparts_are_named():
    drawing = drawn(invent_across(layers=8, block=(2, 6)))["layer-heatmaps-averaged"]
    assert drawing.finding.endswith(
        "is 0.70 for a layer and its counterpart, from 0.50 at `relu3` to 0.90 at `relu1`."
    )


def test_a_block_is_described_by_what_makes_it():
    across, principal, _ = invent_across(layers=8, block=(2, 6))
    (found,) = across_layers(across, principal)
    assert block_words(found) == (
        "3 of 3 networks have a block of layers whose mean CKA to each other is 0.9 or more; none "
        "is longer than that of `seed-0`, from `relu3` to `relu6`. Means over that block: a first "
        "component holds 90.0 % of the variance; the first components of two layers have "
        "|cos| 0.99; CKA is 0.98, and 0.18 without them."
    )
    drawing = drawn((across, principal, invent_across()[2]))["block-structure-averaged"]
    assert drawing.finding == block_words(found)
    assert "Frame: the longest block, of `seed-0`" in drawing.reading
    frames = [p for axes in drawing.figure.axes[:2] for p in axes.patches if not p.get_fill()]
    assert [(f.get_x(), f.get_width(), f.get_height()) for f in frames] == [(1.5, 4, 4)] * 2


def test_a_block_whose_cka_is_higher_without_its_components_is_not_said_to_stay():
    across, principal, _ = invent_across(layers=8, block=(2, 6))
    rest = pl.col("measure").str.contains("removed")
    higher = across.with_columns(pl.when(rest).then(1.0).otherwise("value").alias("value"))
    (found,) = across_layers(higher, principal)
    assert block_words(found).endswith("CKA is 0.98, and 1.00 without them.")


def test_a_block_without_shares_cosines_and_rest_is_told_by_its_cka():
    across, principal, _ = invent_across(layers=8, block=(2, 6))
    only = across.filter(pl.col("measure") == DEBIASED)
    inside = pl.col("depth").is_between(2, 5)
    without = principal.with_columns(
        pl.when(inside).then(None).otherwise("first_share").alias("first_share")
    )
    (found,) = across_layers(only, without)
    assert block_words(found).endswith(
        "from `relu3` to `relu6`. Means over that block: CKA is 0.98."
    )


def test_without_a_block_the_largest_component_is_that_of_one_network():
    # The means over networks are at most 0.22: no network has more would be false.
    (found,) = across_layers(*invent_across()[:2])
    assert block_words(found) == (
        "No network has a block of layers whose mean CKA to each other is 0.9 or more; of all "
        "layers, the largest first component is that of `relu1` of `seed-2`, with 24.0 % of the "
        "variance."
    )
    (found,) = across_layers(*invent_across(networks=("only",))[:2])
    assert "The network has no block" in block_words(found)
    assert block_words(found).endswith("is that of `relu1`, with 20.0 % of the variance.")


def test_identification_names_the_best_the_worst_and_guessing():
    found = invent_across()[2]
    assert identification_words(found) == (
        "`cka[linear, centred, debiased, averaged]` finds the corresponding layer most often, in "
        "35 of 36 cases, and `pwcca[weights=x, centred]` least often, in 13 of 36 cases; guessing "
        "would in 16.7 %."
    )
    assert "in 35 of 36 cases; guessing" in identification_words(found.head(1))
    even = found.with_columns(correct=18, accuracy=0.5)
    assert identification_words(even) == (
        "All 5 measures find the corresponding layer in 18 of 36 cases; guessing would in 16.7 %."
    )
    assert identification_words(found.clear()) == "No layer has a counterpart in another network."


def test_measures_that_find_as_many_layers_are_all_named():
    found = invent_across(identified={"a": 0.5, "b": 0.5, "c": 0.25, "d": 0.25})[2]
    words = identification_words(found)
    assert words.startswith(
        "`a` and `b` find the corresponding layer most often, in 18 of 36 cases, and `c` and `d` "
        "least often, in 9 of 36 cases; "
    )
    # Of measures with undefined layers the counts differ where the shares do not.
    fewer = found.with_columns(
        correct=pl.when(pl.col("measure") == "b").then(9).otherwise("correct"),
        total=pl.when(pl.col("measure") == "b").then(18).otherwise("total"),
        chance=pl.when(pl.col("measure") == "b").then(0.25).otherwise("chance"),
    )
    words = identification_words(fewer)
    assert "`a` and `b` find the corresponding layer most often, in 50.0 % of cases," in words
    assert words.endswith("guessing would in 16.7 % to 25.0 %.")


def test_bars_are_in_the_order_of_accuracy():
    axes = drawn(invent_across())["layer-identification"].figure.axes[0]
    widths = [bar.get_width() for bar in sorted(axes.patches, key=lambda bar: -bar.get_y())]
    assert widths == sorted(widths, reverse=True)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0].startswith("cka[linear, centred, debiased")


def test_the_table_has_every_measure_with_its_convention():
    frames = invent_across()
    section = across_section(frames[2])
    assert {row.measure for row in section.rows} == set(frames[2]["measure"])
    first = section.rows[0]
    assert (first.accuracy, first.found, first.undefined) == ("97.2 %", "35 of 36", "0")
    assert first.share == pytest.approx(0.972)
    assert section.finding == identification_words(frames[2])
    assert across_section(frames[2].clear()) is None


def test_a_measure_without_values_stands_in_the_table_and_not_in_the_figure():
    found = invent_across()[2].with_columns(
        **{
            name: pl.when(pl.col("measure").str.starts_with("svcca")).then(None).otherwise(name)
            for name in ("accuracy", "chance", "interval_low", "interval_high")
        },
        total=pl.when(pl.col("measure").str.starts_with("svcca")).then(0).otherwise("total"),
    )
    last = across_section(found).rows[-1]
    assert last.measure.startswith("svcca")
    assert (last.accuracy, last.interval, last.chance, last.share) == ("–", "–", "–", 0)
    drawing = drawn((*invent_across()[:2], found))["layer-identification"]
    assert len(drawing.figure.axes[0].patches) == found.height - 1


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, 3),
        ({"layers": 40, "block": (10, 30)}, 3),
        ({"features": ("averaged", "flattened")}, 5),
        ({"networks": ("one",)}, 2),
        ({"layers": 1}, 1),
        ({"layers": 2, "networks": ("a", "b")}, 3),
        ({"layers": ["层一", "<b>&$x$`b`", "a" * 80]}, 3),
    ],
    ids=["usual", "deep", "both features", "one network", "one layer", "two layers", "names"],
)
def test_figures_of_any_size_are_drawn(options, names):
    drawings = drawn(invent_across(**options))
    assert len(drawings) == names
    for drawing in drawings.values():
        picture = render(drawing, epsilons=1)
        ET.fromstring(picture.svg)
        assert len(picture.svg) < 250_000
        assert set(re.findall(r'xlink:href="(.)', picture.inline)) <= {"#"}


def test_equal_tables_give_equal_bytes():
    once, again = (
        [render(drawing, epsilons=1) for drawing in drawn(invent_across(layers=2)).values()]
        for _ in range(2)
    )
    assert once == again


def test_nothing_is_drawn_of_nothing():
    assert drawn(tuple(frame.clear() for frame in invent_across())) == {}


def test_layers_that_one_network_lacks_and_undefined_values_are_left_open():
    across, principal, identification = invent_across(layers=4)
    gone = ((pl.col("network_a") == "seed-2") & (pl.col("layer_a") == "relu4")) | (
        (pl.col("network_b") == "seed-2") & (pl.col("layer_b") == "relu4")
    )
    dead = (pl.col("layer_a") == "relu2") | (pl.col("layer_b") == "relu2")
    across = across.filter(~gone).with_columns(
        pl.when(dead).then(None).otherwise("value").alias("value")
    )
    (found,) = across_layers(across, principal)
    assert np.isnan(found.cka.within[2, 3]).all()
    assert np.isnan(found.cka.mean_within[1]).all()
    assert found.cka.mean_within[0, 3] == pytest.approx(0.9**3)
    assert set(drawn((across, principal, identification))) == {
        "layer-heatmaps-averaged",
        "block-structure-averaged",
        "layer-identification",
    }


def test_cells_are_as_dark_as_they_are_alike():
    values = np.array([[1.0, 0.25], [np.nan, -0.3]])
    with house_style():
        _, (axes,) = map_axes(1)
        draw_map(axes, values, title="")
    shades = {}
    for patch in axes.patches:
        for place in [(0, 0), (0, 1), (1, 0), (1, 1)]:
            row, column = place
            if patch.get_path().contains_point((column, row)):
                shades[place] = (to_hex(patch.get_facecolor()), patch.get_alpha())
    assert shades[0, 0] == ("#0f5c8c", pytest.approx(0.92))
    assert shades[0, 1] == ("#0f5c8c", pytest.approx(0.92 / 4))
    assert shades[1, 0] == ("#dfe3e8", 1)  # no value is grey, and no low value
    assert (1, 1) not in shades
    assert sorted(text.get_text() for text in axes.texts) == ["-.30", ".25", "1"]


def test_large_maps_hold_no_numbers():
    with house_style():
        _, (axes,) = map_axes(1)
        draw_map(axes, np.eye(MOST_NUMBERED + 1), title="")
    assert not axes.texts
