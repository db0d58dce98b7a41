"""What a profile must say: messages name the field, what is wrong with it, and what to write."""

import pytest

from repsim.errors import StudyError
from tests.cluster.kubernetes.profiles import rendered


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"ray": {"gpus_per_network": "auto"}}, "Expected ray.gpus_per_network, as in 1 or 0"),
        ({"dask": {"workers": "auto"}}, "Expected dask.workers, as in 8"),
        (
            {"kubernetes": {"shared_memory": "64MiB"}},
            "Expected kubernetes.shared_memory of at least 400MiB.*Got 64MiB",
        ),
        ({"ray": {"address": "ray://host:1"}}, "Expected ray.address = local.*Got 'ray://host:1'"),
        ({"dask": {"scheduler": "tcp://h:1"}}, "Expected dask.scheduler = local.*Got 'tcp://h:1'"),
        (
            {"ray": {"gpus_per_network": 0.5}, "kubernetes": {"training": "indexed"}},
            "Expected ray.gpus_per_network of 0 or 1.*Got 0.5",
        ),
        (
            {"ray": {"workers_per_network": 2}, "kubernetes": {"training": "indexed"}},
            "Expected ray.gpus_per_network of 0 or 1.*Got 1.0 and 2",
        ),
        (
            {"kubernetes": {"store_claim": "studies"}},
            "Expected a folder as store with kubernetes.store_claim. Got s3://bucket/studies",
        ),
    ],
)
def test_a_profile_that_pods_cannot_be_made_from(tables, message):
    with pytest.raises(StudyError, match=message):
        rendered(**tables)


def test_all_that_is_missing_is_said_at_once(monkeypatch):
    with pytest.raises(StudyError) as caught:
        rendered("runs", ray={"gpus_per_network": "auto"}, dask={"workers": "auto"})
    assert [line.split(",")[0] for line in str(caught.value).splitlines()] == [
        "Expected ray.gpus_per_network",
        "Expected dask.workers",
        "Expected a store that every pod reaches: s3://bucket/prefix",
    ]


def test_a_folder_without_a_volume_is_on_no_other_machine():
    with pytest.raises(
        StudyError, match=r"Expected a store that every pod reaches.*Got the folder"
    ):
        rendered("/mnt/store")


@pytest.mark.parametrize("folder", ["runs", "/mnt/../etc", "./runs"])
def test_a_volume_is_mounted_at_an_absolute_folder(folder):
    with pytest.raises(StudyError, match="Expected an absolute folder"):
        rendered(folder, kubernetes={"store_claim": "studies"})
