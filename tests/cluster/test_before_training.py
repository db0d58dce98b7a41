"""What of a profile can be known to fail is refused before anything is trained."""

import dask
import pytest

from cluster.dask_cluster import check_dask
from cluster.schema import DaskProfile
from repsim.errors import StudyError
from tests.runs import run, study_file


def test_an_address_without_the_encryption_that_is_required():
    with dask.config.set({"distributed.comm.require-encryption": True}):
        for scheduler in ("tcp://host:8786", "ucx://host:8786"):
            with pytest.raises(StudyError, match=rf"at tls://.*Got dask.scheduler = '{scheduler}'"):
                check_dask(DaskProfile(scheduler=scheduler))
        check_dask(DaskProfile())
    check_dask(DaskProfile(scheduler="tcp://host:8786"))


def test_certificates_that_are_missing(tmp_path):
    profile = DaskProfile(scheduler="tls://host:8786")
    with pytest.raises(StudyError, match=r"Got nothing as distributed.comm.tls.ca-file. Set DASK_"):
        check_dask(profile)
    names = ("ca-file", "client.cert", "client.key")
    files = {f"distributed.comm.tls.{name}": str(tmp_path / name) for name in names}
    with dask.config.set(files):
        with pytest.raises(StudyError, match=rf"Got {tmp_path}/ca-file as"):
            check_dask(profile)
        for name in names:
            (tmp_path / name).touch()
        check_dask(profile)


def test_a_run_is_refused_before_it_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "True")
    store = tmp_path / "runs"
    file = study_file(tmp_path)
    said = run("run", file, "--store", store, "--cluster", "tcp://127.0.0.1:9", expect=2)
    assert "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION" in said
    assert not (store / "networks").exists()
    assert not (store / "checkpoints").exists()
