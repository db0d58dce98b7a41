"""Recurrent networks and a transformer that predict the next token."""

import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.model_layers import layer_table, layer_table_of, select_layers
from repsim.models import build_model, default_input
from repsim.models.awd_lstm import EmbeddingDropout, LockedDropout, WeightDropLSTM

TOKENS = InputSpec(shape=(6,), dtype="int64", vocabulary=11)
SMALL = {"layers": 2, "width": 8}
LAYERS = {
    "lstm": ("lstm.*", ["lstm.0", "lstm.1"]),
    "gru": ("gru.*", ["gru.0", "gru.1"]),
    "rnn_tanh": ("rnn.*", ["rnn.0", "rnn.1"]),
    "awd_lstm": ("type:*LSTM", ["lstm.0", "lstm.1"]),
    "transformer_lm": ("type:Block", ["blocks.0", "blocks.1"]),
}


def build(name, **options):
    if name == "awd_lstm":
        options = {"embedding": 8} | options
    return build_model(name, SMALL | options, inputs=TOKENS, outputs=11)


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_is_captured_at_every_token(name):
    pattern, expected = LAYERS[name]
    found = layer_table_of(lambda: build(name), TOKENS)
    assert found == layer_table(build(name), TOKENS)
    chosen = select_layers([pattern], found)
    assert [layer.name for layer in chosen] == expected
    assert {(layer.shape, layer.axis) for layer in chosen} == {((6, 8), 2)}
    assert default_input(name)[0].vocabulary == default_input(name)[1]


@pytest.mark.parametrize("name", LAYERS)
def test_no_token_sees_those_after_it(name):
    model = build(name).eval()
    tokens = TOKENS.random(3)
    changed = tokens.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 11
    with torch.no_grad():
        torch.testing.assert_close(model(tokens)[:, :4], model(changed)[:, :4])
        assert not torch.equal(model(tokens)[:, 4:], model(changed)[:, 4:])


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "awd_lstm"])
def test_a_carried_state_makes_two_windows_one(name):
    model = build(name).eval()
    tokens = TOKENS.random(3)
    with torch.no_grad():
        whole = model(tokens)
        model.hidden = model.initial_hidden(3, tokens.device)
        parts = [model(part) for part in tokens.split([2, 4], dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    assert not any(part.requires_grad for part in model.hidden)
    model.hidden = None
    torch.testing.assert_close(model(tokens), whole)


def test_a_model_of_torch_alone_gives_the_same_logits():
    model = build("lstm")
    whole = nn.LSTM(8, 8, num_layers=2, batch_first=True)
    for layer in range(2):
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            weights = getattr(model.lstm[layer], f"{part}_l0").data
            getattr(whole, f"{part}_l{layer}").data = weights
    tokens = TOKENS.random(3)
    torch.testing.assert_close(model(tokens), model.decoder(whole(model.embedding(tokens))[0]))


def test_tied_weights_are_one_parameter():
    tied, free = (build("lstm", tied=tied) for tied in (True, False))
    assert tied.decoder.weight is tied.embedding.weight
    count = [sum(p.numel() for p in model.parameters()) for model in (free, tied)]
    assert count[0] - count[1] == 11 * 8


def test_variational_dropout_is_the_same_at_all_tokens():
    dropped = LockedDropout(0.5)(torch.ones(4, 6, 50))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(dropped[0], dropped[1])
    assert LockedDropout(0.5).eval()(torch.ones(4, 6, 50)).eq(1).all()


def test_embedding_dropout_takes_whole_tokens():
    layer = EmbeddingDropout(40, 3, 0.5)
    tokens = torch.arange(40).repeat(2, 1)
    found = layer(tokens)
    assert torch.equal(found[0], found[1])
    gone = found[0].eq(0).all(dim=1)
    assert 5 < gone.sum() < 35
    torch.testing.assert_close(found[0][~gone], 2 * layer.weight[~gone])
    assert torch.equal(layer.eval()(tokens)[0], layer.weight)


def test_dropped_weights_are_recurrent_ones_in_training_alone():
    layer, inputs = WeightDropLSTM(5, 4, 0.5), torch.randn(3, 6, 5)
    start = (torch.zeros(1, 3, 4),) * 2
    plain = nn.LSTM.forward(layer, inputs, start)[0]
    # The first token has no recurrent input.
    torch.testing.assert_close(layer(inputs, start)[0][:, 0], plain[:, 0])
    assert not torch.allclose(layer(inputs, start)[0][:, 1], plain[:, 1])
    torch.testing.assert_close(layer.eval()(inputs, start)[0], plain)
    layer.train()(inputs, start)[0].sum().backward()
    assert layer.weight_hh_l0.grad.ne(0).any()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("lstm", {"tied": True, "embedding": 4}, "as wide as the layers, 8, for tied weights"),
        ("lstm", {"dropout": 1.0}, "less than 1"),
        ("lstm", {"layer": 3}, "Did you mean 'layers'"),
        ("transformer_lm", {"heads": 3}, "Expected a width that 3 heads share. Got 8"),
    ],
)
def test_wrong_options_are_refused(name, options, said):
    with pytest.raises(StudyError, match=said):
        build(name, **options)


@pytest.mark.parametrize("name", LAYERS)
def test_other_inputs_are_refused(name):
    with pytest.raises(StudyError, match=rf"sequences of tokens for model '{name}'\. Got images"):
        build_model(name, {}, inputs=InputSpec(shape=(3, 8, 8)), outputs=10)
