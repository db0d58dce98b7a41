"""The API of the cluster: objects by path, a fresh token, and refusals that say what to do."""

import pytest

from cluster.kubernetes import InClusterApi
from repsim.errors import ClusterError, StudyError
from tests.cluster.kubernetes.fake_cluster import account_folder, running_cluster
from tests.cluster.kubernetes.profiles import rendered


@pytest.fixture
def cluster():
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def api(cluster, tmp_path):
    return InClusterApi(cluster.url, account_folder(tmp_path))


@pytest.fixture
def job():
    return rendered(kubernetes={"namespace": "research"}).stages["comparisons"]


@pytest.fixture
def ray_job():
    return rendered(kubernetes={"namespace": "research"}).stages["networks"]


def test_what_was_made_is_found(api, cluster, job, ray_job):
    assert api.get(job) is None
    api.create(job)
    api.create(ray_job)
    assert api.get(job) == job
    assert api.get(ray_job) == ray_job
    name = job["metadata"]["labels"]["app.kubernetes.io/instance"]
    assert set(cluster.objects) == {
        f"/apis/batch/v1/namespaces/research/jobs/{name}-comparisons",
        f"/apis/ray.io/v1/namespaces/research/rayjobs/{name}-networks",
    }


def test_what_is_there_is_left_as_it_is(api, cluster, job):
    api.create(job)
    api.create({**job, "spec": {}})
    assert api.get(job) == job


def test_the_token_is_read_each_time(api, tmp_path, job):
    """Kubernetes replaces it every hour, and studies last for days."""
    api.create(job)
    (tmp_path / "token").write_text("an old one", encoding="utf-8")
    with pytest.raises(ClusterError, match="Got 401: Unauthorized"):
        api.get(job)
    account_folder(tmp_path)
    assert api.get(job)


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (403, ClusterError, r"Expected to make Job .*Got 403: no\. Bind the Role of this study"),
        (
            404,
            ClusterError,
            r"Got 404: no\. Install the KubeRay operator, or set kubernetes.training",
        ),
        (422, StudyError, r"Got 422: no\.$"),
        (400, StudyError, r"Got 400: no\.$"),
        (500, ClusterError, r"Got 500: no\.$"),
        (429, ClusterError, r"Got 429: no\.$"),
    ],
)
def test_refusals(api, cluster, job, code, error, message):
    cluster.answers = [(code, {"message": "no"})]
    with pytest.raises(error, match=message):
        api.create(job)


def test_a_refusal_in_other_words_than_those_of_the_api(api, cluster, job):
    cluster.answers = [(502, "<html>")]
    with pytest.raises(ClusterError, match=r"Expected to look at Job .*Got 502: Bad Gateway"):
        api.get(job)


def test_an_answer_that_is_none(api, cluster, job):
    cluster.answers = [(200, "<html>")]
    with pytest.raises(ClusterError, match="Expected an answer of the Kubernetes API"):
        api.get(job)


def test_nobody_answers(tmp_path, job):
    with running_cluster() as gone:
        pass
    api = InClusterApi(gone.url, account_folder(tmp_path))
    with pytest.raises(ClusterError, match="Expected an answer of the Kubernetes API at"):
        api.get(job)


def test_outside_a_pod(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match=r"Expected to run in a pod.*repsim submit"):
        InClusterApi()


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
def test_the_address_is_that_of_the_variables(monkeypatch, host, url, job, tmp_path):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert InClusterApi().url == url
