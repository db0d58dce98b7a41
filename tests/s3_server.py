"""An S3 server on loopback, moto's, that misbehaves on request: errors, slow and lost answers."""

import hashlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

BUCKET = "studies-of-a-lab"
KEY_ID = "AKIATESTKEYOFNOBODY"
SECRET = "a-secret/that+must-never-be-shown"  # noqa: S105

INTERNAL_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code>'
    b"<Message>We encountered an internal error. Please try again.</Message></Error>"
)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong, as shares of the requests that are concerned.

    Which ones is a function of the seed, the method, the path and how often that was asked: the
    same in every run, however requests interleave.
    """

    failing: float = 0.0
    """Answered with 500; nothing else happens."""
    failing_after: float = 0.0
    """Carried out, then answered with 500."""
    dropped: float = 0.0
    """Carried out; the connection ends without an answer."""
    cut: float = 0.0
    """Carried out; the connection ends in the middle of the answer."""
    slow: float = 0.0
    """Answered late."""
    delay: float = 0.1
    """How late, in seconds."""
    methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")
    paths: str = ""
    """Regular expression that is found in the paths concerned."""
    most: float = float("inf")
    """How many requests at most are harmed, slow ones aside."""
    seed: int = 0


@dataclass
class S3Server:
    """The server as tests see it."""

    endpoint: str
    stop: threading.Event
    faults: Faults = Faults()
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request, in the order of arrival."""
    harmed: Counter[str] = field(default_factory=Counter)
    """How often each fault was injected."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self) -> dict[str, str]:
        """What a user of this server has in the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def misbehave(self, **faults: Any) -> None:
        """From now on these faults, and counts from zero; no argument: none."""
        with self.lock:
            self.faults = Faults(**faults)
            self.requests.clear()
            self.harmed.clear()

    def fate(self, method: str, path: str) -> tuple[str, float]:
        """The fault of the next request, and by how many seconds it is late."""
        with self.lock:
            before = self.requests.count((method, path))
            self.requests.append((method, path))
            faults = self.faults
            if method not in faults.methods or not re.search(faults.paths, path):
                return "", 0.0
            late = _draw(faults.seed, "slow", method, path, before) < faults.slow
            draw = _draw(faults.seed, "fault", method, path, before)
            kind = ""
            for name in ("failing", "failing_after", "dropped", "cut"):
                share = getattr(faults, name)
                if 0 <= draw < share and self.harmed.total() < faults.most:
                    kind = name
                    self.harmed[name] += 1
                draw = draw - share if not kind else -1.0
            return kind, faults.delay if late else 0.0


def _draw(*parts: object) -> float:
    """Uniform in [0, 1), always the same for the same parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


class _Middleware:
    """Stands before moto and injects the faults."""

    def __init__(self, app: Any, server: S3Server) -> None:
        self._app = app
        self._server = server

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        server = self._server
        kind, late = server.fate(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        server.stop.wait(late)  # asleep, but not beyond the end of the test
        connection: socket.socket = environ["werkzeug.socket"]
        if kind == "failing":
            _read_all(environ)
            return _error(start_response)
        if not kind:
            return self._app(environ, start_response)  # type: ignore[no-any-return]
        answer = _Answer()
        body = b"".join(self._app(environ, answer.start))
        if kind == "failing_after":
            return _error(start_response)
        if kind == "cut":
            start_response(answer.status, answer.headers)
            return _cut(body, connection)
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError


class _Answer:
    """What moto answered, for itself."""

    status = ""
    headers: list[tuple[str, str]]

    def start(self, status: str, headers: list[tuple[str, str]], *rest: object) -> None:
        self.status, self.headers = status, headers


def _read_all(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _error(start_response: Any) -> list[bytes]:
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(INTERNAL_ERROR)))]
    start_response("500 Internal Server Error", headers)
    return [INTERNAL_ERROR]


def _cut(body: bytes, connection: socket.socket) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


class _Handler(MotoRequestHandler):
    """Quiet, and one connection for many requests as real servers have it."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        pass


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """The server, with an empty bucket `BUCKET`, for the length of the block."""
    app = DomainDispatcherApplication(create_backend_app)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    server = S3Server(endpoint=f"http://127.0.0.1:{port}", stop=threading.Event())
    http = make_server(
        "127.0.0.1", port, _Middleware(app, server), threaded=True, request_handler=_Handler
    )
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        http.shutdown()
        thread.join()
        http.server_close()
