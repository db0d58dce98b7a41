"""Reading a study file: defaults, overrides, and one clear message for each mistake."""

import re

import pytest

from repsim.errors import StudyError
from repsim.study import Seed, load_study, parse_study

MINIMAL = """
name = "s"
seeds = [0, 1]
[data]
name = "digits"
[model]
name = "small_cnn"
"""


def study(*overrides, text=MINIMAL):
    return parse_study(text, overrides, where="s.toml")


def message(*overrides, text=MINIMAL):
    with pytest.raises(StudyError) as caught:
        study(*overrides, text=text)
    assert caught.value.exit_code == 2
    return str(caught.value).replace("s.toml with --set", "s.toml")


def test_the_defaults_are_the_protocol_of_the_paper():
    training = study().training
    assert (training.optimiser, training.momentum, training.weight_decay) == ("sgd", 0.9, 5e-4)
    assert (training.epochs, training.batch_size, training.learning_rate) == (160, 128, 0.1)
    assert (training.milestones_applied, training.decay) == ((80, 120), 0.1)
    assert study().capture.layers == ("type:ReLU",)
    assert study().capture.split == "test"
    assert study().matching.epsilons == (0.15, 0.2, 0.25, 0.3, 0.5)
    assert not study().matching.centred
    assert study().measures == ()


def test_everything_that_may_stand_in_a_file_is_read(tiny_study):
    text = tiny_study + '\n[[measures]]\nname = "other"\nrank = 3\n'
    tiny = study('pairs=[[0,1],["2",0]]', "seeds=[0,1,{initialisation=2,order=2,augmentation=2}]")
    assert [(a.label, b.label) for a, b in tiny.network_pairs] == [
        ("seed 0", "seed 1"),
        ("seed 2", "seed 0"),
    ]
    assert study(text=text).measures[1].options == {"rank": 3}
    assert study(text=text).model.options == {"width": 0.2}


@pytest.mark.parametrize(
    ("override", "lines"),
    [
        (
            "traning.epochs=3",
            ["Expected a known option of s.toml. Got 'traning'. Did you mean 'training'? Known: "],
        ),
        (
            "training.epoch=3",
            ["Got 'training.epoch'. Did you mean 'training.epochs'? Known: training.augment, "],
        ),
        ("capture.example=3", ["Got 'capture.example'. Did you mean 'capture.examples'?"]),
        ("matching.epsilon=[0.1]", ["Did you mean 'matching.epsilons'?"]),
        (
            "seeds=[0,{initialisation=0,order=1,augmentation=2,ordr=1}]",
            ["Got 'seeds[1].ordr'. Did you mean 'seeds[1].order'?"],
        ),
        ("training.epochs='3'", ["'training.epochs' of s.toml: a valid integer. Got '3'."]),
        ("training.epochs=2.5", ["'training.epochs' of s.toml: a valid integer. Got 2.5."]),
        (
            "training.epochs=-1",
            ["'training.epochs' of s.toml: greater than or equal to 0. Got -1."],
        ),
        ("training.learning_rate=inf", ["'training.learning_rate' of s.toml: a finite number."]),
        ("matching.centred=1", ["'matching.centred' of s.toml: a valid boolean. Got 1."]),
        ("training.optimiser=sdg", ["of s.toml: 'sgd', 'adam' or 'adamw'. Got 'sdg'."]),
        ("capture.dtype=float64", ["'capture.dtype' of s.toml: 'float32' or 'float16'."]),
        ("capture.examples=0", ["greater than or equal to 1, or 'all'. Got 0."]),
        ("capture.layers=3", ["'capture.layers' of s.toml: a list", "Got 3."]),
        ("capture.layers=[]", ["'capture.layers' of s.toml: a list of at least 1. Got []."]),
        ("capture.layers=[3]", ["'capture.layers[0]' of s.toml: a valid string. Got 3."]),
        ("data=digits", ["Expected a valid option 'data' of s.toml: a table. Got 'digits'."]),
        ("measures=['cka']", ["'measures[0]' of s.toml: a table. Got 'cka'."]),
        ("matching.epsilons=[1.0]", ["'matching.epsilons[0]' of s.toml: less than 1. Got 1.0."]),
        ("matching.epsilons=[-0.1]", ["'matching.epsilons[0]' of s.toml: greater than or equal"]),
        ("matching.epsilons=[nan]", ["'matching.epsilons[0]' of s.toml: a finite number."]),
        ("matching.epsilons=[]", ["'matching.epsilons' of s.toml: a list of at least 1. Got []."]),
        (
            "matching.epsilons=[-1.0,2.0]",
            ["'matching.epsilons[0]' of s.toml: greater", "'matching.epsilons[1]' of s.toml: less"],
        ),
        (
            "matching.epsilons=[0.2,0.2]",
            ["Expected each ε once. Got [0.2, 0.2], in option 'matching.epsilons' of s.toml."],
        ),
        ("seeds=[1,1]", ["Expected each seed once. Got 1 more than once, in s.toml."]),
        (
            "seeds=[0,{initialisation=0,order=0,augmentation=0}]",
            ["Expected each seed once. Got 0 more than once, in s.toml."],
        ),
        (
            "seeds=[1]",
            [
                "Expected at least two seeds, or variants, so that there is a pair of networks. "
                "Got 1, in s.toml."
            ],
        ),
        (
            "seeds=[]",
            [
                "Expected option 'seeds': one network of each variant for each. Got nothing. "
                "Add it, in s.toml."
            ],
        ),
        ("seeds=3", ["Expected a valid option 'seeds' of s.toml: a list", "Got 3."]),
        ("seeds=[0,-1]", ["Expected a seed, a whole number of at least 0", "'seeds[1]'"]),
        ("seeds=[0,'a']", ["Got 'a', in option 'seeds[1]' of s.toml."]),
        ("seeds=[0,true]", ["Got True, in option 'seeds[1]' of s.toml."]),
        ("seeds=[0,9223372036854775808]", ["Got 9223372036854775808, in option 'seeds[1]'"]),
        (
            "seeds=[0,{initialisation=1,order=1}]",
            ["Expected option 'seeds[1].augmentation' of s.toml. Got nothing. Add it."],
        ),
        ("pairs=[[0,7]]", ["Expected pairs of seeds (0, 1). Got 7, in s.toml."]),
        ("pairs=[[0,0]]", ["Expected two different networks in a pair. Got [0, 0], in s.toml."]),
        (
            "pairs=[[0,1],[1,0]]",
            ["Expected at least one pair, and each pair once. Got [[0, 1], [1, 0]], in s.toml."],
        ),
        ("pairs=[]", ["Expected at least one pair, and each pair once. Got [], in s.toml."]),
        ("pairs=[[0,1,2]]", ["'pairs[0]' of s.toml: 'all'", "a list of at most 2. Got [0, 1,"]),
        ("pairs=al", ["'pairs' of s.toml: 'all', 'within',", "or a list, as in [0, 1]. Got 'al'."]),
        ("measures=[{name='cka'},{name='cka'}]", ["Expected each measure once. Got cka, cka"]),
        ("training.milestones=[5,3]", ["Expected milestones in rising order. Got [5, 3], in"]),
        (
            "training={epochs=9,milestones=[3,9]}",
            [
                "Expected milestones before the last of 9 epochs: a later one would never apply. "
                "Got [3, 9]. Set training.milestones as well ([] for none), or leave it out, for",
                "in option 'training' of s.toml.",
            ],
        ),
        ("name=a/b", ["that starts with a letter or digit. Got 'a/b', in option 'name' of s.toml"]),
        ("name=..", ["Got '..', in option 'name' of s.toml."]),
        ("model.depth=nan", ["Expected finite numbers", "in option 'model' of s.toml."]),
        ("data.since=2020-01-01", ["Expected finite numbers", "in option 'data' of s.toml."]),
    ],
)
def test_a_mistake_is_told_once_and_clearly(override, lines):
    said = message(override)
    for line in lines:
        assert line in said
    expected = 2 if "epsilons=[-1.0" in override else 1
    assert len(said.splitlines()) == expected
    assert not re.search("Tuple|dictionary|instance of|pydantic", said)


@pytest.mark.parametrize("missing", ["name", "seeds", "data", "model"])
def test_what_is_missing_is_named(missing):
    raw = {"name": 'name = "s"', "seeds": "seeds = [0, 1]"}
    tables = {"data": '[data]\nname = "digits"', "model": '[model]\nname = "vgg16"'}
    text = "\n".join(line for key, line in (raw | tables).items() if key != missing)
    said = message(text=text)
    assert said.startswith(f"Expected option '{missing}'")
    assert "Got nothing. Add it" in said
    assert "s.toml" in said


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epochs", "Expected an override like training.epochs=3. Got 'training.epochs'."),
        ("=3", "Expected an override like training.epochs=3. Got '=3'."),
        ("training..epochs=3", "Expected an override like"),
        ("seeds.first=3", "Expected a table at 'seeds' in the override 'seeds.first=3'. Got a li"),
    ],
)
def test_an_override_that_cannot_be_meant_is_refused(override, said):
    assert message(override).startswith(said)


def test_a_message_says_that_the_mistake_may_stand_on_the_command_line():
    with pytest.raises(StudyError, match=r"of s\.toml with --set"):
        study("training.epoch=3")
    with pytest.raises(StudyError, match=r"of s\.toml\."):
        study(text=MINIMAL + "[training]\nepoch = 3\n")


@pytest.mark.parametrize(
    ("override", "meant"),
    [("epochs=3", "training.epochs"), ("epsilons=[0.2]", "matching.epsilons")],
)
def test_an_override_without_its_table_is_told_where_it_belongs(override, meant):
    assert meant in message(override)


def test_overrides_are_toml_values_or_bare_words_and_the_last_counts():
    changed = study(
        "training.epochs=3",
        " training.batch_size = 16 ",
        "capture.dtype=float16",
        "training.epochs=4",
        "training.learning_rate=1",
        "model.width=0.5",
        'model.own="a=b"',
    )
    assert (changed.training.epochs, changed.training.batch_size) == (4, 16)
    assert changed.capture.dtype == "float16"
    assert changed.training.learning_rate == 1.0
    assert changed.model.options == {"width": 0.5, "own": "a=b"}


def test_text_that_is_not_toml_is_refused_with_its_place():
    assert message(text="name =").startswith("Expected TOML. Got s.toml, which is not: ")


def test_a_file_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    (tmp_path / "digits.toml").write_text(MINIMAL)
    with pytest.raises(StudyError, match=r"digit\.toml, which does not exist\. In that folder: .*"):
        load_study(tmp_path / "digit.toml")
    with pytest.raises(StudyError, match=r"which does not exist\.$"):
        load_study(tmp_path / "no folder" / "digit.toml")


@pytest.mark.parametrize("make", ["folder", "binary"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, make):
    path = tmp_path / "s.toml"
    if make == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"name = '\xff'")
    with pytest.raises(StudyError, match="Expected a readable study file"):
        load_study(path)


def test_the_streams_of_a_seed_can_differ():
    one, other = study("seeds=[3,{initialisation=0,order=1,augmentation=2}]").seeds
    assert one == Seed(initialisation=3, order=3, augmentation=3)
    assert (one.label, other.label) == ("3", "i0-o1-a2")
    assert (other.initialisation, other.order, other.augmentation) == (0, 1, 2)


def test_pairs_may_name_seeds_whose_streams_differ():
    changed = study(
        "seeds=[0,1,{initialisation=0,order=1,augmentation=0}]", "pairs=[[0,'i0-o1-a0']]"
    )
    assert [[n.label for n in pair] for pair in changed.network_pairs] == [
        ["seed 0", "seed i0-o1-a0"]
    ]


def test_all_pairs_are_each_pair_once_in_the_order_of_the_seeds():
    pairs = study("seeds=[2,0,1]").network_pairs
    assert [(a.seed.label, b.seed.label) for a, b in pairs] == [("2", "0"), ("2", "1"), ("0", "1")]


def test_epsilons_are_put_in_order():
    assert study("matching.epsilons=[0.5,0,0.25]").matching.epsilons == (0.0, 0.25, 0.5)


def test_a_study_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        study().training.epochs = 3
