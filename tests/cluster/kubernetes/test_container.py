"""The container file, read as text: nothing here builds it.

What is held is what would go unnoticed until a cluster runs it: the user, the source of the
package, the day of its dependencies, and what Kubernetes and KubeRay expect to find.
"""

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from cluster.kubernetes.pods import GROUP

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cluster" / "container"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions(text: str) -> list[tuple[str, str]]:
    """Pairs of instruction and arguments; continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    words = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in words]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions((FOLDER / "Dockerfile").read_text(encoding="utf-8")):
        if instruction[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def variables(stage: list[tuple[str, str]]) -> dict[str, str]:
    pairs = [word for name, rest in stage if name == "ENV" for word in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def installs(stage: list[tuple[str, str]]) -> list[list[str]]:
    """Words of each command that installs a Python package."""
    commands = [
        part for name, rest in stage if name == "RUN" for part in re.split(r"&&|;|\|\|", rest)
    ]
    return [
        words for part in commands if "install" in (words := shlex.split(part)) and "pip" in words
    ]


def last(stage: list[tuple[str, str]], name: str) -> str:
    return [rest for instruction, rest in stage if instruction == name][-1]


def copied() -> list[str]:
    """What is taken from the source tree."""
    return [
        source
        for stage in stages()
        for name, rest in stage
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]


def test_reading_the_file():
    assert instructions("# a\nFROM x AS y\nRUN a \\\n  # why\n  && b\n") == [
        ("FROM", "x AS y"),
        ("RUN", "a && b"),
    ]


def test_it_does_not_run_as_root():
    *_, image = stages()
    assert last(image, "USER") == f"{GROUP}:{GROUP}", "by number, which Kubernetes can check"
    assert any(name == "RUN" and f"--uid {GROUP}" in rest for name, rest in image)
    after = image[[name for name, _ in image].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & {name for name, _ in after}


def test_the_package_comes_from_the_tree_and_never_by_its_name():
    """The name repsim is somebody else's in the package index."""
    sources = []
    for words in (words for stage in stages() for words in installs(stage)):
        packages = words[words.index("install") + 1 :]
        assert not [word for word in packages if re.match(r"repsim([\[=<>~!]|$)", word)]
        sources += packages
    assert "." in sources


def test_what_is_installed_is_of_the_day_that_the_project_says():
    build, _ = stages()
    assert PROJECT["tool"]["uv"]["exclude-newer"]
    project, install = [
        next(i for i, (name, rest) in enumerate(build) if name == instruction and words in rest)
        for instruction, words in (("COPY", "pyproject.toml"), ("RUN", "uv pip install"))
    ]
    assert project < install, "uv reads the day from the file in the folder that it is called in"
    assert "--exclude-newer " not in (FOLDER / "Dockerfile").read_text(encoding="utf-8")


def test_byte_code_is_compiled_where_the_user_cannot_write_it_later():
    build, _ = stages()
    assert variables(build)["UV_COMPILE_BYTECODE"] == "1"


def test_the_image_holds_what_is_installed_and_no_tools_to_build():
    build, image = stages()
    assert last(image, "COPY") == "--from=build /opt/repsim /opt/repsim"
    assert variables(image)["PATH"].startswith("/opt/repsim/bin:")
    assert variables(build)["UV_PYTHON"] == "/opt/repsim"
    assert not installs(image)


def test_both_stages_have_the_same_python():
    """The environment that is copied points to the interpreter that it was made with."""
    (one, other) = [rest.split()[0] for stage in stages() for name, rest in stage if name == "FROM"]
    assert one == other == "python:${PYTHON}-slim"


def test_ray_starts_its_workers_in_the_environment_of_the_image():
    _, image = stages()
    assert variables(image)["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"
    assert variables(image)["RAY_USAGE_STATS_ENABLED"] == "0"


def test_kuberay_finds_what_it_calls():
    build, image = stages()
    assert any(name == "RUN" and " wget" in rest for name, rest in image)
    assert any("ray[default]" in words for words in installs(build)), "it submits to the dashboard"


def test_the_command_of_the_manifests_is_there():
    assert "repsim" in PROJECT["project"]["scripts"]


def test_extras_are_those_of_the_project():
    build, _ = stages()
    for words in installs(build):
        asked = [words[i + 1] for i, word in enumerate(words) if word == "--extra"]
        assert set(asked) <= set(PROJECT["project"]["optional-dependencies"])


def test_every_package_and_file_that_the_wheel_needs_is_copied():
    project = PROJECT["project"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"]}
    needed |= set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert set(copied()) == needed
    assert all((ROOT / source).exists() for source in needed)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("pyproject.toml", True),
        ("repsim", True),
        ("workflows", True),
        ("cluster", True),
        (".git", False),
        (".venv", False),
        ("runs", False),
        ("data", False),
        ("uv.lock", False),
        ("tests", False),
    ],
)
def test_data_and_environments_are_not_sent_to_the_build(path, sent):
    """The last pattern that fits decides, as in https://docs.docker.com/build/concepts/context/."""
    ignored = False
    for line in (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and fnmatch(path, pattern.removeprefix("!")):
            ignored = not pattern.startswith("!")
    assert ignored is not sent


def test_no_registry_is_named():
    """Which one holds the base image or the packages is the business of who builds."""
    for file in FOLDER.iterdir():
        text = file.read_text(encoding="utf-8")
        assert "://" not in text
        assert re.findall(r"[\w.-]+\.[a-z]{2,}(?:/|:\d)", text) == []
