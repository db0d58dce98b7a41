"""Variants and sweeps: which networks a study has, and which of them are compared."""

import pytest

from repsim.errors import StudyError
from repsim.stages.report import study_toml
from repsim.study import parse_study

BASE = """
name = "s"
seeds = [0, 1]
{more}
[data]
name = "digits"
size = 16
[model]
name = "small_cnn"
[training]
epochs = 8
milestones = [3, 6]
{tables}
"""

TWO = """
[variants.true]
[variants.random]
data.size = 8
training.epochs = 20
"""


def study(tables, *overrides, more=""):
    return parse_study(BASE.format(more=more, tables=tables), overrides, where="s.toml")


def message(tables, *overrides, more=""):
    with pytest.raises(StudyError) as caught:
        study(tables, *overrides, more=more)
    return str(caught.value)


def pairs(tables, *overrides):
    return [(a.label, b.label) for a, b in study(tables, *overrides).network_pairs]


def test_a_study_without_variants_has_one_network_for_each_seed():
    plain = study("")
    assert [network.label for network in plain.networks] == ["seed 0", "seed 1"]
    assert {network.variant for network in plain.networks} == {""}
    assert plain.networks[0].training == plain.training


def test_a_variant_changes_what_it_names_and_nothing_else():
    true, _, random, _ = study(TWO).networks
    assert (true.label, random.label) == ("true seed 0", "random seed 0")
    assert true.data.options == {"size": 16}
    assert random.data.options == {"size": 8}
    assert true.training.milestones == (3, 6)
    assert random.training.epochs == 20
    assert random.training.milestones_applied == (10, 15)  # in proportion to its epochs
    assert random.model == true.model


def test_a_variant_may_train_for_steps_where_the_study_has_epochs():
    one, other = study("[variants.a]\n[variants.b]\ntraining.steps = 40").networks[::2]
    assert (one.training.length, one.training.unit) == (one.training.epochs, "epoch")
    assert (other.training.epochs, other.training.milestones_applied) == (None, (20, 30))


def test_another_data_set_or_model_starts_without_the_options_of_the_study():
    other = study("[variants.other]\ndata.name = 'synthetic'\n[variants.same]\ndata.name='digits'")
    assert other.networks[0].data.options == {}
    assert other.networks[2].data.options == {"size": 16}


def test_a_variant_may_have_seeds_of_its_own():
    found = study("[variants.a]\nseeds = [5]\n[variants.b]\nmodel.width = 2")
    assert [n.label for n in found.networks] == ["a seed 5", "b seed 0", "b seed 1"]


@pytest.mark.parametrize(
    "sweep",
    [
        '[sweep]\n"training.learning_rate" = [0.1, 0.05]\n"model.width" = [1, 2]',
        "[sweep]\ntraining.learning_rate = [0.1, 0.05]\nmodel.width = [1, 2]",
    ],
)
def test_a_sweep_is_the_product_of_its_lists(sweep):
    swept = study(sweep)
    assert [one.name for one in swept.variations] == [
        f"learning_rate={rate} width={width}" for rate in (0.1, 0.05) for width in (1, 2)
    ]
    last = swept.networks[-1]
    assert (last.training.learning_rate, last.model.options) == (0.05, {"width": 2})
    assert swept.variations[-1].swept == {"training.learning_rate": 0.05, "model.width": 2}


def test_every_variant_is_trained_with_every_value_of_the_sweep():
    names = [one.name for one in study(TWO + "[sweep]\nmodel.width = [1, 2]").variations]
    assert names == ["true width=1", "true width=2", "random width=1", "random width=2"]


def test_keys_that_end_alike_are_named_whole():
    names = [one.name for one in study("[sweep]\ndata.size=[8]\nmodel.size=[1, 2]").variations]
    assert names == ["data.size=8 model.size=1", "data.size=8 model.size=2"]


def test_pairs_are_chosen_by_kind():
    within = [("true seed 0", "true seed 1"), ("random seed 0", "random seed 1")]
    same = [("true seed 0", "random seed 0"), ("true seed 1", "random seed 1")]
    crossed = [("true seed 0", "random seed 1"), ("true seed 1", "random seed 0")]
    assert pairs(TWO, "pairs=within") == within
    assert pairs(TWO, "pairs=same seed") == same
    assert set(pairs(TWO, "pairs=between")) == {*same, *crossed}
    assert set(pairs(TWO, "pairs=['within','same seed']")) == {*within, *same}
    assert set(pairs(TWO)) == {*within, *same, *crossed}


@pytest.mark.parametrize(
    "kinds", ["'all'", "'within'", "'between'", "'same seed'", "['within','same seed']"]
)
def test_pairs_are_counted_without_listing_them(kinds):
    uneven = TWO + "[variants.more]\nseeds = [1, 2, 3]\nmodel.width = 3"
    one = study(uneven, f"pairs={kinds}")
    assert one.pair_count == len(one.network_pairs) > 0


def test_a_variant_in_a_pair_stands_for_all_its_networks():
    assert len(pairs(TWO, "pairs=[['true','random']]")) == 4
    assert pairs(TWO, "pairs=[['true','true']]") == [("true seed 0", "true seed 1")]
    assert pairs(TWO, "pairs=[['random seed 1','true seed 0']]") == [
        ("random seed 1", "true seed 0")
    ]
    swept = pairs(TWO + "[sweep]\nmodel.width = [1, 2]", "pairs=[['true width=1','random']]")
    assert len(swept) == 8
    assert pairs("", "pairs=[['seed 0',1]]") == [("seed 0", "seed 1")]


def test_the_command_line_reaches_into_a_variant_and_the_sweep():
    assert study(TWO, "variants.true.training.epochs=3").networks[0].training.epochs == 3
    quoted = '[sweep]\n"model.width" = [1, 2]'
    assert [o.name for o in study(quoted, "sweep.model.width=[3,4]").variations] == [
        "width=3",
        "width=4",
    ]
    assert "Did you mean 'true'?" in message(TWO, "variants.ture.training.epochs=3")


def test_a_study_is_read_as_it_is_written_down():
    one = study(TWO + '[sweep]\n"model.width" = [1, 2]', more="pairs = ['within', 'same seed']")
    again = parse_study(study_toml(one))
    assert again == one
    assert again.networks == one.networks


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("[variants.a]\ntraining.epoch = 3", "option of variants.a.training. Got 'epoch'. Did you"),
        ("[variants.a]\ntraning.epochs = 3", "Got 'variants.a.traning'. Did you mean"),
        ("[variants.a]\ntraining.epochs = -1", "'epochs' of variants.a.training: greater than or"),
        ("[variants.'a b']\nmodel.width = 2", "names of variants of at most 50 letters"),
        ("[variants.a]\n[variants.b]", "Got a seed 0 and b seed 0, which have the same seed, data"),
        ("[variants.a]\nseeds = []", "Expected a valid option 'variants.a.seeds'"),
        ("[variants.a]\nseeds = [1, 1]", "Expected each seed once. Got 1 more than once"),
        ("[sweep]\nwidth = [1, 2]", "Expected keys of data, model or training in the sweep"),
        ("[sweep]\ncapture.positions = [1, 2]", "Got 'capture.positions'"),
        ("[sweep]\ntraining.snapshots = [[1], [2]]", "Got training.snapshots, which changes none"),
        ("[sweep]\nmodel.width = []", "Expected at least one value of model.width in the sweep"),
        ("[sweep]\nmodel.width = [1, 1]", "each once. Got [1, 1]"),
        ("[sweep]\nmodel.width = 3", "Expected a valid option 'sweep"),
        ('[sweep]\n"model.width" = [1]\nmodel.width = [2]', "Got model.width twice"),
        ("[sweep]\ntraining.epoch = [1, 2]", "option of training. Got 'epoch'. Did you mean"),
        (
            "[variants.a]\nmodel.width = 1\n[sweep]\nmodel.width = [1, 2]",
            "Expected model.width in the sweep or in variants.a. Got both",
        ),
        (
            f"[sweep]\nmodel.width = {list(range(101))}\ntraining.epochs = {list(range(1, 101))}",
            "Expected at most 10,000 combinations",
        ),
    ],
)
def test_a_mistake_in_a_variant_is_named_with_its_place(tables, said):
    assert said in message(tables)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("pairs=[['true','rand']]", "Expected pairs of variants (true, random) or networks (true"),
        ("pairs=[['true','true seed 0']]", "Expected two different networks in a pair"),
        ("pairs=[['true','random'],['true seed 0','random seed 0']]", "and each pair once"),
        ("pairs=['within',[0,1]]", "Expected kinds of pairs, or pairs of names. Got both"),
        ("pairs=['witin']", "'none', 'over training' or 'same snapshot'"),
    ],
)
def test_a_pair_that_cannot_be_is_refused(chosen, said):
    assert said in message(TWO, chosen)


def test_kinds_of_which_there_is_no_pair_are_refused():
    assert "Expected at least one pair of networks. Got none" in message("", "pairs=between")
