"""What a graph says is missing, and how long what is temporary is kept."""

from dataclasses import replace
from itertools import permutations

import pytest

from repsim.graph import Graph, Node, Product, Worker, run_batch, run_node
from repsim.store import Artifact, Store
from tests.repsim.graph.made_up import folder, labels, node, publish

NODES = [
    node("net1", where="train", result=True),
    node("acts1", "net1", where="train"),
    node("part1", "acts1", temporary=True),
    node("part2", "acts1", temporary=True),
    node("sum1", "part1", "part2"),
    node("rows1", "sum1", result=True),
    node("other1", "acts1", result=True),
]


def existing(*names: str) -> set[str]:
    return set(map(folder, names))


def test_of_nothing_everything_is_missing_each_after_what_it_needs() -> None:
    missing = Graph(NODES).missing(())
    assert sorted(labels(missing)) == sorted(labels(NODES))
    made: set[str] = set()
    for one in missing:
        assert made.issuperset(one.needs)
        made.update(one.folders)


def test_of_what_is_complete_nothing_is_missing_though_all_between_is_gone() -> None:
    assert Graph(NODES).missing(existing("net1", "rows1", "other1")) == []


def test_only_what_something_missing_needs_is_made() -> None:
    graph = Graph(NODES)
    assert labels(graph.missing(existing("net1", "sum1", "other1"))) == ["rows1"]
    assert labels(graph.missing(existing("net1", "acts1", "sum1", "rows1"))) == ["other1"]
    missing = labels(graph.missing(existing("net1", "acts1", "part2", "other1")))
    assert missing == ["part1", "sum1", "rows1"]


def test_targets_are_made_with_what_they_need_and_nothing_else() -> None:
    graph = Graph(NODES)
    assert labels(graph.missing((), [folder("acts1")])) == ["net1", "acts1"]
    assert labels(graph.missing(existing("acts1"), [folder("other1")])) == ["other1"]
    assert graph.missing(existing("rows1"), [folder("rows1")]) == []
    assert graph.missing((), ()) == []


def test_of_a_node_only_what_is_wanted_is_made() -> None:
    both = tuple(Product(folder=folder(name), label=name, result=True) for name in ("a1", "b1"))
    graph = Graph([replace(node("a1"), makes=both)])
    (whole,) = graph.missing(())
    (half,) = graph.missing(existing("a1"))
    assert [product.label for product in whole.makes] == ["a1", "b1"]
    assert [product.label for product in half.makes] == ["b1"]


def test_kinds_stand_in_the_order_in_which_they_are_made_and_without_temporary_ones() -> None:
    assert Graph(NODES).kinds == ("net", "acts", "sum", "other", "rows")


def test_parts_are_the_temporary_ones_that_a_lasting_one_is_made_of() -> None:
    chained = [*NODES, node("drawn1", "part1", temporary=True), node("means1", "drawn1")]
    assert Graph(chained).parts == {
        folder("sum1"): (folder("part1"), folder("part2")),
        folder("means1"): (folder("drawn1"),),
    }


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "runs"))


def there(store: Store, names: list[str]) -> list[str]:
    return [name for name in names if Artifact.at(store, folder(name)).exists()]


TEMPORARY = ["part1", "part2"]


def test_temporary_ones_are_removed_when_all_that_needs_them_exists(store) -> None:
    missing = {one.label: one for one in Graph(NODES).missing(())}
    worker = Worker()
    for name in ("net1", "acts1", "part1", "part2"):
        run_node(store, missing[name], worker)
    assert there(store, TEMPORARY) == TEMPORARY
    run_node(store, missing["sum1"], worker)
    assert there(store, TEMPORARY) == []
    # Asked once more, as an engine may, it makes none of them again.
    for name in (*TEMPORARY, "sum1"):
        run_node(store, missing[name], worker)
    assert there(store, TEMPORARY) == []


# Two pairs of one tile, as moments and resamples are made: by a node that makes two things of
# which one is temporary, too.
def _pairs() -> list[Node]:
    def both(number: int) -> Node:
        made = node(f"sum{number}", "part1")
        drawn = Product(folder=folder(f"drawn{number}"), label="", temporary=True)
        return replace(made, makes=(*made.makes, drawn), make=_Both(number))

    return [
        node("part1", temporary=True),
        *(both(number) for number in (1, 2)),
        *(node(f"means{i}", f"drawn{i}", result=True) for i in (1, 2)),
        *(node(f"rows{i}", f"sum{i}", f"means{i}", result=True) for i in (1, 2)),
    ]


class _Both:
    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, store: Store, wanted: set[str], worker: Worker) -> None:
        for name in (f"drawn{self._number}", f"sum{self._number}"):
            if folder(name) in wanted:
                publish(store, name)


LATER = ["sum1", "means1", "rows1", "sum2", "means2", "rows2"]
ORDERS = [
    order
    for order in permutations(LATER)
    if all(
        order.index(f"sum{i}") < order.index(f"means{i}") < order.index(f"rows{i}") for i in "12"
    )
]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_what_is_temporary_twice_over_is_gone_in_the_end_whatever_the_order(store, order) -> None:
    missing = {one.label: one for one in Graph(_pairs()).missing(())}
    for name in ("part1", *order):
        run_node(store, missing[name], Worker())
        sums = there(store, ["sum1", "sum2"])
        assert there(store, ["part1"]) == ([] if len(sums) == 2 else ["part1"])
    assert there(store, ["part1", "drawn1", "drawn2"]) == []
    assert there(store, LATER) == LATER


def test_what_is_temporary_is_made_again_for_what_is_missing(store) -> None:
    graph = Graph(_pairs())
    run_batch(store, graph.missing(()), (), Worker())
    Artifact.at(store, folder("means1")).discard()
    found = {f for f in graph.products if Artifact.at(store, f).exists()}
    again = graph.missing(found)
    assert labels(again) == ["part1", "sum1", "means1"]
    assert not run_batch(store, again, (), Worker())
    assert there(store, ["part1", "drawn1"]) == []
    assert there(store, LATER) == LATER
