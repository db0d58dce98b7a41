"""The first signal ends a process in time, whatever its main thread is doing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A lock that is taken twice: a native call that no signal interrupts.
STUCK = """
import ctypes, signal, sys
from workflows import stopping
stopping.GRACE_SECONDS, stopping.HASTE_SECONDS = 3.0, 1.0
libc, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
with stopping.stop_on_signal(at_once="at once" in sys.argv):
    if "replaced" in sys.argv:  # as Ray does while it connects
        signal.signal(signal.SIGTERM, lambda *arguments: None)
    libc.pthread_mutex_lock(lock)
    print("stuck", flush=True)
    libc.pthread_mutex_lock(lock)
"""

# A native call that keeps Python's own lock, as SciPy's decompositions do: no thread gets on.
LOCKED = """
import ctypes
from workflows import stopping
stopping.GRACE_SECONDS, stopping.HASTE_SECONDS = 3.0, 1.0
with stopping.stop_on_signal():
    print("locked", flush=True)
    ctypes.PyDLL(None).sleep(6)
    ctypes.CDLL(None).pause()
"""

POLITE = """
import sys, time
from workflows.stopping import stop_on_signal
with stop_on_signal() as stop:
    print("ready", flush=True)
    stop.wait(60)
    if "deaf" in sys.argv:
        time.sleep(60)
print("stopped", flush=True)
"""


def started(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """The script, once it has said something."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


@pytest.mark.parametrize(
    ("number", "mode"),
    [
        (signal.SIGINT, ""),
        (signal.SIGHUP, ""),
        (signal.SIGUSR2, ""),
        (signal.SIGTERM, "replaced"),
        (signal.SIGTERM, "at once"),
        (signal.SIGINT, "at once"),
    ],
)
def test_a_native_call_is_ended(number: signal.Signals, mode: str) -> None:
    process = started(STUCK, mode)
    time.sleep(0.5)  # it is in the call by now
    before = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 75, output
    assert time.monotonic() - before < 20
    assert number.name in output
    assert "did not end by itself" in output


def test_a_call_that_keeps_the_interpreter_is_ended_when_it_lets_go() -> None:
    process = started(LOCKED)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output


def test_who_listens_ends_by_itself() -> None:
    process = started(POLITE)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output.splitlines()[-1]) == (0, "stopped")


def test_the_second_signal_ends_it_at_once() -> None:
    process = started(POLITE, "deaf")
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 75, output


def test_nobody_who_reads_what_it_says_is_needed() -> None:
    read_nothing = STUCK.replace(
        'print("stuck", flush=True)',
        'print("stuck", flush=True); import os, threading\n'
        '    threading.Thread(target=lambda: sys.stderr.write("x" * 10**6), daemon=True).start()',
    )
    process = started(read_nothing)
    time.sleep(1)  # the pipe is full, and the stream's lock is held
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 75
    process.communicate()


def test_nohup_keeps_the_hangup_away() -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + POLITE
    process = started(ignoring)
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
