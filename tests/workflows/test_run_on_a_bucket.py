"""A study in a bucket, on a server that misbehaves: the numbers of a folder, bit for bit."""

import re
from pathlib import Path

import pytest

from repsim.store import Store, run_lock
from tests.runs import (
    assert_same_results,
    downloaded,
    kill_all,
    run,
    start,
    study_file,
    wait_for,
)
from tests.s3_server import BUCKET, KEY_ID, SECRET, TOKEN, S3Server

# Of all requests one in five is answered with an error, and of some the answer is lost.
FLAKY = {
    "failing": 0.2,
    "failing_after": 0.02,
    "dropped": 0.02,
    "cut": 0.02,
    "slow": 0.1,
    "delay": 0.05,
}


def has_begun(server: S3Server, kind: str) -> bool:
    """Whether an artifact of this kind was published."""
    pattern = rf"/{kind}/[^/]*/marker"
    return any(method == "PUT" and re.search(pattern, path) for method, path in server.requests)


def assert_no_secret(store: Store, output: str) -> None:
    """None in what was said, and none in what was stored."""
    stored = {path: store.read(path) or b"" for path in store.sizes("")}
    assert stored
    for secret in (KEY_ID, SECRET, TOKEN):
        assert secret not in output
        assert not [path for path in stored if secret in path]
        assert not [path for path, content in stored.items() if secret.encode() in content]


@pytest.mark.full
def test_killed_in_the_middle_and_run_again_it_gives_the_same(
    server: S3Server, undisturbed: Path, tmp_path: Path
) -> None:
    store = Store(f"s3://{BUCKET}/of/a/lab")
    arguments = ("run", study_file(tmp_path), "--store", store.location, "--engine", "inline")
    server.misbehave(**{**FLAKY, "failing": 0.02})  # most of it is for the run that goes on
    process = start(*arguments)
    wait_for(lambda: has_begun(server, "profiles"), process)
    kill_all(process)
    server.misbehave(**FLAKY)
    output = run(*arguments)
    assert "watching whether it still is" in output
    assert server.harmed["failing"] > 20
    server.misbehave()
    assert_same_results(downloaded(store, tmp_path / "first"), undisturbed)
    assert_no_secret(store, output)

    made = store.sizes("")
    assert "Nothing to do: the study 'tiny' is complete." in run(*arguments)
    changed = {method: path for method, path in server.requests if method not in {"GET", "HEAD"}}
    assert all("/studies/tiny/" in path for path in changed.values())
    assert store.sizes("").keys() == made.keys()


def test_a_second_run_is_refused_with_6(server: S3Server, tmp_path: Path) -> None:
    store = Store(f"s3://{BUCKET}/of/two")
    with run_lock(store, "tiny"):
        output = run("run", study_file(tmp_path), "--store", store.location, expect=6)
    assert f"Expected no other run of the study 'tiny' in {store.location}" in output
    assert list(store.sizes("")) == ["studies/tiny/run.lock"]


def test_workers_take_the_credentials_from_the_environment(
    server: S3Server, undisturbed: Path, tmp_path: Path
) -> None:
    store = Store(f"s3://{BUCKET}/of/workers")
    server.misbehave(**{**FLAKY, "failing": 0.02})
    output = run("run", study_file(tmp_path), "--store", store.location)
    assert server.harmed.total() > 10
    server.misbehave()
    assert_same_results(downloaded(store, tmp_path / "first"), undisturbed)
    assert_no_secret(store, output)


def test_a_bucket_that_is_not_there_ends_the_command_with_4(
    server: S3Server, tmp_path: Path
) -> None:
    output = run("run", study_file(tmp_path), "--store", "s3://no-such-bucket/runs", expect=4)
    assert "NoSuchBucket" in output
    assert "Check that 'no-such-bucket' exists" in output
