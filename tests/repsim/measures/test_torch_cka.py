"""Debiased CKA against torch-cka (MIT licence), which takes it from models in batches."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_cka import CKA

from repsim.measures import cka
from tests.repsim.matching.instances import relu_pair


@pytest.mark.parametrize("seed", range(3))
def test_one_batch_of_all_examples_is_the_whole(seed):
    pair = relu_pair(seed, 120, 6, 9, shared=6, noise=1.0)
    x, y = (torch.from_numpy(layer).float() for layer in (pair.x, pair.y))
    theirs = CKA(
        nn.Sequential(nn.Identity()),
        nn.Sequential(nn.Identity()),
        model1_name="X",
        model2_name="Y",
        model1_layers=["0"],
        model2_layers=["0"],
    )
    theirs.compare(*(DataLoader(TensorDataset(layer), batch_size=120) for layer in (x, y)))
    expected = float(np.asarray(theirs.export()["CKA"])[0, 0])
    # It works in float32.
    assert cka(x, y, debiased=True) == pytest.approx(expected, rel=1e-4)
