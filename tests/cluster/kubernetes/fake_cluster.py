"""An API server on loopback that keeps objects, and says what a test wants it to say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "a-token"
KINDS = {"jobs": "Job", "rayjobs": "RayJob"}


class FakeCluster:
    """Objects by their path; `answers` replaces the answer to the next requests."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.objects: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[int, object]] = []
        self.requests: list[str] = []
        self.started: Callable[[dict[str, Any]], None] = lambda job: None
        """Called with each object that is made."""

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, object]:
        """Status and content, as the API server has them."""
        self.requests.append(f"{method} {path}")
        if self.answers:
            return self.answers.pop(0)
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Unauthorized"}
        if method == "GET":
            found = self.objects.get(path)
            return (200, found) if found else (404, {"message": f"{path} not found"})
        kind = path.rsplit("/", 1)[-1]
        if KINDS.get(kind) != body["kind"]:
            return 404, {"message": "the server could not find the requested resource"}
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            return 409, {"message": "already exists"}
        self.objects[place] = body
        self.started(body)
        return 201, body


@contextmanager
def running_cluster() -> Iterator[FakeCluster]:
    """The server, for the length of the block."""
    cluster = FakeCluster()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "")
            status, content = cluster.answer(self.command, self.path, token, body)
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def account_folder(parent: Path) -> Path:
    """What a pod is given: a token, and the certificate that the API shows."""
    (parent / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    return parent
