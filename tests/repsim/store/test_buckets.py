"""A bucket keeps what it is given as a folder does, also where its server misbehaves."""

import os
import pickle
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from repsim.errors import IntegrityError, StoreError
from repsim.store import (
    Activations,
    ActivationWriter,
    Artifact,
    Checkpoints,
    Store,
    buckets,
    conditions,
    published,
)
from tests.s3_server import BUCKET, KEY_ID, SECRET, TOKEN, S3Server, s3_server

# One request in five and more goes wrong, each in its own way, and as many are late.
FLAKY = {
    "failing": 0.1,
    "failing_after": 0.05,
    "dropped": 0.05,
    "cut": 0.05,
    "slow": 0.2,
    "delay": 0.02,
}
BEHAVIOURS: dict[str, dict[str, float]] = {"sound": {}, "flaky": FLAKY}
# Each way in which an answer to a request that was carried out may be lost.
LOST_ANSWERS = ("failing_after", "dropped", "cut")


@pytest.fixture(scope="module")
def shared_server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def server(shared_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server that behaves, and the environment of its user."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in shared_server.environment().items():
        monkeypatch.setenv(name, value)
    shared_server.misbehave()
    return shared_server


@pytest.fixture
def store(server: S3Server) -> Store:
    """A store of this test alone."""
    return Store(f"s3://{BUCKET}/{secrets.token_hex(8)}/runs")


@pytest.fixture(params=BEHAVIOURS)
def behaviour(server: S3Server, request: pytest.FixtureRequest) -> str:
    server.misbehave(**BEHAVIOURS[request.param])
    return str(request.param)


def test_what_is_written_is_read_listed_and_deleted(store: Store, behaviour: str) -> None:
    for number in range(10):
        store.write(f"a/b{number}", b"12")
        store.write(f"a/b{number}", b"123")
        assert store.read(f"a/b{number}") == b"123"
        assert store.exists(f"a/b{number}")
        assert not store.exists(f"a/c{number}")
        assert store.read(f"a/c{number}") is None
    store.write("a/c/d", b"")
    store.write("ab", b"1")
    expected = {**{f"a/b{number}": 3 for number in range(10)}, "a/c/d": 0}
    assert list(store.sizes("a").items()) == list(expected.items())
    assert store.sizes("") == {**expected, "ab": 1}
    assert store.sizes("none") == {}
    assert not store.exists("a/c")
    assert store.of_each(store.exists, [*expected, "x", "y/z"]) == [True] * 11 + [False] * 2
    store.flush("a")
    for path in (*expected, *expected, "never"):
        store.delete(path)
    assert store.sizes("") == {"ab": 1}


def test_a_store_travels_to_another_process_without_its_credentials(store: Store) -> None:
    store.write("a", b"1")
    travelling = pickle.dumps(store)
    assert not {secret for secret in (KEY_ID, SECRET, TOKEN) if secret.encode() in travelling}
    there = pickle.loads(travelling)
    assert there == store
    assert there.read("a") == b"1"


def test_content_of_many_parts_is_whole_or_not_there(
    store: Store, server: S3Server, behaviour: str
) -> None:
    content = np.random.default_rng(0).bytes(12_000_000)
    store.write("large", content)
    assert store.read("large") == content


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, "failing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_an_upload_of_which_an_answer_is_lost_is_still_right(
    store: Store, server: S3Server, fault: str, method: str
) -> None:
    content = np.random.default_rng(1).bytes(6_000_000)
    for harmed in (1, 2):
        server.misbehave(**{fault: 1.0}, methods=(method,), most=harmed)
        store.write("large", content)
        assert store.read("large") == content
        assert server.harmed[fault] == harmed


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_who_was_first_knows_it_although_the_answer_was_lost(
    store: Store, server: S3Server, fault: str
) -> None:
    server.misbehave(**{fault: 1.0}, most=2)
    assert store.create("a", b"first")
    assert server.harmed[fault] > 0
    server.misbehave(**{fault: 1.0}, most=2)
    assert not store.create("a", b"second")
    assert store.read("a") == b"first"


def test_of_many_at_once_one_is_first(store: Store, behaviour: str) -> None:
    for number in range(3):
        contents = [f"writer {writer}".encode() for writer in range(8)]
        with ThreadPoolExecutor(len(contents)) as pool:
            first = list(pool.map(lambda c, n=number: store.create(f"race {n}", c), contents))
        assert sum(first) == 1
        assert store.read(f"race {number}") == contents[first.index(True)]


def test_what_changed_since_it_was_seen_is_not_replaced(store: Store, behaviour: str) -> None:
    assert store.look("a") is None
    store.write("a", b"0")
    for number in range(1, 8):
        seen = store.look("a")
        assert seen is not None
        assert seen.content == b"%d" % (number - 1)
        assert store.replace("a", b"%d" % number, seen)
        assert not store.replace("a", b"late", seen)
        assert store.read("a") == b"%d" % number
    store.delete("a")
    assert not store.replace("a", b"late", seen)
    assert not store.exists("a")


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_an_attempt_whose_marker_was_not_confirmed_counts_as_published(
    store: Store, server: S3Server, fault: str
) -> None:
    artifact = Artifact(store, "kind", "key")
    draft, late = artifact.draft(), artifact.draft()
    for attempt in (draft, late):
        attempt.write("a", attempt.attempt.encode())
    server.misbehave(**{fault: 1.0}, methods=("PUT",), paths="marker", most=2)
    assert draft.publish().attempt == draft.attempt
    assert server.harmed[fault] > 0
    server.misbehave(**{fault: 1.0}, methods=("PUT",), paths="marker", most=2)
    assert late.publish().attempt == draft.attempt
    assert artifact.read("a") == draft.attempt.encode()


def test_activations_and_checkpoints_are_as_in_a_folder(
    store: Store, server: S3Server, behaviour: str
) -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((500, 9, 2000), dtype=np.float32)  # two shards of several parts
    ids = [f"example {number}" for number in range(len(values))]
    artifact = Artifact(store, "activations", "key")
    writer = ActivationWriter(
        artifact, layer="layer", ids=ids, positions=9, neurons=2000, dtype="float32"
    )
    for block in np.array_split(values, 7):
        writer.append(block)
    writer.publish({})
    there = Activations(store, "key")
    assert there.ids == tuple(ids)
    blocks = list(there.blocks(0, len(ids), there.examples_per_shard))
    assert len(blocks) == 2
    np.testing.assert_array_equal(np.concatenate(blocks), values.reshape(-1, 2000))

    checkpoints = Checkpoints(store, "key")
    contents = [rng.bytes(1000) for _ in range(4)]
    for content in contents:
        checkpoints.save(content, epoch=1)
    assert checkpoints.load() == contents[:1:-1]
    checkpoints.discard()
    assert checkpoints.load() == []

    artifact.discard()
    assert store.sizes("") == {}


def test_a_bucket_that_fails_is_not_taken_for_damaged_activations(
    store: Store, server: S3Server
) -> None:
    def write() -> None:
        artifact = Artifact(store, "activations", "key")
        writer = ActivationWriter(
            artifact, layer="layer", ids=["a"], positions=1, neurons=1, dtype="float32"
        )
        writer.append(np.ones((1, 1, 1), np.float32))
        writer.publish({})

    server.misbehave(denied=1.0, methods=("PUT",), paths="/activations/c/")
    with pytest.raises(StoreError, match="403 Forbidden"):
        write()
    server.misbehave()
    write()
    server.misbehave(denied=1.0, methods=("GET",), paths="/activations/c/")
    with pytest.raises(StoreError, match="403 Forbidden"):
        list(Activations(store, "key").blocks(0, 1, 1))


def test_many_are_looked_for_at_once(store: Store, server: S3Server) -> None:
    server.misbehave(slow=1.0, delay=0.3)
    started = time.monotonic()
    assert published(store, (f"moments/{number}" for number in range(32))) == set()
    assert time.monotonic() - started < 3


USES: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read("a"),
    "write": lambda store: store.write("a", b"1"),
    "create": lambda store: store.create("a", b"1"),
    "list": lambda store: store.sizes("a"),
    "look for": lambda store: store.exists("a"),
    "delete": lambda store: store.delete("a"),
}


def assert_says_no_secret(problem: BaseException) -> None:
    shown = "".join(map(str, (problem, repr(problem), problem.__cause__)))
    assert not [secret for secret in (KEY_ID, SECRET, TOKEN, "Signature=") if secret in shown]
    assert problem.__suppress_context__


# The answer to a HEAD has no body: it looks like that for a missing object.
@pytest.mark.parametrize("use", sorted(USES.keys() - {"look for"}))
def test_a_bucket_that_is_not_there_is_named(server: S3Server, use: str) -> None:
    store = Store("s3://no-such-bucket/runs")
    expected = (
        "Expected to .* 'a' in the store s3://no-such-bucket/runs. Got: .*404 Not Found: "
        "NoSuchBucket: The specified bucket does not exist. Check that 'no-such-bucket' exists"
    )
    with pytest.raises(StoreError, match=expected):
        USES[use](store)


@pytest.mark.parametrize("use", USES)
def test_credentials_that_are_refused_are_said_and_not_shown(
    store: Store, server: S3Server, use: str
) -> None:
    server.misbehave(denied=1.0)
    expected = "Expected to .* 'a' .* 403 Forbidden.*AWS_ACCESS_KEY_ID"
    with pytest.raises(StoreError, match=expected) as caught:
        USES[use](store)
    assert_says_no_secret(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1  # it does not get better by asking again


def test_no_credentials_are_said_at_once(monkeypatch: pytest.MonkeyPatch, server: S3Server) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = Store(f"s3://{BUCKET}")
    with pytest.raises(StoreError, match=r"Expected credentials of AWS\. Got none\. Set AWS_A"):
        store.read("a")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match="or AWS_PROFILE to a profile that exists"):
        Store(f"s3://{BUCKET}").write("a", b"1")


def test_a_profile_of_aws_is_taken_where_the_environment_has_no_keys(
    monkeypatch: pytest.MonkeyPatch, server: S3Server, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[lab]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    store = Store(f"s3://{BUCKET}/of-a-profile")
    store.write("a", b"1")
    assert pickle.loads(pickle.dumps(store)).read("a") == b"1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes of patience as seconds."""
    monkeypatch.setattr(buckets, "SILENCE", buckets.SILENCE / 40)
    monkeypatch.setattr(buckets, "RETRY_FOR", buckets.RETRY_FOR / 30)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("server_is", ["gone", "silent"])
def test_a_server_that_does_not_answer_is_given_up(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, impatient: None, use: str, server_is: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if server_is == "silent" else 9
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        started = time.monotonic()
        expected = "Expected to .* 'a' .*error sending request.*AWS_ENDPOINT_URL"
        with pytest.raises(StoreError, match=expected) as caught:
            USES[use](Store(f"s3://{BUCKET}/runs"))
    assert time.monotonic() - started < 4
    assert_says_no_secret(caught.value)


def test_patience_is_less_than_a_minute() -> None:
    """As shipped; tests shorten it."""
    assert (buckets.RETRY_FOR + buckets.SILENCE).total_seconds() <= 60


def test_an_answer_that_keeps_coming_is_waited_for(
    store: Store, server: S3Server, impatient: None
) -> None:
    """Large files over slow lines: what counts is silence, not the time in all."""
    store.write("a", b"1" * 4_000_000)
    server.trickle = 1.5
    try:
        started = time.monotonic()
        assert store.read("a") == b"1" * 4_000_000
        assert time.monotonic() - started > 1.5 > buckets.SILENCE.total_seconds()
    finally:
        server.trickle = 0.0


def test_whether_an_artifact_is_there_takes_one_request(store: Store, server: S3Server) -> None:
    there, damaged, missing = (Artifact(store, "moments", name * 64) for name in "abc")
    for artifact in (there, damaged):
        artifact.draft().publish()
    store.write(damaged.marker_path, b"{")
    server.misbehave()
    folders = [artifact.folder for artifact in (there, damaged, missing)]
    found = conditions(store, folders)
    assert [found[name] for name in ("sound", "damaged", "missing")] == [{one} for one in folders]
    assert {method for method, _ in server.requests} == {"GET"}
    assert len(server.requests) == 3


def test_clearing_removes_all_that_is_below(store: Store, behaviour: str) -> None:
    for number in range(20):
        store.write(f"a/b/{number}", b"1")
    store.write("a/bb", b"1")
    store.clear("a/b")
    store.clear("a/b")
    assert store.sizes("") == {"a/bb": 1}


def test_an_outage_of_some_seconds_is_waited_for(store: Store, server: S3Server) -> None:
    server.misbehave(failing=1.0)
    recovery = threading.Timer(2.0, server.misbehave)
    recovery.start()
    assert store.create("a", b"1")
    recovery.join()


def test_a_path_that_leads_out_of_the_prefix_is_refused(store: Store) -> None:
    for path in ("../x", "a/../../x", "/x"):
        for use in (
            lambda path=path: store.read(path),
            lambda path=path: store.write(path, b"1"),
            lambda path=path: store.create(path, b"1"),
            lambda path=path: store.sizes(path),
            lambda path=path: store.exists(path),
            lambda path=path: store.delete(path),
            lambda path=path: store.clear(path),
            lambda path=path: store.zarr(path, read_only=False),
        ):
            with pytest.raises(IntegrityError, match="which leads out of it"):
                use()
