"""A map of all networks: distances, tree, coordinates, and whether variants cluster."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.cluster.hierarchy import leaves_list
from scipy.spatial.distance import cdist

from repsim.drawing import house_style
from repsim.report import build_report
from repsim.report.groups import grouped
from repsim.report.network_distances import draw_distances
from repsim.report.network_map import map_words, network_map
from repsim.report.network_scatter import draw_scatter
from repsim.report.variant_colours import variant_colours
from tests.repsim.report.group_rows import CKA, invent_groups, invent_sweep
from tests.repsim.report.test_build import outline


def mapped(**study):
    tables, facts = invent_groups(**study)
    groups = grouped(tables, facts.variants)
    return groups, network_map(groups)


def test_distances_are_one_less_the_mean_over_layers():
    groups, found = mapped(seeds=3, layers=4)
    assert found.measure.convention == CKA
    for pair, (a, b) in enumerate(zip(groups.first, groups.second, strict=True)):
        expected = 1 - found.measure.values[pair].mean()
        assert found.distances[a, b] == found.distances[b, a] == pytest.approx(expected)
    assert not found.distances.diagonal().any()


def test_variants_that_are_apart_are_the_clusters():
    _, found = mapped()
    assert found.adjusted_rand == 1.0
    assert map_words(found).startswith(
        "Cut into 2 clusters, the tree gives the variants exactly (adjusted Rand index 1)."
    )
    in_order = found.variant_of[found.order]
    assert (np.diff(in_order) != 0).sum() == 1
    assert found.order.tolist() == leaves_list(found.tree).tolist()


def test_variants_that_are_alike_are_not_the_clusters():
    _, found = mapped(model=lambda a, b, depth: 0.6, noise=0.1)
    assert found.adjusted_rand < 0.5
    assert "the tree does not give the variants (adjusted Rand index" in map_words(found)


def test_silhouettes_are_those_of_their_definition():
    _, found = mapped(variants=("a", "b", "c"), seeds=4, noise=0.2)
    for variant, mean in enumerate(found.silhouettes):
        each = []
        for i in np.flatnonzero(found.variant_of == variant):
            apart = [found.distances[i, found.variant_of == v] for v in range(3)]
            inside = apart[variant].sum() / (len(apart[variant]) - 1)
            nearest = min(apart[v].mean() for v in range(3) if v != variant)
            each.append((nearest - inside) / max(nearest, inside))
        assert mean == pytest.approx(np.mean(each))


def test_points_of_a_plane_keep_their_distances():
    groups, _ = mapped(seeds=4, layers=1)
    points = np.random.default_rng(0).normal(size=(8, 2)) * 0.05
    values = 1 - cdist(points, points)[groups.first, groups.second][:, None]
    planar = replace(groups, measures=(replace(groups.overall, values=values),))
    found = network_map(planar)
    assert found.share == pytest.approx(1.0)
    np.testing.assert_allclose(cdist(found.coordinates, found.coordinates), found.distances)


def test_a_map_needs_every_two_of_four_networks():
    assert mapped(seeds=1)[1] is None
    assert mapped(seeds=2)[1] is not None
    pair = ("true labels 0", "random labels 1")
    groups, found = mapped(lost=lambda a, b: (a, b) == pair)
    assert found is None
    assert len(groups.first) == 44


def test_layers_that_some_pair_lacks_are_left_out_of_the_map():
    tables, facts = invent_groups(seeds=2, layers=["a", "b"])
    kept = (pl.col("layer") == "a") | (pl.col("group") == "true labels")
    groups = grouped(replace(tables, results=tables.results.filter(kept)), facts.variants)
    assert network_map(groups).layers == ("a",)


def test_one_network_of_each_variant_has_a_map_without_clusters():
    tables, facts = invent_groups(variants=tuple("abcdef"), seeds=1)
    found = network_map(grouped(tables, facts.variants))
    assert np.isnan(found.silhouettes).all()
    assert map_words(found).startswith("No variant has two networks")


def test_networks_in_one_place_are_drawn_without_a_map():
    _, found = mapped(noise=0.0, model=lambda a, b, depth: 0.9)
    assert np.isfinite(found.distances).all()
    with house_style():
        assert draw_distances(found).name == "network-distances"
        assert draw_scatter(found) is None


def test_colours_of_variants_can_be_told_apart():
    for amount in (2, 6, 7, 40):
        assert len(set(variant_colours(amount))) == amount


def test_a_report_of_two_hundred_networks_stays_small():
    tables, facts = invent_sweep(variants=40, seeds=5, layers=1)
    files = build_report(tables, facts)
    outline_of = outline(files["report.html"])
    own = {address for address in outline_of.addresses if not address.startswith("data:image/png")}
    assert own <= {*files, *(a for a in own if a.startswith("#"))}
    assert len(files["report.html"]) < 2_000_000
    assert max(len(content) for name, content in files.items() if name.endswith(".svg")) < 500_000
    table = (
        files["report.html"].decode().partition('aria-label="Variants"')[2].partition("</table>")[0]
    )
    assert re.findall(r"<code>(.*?)</code>", table) == list(facts.variants)
