"""What a report says of simple matches follows from their rows, and is not there without them."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from repsim.report import build_report, simple_match_sizes
from repsim.report.answer import answer
from repsim.report.conventions import conventions
from repsim.report.simple_layers import simple_layers
from repsim.report.simple_match_sizes import shares, size_bounds
from repsim.report.simple_section import MOST_PER_LAYER, MOST_ROWS, neurons, simple_section
from repsim.report.summary import summarise
from repsim.results import Tables
from tests.repsim.report.simple_rows import simple_row, structure_row, with_simple


def with_rows(tables, *simple, structure=()):
    """The study with these rows of simple matches."""
    return Tables.from_rows(
        networks=tables.networks,
        layers=tables.layers,
        results=tables.results,
        simple_matches=simple,
        structure=structure,
    )


def section(tables, facts):
    return simple_section(tables, summarise(tables, facts))


def point(tables, facts):
    points = answer(summarise(tables, facts)).points
    return next((p for p in points if "simple match" in p), None)


def test_nothing_appears_without_rows(invent):
    tables, facts = invent()
    assert section(tables, facts) is None
    assert point(tables, facts) is None
    assert "Simple matches" not in dict(conventions(tables, facts))
    files = build_report(tables, facts)
    assert b"imple match" not in files["report.html"]
    assert not [name for name in files if "simple" in name or "structure" in name]


def test_a_report_has_figure_section_and_files(invent):
    tables, facts = invent()
    files = build_report(with_simple(tables, epsilons=(0.3, 0.5)), facts)
    page = files["report.html"].decode()
    for name in ("simple_matches.parquet", "structure.csv", "figures/simple-match-sizes.svg"):
        assert f'href="{name}"' in page
        assert name in files
    assert page.index('id="figures"') < page.index('id="simple"') < page.index('id="networks"')
    assert page.index("Sizes of simple matches") < page.index('id="simple"')
    assert "<dt>Simple matches</dt>" in page


def test_equal_rows_give_equal_bytes(invent):
    tables, facts = invent(layers=2)
    once, again = (build_report(with_simple(tables), facts) for _ in range(2))
    assert once == again


def test_each_neuron_counts_with_the_size_of_its_minimal_match(invent):
    tables, _ = invent(layers=1, networks=2)
    (layer,) = simple_layers(
        with_rows(
            tables,
            simple_row(size=3, rank=1, minimal_for_x=[1, 2], minimal_for_y=[1], minimum_for_x=[2]),
            simple_row(size=8, rank=2, minimal_for_x=[5], certified=False),
        )
    )
    assert layer.neuron_sizes.tolist() == [3, 3, 3, 8]
    assert layer.match_sizes.tolist() == [3, 8]
    assert (layer.unique, layer.unique_share, layer.small, layer.uncertified) == (1, 0.25, 1, 1)
    # Without a structure row the matched neurons are those that have a minimal match.
    assert (layer.matched.tolist(), layer.found.tolist(), layer.complete) == ([4], [2], ())
    assert layer.neurons.tolist() == [128]


def test_pairs_without_a_match_count_as_none(invent):
    tables, _ = invent(layers=1)
    (layer,) = simple_layers(
        with_rows(
            tables,
            simple_row(size=3, network_b="seed-2"),
            structure=[
                structure_row(complete=True),
                structure_row(network_b="seed-2", matched=1, simple=1, complete=True),
            ],
        )
    )
    assert (layer.matched.tolist(), layer.found.tolist()) == ([0, 1], [0, 1])
    assert layer.complete == (True,)


@pytest.mark.parametrize("largest", [2, 5, 6, 10, 128, 1024, 4096])
def test_bins_cover_every_size_once_and_small_ones_have_their_own(largest):
    bounds = size_bounds(largest)
    assert bounds[-1] == largest
    assert list(bounds) == sorted(set(bounds))
    assert bounds[0] == min(5, largest)


def test_bars_are_shares_of_all_neurons_and_add_up_to_the_similarity(invent):
    tables, facts = invent(layers=3, networks=4)
    summary = summarise(with_simple(tables, epsilons=(0.3,)), facts)
    for place, layer in enumerate(summary.simple):
        bars = shares(layer, size_bounds(128))
        assert np.isclose(bars.sum(), layer.neuron_sizes.size / layer.neurons.sum())
        # The made-up simple matches leave some of the matched neurons of Y without one.
        assert bars.sum() <= summary.similarity[:, place, 3].mean() + 1e-9


def test_a_size_on_a_bound_falls_into_the_bin_that_it_ends(invent):
    tables, facts = invent(layers=["a"], networks=2)
    tables = with_simple(tables, sizes={"a": [5, 6, 10, 11, 128]})
    (layer,) = summarise(tables, facts).simple
    np.testing.assert_allclose(shares(layer, size_bounds(128)) * 128, [1, 2, 1, 0, 0, 1])


def test_the_figure_says_what_it_shows(invent):
    tables, facts = invent(layers=["a", "b", "c"], networks=2)
    sizes = {"a": [2, 4, 9], "b": [30, 40, 50, 61]}
    drawing = simple_match_sizes.draw(summarise(with_simple(tables, sizes=sizes), facts))
    assert drawing.finding == (
        "At ε = 0.3 the median size of the minimal matches of a layer runs from 4 neurons at `a` "
        "to 45 neurons at `b`; 2 of 7 simple matches (28.6 %) hold at most 5 neurons."
    )
    assert [axes.get_title(loc="left") for axes in drawing.figure.axes] == ["a", "b", "c"]
    assert [text.get_text() for text in drawing.figure.axes[2].texts] == ["no match"]


def test_the_figure_marks_what_a_narrow_layer_cannot_reach(invent):
    tables, facts = invent(layers=["narrow", "wide"], networks=2)
    width = pl.when(pl.col("layer") == "narrow").then(8).otherwise(64)
    narrowed = replace(tables, results=tables.results.with_columns(neurons_x=width))
    drawing = simple_match_sizes.draw(summarise(with_simple(narrowed, sizes={"wide": [9]}), facts))
    assert "Grey: sizes that the layer cannot have." in drawing.reading
    drawing = simple_match_sizes.draw(summarise(with_simple(tables, sizes={"wide": [9]}), facts))
    assert "Grey" not in drawing.reading


def test_an_epsilon_without_a_match_is_named_beside_the_figure(invent):
    tables, facts = invent(layers=["a"], networks=2, levels=[0.25])
    summary = summarise(with_simple(tables, epsilons=(0.2, 0.3)), facts)
    drawing = simple_match_sizes.draw(summary)
    assert drawing.reading.endswith("No layer has a match at ε = 0.2.")
    assert [text.get_text() for text in drawing.figure.legends[0].get_texts()] == ["ε = 0.3"]


def test_layers_without_any_match_have_a_table_but_no_figure(invent):
    tables, facts = invent(layers=["a"], networks=2, levels=[0.9])
    tables = with_simple(tables, epsilons=(0.2, 0.3))
    assert simple_match_sizes.draw(summarise(tables, facts)) is None
    assert point(tables, facts) is None
    found = section(tables, facts)
    assert [(layer.layer, layer.without, layer.rows) for layer in found.layers] == [
        ("a", "0.2, 0.3", ())
    ]
    assert (found.listings, found.certainties) == ((), ())


def test_small_matches_are_told_by_the_neurons_that_need_them_too(invent):
    # Two of three simple matches are small, but seven of nine neurons need the large one.
    tables, facts = invent(layers=["a"], networks=2)
    small = [simple_row(size=2, rank=rank, layer="a", minimal_for_x=[rank]) for rank in (1, 2)]
    large = simple_row(size=40, rank=3, layer="a", minimal_for_x=list(range(3, 10)))
    said = point(with_rows(tables, *small, large), facts)
    assert "2 of 3 simple matches (66.7 %) hold at most 5 neurons. 22.2 % of the matched" in said
    assert "the median size is 40 neurons" in said


def test_layers_of_one_median_are_all_named(invent):
    tables, facts = invent(layers=["a", "b", "c", "d"], networks=2)
    sizes = {"a": [4], "b": [4], "c": [9], "d": [9]}
    drawing = simple_match_sizes.draw(summarise(with_simple(tables, sizes=sizes), facts))
    assert "runs from 4 neurons at `a` and `b` to 9 neurons at `c` and `d`;" in drawing.finding


def test_the_answer_states_median_share_and_uniqueness(invent):
    tables, facts = invent(layers=["a"], networks=2)
    said = point(with_simple(tables, sizes={"a": [9, 11, 12, 14]}), facts)
    assert said == (
        "At ε = 0.3, over all pairs and the 1 layer with a match, none of 4 simple matches holds "
        "at most 5 neurons. None of the matched neurons has a minimal match as small; the median "
        "size is 11.5 neurons. None of the matched neurons has a unique minimum match; where "
        "there is none, other visiting orders may find other simple matches."
    )
    place = {"layer": "a", "minimum_for_x": [1]}
    unique = with_rows(tables, simple_row(size=4, **place))
    said = point(unique, facts)
    assert "1 of 1 simple match holds at most 5 neurons. 100.0 % of the matched" in said
    assert "Every matched neuron has a unique minimum match." in said
    partly = with_rows(tables, simple_row(size=4, **place, minimal_for_y=[1, 2, 3]))
    assert ". 25.0 % of the matched neurons have a unique" in point(partly, facts)


def test_the_answer_takes_the_epsilon_nearest_to_the_paper_s_that_has_a_match(invent):
    tables, facts = invent(layers=["a"], networks=2, levels=[0.45])
    assert point(with_simple(tables, epsilons=(0.3, 0.5)), facts).startswith("At ε = 0.5,")


def test_the_table_has_sizes_uniqueness_and_certificates(invent):
    tables, facts = invent(layers=["a"], networks=2)
    place = {"layer": "a"}
    tables = with_rows(
        tables,
        simple_row(size=3, rank=1, **place, minimum_for_x=[1]),
        simple_row(size=8, rank=2, **place, certified=False),
        structure=[structure_row(**place, matched=2, simple=2)],
    )
    (layer,) = section(tables, facts).layers
    (row,) = layer.rows
    assert (row.epsilon, row.matched, row.found) == ("0.3", ("2", ""), ("2", ""))
    assert (row.smallest, row.median, row.largest) == ("3", "5.5", "8")
    assert (row.unique, row.certified, row.one_way) == ("50.0 %", "all but 1", "no")


def test_the_table_gives_the_spread_over_pairs(invent):
    tables, facts = invent(layers=["a"])
    pairs = [("seed-0", "seed-1"), ("seed-0", "seed-2"), ("seed-1", "seed-2")]
    simple, structure = [], []
    for amount, (a, b) in enumerate(pairs, start=1):
        place = {"network_a": a, "network_b": b, "layer": "a"}
        simple += [simple_row(size=4, rank=rank + 1, **place) for rank in range(amount)]
        structure.append(
            structure_row(matched=amount, simple=amount, complete=amount == 1, **place)
        )
    (layer,) = section(with_rows(tables, *simple, structure=structure), facts).layers
    (row,) = layer.rows
    assert (row.matched, row.certified, row.one_way) == (("2", "1–3"), "yes", "1 of 3 pairs")


def test_the_listing_names_neurons_members_and_uniqueness(invent):
    tables, facts = invent(layers=["a"], networks=2)
    tables = with_rows(
        tables,
        simple_row(
            size=4,
            layer="a",
            members_x=[3, 7],
            members_y=[1, 4],
            minimal_for_x=[3],
            minimal_for_y=[4],
            minimum_for_y=[4],
        ),
        simple_row(size=2, rank=2, layer="a", minimum_for_x=[2]),
        simple_row(size=30, rank=3, layer="a", certified=False),
    )
    (listing,) = section(tables, facts).listings
    assert (listing.layer, listing.epsilon, listing.total) == ("a", "0.3", 3)
    shown = [(m.size, m.minimal_for, m.members, m.unique) for m in listing.matches]
    assert shown[:2] == [
        ("2", "x2", "x2 | y2", "yes"),
        ("4", "x3 y4", "x3 x7 | y1 y4", "for y4"),
    ]
    assert shown[2][2].startswith("x3 x4 x5 x6 x7 x8 x9 x10 +\u00a07\u00a0more | y3 ")
    assert shown[2][3] == "no, not certified"


def test_long_lists_of_neurons_are_cut_and_counted():
    assert neurons("x", range(3), most=3) == "x0 x1 x2"
    assert neurons("x", range(2000), most=1) == "x0 +\u00a01,999\u00a0more"


def test_the_listing_is_cut_on_the_page_but_not_in_the_table(invent):
    names = [f"relu{i}" for i in range(100)]
    tables, facts = invent(layers=names, networks=2, neurons=8, epochs=1)
    tables = with_simple(tables, sizes=dict.fromkeys(names, range(2, 22)))
    listings = section(tables, facts).listings
    assert {len(listing.matches) for listing in listings} == {MOST_ROWS // 100}
    assert {listing.total for listing in listings} == {20}
    few = with_simple(invent(layers=names[:1], networks=2)[0], sizes={"relu0": range(2, 22)})
    (listing,) = section(few, facts).listings
    assert len(listing.matches) == MOST_PER_LAYER


def test_structure_is_told_by_the_pair_nearest_to_the_conditions(invent):
    tables, facts = invent(layers=["a"])
    place = {"layer": "a", "matched": 4, "simple": 1}
    tables = with_rows(
        tables,
        structure=[
            structure_row(**place, gap_most=1.5, words="The first."),
            structure_row(**place, network_b="seed-2", gap_most=9.0, words="The second."),
            structure_row(
                **place, network_a="seed-1", network_b="seed-2", gap_needed=None, words="The third."
            ),
        ],
    )
    (((name, (certainty,)),),) = (section(tables, facts).certainties,)
    assert (name, certainty.words) == ("a", "The second.")
    assert certainty.pairs == "`seed-0` and `seed-2`; refuted for all 3 pairs that match."


def test_structure_of_one_pair_needs_no_names_and_is_folded_when_long(invent):
    tables, facts = invent(layers=["a"], networks=2)
    found = section(with_simple(tables, sizes={"a": [4]}), facts)
    assert found.certainties[0][1][0].pairs == ""
    assert found.certainties_open
    names = [f"relu{i}" for i in range(9)]
    tables, facts = invent(layers=names, networks=2)
    assert not section(
        with_simple(tables, sizes=dict.fromkeys(names, (4,))), facts
    ).certainties_open


def test_epsilons_of_simple_matches_have_colours_of_their_own(invent):
    tables, facts = invent(layers=["a", "b"], levels=[0.1, 0.1], epsilons=(0.2, 0.5))
    tables = with_simple(tables, epsilons=(0.3,))
    summary = summarise(tables, facts)
    assert (summary.epsilons, summary.tolerances) == ((0.2, 0.5), (0.2, 0.3, 0.5))
    page = build_report(tables, facts)["report.html"].decode()
    for place in range(3):
        assert f"--epsilon-{place}: #" in page
        assert f"var(--epsilon-{place})" in page
    assert "--epsilon-3" not in page


def test_hostile_names_and_words_stay_text(invent):
    hostile = "<script>alert('x')</script>"
    tables, facts = invent(layers=[hostile, "</svg>&$x$`b`"], networks=2)
    tables = with_simple(tables)
    worded = tables.structure.with_columns(words=pl.lit(hostile))
    files = build_report(replace(tables, structure=worded), facts)
    assert b"<script" not in files["report.html"]
    assert files["report.html"].count(b"&lt;script&gt;alert(&#39;x&#39;)") > 6
    ET.fromstring(files["figures/simple-match-sizes.svg"])


@pytest.mark.parametrize(("layers", "networks"), [(1, 2), (5, 3), (16, 2)])
def test_a_section_of_any_size_is_built(invent, layers, networks):
    tables, facts = invent(layers=layers, networks=networks, neurons=16, epochs=1)
    files = build_report(with_simple(tables, epsilons=(0.3, 0.5)), facts)
    ET.fromstring(files["figures/simple-match-sizes.svg"])
    assert files["report.html"].count(b'<th class="text" scope="rowgroup" rowspan=') == layers


def test_fifty_layers_have_a_panel_each(invent):
    tables, facts = invent(layers=50, networks=2, neurons=16, epochs=1)
    drawing = simple_match_sizes.draw(summarise(with_simple(tables), facts))
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    assert titles == [f"relu{i + 1}" for i in range(50)]
    assert len({axes.get_ylim() for axes in drawing.figure.axes}) == 1
