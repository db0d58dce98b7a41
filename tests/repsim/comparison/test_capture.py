"""repsim.capture: in memory, in Zarr, stopped and begun again."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import zarr
from torch import nn

import repsim
from repsim.comparison.capture_file import CaptureFile
from repsim.errors import InputError, RepsimError
from repsim.store import activations

IMAGES = torch.randn(40, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 6)
        self.mix = nn.Linear(6, 6)

    def forward(self, ids):
        return self.mix(self.embed(ids))


LAYERS = ["1", "3"]
A, B = model(0), model(1)


@pytest.fixture
def small_shards(monkeypatch):
    """Several files for each layer."""
    monkeypatch.setattr(activations, "CHUNK_BYTES", 512)
    monkeypatch.setattr(activations, "SHARD_BYTES", 2048)


def capture(of=A, data=IMAGES, layers=LAYERS, **options):
    return repsim.capture(of, data, layers, batch_size=7, progress=False, **options)


def values(found):
    return found.table()["value"].to_list()


def test_in_memory_and_in_zarr_are_the_same(tmp_path, small_shards):
    memory = capture()
    stored = capture(output=tmp_path / "a.zarr")
    assert list(memory) == list(stored) == ["1", "3"]
    assert memory.layers == stored.layers
    assert memory.examples == stored.examples == 40
    for layer, shape in (("1", (40, 16, 4)), ("3", (40, 5))):
        assert isinstance(stored[layer], zarr.Array)
        assert memory[layer].shape == shape
        np.testing.assert_array_equal(stored[layer][:], memory[layer])
    assert len(list((tmp_path / "a.zarr" / "1" / "c").iterdir())) > 3
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert set(group.array_keys()) == {"1", "3"}
    assert repr(stored).splitlines() == [
        f"Activations of 40 examples in {tmp_path}/a.zarr:",
        "  1  40 × 16 × 4",
        "  3  40 × 5",
    ]


def test_comparing_captures_is_comparing_models(tmp_path):
    expected = values(repsim.compare(A, B, IMAGES, layers=LAYERS, progress=False))
    a, b = capture(output=tmp_path / "a.zarr"), capture(B)
    assert values(repsim.compare(a, b, progress=False)) == pytest.approx(expected)
    by_path = repsim.compare({"a": tmp_path / "a.zarr", "b": b}, progress=False)
    assert values(by_path) == pytest.approx(expected)


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_positions_are_pooled(pool):
    maps = capture()["1"]
    pooled = capture(pool=pool)["1"]
    expected = maps.mean(axis=1) if pool == "mean" else maps[:, 0]
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_the_same_call_runs_no_model_again(tmp_path, monkeypatch):
    capture(output=tmp_path / "a.zarr")
    monkeypatch.setattr(nn.Linear, "forward", None)
    again = repsim.capture(A, IMAGES, LAYERS, output=tmp_path / "a.zarr", progress=False)
    assert again["3"].shape == (40, 5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"of": B}, "a capture with other weights"),
        ({"data": IMAGES + 1}, "a capture of other inputs"),
        ({"data": IMAGES[:39]}, "a capture of other inputs"),
        ({"layers": ["1"]}, "a capture with other layers"),
        ({"pool": "mean"}, "a capture with other pool"),
    ],
)
def test_another_capture_is_never_overwritten(tmp_path, changed, said):
    before = capture(output=tmp_path / "a.zarr")["3"][:]
    with pytest.raises(InputError, match=said):
        capture(**changed, output=tmp_path / "a.zarr")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a.zarr" / "3")[:], before)


def test_what_is_no_capture_is_never_overwritten(tmp_path):
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "notes.txt").write_text("mine")
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    (tmp_path / "file.zarr").write_text("mine")
    for name, said in (
        ("mine", "a folder with notes.txt"),
        ("group", "that repsim.capture did not write"),
        ("file", "a file"),
    ):
        with pytest.raises(InputError, match=said):
            capture(output=tmp_path / f"{name}.zarr")
    with pytest.raises(InputError, match=r"ends in \.zarr"):
        capture(output=tmp_path / "a.npz")


KILLED = """
import os, signal, sys
import torch
from repsim.store import activations
from tests.repsim.comparison.test_capture import A, IMAGES, LAYERS
import repsim

activations.CHUNK_BYTES, activations.SHARD_BYTES = 512, 2048

def batches():
    for place, batch in enumerate(IMAGES.split(7)):
        if place == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

repsim.capture(A, batches(), LAYERS, output=sys.argv[1], progress=False)
"""


def test_a_killed_capture_is_not_taken_for_a_complete_one(tmp_path):
    output = tmp_path / "a.zarr"
    ran = subprocess.run([sys.executable, "-c", KILLED, output], check=False)
    assert ran.returncode == -9
    assert list((output / "1" / "c").iterdir())
    for place in (output, output / "1"):
        with pytest.raises(FileNotFoundError):
            zarr.open(place, mode="r")
    with pytest.raises(InputError, match="Got one that was stopped"):
        repsim.compare(output, capture(), progress=False)
    with pytest.raises(InputError, match="a stopped capture of another model"):
        capture(B, output=output)
    found = capture(output=output)
    for layer, expected in capture().items():
        np.testing.assert_array_equal(found[layer][:], expected)
    assert not (output / "capture.json").exists()


def test_of_two_captures_at_once_the_first_gives_up(tmp_path):
    output = tmp_path / "a.zarr"

    def batches():
        yield IMAGES[:20]
        if not output.joinpath("3", "zarr.json").exists():
            capture(output=output)  # as another process would
        yield IMAGES[20:]

    def begun_elsewhere():
        yield IMAGES[:20]
        CaptureFile.at(output).begin(json.loads((output / "capture.json").read_text())["settings"])
        yield IMAGES[20:]

    with pytest.raises(InputError, match="another process has begun meanwhile"):
        capture(data=begun_elsewhere(), output=output)
    assert (output / "capture.json").exists()
    with pytest.raises(InputError, match="another process has begun meanwhile"):
        capture(data=batches(), output=output)
    np.testing.assert_array_equal(capture(output=output)["3"][:], capture()["3"])


def test_a_failure_leaves_nothing(tmp_path, small_shards):
    broken = IMAGES.clone()
    broken[30] = torch.nan
    with pytest.raises(InputError, match="NaN or infinity in 1"):
        capture(data=broken, output=tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()
    with pytest.raises(RepsimError, match="nope"):
        capture(layers=["nope"], output=tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_a_damaged_chunk_is_noticed(tmp_path):
    capture(output=tmp_path / "a.zarr")
    chunk = tmp_path / "a.zarr" / "3" / "c" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[5] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(InputError, match="Expected to read examples 0 to 40 of 3"):
        repsim.compare(tmp_path / "a.zarr", capture(), layers=["3"], progress=False)


def padded(lengths, width):
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    ids = torch.randint(20, mask.shape, generator=torch.Generator().manual_seed(width))
    return {"ids": ids, "keep": mask}


def test_padded_tokens_are_left_out(tmp_path):
    torch.manual_seed(0)
    a, b = Encoder(), Encoder()
    batches = [padded([3, 5, 2], 5), padded([7, 1], 7)] * 6
    options = {"mask": "keep", "progress": False}
    expected = repsim.compare(a, b, batches, measures=["cka"], **options)
    assert expected.table()["samples"].to_list() == [108, 108]
    stored = repsim.capture(a, batches, output=tmp_path / "a.zarr", **options)
    memory = repsim.capture(b, batches, **options)
    assert (stored.examples, stored["mix"].shape) == (30, (108, 6))
    found = repsim.compare(stored, memory, measures=["cka"], progress=False)
    assert values(found) == pytest.approx(values(expected))
    pooled = repsim.compare(stored, memory, measures=["cka"], pool="mean", progress=False)
    means = repsim.compare(a, b, batches, measures=["cka"], pool="mean", **options)
    assert values(pooled) == pytest.approx(values(means))
    # Tokens of a sequence stay together.
    inside = repsim.compare(
        stored, memory, measures=["cka"], null=3, intervals=True, progress=False
    )
    ids = np.repeat(np.arange(30), [3, 5, 2, 7, 1] * 6)
    one = repsim.estimate("cka", stored["mix"], memory["mix"], blocks=ids, permutations=3)
    row = inside.table().filter(layer_a="mix").row(0, named=True)
    assert row["interval_low"] == pytest.approx(one.interval.low)
    assert row["null_mean"] == pytest.approx(one.null.mean)
    with pytest.raises(InputError, match="positions of embed in every batch"):
        repsim.capture(a, batches, progress=False)
