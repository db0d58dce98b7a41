"""What files, models and workers say cannot steer the terminal, nor pass for a line of the log."""

import io
import json
import logging
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from repsim.graph import NetworkProgress
from workflows.command.output import complain, say, say_json, start_log
from workflows.progress import progress
from workflows.terminal import Terminal, json_text, one_line, visible

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://elsewhere\x1b\\link",
    "\x9b31mred",
    "back\x08\x08\x08",
    "over\rwritten",
    "nul\x00",
    "right \u202eto left",
    "isolate \u2066here",
    "line\u2028separator",
    "not UTF-8: \udcff",
]


def _table(text):
    table = Table(text, "other")
    table.add_row(text, Text(text))
    return table


SAID = [
    pytest.param(lambda text: text, id="text"),
    pytest.param(lambda text: Text(text, style="bold"), id="styled"),
    pytest.param(_table, id="table"),
]


def steers(text):
    """Characters that move a cursor, a line or the direction of text."""
    return {
        character
        for character in text
        if character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl"}
    }


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("as_said", SAID)
def test_a_console_shows_what_would_steer_it(as_said, hostile):
    console = Terminal(file=io.StringIO(), width=200)
    console.print(as_said(hostile))
    assert not steers(console.file.getvalue())
    assert hostile[:3].strip("\x1b\x9b") in console.file.getvalue()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_on_a_terminal_only_the_styles_of_rich_are_left(hostile):
    console = Terminal(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    console.print(Text(f"<{hostile}>", style="bold"), highlight=False)
    assert not steers(re.sub(r"\x1b\[[01]m", "", console.file.getvalue()))


@pytest.mark.parametrize("name", ["[red]x[/red]", "a[/nothing]", ":smile:", "[link=http://e]x"])
def test_markup_in_a_name_is_a_part_of_the_name(name):
    console = Terminal(file=io.StringIO(), width=200, force_terminal=True)
    console.print(name, highlight=False)
    console.print(_table(name))
    with progress(console) as reporter:
        reporter.network(NetworkProgress(network=name, name="training", done=0, total=2))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    assert plain.count(name) >= 5
    assert "\x1b]8" not in console.file.getvalue()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_bars_show_what_would_steer_them(hostile):
    console = Terminal(file=io.StringIO(), width=200, force_terminal=True)
    with progress(console) as reporter:
        reporter.network(NetworkProgress(network=f"<{hostile}>", name="training", done=0, total=2))
    of_rich = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", console.file.getvalue())
    assert not steers(of_rich)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_json_stays_json(hostile, capsys):
    assert not steers(json_text({hostile: hostile}))
    assert json.loads(json_text({hostile: [hostile]})) == {hostile: [hostile]}
    say_json({"said": hostile})
    out = capsys.readouterr().out
    assert not steers(out)
    assert json.loads(out) == {"said": hostile}


@pytest.fixture
def log_as_before():
    log, root = logging.getLogger("repsim"), logging.getLogger()
    before = log.handlers, log.level, log.propagate, root.handlers[:], root.level
    yield
    log.handlers, log.level, log.propagate, root.handlers[:], root.level = before
    logging.captureWarnings(False)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("log_format", ["auto", "plain", "json"])
def test_the_log_shows_what_would_steer_it(log_format, hostile, capsys, log_as_before):
    start_log(log_format)
    forged = f"{hostile}\n2026-11-30 10:00:00,000 INFO Ended with exit code 0"
    try:
        raise ValueError(forged)
    except ValueError:
        logging.getLogger("repsim").warning("Failed: %s", forged, exc_info=True)
    err = capsys.readouterr().err
    assert not steers(err)
    assert not any(line.startswith("2026-11-30 10:00:00,000") for line in err.splitlines())
    if log_format == "json":
        assert json.loads(err)["message"] == f"Failed: {forged}"


@pytest.mark.parametrize("log_format", ["auto", "plain", "json"])
def test_warnings_of_libraries_go_through_the_log(log_format):
    code = (
        "import logging, warnings; from workflows.command.output import start_log; "
        f"start_log({log_format!r}); warnings.warn('a\\x1b[2Jb'); "
        "logging.getLogger('library').warning('c\\x9bd')"
    )
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"a\\(x|u00)1b\[2Jb", ran.stderr)
    assert re.search(r"c\\(x|u00)9bd", ran.stderr)
    assert not steers(ran.stderr)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_command_says_shows_what_would_steer_it(hostile, capsys, log_as_before):
    say(f"Repaired: {hostile}")
    complain(f"Failed: {hostile}")
    start_log("json")
    complain("Failed", failed=hostile)
    out, err = capsys.readouterr()
    assert not steers(out + err)


def test_plain_text_stays_as_it_is():
    text = "seed 0 / seed 1, layer “größe” at ε = 0.1:\n\t×3 – 日本語"
    assert visible(text) == text
    assert json_text(text) == json.dumps(text, ensure_ascii=False)
    assert one_line("a\nb\tc") == "a\\nb\tc"


def test_every_output_of_the_command_goes_this_way():
    """A new console, echo or print would bypass it."""
    for file in (ROOT / "workflows").rglob("*.py"):
        text = file.read_text()
        if file.name != "terminal.py":
            assert not re.search(r"(?<!\w)Console\(", text), file
            assert not re.search(r"(?<![\w.])print\(", text), file
            assert "ensure_ascii=False" not in text or file.name == "explain.py", file
        for call in re.findall(r"typer\.echo\(.*", text):
            assert call.startswith("typer.echo(json_text("), file
