"""The files of a report: complete, valid, repeatable, self-contained and safe."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from repsim.report import build_report
from repsim.results import Tables

FIGURES = ("similarity-by-depth", "tolerance-map", "match-curves", "training-curves")
# Elements that HTML closes by itself.
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """Checks that elements nest, and keeps every address, id and visible text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.ids, self.texts = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "xlink:href", "srcset", "data", "action"}:
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def outline(page: bytes) -> Outline:
    parser = Outline()
    parser.feed(page.decode())
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def files(invent):
    return build_report(*invent())


def test_a_report_has_page_figures_tables_and_study(files):
    assert {"report.html", "study.toml", "results.parquet", "results.csv"} <= set(files)
    assert {f"figures/{name}.{end}" for name in FIGURES for end in ("svg", "png")} <= set(files)


def test_equal_tables_give_equal_bytes(invent, files):
    again = build_report(*invent())
    assert {name for name in files if files[name] != again[name]} == set()


def test_figures_are_valid_and_fit_for_print(files):
    for name in FIGURES:
        root = ET.fromstring(files[f"figures/{name}.svg"])
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert b"<dc:date>" not in files[f"figures/{name}.svg"]
        with Image.open(io.BytesIO(files[f"figures/{name}.png"])) as picture:
            picture.verify()
            assert picture.format == "PNG"
            assert picture.width >= 900


def test_the_page_needs_nothing_but_its_own_folder(files):
    page = outline(files["report.html"])
    assert not {"script", "link", "iframe", "object", "img", "base"} & set(page.tags)
    for address in page.addresses:
        assert address.startswith("#") or address in files
    assert not re.search(rb"https?:|@import|url\((?!#)", files["report.html"])


def test_ids_are_unique_and_every_reference_meets_one(files):
    page = outline(files["report.html"])
    assert len(page.ids) == len(set(page.ids))
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", files["report.html"].decode())) <= set(page.ids)


def test_every_figure_has_a_name_for_screen_readers(files):
    labels = re.findall(r'<svg role="img" aria-label="([^"]+)"', files["report.html"].decode())
    assert len(labels) == len(FIGURES)
    assert labels[0].startswith("Similarity against depth. From ε = 0.15 to ε = 0.5 the mean")


def test_hostile_names_stay_text(invent):
    hostile = "<script>alert('x')</script>"
    tables, facts = invent(layers=[hostile, '</svg>"&$x$`b`', "ok"], name=hostile)
    facts = replace(
        facts,
        description=hostile,
        study_toml=hostile,
        missing=(hostile,),
        conventions=((hostile, hostile),),
        versions={hostile: hostile},
    )
    files = build_report(tables, facts)
    page = outline(files["report.html"])
    assert "script" not in page.tags
    assert page.tags.count("svg") == len(FIGURES)
    assert any(hostile in text for text in page.texts)
    root = ET.fromstring(files["figures/similarity-by-depth.svg"])
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert '</svg>"&$x$`b`' in texts


def test_names_in_any_script_can_be_drawn(invent):
    files = build_report(*invent(layers=["层一", "слой", "טבלה"]))
    assert "层一" in files["report.html"].decode()


@pytest.mark.parametrize(
    "study",
    [
        {"networks": 2},
        {"networks": 2, "layers": 1, "epsilons": (0.3,), "epochs": 1},
        {"layers": 1},
        {"layers": 2, "dead": 64},
        {"layers": 60, "networks": 2, "neurons": 8},
        {"networks": 21, "layers": 2, "neurons": 8},
        {"epsilons": [i / 40 for i in range(40)], "layers": 3},
    ],
    ids=lambda study: " ".join(str(key) for key in study),
)
def test_a_report_of_any_size_is_built(invent, study):
    files = build_report(*invent(**study))
    outline(files["report.html"])
    for name, content in files.items():
        if name.endswith(".svg"):
            ET.fromstring(content)


def test_a_study_with_no_results_says_so(invent):
    tables, facts = invent(networks=2, failed=["seed-0", "seed-1"])
    files = build_report(tables, facts)
    page = " ".join(outline(files["report.html"]).texts)
    assert "No layers of a pair of networks were compared" in page
    assert "the loss was not finite" in page
    assert not [name for name in files if name.startswith("figures/")]


def test_a_report_without_critical_epsilons_leaves_their_figures_out(invent):
    tables, facts = invent()
    without = Tables.from_rows(
        networks=tables.networks, layers=tables.layers, results=tables.results
    )
    figures = {name for name in build_report(without, facts) if name.endswith(".svg")}
    assert figures == {"figures/similarity-by-depth.svg"}


def test_many_pairs_are_cut_on_the_page_but_not_in_the_table(invent):
    tables, facts = invent(networks=12, layers=20, neurons=8, epochs=1)
    files = build_report(tables, facts)
    page = files["report.html"].decode()
    assert "the first 30 of 66" in page
    assert 'All 66 pairs stand in <a href="results.parquet">' in page
    assert page.count('<tr class="pair">') == 30
    assert tables.results.select("network_a", "network_b").n_unique() == 66
