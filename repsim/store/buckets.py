"""Object stores by URL, with the credentials of the environment."""

import os
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from obstore.store import ObjectStore, from_url

from repsim.errors import StoreError, StudyError

__all__ = ["check_url", "open_url"]

SCHEMES = ("s3", "gs", "az")

# A stalled request is given up after this long; a failing one is tried again until the second.
TIMEOUT = "30s"
RETRY_FOR = timedelta(seconds=90)


def check_url(url: str) -> str:
    """`url` without a slash at its end.

    Raises
    ------
    StudyError
        When it is not a URL of a bucket.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES or not rest.strip("/") or rest.startswith("/"):
        raise StudyError(
            "Expected a folder, or a bucket as s3://bucket/prefix, gs://bucket/prefix or "
            f"az://container/prefix, as the store. Got {url!r}."
        )
    if ".." in rest.split("/") or "@" in rest:
        raise StudyError(
            f"Expected a bucket and a prefix alone. Got {url!r}. Credentials belong in the "
            "environment, and a prefix has no '..'."
        )
    return url.rstrip("/")


def open_url(url: str) -> ObjectStore:
    """The store at `url`. Nothing is sent yet.

    S3 takes AWS_ACCESS_KEY_ID and the like; where these are not set and boto3 is installed, the
    profiles and roles that it knows. The endpoint is AWS_ENDPOINT_URL.
    """
    options: dict[str, Any] = {
        "retry_config": {
            "max_retries": 10,
            "retry_timeout": RETRY_FOR,
            "backoff": {"max_backoff": timedelta(seconds=5)},
        },
        "client_options": {"timeout": TIMEOUT},
    }
    if url.startswith("s3://"):
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["client_options"]["allow_http"] = True
        if "AWS_ACCESS_KEY_ID" not in os.environ and find_spec("boto3") is not None:
            from obstore.auth.boto3 import Boto3CredentialProvider

            options["credential_provider"] = Boto3CredentialProvider()
    try:
        return from_url(url, **options)
    except Exception as problem:
        raise StoreError(
            f"Expected an object store at {url}. Got: {problem}. Check the URL and the "
            "credentials in the environment."
        ) from problem
