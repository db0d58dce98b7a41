"""A model or data set of one's own that is edited between two runs, here or one import away."""

import importlib
import json
import re
import sys
import textwrap

import polars as pl
import pytest

STUDY = """
name = "tiny"
seeds = [0, 1]

[data]
name = "own_data:digits"

[model]
name = "own_net:build"

[training]
epochs = 1
batch_size = 20
learning_rate = 0.05

[resampling]
permutations = 0
groups = 0

[across]
examples = 0
"""

NET = '''
    """A network."""
    from torch import nn

    def build(inputs, outputs):
        from own_blocks import WIDTH
        first, last = nn.Linear(16, WIDTH), nn.Linear(WIDTH, outputs)
        return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)
'''

BLOCKS = """
    WIDTH = 4
    SLOPE = 0
"""

DATA = """
    import numpy as np
    import torch
    from repsim.data import DataSource, InputSpec, Split

    class Drawn(Split):
        def __init__(self, name, seed):
            self.ids = tuple(f"{name}/{i}" for i in range(60))
            self.targets = np.arange(60) % 3
            self.images = np.random.default_rng(seed).normal(size=(60, 1, 4, 4)).astype("f4")

        def batches(self, indices, *, batch_size, augmentation, device, workers=0):
            for start in range(0, len(indices), batch_size):
                some = indices[start : start + batch_size]
                images = self.images[some] + 0.1 * (augmentation is not None)
                yield torch.from_numpy(images), torch.from_numpy(self.targets[some])

    def digits(seed=SEED):
        inputs = InputSpec(shape=(1, 4, 4))
        return DataSource(name="d", classes=3, inputs=inputs, train=Drawn("train", seed),
                          test=Drawn("test", 7), preprocessing="none")
"""

FILES = {"own_net": NET, "own_blocks": BLOCKS, "own_data": DATA.replace("SEED", "1")}


class Project:
    """A folder with the code of a study, and `repsim` as it is typed there, each time anew."""

    def __init__(self, folder, repsim):
        self.folder, self.repsim = folder, repsim
        self.store = folder / "runs"
        (folder / "tiny.toml").write_text(STUDY)
        for name in FILES:
            self.edit(name)

    def edit(self, name, before="", after=""):
        text = textwrap.dedent(FILES[name])
        assert before in text
        (self.folder / f"{name}.py").write_text(text.replace(before, after))

    def __call__(self, verb, *more):
        for name in FILES:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return self.repsim(verb, self.folder / "tiny.toml", "--store", self.store, *more)

    def run(self, *more):
        ran = self("run", "--engine", "inline", *more)
        assert ran.code == 0, ran.err
        return ran

    def plan(self, *more):
        return json.loads(self("plan", "--json", *more).out)

    @property
    def results(self):
        return pl.read_parquet(self.store / "studies/tiny/report/results.parquet")

    @property
    def networks(self):
        return {path.name for path in (self.store / "networks").iterdir()}


@pytest.fixture
def project(repsim, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    # Two edits of one size in one second would run the first one's bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Project(tmp_path, repsim)
    for name in FILES:
        sys.modules.pop(name, None)


@pytest.fixture
def made(project):
    """The project after a run."""
    project.run()
    return project


def accepted(plan):
    """The option that `plan` offers."""
    (found,) = re.findall(r"--set '(accept_code\.[0-9a-f]{16}=\[\"[0-9a-f]{16}\"\])'", plan)
    return found


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("own_net", "nn.ReLU()", "nn.GELU()", "Model code changed: own_net.py"),
        ("own_blocks", "SLOPE = 0", "SLOPE = 1", "Model code changed: own_blocks.py"),
        ("own_data", "0.1 *", "0.2 *", "Data code changed: own_data.py"),
    ],
)
def test_edited_code_trains_other_networks_and_is_named(made, name, before, after, said):
    made.edit(name, before, after)
    networks = made.networks
    plan = made("plan", "--set", "capture.layers=['2']")
    assert f"2 networks (seed 0, seed 1): {said[0].lower()}{said[1:]}" in plan.out
    assert f"{said}; 2 networks are trained again (their training took 0:00:01 in all)" in plan.out
    ran = made.run("--set", "capture.layers=['2']")
    assert f"{said}; 2 networks are trained again" in ran.err
    assert ran.err.index("trained again") < ran.err.index("training 0 of 1")
    assert "Made 2 networks" in ran.out
    assert len(made.networks - networks) == 2
    assert "Nothing to do" in made.run("--set", "capture.layers=['2']").out


def test_other_code_gives_other_results(made):
    before = made.results
    made.edit("own_blocks", "WIDTH = 4", "WIDTH = 5")
    (change,) = made.plan()["changes"]
    assert change.startswith("Model code changed: own_blocks.py, parameters of the model changed; ")
    assert "accept_code" not in change  # weights of another shape cannot be kept
    made.run()
    assert not made.results.equals(before)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("own_net", '"""A network."""', '"""Another word."""\n# and a comment'),
        ("own_net", "nn.Flatten(), ", "nn.Flatten(),  # to a vector\n        "),
        ("own_blocks", "SLOPE = 0", "\n\n\nSLOPE  =  0  # no slope"),
    ],
)
def test_a_comment_a_docstring_or_a_line_break_retrains_nothing(made, name, before, after):
    made.edit(name, before, after)
    assert made.plan()["complete"]
    assert made.run().out.startswith("Nothing to do")


def test_other_images_under_the_same_ids_and_labels_are_other_data(made):
    before = made.results
    # As if a file behind the class had changed: its code is the same.
    ran = made.run("--set", "data.seed=2")
    assert "Content of the data changed; 2 networks are trained again" in ran.err
    assert not made.results.equals(before)


def test_a_new_seed_after_an_edit_names_both(made):
    made.edit("own_net", "nn.ReLU()", "nn.GELU()")
    reasons = made.plan("--set", "seeds=[0, 5]", "--set", "capture.layers=['2']")["reasons"]
    assert [reason["why"] for reason in reasons[:2]] == [
        "model code changed: own_net.py",
        "a new seed; seed 0 is there, with the same settings; model code changed: own_net.py",
    ]


def test_an_edit_beside_a_changed_setting_names_both(made):
    made.edit("own_net", "nn.ReLU()", "nn.GELU()")
    plan = made.plan("--set", "training.epochs=2", "--set", "capture.layers=['2']")
    assert plan["reasons"][0]["why"] == (
        "differs from the one trained before in training.epochs: 1 → 2; "
        "model code changed: own_net.py"
    )
    assert plan["changes"] == []


def test_a_change_that_the_study_accepts_keeps_the_networks_and_is_said(made):
    networks, before = made.networks, made.results
    made.edit("own_blocks", "SLOPE = 0", "SLOPE = 1")
    option = accepted(made("plan").out)
    now, earlier = re.findall("[0-9a-f]{16}", option)
    said = f"seed 0, seed 1: trained by the model code {earlier}, which has changed to {now} since."
    plan = made.plan("--set", option)
    assert not any(stage["to_make"] for stage in plan["stages"] if stage["name"] != "report")
    ran = made.run("--set", option)
    assert said in ran.err
    assert "Made 0 networks and 0 comparisons" in ran.out
    assert made.networks == networks
    assert made.results.equals(before)
    assert made.run("--set", option).out.startswith("Nothing to do")
    assert said in made("status", "--set", option).out
    assert made.plan("--set", option)["complete"]
    assert said in (made.store / "studies/tiny/report/report.html").read_text()
    summary = json.loads((made.store / "studies/tiny/run-summary.json").read_text())
    assert summary["accepted_code"][0].startswith(said)
    # Never by default.
    assert not made.plan()["complete"]


def test_acceptance_is_of_one_change_and_not_of_the_next(made):
    made.edit("own_blocks", "SLOPE = 0", "SLOPE = 1")
    option = accepted(made("plan").out)
    made.edit("own_blocks", "SLOPE = 0", "SLOPE = 2")
    change, stale = made.plan("--set", option)["changes"]
    assert change.startswith("Model code changed: own_blocks.py; 2 networks are trained again")
    assert f"{option[:28]} has no effect: the code of this study is " in stale


def test_what_is_trained_under_acceptance_has_the_key_of_its_own_code(made):
    made.edit("own_blocks", "SLOPE = 0", "SLOPE = 1")
    option = accepted(made("plan").out)
    before = made.networks
    made.run("--set", option, "--set", "seeds=[0, 1, 2]")
    (new,) = made.networks - before
    assert made.plan("--set", "seeds=[2, 3]")["stages"][0]["there"] == 1
    marker = json.loads((made.store / f"networks/{new}/marker.json").read_text())
    assert marker["facts"]["parameters"]["code"]["model"] == option[12:28]
    assert set(marker["facts"]["code"]["model"]) == {"own_net.py", "own_blocks.py"}


def test_an_accepted_network_that_is_gone_is_trained_by_the_code_as_it_is(made):
    made.edit("own_blocks", "SLOPE = 0", "SLOPE = 1")
    option = accepted(made("plan").out)
    earlier = made.networks
    for network in earlier:
        (made.store / f"networks/{network}/marker.json").write_text("{")
    ran = made.run("--set", option)
    assert "Made 2 networks" in ran.out
    assert len(made.networks - earlier) == 2


def test_what_is_not_covered_is_said(project):
    project.edit("own_blocks", "SLOPE = 0", "import importlib\nf = importlib.import_module")
    project.edit("own_net", "from own_blocks", "__import__('o' + 's')\n    from own_blocks")
    assert project.plan()["changes"] == [
        "A change of these would not be seen: a module that own_net.py imports by a computed name."
    ]


@pytest.mark.parametrize("value", ["12", "{a='0123456789abcdef'}", "{0123456789abcdef='1'}"])
def test_what_is_no_digest_is_refused(project, value):
    ran = project("plan", "--set", f"accept_code={value}")
    assert ran.code == 2
    assert "Expected a valid option 'accept_code" in ran.err
    assert "Traceback" not in ran.err
