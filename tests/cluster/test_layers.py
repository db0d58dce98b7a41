"""Which of its layers a value of a profile comes from."""

import pytest
import typer

from cluster.profile import load_profile, resolve_profile
from cluster.schema import memory_bytes
from repsim.errors import StudyError


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The user's own file, with this text."""
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(tmp_path / "config" / name))

    def write(text):
        file = tmp_path / "config" / "repsim" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[ray]\ncpus_per_network = 3\nloader_workers = 3\nrestarts = 3\n")
    return str(path)


def origin(resolved, name):
    (found,) = [one for one in resolved.values() if one.name == name]
    return found.value, found.layer


def test_each_layer_wins_over_those_below_it(config, mine):
    file = config("[ray]\ncpus_per_network = 2\nloader_workers = 2\nrestarts = 2\ndevice = 'cpu'")
    variables = {"REPSIM_RAY__CPUS_PER_NETWORK": "4", "REPSIM_RAY__LOADER_WORKERS": "4"}
    resolved = resolve_profile(mine, ["ray.cpus_per_network=5"], environment=variables)
    assert origin(resolved, "ray.cpus_per_network") == (5, "the command line")
    assert origin(resolved, "ray.loader_workers") == (4, "the environment")
    assert origin(resolved, "ray.restarts") == (3, f"profile {mine}")
    assert origin(resolved, "ray.device") == ("cpu", str(file))
    assert origin(resolved, "ray.networks_at_once") == ("auto", "default")
    assert resolved.profile.ray.cpus_per_network == 5


def test_the_users_file_fills_in_what_a_profile_that_ships_leaves_open(config):
    config("store = 's3://bucket/lab'\n[slurm]\npython = '/shared/venv/bin/python'\n")
    profile = load_profile("slurm")
    assert profile.store == "s3://bucket/lab"
    assert profile.slurm.python == "/shared/venv/bin/python"
    assert load_profile("tcp://host:8786").store == "s3://bucket/lab"


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("REPSIM_STORE", "s3://bucket/prefix", "store", "s3://bucket/prefix"),
        ("REPSIM_RAY__GPUS_PER_NETWORK", "0.25", "ray.gpus_per_network", 0.25),
        ("REPSIM_RAY__GPUS_PER_NETWORK", "8", "ray.gpus_per_network", 8),
        ("REPSIM_DASK__DASHBOARD", "true", "dask.dashboard", True),
        ("REPSIM_SLURM__MATCHING__WALLTIME", "08:00:00", "slurm.matching.walltime", "08:00:00"),
        ("REPSIM_SLURM__SETUP", '["module load cuda"]', "slurm.setup", ("module load cuda",)),
        ("REPSIM_ENVIRONMENT__AWS_REGION", "eu-west-1", "environment.AWS_REGION", "eu-west-1"),
    ],
)
def test_variables_of_the_environment_are_values_of_the_profile(
    config, variable, text, name, value
):
    resolved = resolve_profile("local", environment={variable: text})
    assert origin(resolved, name) == (value, "the environment")


def test_what_a_container_engine_sets_for_a_service_is_no_value(config):
    variables = {"REPSIM_PORT": "tcp://10.0.0.1:80", "REPSIM_SERVICE_HOST": "10.0.0.1"}
    assert resolve_profile("local", environment=variables).profile == load_profile("local")


@pytest.mark.parametrize(
    ("variables", "overrides", "said"),
    [
        ({"REPSIM_RAY__CPUS": "4"}, [], "option of the environment. Got 'ray.cpus'."),
        ({"REPSIM_RY__RESTARTS": "4"}, [], "Got 'ry'. Did you mean 'ray'?"),
        ({"REPSIM_DASK__WORKERS": "many"}, [], "'dask.workers' of the environment: "),
        ({}, ["ray.cpus=4"], "option of the command line. Got 'ray.cpus'."),
        ({}, ["ray.restarts"], "Expected an override like ray.cpus_per_network=4."),
        ({}, ["=4"], "Expected an override like ray.cpus_per_network=4. Got '=4'."),
        ({}, ["ray=4"], "'ray' of the command line: a table. Got 4."),
        ({}, ["ray.gpus_per_network=1.5"], "or a whole number of them (8). Got 1.5"),
        ({}, ["ray.memory_per_network=32G"], "'ray.memory_per_network' of the command line: "),
        ({}, ["slurm.networks.walltime=1h"], "'slurm.networks.walltime' of the command line: "),
        ({}, ["slurm.networks.directives=['gpus=1']"], "Expected options of sbatch"),
    ],
)
def test_a_wrong_value_is_refused_with_the_layer_it_stands_in(config, variables, overrides, said):
    with pytest.raises(StudyError) as caught:
        resolve_profile("local", overrides, environment=variables)
    assert said in str(caught.value)


def test_a_wrong_file_of_the_users_is_named(config):
    file = config("[ray]\ncpu = 3\n")
    with pytest.raises(StudyError, match=r"Got 'ray\.cpu'") as caught:
        load_profile("local")
    assert str(file) in str(caught.value)


def test_a_size_counts_in_powers_of_two():
    assert memory_bytes("500MiB") == 500 * 2**20
    assert memory_bytes("1TiB") == 2**40
