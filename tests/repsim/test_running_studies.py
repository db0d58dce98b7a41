"""Studies run from Python: what the command does, with errors as exceptions."""

import sys
from multiprocessing.spawn import get_preparation_data

import pytest

import repsim
from repsim.errors import ActiveRunError, StudyError, TrainingError
from repsim.store import Store


def test_a_study_is_run_from_python(study_file, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "repsim")
    monkeypatch.chdir(tmp_path)
    overrides = {"training.epochs": 1, "seeds": [0, 1], "resampling.permutations": 0}
    study = repsim.run(study_file, overrides=overrides, store="made", engine="inline")
    assert study.store == Store(str(tmp_path / "made"))
    assert study.missing == ()
    assert study.networks["network"].to_list() == ["seed 0", "seed 1"]
    assert study.training.height == 2
    assert study.study.training.epochs == 1
    assert "seed 0: trained and captured" in caplog.text
    again = repsim.run(
        study_file,
        overrides=overrides,
        store="made",
        engine="inline",
        loggers=["tensorboard"],
        progress=False,
    )
    assert len(list((tmp_path / "made/studies/tiny/tensorboard").iterdir())) == 3
    assert again.results.equals(study.results)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "tiny.toml"]


def test_a_script_needs_no_guard_against_the_processes_that_dask_spawns(
    study_file, tmp_path, monkeypatch
):
    """Spawned processes import the main script again unless there is no path to it."""
    main = vars(sys.modules["__main__"])
    monkeypatch.setitem(main, "__file__", "script.py")
    monkeypatch.setitem(main, "__spec__", None)
    seen = []

    def run_study(*arguments):
        seen.append(get_preparation_data("worker").keys())
        raise ActiveRunError("stop here")

    monkeypatch.setattr("workflows.run.run_study", run_study)
    with pytest.raises(ActiveRunError):
        repsim.run(study_file, store=tmp_path / "runs")
    assert not {"init_main_from_path", "init_main_from_name"} & seen[0]
    assert main["__file__"] == "script.py"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overrides": {"training.epoch": 3}}, r"with overrides.*Did you mean 'training.epochs'"),
        ({"overrides": {"epochs": 3}}, "say training.epochs"),
        ({"overrides": {"": 3}}, "Expected an override like training.epochs=3. Got '=3'"),
        ({"overrides": ["training.epochs"]}, "Expected an override like"),
        ({"engine": "inlin"}, "known engine. Got 'inlin'. Did you mean 'inline'?"),
        ({"cluster": "nowhere"}, "nowhere"),
    ],
)
def test_wrong_arguments_of_a_run_are_refused(study_file, tmp_path, options, message):
    with pytest.raises(StudyError, match=f"(?s){message}"):
        repsim.run(study_file, store=tmp_path / "runs", **options)
    assert not (tmp_path / "runs").exists()


def test_what_fails_in_a_run_is_an_error_and_the_rest_is_kept(study_file, tmp_path):
    overrides = {"training.learning_rate": 1e30, "resampling.permutations": 0, "seeds": [0, 1]}
    with pytest.raises(TrainingError, match=r"(?s)Got \d failures: seed 0.*repsim.load_study\("):
        repsim.run(
            study_file,
            overrides=overrides,
            store=tmp_path / "runs",
            engine="inline",
            progress=False,
        )
