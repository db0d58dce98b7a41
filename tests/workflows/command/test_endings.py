"""How a command ends where what it reads, prints or is sent is not as it should be."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runs import finish, start, study_file, wait_for

COMMAND = (sys.executable, "-m", "workflows.command")


@pytest.mark.parametrize("arguments", [("plan",), ("plan", "--json"), ("--help",)])
def test_output_that_cannot_be_written_is_one_line_and_4(study_file, arguments):
    verb, *options = arguments
    files = () if verb == "--help" else (study_file,)
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, verb, *files, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 4
    assert ran.stderr == (
        "repsim: Expected a standard output that can be written, to a disk that is not full. "
        "Got: [Errno 28] No space left on device.\n"
    )


def test_an_error_that_nobody_can_be_told_keeps_its_code(tmp_path):
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([*COMMAND, "plan", tmp_path / "no.toml"], stderr=full, check=False)
    assert ran.returncode == 2


def test_a_closed_output_ends_nothing(study_file):
    ran = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, "plan", study_file],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('x = "y"\n' + "z = " + "[" * 5000 + "]" * 5000, "a few levels deep in "),
        (f"[data.{'.'.join('a' * 3000)}]\nb = 1", "a few levels deep in "),
        ("z = " + "9" * 5000, "whole numbers of at most 64 bits in "),
        ("z = " + "9" * 4000, "Got one of 13288 bits."),
        (f"z = {2**64}", "Got one of 65 bits."),
    ],
    ids=["lists", "tables", "unread digits", "digits", "one bit"],
)
def test_what_no_study_holds_is_one_line_and_2(repsim, study_file, changed, said):
    study_file.write_text(f"{study_file.read_text()}\n{changed}\n")
    ran = repsim("plan", study_file)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.examples=100000000000", "dataset 'synthetic' of a size that fits in the memory"),
        ("data.size=300000", "model 'small_cnn' of a size that fits in the memory"),
        ("data.size=9000000000000000000", "model 'small_cnn' of a size that fits"),
        (
            "data={name='synthetic',size=9000000000000000000,permute_pixels=true}",
            "dataset 'synthetic' of a size that fits",
        ),
        ("model.width=3000.0", "model 'small_cnn' of a size that fits in the memory"),
        ("model.width=1e15", "model 'small_cnn' of a size that fits in the memory"),
        ("training.epochs=3\nseeds=[0,1]", "Got 'training.epochs=3\\nseeds=[0,1]'."),
        ("description=\x1b[2J", "printable characters on one line. Got 'description=\\x1b[2J'."),
        ("description=caf\udce9", "printable characters on one line. Got 'description=caf\\udce9'"),
        ("training.epochs=" + "9" * 5000, "whole numbers of at most 64 bits"),
    ],
)
def test_what_no_study_asks_for_is_one_line_and_2(repsim, study_file, override, said):
    ran = repsim("plan", study_file, "--set", override)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_byte_order_mark_is_no_part_of_a_study_or_profile(repsim, study_file, tmp_path):
    study_file.write_bytes(b"\xef\xbb\xbf" + study_file.read_bytes())
    assert repsim("plan", study_file).code == 0
    profile = tmp_path / "mine.toml"
    profile.write_bytes(b"\xef\xbb\xbf[dask]\nworkers = 3\n")
    assert "workers = 3" in repsim("cluster", "show", profile).out


def test_a_layer_whose_name_is_no_text_is_named_before_training(
    repsim, study_file, tmp_path, monkeypatch
):
    (tmp_path / "named_model.py").write_text(
        "from torch import nn\n"
        "def build(*, inputs, outputs):\n"
        "    model = nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))\n"
        "    model.add_module('caf\\udce9', nn.ReLU())\n"
        "    return model\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ran = repsim("plan", study_file, "--set", 'model={ name = "named_model:build" }')
    assert ran.code == 2
    assert "Expected layer names of model 'named_model:build' in UTF-8. Got 'caf\\udce9'" in ran.err


def test_a_layer_wider_than_memory_is_refused_beside_others(repsim, tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    wide = np.zeros((2, 10**6), np.float32)
    np.savez(tmp_path / "x.npz", good=values, wide=wide)
    ran = repsim("compare", tmp_path / "x.npz", tmp_path / "x.npz")
    assert ran.code == 0
    assert "1,000,000 neurons, whose second moments take 7,451 GiB of memory" in ran.out
    np.save(tmp_path / "wide.npy", wide)
    ran = repsim("compare", tmp_path / "wide.npy", tmp_path / "wide.npy")
    assert ran.code == 2
    assert "whose second moments take 7,451 GiB" in ran.err


SIGNALLING = """
import os, signal, time

def load(number):
    os.kill(os.getpid(), number)
    time.sleep(600)
"""


def signalled_while_reading(study_file: Path, *before: str, number: int) -> tuple[int, str]:
    """`repsim plan` of a data set that sends a signal to its own process."""
    (study_file.parent / "signalling.py").write_text(SIGNALLING)
    data = f'data={{ name = "signalling:load", number = {number} }}'
    ran = subprocess.run(
        [*before, *COMMAND, "plan", study_file, "--set", data],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(study_file.parent)},
        timeout=180,
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_study_is_read_is_75(study_file, number):
    code, said = signalled_while_reading(study_file, number=number)
    assert code == 75
    assert said == f"{number.name}: ending at once. What is finished is kept.\n"


@pytest.mark.parametrize("engine", ["inline", "cluster"])
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.full)]
)
def test_two_signals_to_a_run_are_75(tmp_path, engine, number):
    store = tmp_path / "runs"
    process = start("run", study_file(tmp_path, epochs=50), "--store", store, "--engine", engine)
    wait_for(lambda: next(store.glob("checkpoints/*/*.pt"), None), process)
    process.send_signal(number)
    process.send_signal(number)
    output = finish(process)
    assert process.returncode == 75, output


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_stops_changes_no_exit_code(reader: str, study_file: Path) -> None:
    for arguments in (f"plan {study_file}", f"status {study_file} --watch 2"):
        script = f'"{sys.executable}" -m workflows.command {arguments} | {reader}'
        ran = subprocess.run(
            ["bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1"])
def test_a_terminal_that_has_no_greek(encoding: str, study_file: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "workflows.command", "plan", str(study_file)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert rb"2 layers, 2 \u03b5" in ran.stdout


def test_a_folder_that_was_removed(tmp_path: Path, study_file: Path) -> None:
    (tmp_path / "gone").mkdir()
    ran = subprocess.run(
        [
            *("bash", "-c", 'cd "$1" && rmdir "$1" && shift && exec "$@"', "-"),
            *(tmp_path / "gone", *COMMAND, "plan", study_file),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "Expected to be started in a folder that exists" in ran.stderr
