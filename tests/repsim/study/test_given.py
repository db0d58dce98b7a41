"""Given weights in a study file: which networks they make, and what goes with them."""

import pytest

from repsim.errors import StudyError
from repsim.stages.report import study_toml
from repsim.study import parse_study

DATA = 'name = "s"\n{top}\n[data]\nname = "digits"\n'
MODEL = '[model]\nname = "small_cnn"\nwidth = 2\n'
GIVEN = """
[variants.a]
weights = "a.pt"
[variants.b]
weights = "b.pt"
model.width = 1
"""
MIXED = GIVEN + "[variants.own]\ntraining.epochs = 3\n"


def study(tables, *overrides, top="", model=MODEL):
    return parse_study(DATA.format(top=top) + model + tables, overrides, where="s.toml")


def message(tables, *overrides, **more):
    with pytest.raises(StudyError) as caught:
        study(tables, *overrides, **more)
    return str(caught.value)


def test_each_variant_with_weights_is_one_network_named_by_it():
    given = study(GIVEN)
    assert [(n.label, n.seed, n.weights) for n in given.networks] == [
        ("a", None, "a.pt"),
        ("b", None, "b.pt"),
    ]
    assert [n.model.options for n in given.networks] == [{"width": 2}, {"width": 1}]
    assert {n.training.epochs for n in given.networks} == {0}
    assert not given.trains
    settings = given.networks[0].settings
    assert settings["weights"] == "a.pt"
    assert not [key for key in settings if key.startswith("training")]


def test_trained_networks_may_stand_beside_given_ones():
    mixed = study(MIXED + "[sweep]\nmodel.width = [3, 4]", top="seeds = [0, 1]")
    assert [n.label for n in mixed.networks] == [
        "a",
        "b",
        *(f"own width={width} seed {seed}" for width in (3, 4) for seed in (0, 1)),
    ]
    assert mixed.pair_count == len(mixed.network_pairs) == 15


def test_given_networks_have_no_seed_in_common_with_any():
    mixed = study(MIXED, "pairs=['within']", top="seeds = [0, 1]")
    assert [(a.label, b.label) for a, b in mixed.network_pairs] == [("own seed 0", "own seed 1")]
    both = study(MIXED, "pairs=[['a','own'],['b','a']]", top="seeds = [0, 1]")
    assert both.pair_count == 3
    same = study(MIXED + "[variants.more]\nmodel.width=3", "pairs='same seed'", top="seeds = [0]")
    assert same.pair_count == len(same.network_pairs) == 1
    assert "variants (a, b) or" not in message(GIVEN, "pairs=[['a','c']]")


def test_all_networks_may_have_the_weights_of_the_study():
    one = study("[variants.plain]\n[variants.p]\ndata.permute_pixels=true", top="weights = 'a.pt'")
    assert {n.weights for n in one.networks} == {"a.pt"}
    over = study(GIVEN, "variants.a.weights=c.pt")
    assert over.networks[0].weights == "c.pt"


def test_published_weights_bring_their_model():
    published = """
[variants.r]
weights = "torchvision:ResNet18_Weights.IMAGENET1K_V1"
[variants.t]
weights = "timm:vit_tiny_patch16_224.augreg_in21k"
model.output = 1
"""
    for model in ("", MODEL):
        found = study(published, model=model).networks
        assert [n.model.name for n in found] == [
            "torchvision.resnet18",
            "timm.vit_tiny_patch16_224.augreg_in21k",
        ]
        assert found[0].model.options == {}
        assert found[1].model.output == 1
    said = message(published, "variants.r.model.name=vgg16", model="")
    assert "variants.r.model.name = 'torchvision.resnet18'" in said


@pytest.mark.parametrize(("tables", "top"), [(GIVEN, ""), (MIXED, "seeds = [0]")])
def test_a_study_of_given_weights_is_read_as_it_is_written_down(tables, top):
    one = study(tables, top=f'{top}\nlayers = [["relu1", "relu2"]]')
    again = parse_study(study_toml(one))
    assert again.networks == one.networks
    assert again.layers == (("relu1", "relu2"),)


@pytest.mark.parametrize(
    ("tables", "more", "said"),
    [
        (GIVEN, {"top": "seeds = [0, 1]"}, "Expected no seeds in a study in which the weights"),
        (GIVEN + "[training]\nepochs = 3", {}, "Expected no training in a study in which"),
        (GIVEN + "[sweep]\nmodel.width = [1]", {}, "Expected no sweep in a study in which"),
        (MIXED, {}, "Expected option 'seeds': one network of each variant for each. Got nothing"),
        (GIVEN + "seeds = [1]", {}, "Expected no seeds in variants.b, whose weights are given"),
        (GIVEN + "training.epochs = 1", {}, "Expected no training in variants.b, whose weights"),
        (GIVEN, {"model": ""}, "Expected option 'model'"),
        ("[variants.a]\nweights = ''", {}, "Expected a valid option 'variants.a.weights'"),
        ("[variants.a]\nweight = 'a'", {}, "Did you mean 'variants.a.weights'?"),
        (
            "[variants.a]\nweights = 'a'\n[variants.b]\nweights = 'a'",
            {},
            "Got a and b, which have the same weights and data",
        ),
        ("", {"top": "weights = 'a.pt'"}, "so that there is a pair of networks. Got 1"),
        (GIVEN, {"top": "layers = [['a', 'b', 'c']]"}, "a list of at most 2"),
        (GIVEN, {"top": "layers = ['a', 'b']"}, "'layers[0]'"),
    ],
)
def test_what_does_not_go_with_given_weights_is_refused(tables, more, said):
    assert said in message(tables, **more)
