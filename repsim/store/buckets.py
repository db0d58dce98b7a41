"""Object stores by URL, with the credentials of the environment."""

import os
import re
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from obstore.store import ObjectStore, from_url

from repsim.errors import StoreError, StudyError
from repsim.store.requests import reason

__all__ = ["check_url", "open_url"]

SCHEMES = ("s3", "gs", "az")

# A store that says nothing for so long is given up, and asked again while the second lasts: long
# enough for one that restarts, short enough for somebody who mistyped its address.
SILENCE = timedelta(seconds=20)
RETRY_FOR = timedelta(seconds=30)
# Of a request as a whole, however slowly its bytes come.
LONGEST_REQUEST = timedelta(hours=1)


def check_url(url: str) -> str:
    """`url` without a slash at its end.

    Raises
    ------
    StudyError
        When it is not a URL of a bucket.
    """
    scheme, _, rest = url.partition("://")
    # What stands before an @ or behind a ? may be a secret: it is not shown.
    shown = re.sub(r"//.*@", "//...@", re.sub(r"\?.*", "?...", url))
    if scheme not in SCHEMES or not rest.strip("/") or rest.startswith("/"):
        raise StudyError(
            "Expected a folder, or a bucket as s3://bucket/prefix, gs://bucket/prefix or "
            f"az://container/prefix, as the store. Got {shown!r}."
        )
    rest = rest.rstrip("/")
    parts = rest.split("/")
    if {"", ".", ".."} & set(parts) or re.search(r"[@?#%\s]", rest):
        raise StudyError(
            f"Expected a bucket and a prefix alone. Got {shown!r}. Credentials belong in the "
            "environment; a prefix has no '..', no empty part and none of @ ? # % and blanks."
        )
    return f"{scheme}://{rest}"


def open_url(url: str) -> ObjectStore:
    """The store at `url`. Nothing is sent yet.

    S3 takes AWS_ACCESS_KEY_ID and the like; where these are not set and boto3 is installed, the
    profiles and roles that it knows. The endpoint is AWS_ENDPOINT_URL.
    """
    options: dict[str, Any] = {
        "retry_config": {
            # The time is the limit, not the number.
            "max_retries": 1000,
            "retry_timeout": RETRY_FOR,
            "backoff": {"max_backoff": timedelta(seconds=5)},
        },
        "client_options": {
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": f"{SILENCE.total_seconds():g}s",
            "timeout": LONGEST_REQUEST,
        },
    }
    if url.startswith("s3://"):
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["client_options"]["allow_http"] = True
        if "AWS_ACCESS_KEY_ID" not in os.environ and find_spec("boto3") is not None:
            options["credential_provider"] = _boto3_credentials()
    try:
        return from_url(url, **options)
    except Exception as problem:
        raise StoreError(
            f"Expected an object store at {url}. Got: {reason(problem)}. Check the URL and the "
            "credentials in the environment."
        ) from None


def _boto3_credentials() -> Any:
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider()
    except Exception:  # a profile that is not there, or no credentials anywhere
        raise StoreError(
            "Expected credentials of AWS. Got none. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that exists."
        ) from None
