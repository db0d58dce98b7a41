"""Bars on a terminal, a few plain lines in a log."""

import io
import logging

import pytest
from rich.console import Console

from repsim.graph import NetworkProgress
from workflows import progress as module
from workflows.progress import progress


def stage(done, total=100, name="training", score=None, network="seed 0"):
    return NetworkProgress(network=network, name=name, done=done, total=total, score=score)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(caplog, monkeypatch):
    # The command turns propagation off in its own process.
    monkeypatch.setattr(logging.getLogger("repsim"), "propagate", True)
    with (
        caplog.at_level(logging.INFO, logger="repsim"),
        progress(Console(file=io.StringIO())) as reporter,
    ):
        yield reporter, caplog


def test_the_first_and_the_last_are_always_said(lines, clock):
    reporter, log = lines
    for done in range(101):
        reporter.network(stage(done, score=done / 100 if done else None))
    assert log.messages == [
        "seed 0: training 0 of 100",
        "seed 0: training 100 of 100, test accuracy 100.0%",
    ]


def test_between_them_a_line_comes_every_ten_seconds(lines, clock):
    reporter, log = lines
    for done in range(0, 50, 2):
        reporter.network(stage(done))
        clock[0] += 4
    assert log.messages == [f"seed 0: training {done} of 100" for done in range(0, 50, 6)]


def test_a_log_is_not_told_the_same_twice(lines, clock):
    reporter, log = lines
    for _ in range(3):
        reporter.network(stage(7))
        clock[0] += 60
    reporter.network(stage(100))
    reporter.network(stage(100))
    assert log.messages == ["seed 0: training 7 of 100", "seed 0: training 100 of 100"]


def test_networks_stages_and_comparisons_are_told_apart(lines, clock):
    reporter, log = lines
    reporter.network(stage(1))
    reporter.network(stage(1, network="seed 1"))
    reporter.network(stage(1, name="capturing", total=40))
    reporter.comparisons(1, 15)
    assert log.messages == [
        "seed 0: training 1 of 100",
        "seed 1: training 1 of 100",
        "seed 0: capturing 1 of 40",
        "matching layers of pairs 1 of 15",
    ]


def test_a_terminal_shows_a_bar_for_each_and_clears_them():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=110)
    with progress(console) as reporter:
        reporter.network(stage(50, score=0.875))
        reporter.network(stage(20, total=40, name="capturing", network="seed 1"))
        reporter.comparisons(3, 15)
    shown = screen.getvalue()
    for words in ("seed 0: training", "50/100", "test accuracy 87.5%", "seed 1: capturing"):
        assert words in shown
    assert "3/15" in shown
    assert shown.rstrip().endswith("\x1b[2K")
