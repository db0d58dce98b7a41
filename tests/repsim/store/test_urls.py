"""The URL of a bucket: which are opened, and that no secret stands in one."""

import pytest

from repsim.errors import StudyError
from repsim.store import Store
from tests.s3_server import KEY_ID, SECRET


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{KEY_ID}:{SECRET}@bucket/x",
        f"http://{KEY_ID}:{SECRET}@bucket/x",
        f"s3://bucket/x?AWSAccessKeyId={KEY_ID}&Signature={SECRET}",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StudyError, match="Expected a") as caught:
        Store(url)
    assert SECRET not in str(caught.value)
    assert KEY_ID not in str(caught.value)


def test_buckets_of_google_and_azure_are_opened_by_the_same_urls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only that: there is no server of theirs here."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "lab")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    google, azure = Store("gs://bucket/a/b/").objects, Store("az://container/a/b").objects
    assert (type(google).__name__, google.prefix) == ("GCSStore", "a/b")  # type: ignore[union-attr]
    assert (type(azure).__name__, azure.prefix) == ("AzureStore", "a/b")  # type: ignore[union-attr]
    assert google.config["bucket"] == "bucket"  # type: ignore[union-attr]
    assert azure.config["container_name"] == "container"  # type: ignore[union-attr]
