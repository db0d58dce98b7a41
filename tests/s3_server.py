"""An S3 server on loopback, moto's, that misbehaves on request: errors, slow and lost answers."""

import hashlib
import os
import re
import socket
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

BUCKET = "studies-of-a-lab"
KEY_ID = "AKIATESTKEYOFNOBODY"
SECRET = "a-secret/that+must-never-be-shown"
TOKEN = "a-session-token-that-must-never-be-shown"

KINDS = ("failing", "failing_after", "denied", "dropped", "cut")
ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message>{}</Error>'
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
    denied: float = 0.0
    """Answered with 403 and, as some servers do, with what the request had to show."""
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
    trickle: float = 0.0
    """Over how many seconds the body of each answer comes."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request, in the order of arrival."""
    harmed: Counter[str] = field(default_factory=Counter)
    """How often each fault was injected."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def environment(self) -> dict[str, str]:
        """What a user of this server has in the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": TOKEN,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def misbehave(self, **faults: Any) -> None:
        """From now on these faults, and counts from zero; no argument: none."""
        with self.lock:
            self.faults = Faults(**faults)
            self.requests.clear()
            self.harmed.clear()
            self._asked.clear()

    def fate(self, method: str, path: str) -> tuple[str, float]:
        """The fault of the next request, and by how many seconds it is late."""
        with self.lock:
            self.requests.append((method, path))
            self._asked[method, path] += 1
            faults = self.faults
            request = (faults.seed, method, path, self._asked[method, path])
            if method not in faults.methods or not re.search(faults.paths, path):
                return "", 0.0
            late = faults.delay if _draw("late", *request) < faults.slow else 0.0
            draw = _draw("harmed", *request)
            for kind in KINDS:
                draw -= getattr(faults, kind)
                if draw < 0 and self.harmed.total() < faults.most:
                    self.harmed[kind] += 1
                    return kind, late
            return "", late


def _draw(*parts: object) -> float:
    """Uniform in [0, 1), always the same for the same parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


class _Middleware:
    """Stands before moto and injects the faults."""

    def __init__(self, app: Any, server: S3Server) -> None:
        self._app = app
        self._server = server
        # S3 compares and puts in one step; moto in two.
        self._one_by_one = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        kind, late = self._server.fate(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        self._server.stop.wait(late)  # asleep, but not beyond the end of the test
        if kind == "failing":
            _read_all(environ)
            return _error(start_response, "500 Internal Server Error", "InternalError")
        if kind == "denied":
            _read_all(environ)
            shown = "".join(f"<{k}>{v}</{k}>" for k, v in environ.items() if k[:5] == "HTTP_")
            return _error(start_response, "403 Forbidden", "SignatureDoesNotMatch", shown)
        answer = _Answer()
        with self._one_by_one:
            body = b"".join(self._app(environ, answer.start))
        if kind == "failing_after":
            return _error(start_response, "500 Internal Server Error", "InternalError")
        if kind == "dropped":
            _hang_up(environ)
        start_response(answer.status, answer.headers)
        if self._server.trickle:
            return _trickle(body, self._server)
        return _cut(body, environ) if kind == "cut" else [body]


class _Answer:
    """What moto answered, for itself."""

    status = ""
    headers: list[tuple[str, str]]

    def start(self, status: str, headers: list[tuple[str, str]], *rest: object) -> None:
        self.status, self.headers = status, headers


def _read_all(environ: dict[str, Any]) -> None:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _error(start_response: Any, status: str, code: str, more: str = "") -> list[bytes]:
    content = ERROR.format(code, "It is said in a sentence.", more).encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))]
    start_response(status, headers)
    return [content]


def _cut(body: bytes, environ: dict[str, Any]) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _hang_up(environ)


def _trickle(body: bytes, server: S3Server) -> Iterator[bytes]:
    step = max(1, len(body) // 20)
    for first in range(0, len(body), step):
        server.stop.wait(server.trickle / 20)
        yield body[first : first + step]


def _hang_up(environ: dict[str, Any]) -> None:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
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
    request = urllib.request.Request(f"{server.endpoint}/{BUCKET}", method="PUT")
    with urllib.request.urlopen(request):
        pass
    try:
        yield server
    finally:
        server.stop.set()
        http.shutdown()
        thread.join()
        http.server_close()
