"""The digest of one's own code: what changes it, what does not, and what it leaves out."""

import ast
import importlib
import json
import os
import subprocess
import sys
import textwrap

import pytest

from repsim import own_code as own_code_module
from repsim.own_code import own_code, syntax_digest

MODEL = """
    from torch import nn

    def build(classes, width=3):
        return nn.Linear(width, classes)
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """The code behind a function, once these files are written below a folder of `sys.path`."""
    monkeypatch.syspath_prepend(tmp_path)

    def of(files, path="net:build"):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        own_code_module._own_code.cache_clear()
        return own_code(path)

    return of


def names(found):
    return [name for name, _ in found.files]


@pytest.mark.parametrize(
    "text",
    [
        "\n\n" + MODEL,
        MODEL.replace("width=3", "width = 3"),
        MODEL.replace("classes)\n\n", "classes)  # a comment\n\n"),
        MODEL.replace("def build", "# a comment\n    def build"),
        MODEL.replace("        return", '        """Words."""\n        return'),
        '    """Words on the module."""\n' + MODEL,
        MODEL.replace("width=3", "width=0x3"),
        MODEL.replace("width, classes)", "\n            width,\n            classes,\n        )"),
        MODEL.replace("        return", "        pass\n        return"),
        MODEL.replace("        return", "        'a bare string'; ...\n        return"),
        MODEL.replace("    ", "      "),
    ],
)
def test_comments_docstrings_and_formatting_change_nothing(code, text):
    assert code({"net.py": text}) == code({"net.py": MODEL})


@pytest.mark.parametrize(
    "text",
    [
        MODEL.replace("width=3", "width=4"),
        MODEL.replace("width=3", "width=3.0"),
        MODEL.replace("width=3", "width=True"),
        MODEL.replace("width=3", "width=None"),
        MODEL.replace("width=3", "width='3'"),
        MODEL.replace("Linear(width, classes)", "Linear(classes, width)"),
        MODEL.replace("Linear(width, classes)", "Linear(width, classes).half()"),
        MODEL.replace("width=3", "*, width=3"),
        MODEL.replace("def build", "@staticmethod\n    def build"),
        MODEL + "    WIDTH = 1\n",
    ],
)
def test_other_code_changes_the_digest(code, text):
    assert code({"net.py": text}).digest != code({"net.py": MODEL}).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f('a', 'b')", "f('a)str b')"),
        ("f(['a'], 'b')", "f(['a', 'b'])"),
        ("f(x=1)", "f(y=1)"),
        ("{**a, 'b': 1}", "{a: 'b', 1: 1}"),
        ("x = a if b else c", "x = b if a else c"),
        ("return_ = None", "return_ = ..."),
        ("x: int", "x: float"),
        ("f'{x}'", "f'{x!r}'"),
        ("a - b - c", "a - (b - c)"),
        ("if a:\n  b\nc", "if a:\n  b\n  c"),
        ("async def f(): g()", "def f(): g()"),
    ],
)
def test_no_two_trees_have_one_digest(one, other):
    assert syntax_digest(ast.parse(one)) != syntax_digest(ast.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'ab'", "x = ('a'\n 'b')"),
        ("x = u'a'", 'x = "a"'),
        ("x = 1_000", "x = 1000"),
        ("def f(): pass", "def f(): 'Words.'"),
        ("def f():\n  'Words.'\n  return 1", "def f(): return 1"),
        ("(a) = b", "a = b"),
    ],
)
def test_spelling_is_not_in_the_digest(one, other):
    assert syntax_digest(ast.parse(one)) == syntax_digest(ast.parse(other))


def test_versions_of_python_agree():
    # As 3.10 to 3.13 have it; later ones know more fields of a node.
    text = "class A(B):\n  'w'\n  def f(s, x: int = 1, *a) -> None: return f'{x!r:>{w}} {x=}'\n"
    assert syntax_digest(ast.parse(text)) == "74def1a0f3a50448"


def test_a_sum_of_thousands_of_terms_is_digested():
    assert len(syntax_digest(ast.parse("x = " + " + ".join(["1"] * 2000)))) == 16


@pytest.mark.parametrize(
    ("imports", "files", "expected"),
    [
        ("import blocks", {"blocks.py": ""}, ["blocks.py", "net.py"]),
        ("from blocks import a as b", {"blocks.py": "a = 1"}, ["blocks.py", "net.py"]),
        ("from blocks import *", {"blocks.py": ""}, ["blocks.py", "net.py"]),
        ("def f():\n    import blocks", {"blocks.py": ""}, ["blocks.py", "net.py"]),
        ("if f: import blocks", {"blocks.py": ""}, ["blocks.py", "net.py"]),
        (
            "import blocks",
            {"blocks.py": "import deep", "deep.py": ""},
            ["blocks.py", "deep.py", "net.py"],
        ),
        ("import blocks", {"blocks.py": "import net"}, ["blocks.py", "net.py"]),
        (
            "import kit.conv",
            {"kit/__init__.py": "", "kit/conv.py": "from . import act", "kit/act.py": ""},
            ["kit/__init__.py", "kit/act.py", "kit/conv.py", "net.py"],
        ),
        (
            "from kit import conv",
            {"kit/__init__.py": "", "kit/conv.py": "", "kit/unused.py": ""},
            ["kit/__init__.py", "kit/conv.py", "net.py"],
        ),
        (
            "from kit.deep import conv",
            {
                "kit/__init__.py": "",
                "kit/deep/__init__.py": "from ..act import f",
                "kit/deep/conv.py": "",
                "kit/act.py": "",
            },
            ["kit/__init__.py", "kit/act.py", "kit/deep/__init__.py", "kit/deep/conv.py", "net.py"],
        ),
        ("import kit.deep.conv", {"kit/deep/conv.py": ""}, ["kit/deep/conv.py", "net.py"]),
        (
            "import importlib\nimportlib.import_module('blocks')",
            {"blocks.py": ""},
            ["blocks.py", "net.py"],
        ),
        ("import math, torch, numpy.linalg, repsim.data", {}, ["net.py"]),
        ("import winreg", {}, ["net.py"]),
    ],
)
def test_what_the_module_imports_is_covered(code, imports, files, expected):
    found = code({"net.py": imports, **files})
    assert names(found) == expected
    assert found.uncovered == ()
    if len(expected) > 1:
        imported = next(name for name in expected if name != "net.py")
        edited = code({imported: files[imported] + "\nEDITED = 1"})
        assert edited.digest != found.digest


def test_packages_above_the_module_and_relative_imports_are_covered(code):
    files = {
        "lab/__init__.py": "from .seeds import one",
        "lab/seeds.py": "one = 1",
        "lab/nets/__init__.py": "",
        "lab/nets/big.py": "from .. import act",
        "lab/act.py": "",
    }
    assert names(code(files, "lab.nets.big:build")) == sorted(files)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module", "no_such_module (imported by net.py, not found)"),
        ("import fast", "fast (no Python source: fast.cpython-so.so)"),
        (
            "import importlib\nimportlib.import_module(f'nets.{x}')",
            "a module that net.py imports by a computed name",
        ),
        ("exec(open('x').read())", "code that net.py runs by exec"),
        ("import old", "what old.py imports (it cannot be parsed)"),
    ],
)
def test_what_is_not_covered_is_said_and_does_not_change_the_digest(
    code, tmp_path, monkeypatch, text, said
):
    from importlib.machinery import EXTENSION_SUFFIXES

    suffix = EXTENSION_SUFFIXES[0]
    (tmp_path / f"fast{suffix}").write_bytes(b"not really")
    found = code({"net.py": text, "old.py": "print 'two'" if "old" in text else ""})
    assert found.uncovered == (said.replace(".cpython-so.so", suffix),)
    assert "net.py" in names(found)


def test_a_file_that_cannot_be_parsed_is_compared_as_text(code):
    found = code({"net.py": "import old", "old.py": "print 'two'"})
    assert names(found) == ["net.py", "old.py"]
    assert code({"old.py": "print 'three'"}).digest != found.digest


def test_installed_packages_are_left_out_but_for_the_function_s_own(code, tmp_path, monkeypatch):
    for folder in ("site-packages", "vendored"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    files = {
        "net.py": "import packaged, vendor.part",
        "site-packages/packaged.py": "",
        "vendored/vendor/__init__.py": "",
        "vendored/vendor/part.py": "",
        # As `pip install --target` leaves it.
        "vendored/vendor-1.dist-info/RECORD": "",
    }
    assert names(code(files)) == ["net.py"]
    assert names(code({}, "packaged:build")) == ["packaged.py"]


def test_the_digest_is_that_of_the_code_not_of_its_place(code, tmp_path, monkeypatch):
    here = code({"net.py": "import blocks", "blocks.py": "A = 1"})
    monkeypatch.setattr(sys, "path", sys.path[1:])
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    there = code({"elsewhere/net.py": "import blocks", "elsewhere/blocks.py": "A = 1"})
    assert there == here


def test_nothing_is_executed(code):
    assert names(code({"net.py": "import blocks", "blocks.py": "raise SystemExit"})) == [
        "blocks.py",
        "net.py",
    ]
    assert "blocks" not in sys.modules


def test_the_code_that_is_loaded_is_read_once(code, tmp_path):
    loaded = code({"net.py": MODEL})
    (tmp_path / "net.py").write_text("EDITED = 1")
    assert own_code("net:build") == loaded == own_code("net:another")


def test_processes_agree_whatever_the_order_of_their_sets(code, tmp_path):
    files = {"net.py": "import blocks\nx = {1, 'a', (2.5, None)}", "blocks.py": MODEL}
    program = (
        "import json; from repsim.own_code import own_code; c = own_code('net:build'); "
        "print(json.dumps([c.digest, c.files]))"
    )
    found = code(files)
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert json.loads(ran.stdout) == [found.digest, [list(file) for file in found.files]]


def test_a_name_of_repsim_has_no_code_of_its_own():
    assert own_code("resnet18") is None
