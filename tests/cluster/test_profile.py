"""Profiles: those that ship, one's own, addresses, and what is refused."""

import importlib.util
from pathlib import Path

import pytest

from cluster.profile import DaskProfile, Profile, RayProfile, load_profile, profile_names, user_file
from repsim.errors import StudyError
from repsim.options import validated_options


def test_the_profiles_that_ship():
    assert {"local", "local-gpu", "address"} <= set(profile_names())


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_that_ships_is_sound_and_describes_itself(name):
    assert load_profile(name).description


def test_local_is_what_the_fields_say_by_themselves():
    assert load_profile("local").model_copy(update={"description": ""}) == Profile()
    assert load_profile("local").shares_machine


def test_the_gpu_profile_never_falls_back_to_the_cpu():
    assert load_profile("local-gpu").ray.device == "cuda"


@pytest.mark.parametrize("address", ["tcp://host:8786", "tls://host:8786"])
def test_an_address_of_dask_is_a_profile(address):
    profile = load_profile(address)
    assert profile == Profile(dask=DaskProfile(scheduler=address))
    assert not profile.shares_machine


def test_an_address_of_ray_is_a_profile():
    profile = load_profile("ray://host:10001")
    assert profile == Profile(ray=RayProfile(address="ray://host:10001"))
    assert not profile.shares_machine


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[ray]\ncpus_per_network = 4\ngpus_per_network = 0.25\n[dask]\nworkers = 3\n")
    profile = load_profile(str(path))
    assert (profile.ray.cpus_per_network, profile.ray.gpus_per_network) == (4, 0.25)
    assert (profile.dask.workers, profile.dask.threads_per_worker) == (3, 1)
    assert profile.shares_machine


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ray]\ngpu = 1", "Got 'ray.gpu'."),
        ("[ray]\nadress = 'auto'", "Got 'ray.adress'. Did you mean 'ray.address'?"),
        ("[dsk]\nworkers = 1", "Got 'dsk'. Did you mean 'dask'?"),
        ("[dask]\nworkers = 0", "'dask.workers' of profile "),
        ("[dask]\nworkers = 'all'", "a valid integer, or 'auto'. Got 'all'."),
        ("[ray]\ngpus_per_network = -1", "greater than or equal to 0, or 'auto'. Got -1."),
        ("[ray]\ncpus_per_network = 1.5", "'ray.cpus_per_network' of profile "),
        ("ray = 'local'", "a table. Got 'local'."),
        ("[ray", "Expected TOML. Got profile "),
    ],
)
def test_a_wrong_profile_is_refused_with_what_is_possible(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        load_profile(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lokal", "Expected a known cluster profile. Got 'lokal'. Did you mean 'local'?"),
        ("host:6379", "or an address (tcp://host:8786, ray://host:10001) also do."),
        ("", "Expected a known cluster profile. Got ''."),
        ("nowhere.toml", "Expected a profile file. Got nowhere.toml: "),
    ],
)
def test_a_name_of_nothing_is_refused_with_what_there_is(name, said):
    with pytest.raises(StudyError) as caught:
        load_profile(name)
    assert said in str(caught.value)


def test_a_profile_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"description = '\xff'")
    with pytest.raises(StudyError, match="Expected a profile file"):
        load_profile(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (f"slurm.{name}", "lab\n#SBATCH --uid=0")
            for name in ("account", "qos", "gres", "folder")
        ),
        *((f"slurm.{name}", "a b") for name in ("account", "qos", "gres")),
        ("slurm.networks.partition", "gpu\n#SBATCH --uid=0"),
        ("slurm.matching.partition", "gpu' --wrap='id"),
        ("slurm.networks.directives", ["--constraint=a\n#SBATCH --uid=0"]),
        ("slurm.networks.directives", ["--constraint=a\r#SBATCH --uid=0"]),
        ("slurm.networks.walltime", "1:00:00\n#SBATCH --uid=0"),
        ("slurm.folder", "jobs-%j"),
        ("slurm.folder", "jobs\\a"),
        ("slurm.folder", ""),
        ("slurm.python", "python\nrm -r /"),
        ("slurm.setup", ["echo \x1b[2J"]),
        ("dask.interface", "ib0\n"),
        ("dask.performance_report", "a\x00b"),
        ("dask.scheduler", "tcp://host\u202e:1"),
        ("ray.address", "host:1\x9b"),
        ("ray.memory_per_network", "1GiB\n"),
        ("kubernetes.image", "repsim\nkind: Pod"),
        ("kubernetes.namespace", "default\n"),
        ("kubernetes.node_selector", {"a\nb": "c"}),
        ("kubernetes.node_selector", {"a": "b\nc"}),
        ("kubernetes.tolerations", [{"key": "a\nb"}]),
        ("kubernetes.schedule", "0 3 * * *\n"),
        ("environment", {"A": "\x1b[2J"}),
        ("environment", {"A\n": "b"}),
        ("store", "runs\n"),
        ("description", "\x07"),
    ],
)
def test_text_that_could_end_a_line_or_steer_a_terminal_is_refused(field, value):
    tables = value
    for name in reversed(field.split(".")):
        tables = {name: tables}
    with pytest.raises(StudyError, match=f"Expected .*{field}") as refused:
        validated_options(Profile, tables, "a test")
    assert str(refused.value).isprintable()


def test_lines_are_taken_where_lines_are_meant():
    lines = {"description": "one\ntwo", "environment": {"A": "one\n\ttwo"}}
    made = validated_options(Profile, {**lines, "slurm": {"setup": ["if true\nthen a; fi"]}}, "it")
    assert made.environment["A"] == "one\n\ttwo"


@pytest.mark.parametrize(
    ("problem", "warned"),
    [
        (PermissionError(13, "Permission denied"), True),
        (OSError(40, "Too many levels of symbolic links"), True),
        (IsADirectoryError(21, "Is a directory"), True),
        (FileNotFoundError(2, "No such file or directory"), False),
        (NotADirectoryError(20, "Not a directory"), False),
    ],
)
def test_a_home_that_cannot_be_read_counts_as_none(monkeypatch, caplog, problem, warned):
    mine, opened = user_file(), Path.open

    def refused(path, *arguments, **options):
        if path == mine:
            raise problem
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)
    assert load_profile("local") == load_profile("local")
    said = f"Did not read {mine}: {problem.strerror}. Going on without it."
    assert (said in caplog.text) == warned


def test_a_profile_of_hundreds_of_levels_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_text(f"[{'.'.join('a' * 3000)}]\nb = 1")
    with pytest.raises(StudyError, match=r"a few levels deep in .*mine.toml"):
        load_profile(str(tmp_path / "mine.toml"))


def test_an_override_of_two_lines_is_refused():
    with pytest.raises(StudyError, match=r"on one line. Got 'dask.workers=3\\ndask.x=1'"):
        load_profile("local", ["dask.workers=3\ndask.x=1"])


def test_a_ray_client_can_be_used():
    assert importlib.util.find_spec("grpc")
