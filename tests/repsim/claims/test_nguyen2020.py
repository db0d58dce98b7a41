"""Claims of Nguyen et al. 2020 on made tables for which they hold, and do not."""

import polars as pl
import pytest

from repsim.across import FIRST_COMPONENT_COSINE
from tests.repsim.claims.made_up import evidence, verdicts
from tests.repsim.report.across_rows import invent_across

SIZES = {"small": 1_000, "large": 9_000}
NETWORKS = {variant: range(2) for variant in SIZES}


def tables(*, large=(2, 6), small=None, features=("averaged",)):
    """Layers across, with the block of either variant."""
    frames = [
        invent_across(
            networks=[f"{variant} seed {seed}" for seed in (0, 1)],
            layers=10,
            block=block,
            features=features,
        )
        for variant, block in {"small": small, "large": large}.items()
    ]
    across, principal = (pl.concat([frame[place] for frame in frames]) for place in (0, 1))
    between = pl.col("network_a") != pl.col("network_b")
    factor = pl.when(between).then(0.8).otherwise(1.0)
    return {"across": across.with_columns(pl.col("value") * factor), "principal": principal}


def judge(settings=None, sizes=SIZES, **frames):
    given = evidence(
        NETWORKS, [], settings or {name: {} for name in NETWORKS}, parameters=sizes, **frames
    )
    return verdicts("nguyen2020", given)


def test_blocks_of_large_networks_bear_all_out():
    assert judge(**tables()) == {
        "E-1": (True, "With a block, by number of parameters: small 0 of 2, large 2 of 2."),
        "E-2": (
            True,
            "Means over the blocks of 2 networks: 90.0% of the variance, |cos| 0.99, CKA without "
            "the component 0.18.",
        ),
        "E-3": (
            True,
            "Mean CKA of a layer with its counterpart over 1 pairs: 0.40 inside the blocks, 0.72 "
            "outside.",
        ),
    }


@pytest.mark.parametrize("blocks", [{"small": (2, 6)}, {"small": (2, 6), "large": None}])
def test_blocks_of_small_networks_refute_it(blocks):
    assert judge(**tables(**blocks))["E-1"][0] is False


def changed(frames, measure, value):
    across = frames["across"]
    rows = pl.col("measure").str.contains(measure, literal=True)
    new = pl.when(rows).then(pl.lit(value)).otherwise("value").alias("value")
    return {**frames, "across": across.with_columns(new)}


def test_a_block_of_more_than_one_direction_refutes_it():
    frames = tables()
    assert judge(**changed(frames, "removed", 0.95))["E-2"][0] is False
    assert judge(**changed(frames, FIRST_COMPONENT_COSINE, 0.5))["E-2"][0] is False
    small = frames["principal"].with_columns(first_share=pl.lit(0.4))
    assert judge(across=frames["across"], principal=small)["E-2"][0] is False


def test_blocks_that_networks_have_in_common_refute_it():
    frames = tables()
    between = pl.col("network_a") != pl.col("network_b")
    alike = frames["across"].with_columns(
        pl.when(between).then(0.95).otherwise("value").alias("value")
    )
    assert judge(across=alike, principal=frames["principal"])["E-3"][0] is False


def test_what_a_study_cannot_tell_is_said():
    for verdict in judge().values():
        assert verdict == (
            None,
            "No layers of trained networks were compared with all others (across.examples).",
        )
    without = judge(**tables(large=None))
    assert without["E-2"] == without["E-3"] == (None, "No network has a block.")
    whole = judge(**tables(large=(0, 10)))
    assert "inside and outside" in whole["E-3"][1]
    subsets = {"small": {"data.examples": 100}, "large": {}}
    assert judge(subsets, **tables())["E-1"] == (None, "The variants differ in their data.")
    assert "two sizes" in judge(sizes={}, **tables())["E-1"][1]


def test_untrained_networks_do_not_count():
    settings = {"small": {}, "large": {"training.epochs": 0}}
    found = judge(settings, **tables())
    assert found["E-2"] == (None, "No network has a block.")
    assert "two sizes" in found["E-1"][1]


def test_flattened_maps_count_where_there_are_both():
    both = tables(features=("averaged", "flattened"))
    flat = pl.col("features") == "flattened"
    other = both["across"].with_columns(pl.when(flat).then(0.1).otherwise("value").alias("value"))
    assert judge(across=other, principal=both["principal"])["E-2"][1] == "No network has a block."
