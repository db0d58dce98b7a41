"""Where a store is, as somebody who damages it sees it: a folder, or a bucket by its own protocol.

Nothing here goes through `repsim.store`: damage comes from outside.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3

from tests.s3_server import BUCKET, S3Server

__all__ = ["Bucket", "Folder", "Place"]


class Place(Protocol):
    """Files that can be read, changed and removed behind the back of a run."""

    location: str

    def files(self) -> list[str]:
        """Every path, in order."""

    def read(self, path: str) -> bytes | None:
        """The content, or None where nothing is."""

    def change(self, path: str, content: bytes) -> None:
        """Put other content in place."""

    def remove(self, path: str) -> None:
        """Remove the file, if it is there."""


@dataclass(frozen=True)
class Folder:
    """A store on a disk."""

    root: Path

    @property
    def location(self) -> str:
        return str(self.root)

    def files(self) -> list[str]:
        found = [
            Path(parent, name).relative_to(self.root).as_posix()
            for parent, _, names in os.walk(self.root)
            for name in names
        ]
        return sorted(found)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def change(self, path: str, content: bytes) -> None:
        try:
            # In place, as a disk does it that goes bad: whoever has it open sees it, too.
            with (self.root / path).open("r+b") as file:
                file.write(content)
                file.truncate()
        except FileNotFoundError:
            pass

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)


class Bucket:
    """A store in a bucket of a server."""

    def __init__(self, server: S3Server, prefix: str) -> None:
        names = server.environment()
        self.location = f"s3://{BUCKET}/{prefix}"
        self._prefix = f"{prefix}/"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=names["AWS_ENDPOINT_URL"],
            aws_access_key_id=names["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=names["AWS_SECRET_ACCESS_KEY"],
            region_name=names["AWS_REGION"],
        )

    def files(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2")
        return sorted(
            item["Key"].removeprefix(self._prefix)
            for page in pages.paginate(Bucket=BUCKET, Prefix=self._prefix)
            for item in page.get("Contents", ())
        )

    def read(self, path: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=BUCKET, Key=self._prefix + path)
        except self._client.exceptions.NoSuchKey:
            return None
        content: bytes = answer["Body"].read()
        return content

    def change(self, path: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=self._prefix + path, Body=content)

    def remove(self, path: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=self._prefix + path)
