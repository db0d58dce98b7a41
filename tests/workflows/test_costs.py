"""What a study takes: counted by hand, and from it the time."""

from collections import Counter

import pytest

from repsim.store import Store
from repsim.study import parse_study
from workflows.costs import Machines, Rates, WorkCost, costs_of, seconds_of
from workflows.plan import plan_study
from workflows.state import survey_study

NETWORK = WorkCost(name="train", where="train", tasks=3, operations=3 * 10**15)
SHARED = WorkCost(name="match", tasks=1000, operations=10**12)
RATES = Rates(gpu=1e12, core=1e9, read=1e6, images=100.0, task=0.01)


@pytest.fixture
def costs_in(tiny_study, tmp_path):
    """Costs of the tiny study with overrides, in a store by its name."""

    def costs(*overrides, store="empty"):
        plan = plan_study(parse_study(tiny_study, overrides))
        survey = survey_study(plan, Store(str(tmp_path / store)))
        return plan, {cost.name: cost for cost in costs_of(survey)}

    return costs


def test_tasks_are_the_nodes_that_will_run(costs_in) -> None:
    plan, costs = costs_in("across.examples=16", "matching.minimal_at=[0.5]", "seeds=[0,1,2,3,4]")
    nodes = plan.graph.missing(())
    assert {name: cost.tasks for name, cost in costs.items()} == Counter(n.task for n in nodes)
    pairs, layers = 10, 2
    assert {name: cost.tasks for name, cost in costs.items() if name != "reduce"} == {
        "train": 5,
        "capture": 5,
        "examples": 5 * layers,
        **dict.fromkeys(("moments", "profile", "replicates", "match"), pairs * layers),
        "simple": 2 * pairs * layers,
        "across": 5 + pairs,
    }
    assert costs["reduce"].tasks == sum(len(tile.example_ranges) for tile in plan.tiles)


def test_training_is_three_ways_for_each_image_and_one_for_each_of_the_test_split(costs_in) -> None:
    plan, costs = costs_in()
    forward, epochs = plan.networks[0].size.operations, plan.study.training.epochs
    assert forward > 0
    assert costs["train"].operations == 3 * epochs * forward * (3 * 60 + 40)
    assert costs["capture"].operations == 3 * forward * plan.layers["seed 0"][0].examples


def test_images_count_where_they_are_decoded(costs_in) -> None:
    assert costs_in()[1]["train"].images == 0
    _, costs = costs_in(
        'data={ name = "tests.benchmarks.imagenet:sizes", train = 3000, test = 1000 }',
        'model={ name = "torchvision.alexnet" }',
        "training.epochs=2",
        'capture.layers=["classifier.5"]',
    )
    assert costs["train"].images == 3 * 2 * 4000


def test_one_tile_is_read_once_for_all_its_pairs(costs_in) -> None:
    plan, costs = costs_in()
    assert len(plan.comparisons) == 6
    activations = sum(layer.bytes for group in plan.layers.values() for layer in group)
    assert costs["reduce"].read == costs["capture"].written == activations


def test_what_is_there_costs_nothing(made) -> None:
    assert costs_of(survey_study(made.plan, made.store)) == []
    assert seconds_of(WorkCost(name="match"), Machines(gpus=0, cores=1), Rates()) == 0


@pytest.mark.parametrize(
    ("gpus", "seconds"),
    [(1, 3000), (2, 2000), (3, 1000), (5, 1000), (6, 500)],
    ids="{0} GPUs".format,
)
def test_networks_share_gpus_out_evenly(gpus: int, seconds: float) -> None:
    assert seconds_of(NETWORK, Machines(gpus=gpus, cores=8), RATES) == seconds


def test_cores_that_decode_may_be_what_is_waited_for() -> None:
    cost = WorkCost(name="train", where="train", tasks=1, images=10**6, operations=1)
    assert seconds_of(cost, Machines(gpus=8, cores=4), RATES) == 10**6 / 400


def test_comparisons_are_shared_out_among_cores_and_never_cut() -> None:
    assert seconds_of(SHARED, Machines(gpus=8, cores=2), RATES) == 505
    one = WorkCost(name="match", tasks=1, operations=10**9, read=10**6)
    assert seconds_of(one, Machines(gpus=0, cores=64), RATES) == 2.01
