"""Models compared in memory: equal to arrays, whatever the data come in."""

import importlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import repsim
from repsim.errors import InputError, StudyError

torch.manual_seed(0)
IMAGES = torch.randn(50, 2, 6, 6) + 3


def convolutional(width=4):
    return nn.Sequential(
        nn.Conv2d(2, width, 3), nn.ReLU(), nn.Conv2d(width, 5, 3), nn.ReLU(), nn.Flatten()
    )


class Encoder(nn.Module):
    """Tokens with a mask, as language models take them."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.layer = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)

    def forward(self, input_ids, attention_mask=None):
        padding = None if attention_mask is None else ~attention_mask.bool()
        embedded = self.embedding(input_ids)
        return {"last_hidden_state": self.layer(embedded, src_key_padding_mask=padding)}


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.projection = nn.Linear(4, 7)

    def forward(self, input_ids):
        return self.projection(self.embedding(input_ids))


@pytest.fixture
def pair():
    torch.manual_seed(1)
    return convolutional(), convolutional()


def samples(model, until, data=IMAGES):
    with torch.no_grad():
        output = model[:until].eval()(data)
    return output.movedim(1, -1).flatten(0, -2).numpy() if output.ndim > 2 else output.numpy()


def values(found, measure, **of):
    rows = found.table().filter(**of) if of else found.table()
    return rows.filter(rows["measure"].str.starts_with(measure))["value"].to_list()


def test_values_are_those_of_the_arrays(pair):
    a, b = pair
    found = repsim.compare(
        a,
        b,
        IMAGES,
        layers=["type:ReLU"],
        measures=["match", "cka", ("cka", {"debiased": True}), "svcca"],
        epsilons=[0.5],
        batch_size=16,
        progress=False,
    )
    for name, until in (("1", 2), ("3", 4)):
        x, y = samples(a, until), samples(b, until)
        assert values(found, "cka", layer_a=name) == pytest.approx(
            [repsim.cka(x, y), repsim.cka(x, y, debiased=True)], abs=1e-9
        )
        assert values(found, "svcca", layer_a=name) == pytest.approx([repsim.svcca(x, y)], abs=1e-9)
        profile = repsim.match_profile(x, y)
        assert values(found, "match", layer_a=name) == [profile.similarity(0.5)]
        assert values(found, "area", layer_a=name) == pytest.approx([profile.area()], abs=1e-9)
    assert found.table()["samples"].unique().sort().to_list() == [50 * 4, 50 * 16]


@pytest.mark.parametrize(
    "data",
    [
        IMAGES.numpy(),
        TensorDataset(IMAGES, torch.zeros(50)),
        DataLoader(TensorDataset(IMAGES, torch.zeros(50)), batch_size=7),
        [(IMAGES[:30], torch.zeros(30)), (IMAGES[30:], torch.zeros(20))],
        (part for part in IMAGES.split(11)),
        {"input": IMAGES},
    ],
    ids=["array", "data set", "loader", "list of batches", "generator", "table"],
)
def test_data_may_come_in_any_of_the_usual_forms(pair, data):
    expected = repsim.compare(*pair, IMAGES, layers=["1"], progress=False)
    found = repsim.compare(*pair, data, layers=["1"], progress=False)
    assert values(found, "") == pytest.approx(values(expected, ""), abs=1e-6)


def test_models_are_as_before(pair):
    a, b = pair
    a.train()
    before = {name: value.clone() for name, value in a.state_dict().items()}
    repsim.compare(a, b, IMAGES, progress=False)
    assert a.training
    assert not any(module._forward_hooks for module in a.modules())
    assert all(torch.equal(before[name], value) for name, value in a.state_dict().items())


def test_other_architectures_are_compared_across_their_layers(pair):
    a, _ = pair
    b = nn.Sequential(nn.Flatten(), nn.Linear(72, 9), nn.Tanh())
    found = repsim.compare(a, b, IMAGES, layers={"A": ["1", "3"], "B": ["1", "2"]}, progress=False)
    assert found.matrix("cka").shape == (2, 2)
    assert "averaged over their positions" in " ".join(found.notes)
    mean = samples(a, 2).reshape(50, 16, 4).mean(axis=1)
    assert found.matrix("cka")[0, 0] == pytest.approx(repsim.cka(mean, samples(b, 2)), abs=1e-6)
    assert found.best("cka")["layer_a"].to_list() == ["1", "3"]
    assert set(found.table()["measure"].str.split("[").list.first()) == {"cka"}


def test_more_than_two_models_by_name(pair):
    a, b = pair
    found = repsim.compare(
        {"one": a, "two": b, "three": a}, IMAGES, layers=["3"], measures=["cka"], progress=False
    )
    assert found.table().select("model_a", "model_b").rows() == [
        ("one", "two"),
        ("one", "three"),
        ("two", "three"),
    ]
    assert found.matrix(models=("three", "one"))[0, 0] == pytest.approx(1)
    assert found.matrix(models=("two", "one")) == pytest.approx(found.matrix())


def test_padded_tokens_are_left_out_of_every_sum():
    torch.manual_seed(2)
    a, b = Encoder(), Recurrent()
    ids = torch.randint(0, 11, (20, 8))
    kept = torch.arange(8) < torch.randint(2, 9, (20, 1))
    data = {"input_ids": ids, "attention_mask": kept.long(), "labels": torch.zeros(20)}
    options = {"measures": ["cka"], "across": True, "progress": False}
    layers = {"A": ["layer"], "B": ["projection"]}
    found = repsim.compare(a, b, data, layers=layers, mask="attention_mask", **options)
    assert found.table()["samples"].to_list() == [int(kept.sum())]
    with torch.no_grad():
        x = a.eval()(ids, kept)["last_hidden_state"][kept].numpy()
        y = b(ids)[kept].numpy()
    assert values(found, "cka") == pytest.approx([repsim.cka(x, y)], abs=1e-6)
    garbage = {**data, "input_ids": torch.where(kept, ids, 10 - ids)}
    other = repsim.compare(a, b, garbage, layers=layers, mask="attention_mask", **options)
    assert values(other, "cka") == pytest.approx(values(found, "cka"), abs=1e-6)
    masked = {**options, "mask": "attention_mask"}
    pooled = repsim.compare(a, b, data, layers=layers, pool="mean", **masked)
    assert pooled.table()["samples"].to_list() == [20]
    first = repsim.compare(a, b, data, layers=layers, pool="cls", **options)
    assert values(first, "cka") == pytest.approx(
        [repsim.cka(a(ids, kept)["last_hidden_state"][:, 0].detach(), b(ids)[:, 0].detach())],
        abs=1e-6,
    )


def test_far_means_keep_their_digits(pair):
    a, b = pair
    for model in pair:
        model[2].bias.data += 1e4
    found = repsim.compare(
        a, b, IMAGES, layers=["2"], measures=[("cka", {"debiased": True})], progress=False
    )
    x, y = (samples(model, 3).astype(np.float64) for model in pair)
    assert values(found, "cka") == pytest.approx([repsim.cka(x, y, debiased=True)], abs=1e-6)


def test_pictures_and_words(pair):
    found = repsim.compare(*pair, IMAGES, progress=False)
    assert "Comparison of A (5 layers), B (5 layers)." in str(found)
    assert "<svg" in found._repr_html_()
    across = repsim.compare(*pair, IMAGES, across=True, progress=False)
    assert "<svg" in across._repr_html_()
    with pytest.raises(InputError, match="Did you mean"):
        found.matrix("cke[linear,centred,biased]")
    with pytest.raises(InputError, match="model that was compared"):
        found.matrix(models=("A", "C"))


def test_measures_may_be_of_ones_own(pair):
    measure = repsim.measures.load_measure("cka", {"debiased": True})
    found = repsim.compare(*pair, IMAGES, layers=["1"], measures=[measure], progress=False)
    assert found.measures == (measure.convention,)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ((IMAGES,), {}, "Got no data"),
        ((object(), IMAGES), {}, "torch.nn.Module as B"),
        ((None, "folder"), {}, "Expected data as a DataLoader"),
        ((None, IMAGES[:0]), {}, "at least one example"),
        ((None, [{"a": 1}]), {}, "batches of tensors"),
        ((None, {"pixels": IMAGES, "ids": IMAGES[:3]}), {}, "as many examples"),
        ((None, torch.full((4, 2, 6, 6), torch.nan)), {}, "finite activations"),
        ((None, IMAGES), {"measures": []}, "at least one measure"),
        ((None, IMAGES), {"measures": ["rsa"]}, "measures of moments"),
        ((None, IMAGES), {"mask": "attention_mask"}, "'attention_mask', the mask"),
        ((None, IMAGES), {"layers": {"C": ["1"]}}, "layers of the models A, B"),
        ((None, IMAGES), {"layers": {"A": ["1"], "B": ["3"]}, "across": False}, "across=True"),
    ],
)
def test_what_cannot_be_used_is_told(pair, given, options, said):
    a, b = pair
    arguments = [b if value is None else value for value in given]
    with pytest.raises(InputError, match=said):
        repsim.compare(a, *arguments, progress=False, **options)


def test_models_that_cannot_take_the_data_and_unknown_names(pair):
    a, b = pair
    with pytest.raises(StudyError, match=r"takes the batches of the data \(\(50, 3, 6, 6\)\)"):
        repsim.compare(a, b, torch.zeros(50, 3, 6, 6), progress=False)
    with pytest.raises(StudyError, match="selects none"):
        repsim.compare(a, b, IMAGES, layers=["type:Relu6"], progress=False)
    with pytest.raises(StudyError, match="Did you mean"):
        repsim.compare(a, b, IMAGES, measures=["ckaa"], progress=False)


def test_sums_without_room_are_refused(pair, monkeypatch):
    module = importlib.import_module("repsim.comparison.models")
    monkeypatch.setattr(module, "physical_memory", lambda: 1000)
    with pytest.raises(InputError, match="fewer layers"):
        repsim.compare(*pair, IMAGES, progress=False)
