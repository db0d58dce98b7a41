"""The studies that ship: each file is sound, and runs through the command on real file formats."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from repsim.data import load_data
from repsim.stages.plan import StudyPlan
from repsim.study import Study, load_study
from tests.disk_formats import write_cifar10, write_image_folder, write_text
from workflows.command import app
from workflows.plan import plan_study

FOLDER = Path(__file__).parents[2] / "workflows" / "studies"
STUDIES = sorted(FOLDER.glob("*.toml"))

# Examples of the splits as they are published; the generated ones are far fewer.
PUBLISHED_TEST = {"digits": 599, "cifar10": 10_000, "imagenet": 50_000}
PUBLISHED_TRAIN = {"digits": 1198, "cifar10": 50_000}

# Tokens of the validation text as it is published, ends of lines included.
PUBLISHED_TEXT = {"ptb": 73_760, "wikitext-2": 217_646}

# Of what is looked at: each study looks at some of these.
LAYER_TYPES = {"ReLU", "LSTM", "WeightDropLSTM", "Cell"}

# What the paper's smallest ratio rounds to: 10 000 columns for 512 neurons.
SAMPLES_PER_NEURON = 20

# Small enough for seconds on one thread: another depth or width, some layers of the many.
SMALL = {
    "cifar10-vgg16": ["model.name=vgg11"],
    "cifar10-resnet18": ["model.width=0.125"],
    "imagenet-vgg16": [
        "model.name=torchvision.squeezenet1_1",
        "capture.layers=['features.1', 'features.12.*', 'classifier.2']",
        "data.crop=64",
        "data.resize=72",
    ],
    "imagenet-resnet34": [
        "model.name=torchvision.resnet18",
        "capture.layers=['relu', 'layer4.*.relu']",
        "data.crop=64",
        "data.resize=72",
    ],
}

# Of what has too many networks, or too large ones, to be planned in a test.
FEWER = {
    "learning-rates-cifar10": [
        f"variants.rate-{rate}.seeds=[{number}]"
        for number, rate in enumerate(("1e-4", "3e-4", "1e-3", "3e-3", "1e-2"))
    ],
    "width-cifar10": ["seeds=[0, 1]", "sweep.model.width=[0.25, 1.0]"],
    "depth-and-width-cifar10": [f"variants.width-{n}.model.width=0.{n % 9}" for n in (4, 8, 10)],
}

every_study = pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
# Those that compare networks; the others analyse each alone.
every_comparison = pytest.mark.parametrize(
    "path", [path for path in STUDIES if load_study(path).pairs != "none"], ids=lambda p: p.stem
)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the form that the published ones have on disk."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "imagenet").mkdir()
    write_cifar10(folder / "cifar10", per_batch=20)
    write_image_folder(folder / "imagenet")
    for name in PUBLISHED_TEXT:
        write_text(folder / name)
    return {name: folder / name for name in ("cifar10", "imagenet", *PUBLISHED_TEXT)}


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The command points the log at the stream it was called with, which ends with the call."""
    log = logging.getLogger("repsim")
    before = (log.handlers, log.level, log.propagate)
    yield
    log.handlers, log.level, log.propagate = before


def header(path: Path) -> str:
    """The comment that opens a file, without its signs."""
    lines = path.read_text().split("\n\n", 1)[0].splitlines()
    assert all(line.startswith("#") for line in lines), f"{path.name} opens with no comment"
    return "\n".join(line.removeprefix("#").strip() for line in lines)


def planned(path: Path, roots: dict[str, Path], *overrides: str) -> StudyPlan:
    """The plan on generated data, or on the bundled one."""
    where = on_disk(load_study(path), roots)
    fewer = FEWER.get(path.stem, [])
    return plan_study(load_study(path, [*where, "capture.examples=all", *fewer, *overrides]))


def on_disk(study: Study, roots: dict[str, Path]) -> list[str]:
    """Where the generated data of a study are; nothing where they are bundled."""
    text = study.data.options.get("path")
    if text is not None:
        return [f"data.path={roots[Path(text).name]}"]
    root = roots.get(study.data.name)
    return [] if root is None else [f"data.root={root}"]


def published_examples(study: Study) -> int:
    """How many examples the captured split has as it is published."""
    options = study.data.options
    if "path" in options:
        return (PUBLISHED_TEXT[Path(options["path"]).name] - 1) // options["length"]
    if study.data.name in ("text", "synthetic"):
        return len(load_data(study.data.name, options).split(study.capture.split))
    published = PUBLISHED_TEST if study.capture.split == "test" else PUBLISHED_TRAIN
    return published[study.data.name]


@every_study
def test_a_study_is_named_after_its_file(path: Path) -> None:
    assert load_study(path).name == path.stem


@every_study
def test_a_study_opens_with_its_command_its_cost_and_what_to_expect(path: Path) -> None:
    words = header(path)
    commands = re.findall(r"^uv run repsim run (\S+)", words, flags=re.MULTILINE)
    assert commands == [path.relative_to(FOLDER.parents[1]).as_posix()]
    assert re.search(r"\b(minutes?|hours?)\b", words)
    assert re.search(r"\d GB\b", words)
    assert "What to expect" in words


@every_comparison
def test_a_study_plans_every_layer_of_every_pair(path: Path, roots: dict[str, Path]) -> None:
    plan = planned(path, roots)
    names = {label: {x.layer for x in layers} for label, layers in plan.layers.items()}
    assert len(plan.networks) == len(plan.study.networks) >= 2
    assert len(plan.pairs) >= plan.study.pair_count
    assert len(plan.comparisons) == sum(len(names[a] & names[b]) for a, b in plan.pairs)
    assert {x.type for x in plan.layers[plan.networks[0].label]} & LAYER_TYPES
    assert plan.apart == ()


@every_comparison
def test_a_study_keeps_enough_samples_for_its_neurons(path: Path, roots: dict[str, Path]) -> None:
    study = load_study(path)
    total = published_examples(study)
    examples = study.capture.examples_of(total)
    assert examples <= total
    plan = planned(path, roots)
    for layer in (x for one in plan.representatives for x in plan.layers[one.label]):
        enough = examples * layer.positions >= SAMPLES_PER_NEURON * layer.neurons
        everything = examples == total and layer.positions == layer.total_positions
        assert enough or everything, layer.layer


@every_study
def test_a_study_matches_at_the_papers_epsilons(path: Path) -> None:
    matching = load_study(path).matching
    assert matching.epsilons == (0.15, 0.2, 0.25, 0.3, 0.5)
    assert not matching.centred


@pytest.mark.parametrize(("name", "rate"), [("cifar10-vgg16", 0.05), ("cifar10-resnet18", 0.1)])
def test_a_cifar_study_trains_by_the_papers_protocol(name: str, rate: float) -> None:
    training = load_study(FOLDER / f"{name}.toml").training
    assert (training.epochs, training.batch_size) == (160, 128)
    assert (training.learning_rate, training.milestones_applied) == (rate, (80, 120))
    assert (training.momentum, training.weight_decay) == (0.9, 5e-4)
    assert training.keep == "best"


@pytest.mark.parametrize("name", SMALL)
def test_a_study_runs_end_to_end_on_real_file_formats(
    name: str, roots: dict[str, Path], tmp_path: Path
) -> None:
    path, store = FOLDER / f"{name}.toml", tmp_path / "runs"
    root = roots[load_study(path).data.name]
    overrides = [
        f"data.root={root}",
        "seeds=[0,1]",
        "training.epochs=1",
        "training.milestones=[]",
        *SMALL[name],
    ]
    if load_study(path).capture.examples != "all":
        overrides.append("capture.examples=5")
    options = [part for override in overrides for part in ("--set", override)]

    result = CliRunner().invoke(
        app, ["run", str(path), "--store", str(store), "--engine", "inline", *options]
    )

    assert result.exit_code == 0, result.output
    assert_reported(store, load_study(path, overrides), plan_study(load_study(path, overrides)))


def assert_reported(store: Path, study: Study, plan: StudyPlan) -> None:
    """A page, both networks, and a similarity for each layer and ε over all samples."""
    report = store / "studies" / study.name / "report"
    assert study.name in (report / "report.html").read_text()
    networks = pl.read_parquet(report / "networks.parquet")
    assert networks["status"].to_list() == ["done", "done"]
    layers = plan.layers["seed 0"]
    matches = pl.read_parquet(report / "results.parquet").filter(
        pl.col("measure") == "maximum match similarity"
    )
    assert matches.height == len(layers) * len(study.matching.epsilons)
    assert matches["value"].is_between(0, 1).all()
    samples = {layer.layer: layer.examples * layer.positions for layer in layers}
    assert dict(matches.select("layer", "samples").iter_rows()) == samples
