"""A Dask of this machine that only the process which started it can use.

All that scheduler, workers, nannies and the client say to each other is by TLS, with a certificate
that is made for this one cluster and stays in memory: whoever lacks it is refused. Dask's web
servers know neither TLS nor passwords, so none is started, but for a dashboard that was asked for.
"""

import base64
import hmac
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from distributed import Nanny, Scheduler, Security, SpecCluster, Worker
from tornado import web

__all__ = ["private_cluster"]

USER = "repsim"


@contextmanager
def private_cluster(
    *,
    workers: int,
    threads: int,
    memory: int | None,
    interface: str,
    folder: str,
    dashboard: bool,
) -> Iterator[SpecCluster]:
    """A cluster for the length of the block; by the loopback interface unless another is named.

    Parameters
    ----------
    memory
        Bytes of a worker; None for its share of the machine.
    folder
        Where workers keep what they spill.
    dashboard
        Whether to serve Dask's dashboard, behind a password that its link holds.
    """
    security = Security.temporary()
    password = secrets.token_hex(16)
    place = {"interface": interface} if interface else {"host": "127.0.0.1"}
    shared = {**place, "protocol": "tls://", "security": security}
    worker = {
        "cls": Nanny,
        "options": {
            **shared,
            "worker_class": _Worker,
            "nthreads": threads,
            "memory_limit": "auto" if memory is None else memory,
            "local_directory": folder,
            "silence_logs": logging.CRITICAL,
        },
    }
    scheduler = {
        "cls": _Scheduler,
        "options": {
            **shared,
            "dashboard": dashboard,
            "dashboard_address": "127.0.0.1:0",
            "password": password,
        },
    }
    link = dask.config.get("distributed.dashboard.link")
    with (
        dask.config.set(
            {
                "distributed.dashboard.link": link.replace("://", f"://{USER}:{password}@", 1),
                # Of the scheduler, which puts it first in sys.path: whoever makes the usual one in
                # /tmp before us could plant modules there.
                "temporary-directory": folder,
                # After this time Dask closes the nanny of a worker that died, unless a worker is
                # there at that moment. One that was replaced and has just died again is then never
                # replaced. Our nannies live in this process and always start a new worker.
                "distributed.deploy.lost-worker-timeout": "3650 days",
            }
        ),
        SpecCluster(
            scheduler=scheduler,
            workers=dict.fromkeys(range(workers), worker),
            security=security,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


class _Worker(Worker):  # type: ignore[misc]
    """A worker without a web server."""

    def start_http_server(self, *args: object, **options: object) -> None:
        """Start none."""


class _Scheduler(Scheduler):  # type: ignore[misc]
    """A scheduler without a web server, or with one that asks for a password."""

    def __init__(self, *, password: str, dashboard: bool, **options: Any) -> None:
        self._password = password
        self._serves = dashboard
        super().__init__(dashboard=dashboard, **options)

    def start_http_server(self, *args: Any, **options: Any) -> None:
        """Start one if the dashboard was asked for."""
        if not self._serves:
            return
        super().start_http_server(*args, **options)
        site = self.http_application
        find_handler = site.find_handler
        expected = base64.b64encode(f"{USER}:{self._password}".encode()).decode()

        def guarded(request: Any, **more: Any) -> Any:
            given = request.headers.get("Authorization", "").removeprefix("Basic ")
            if hmac.compare_digest(given.encode(), expected.encode()):
                return find_handler(request, **more)
            return site.get_handler_delegate(request, _Locked)

        site.find_handler = guarded


class _Locked(web.RequestHandler):
    """The answer to who has not given the password: a browser then asks for it."""

    def prepare(self) -> None:
        """End the request."""
        self.set_status(401)
        self.set_header("WWW-Authenticate", f'Basic realm="{USER}"')
        self.finish()
