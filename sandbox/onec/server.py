"""The stand-in as a server on loopback: in a thread for tests, or in the foreground for the command."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

import uvicorn

from sandbox.onec.admin import build_admin
from sandbox.onec.app import Logged, OnecApp
from sandbox.onec.base import Base
from sandbox.onec.faults import FaultScript
from sandbox.onec.service import PREFIX, Options, Service
from sandbox.onec.sessions import Sessions

START_SECONDS = 15.0


class OnecServer:
    """Context manager that serves ``base`` on loopback; see README.md for the options."""

    def __init__(  # noqa: PLR0913 - the settings of a publication
        self,
        base: Base,
        port: int = 0,
        user: str = "Обмен",
        password: str = "secret",
        *,
        host: str = "127.0.0.1",
        auth: bool = True,
        unpublished: Iterable[str] = (),
        no_rights: Iterable[str] = (),
        iis: bool = False,
        serves_count: bool = True,
        json_changes: bool = False,
        ignores_ref_key: bool = False,
        sessions: Sessions | None = None,
        service: type[Service] = Service,
    ) -> None:
        self.base, self.host, self.port = base, host, port
        base.ignores_ref_key = base.ignores_ref_key or ignores_ref_key
        base.schema.unpublished |= set(unpublished)
        self.options = Options(user, password, auth, iis, serves_count, json_changes, set(no_rights))
        self.sessions = sessions or Sessions()
        self.service = service(base, self.options, self.sessions)
        self.requests: list[Logged] = []
        self.faults = FaultScript()
        self.app = OnecApp(self.service, self.faults, self.requests, build_admin(base, self.faults, self.requests))
        self.server: uvicorn.Server | None = None
        self.thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Root of the OData service."""
        return f"http://{self.host}:{self.port}{PREFIX}"

    @property
    def admin_url(self) -> str:
        """Root of the admin side."""
        return f"http://{self.host}:{self.port}/sandbox"

    @property
    def before_page(self) -> Callable[[Base, int], None] | None:
        """Hook called before each page of a set or table is read: ``callback(base, request_no)``."""
        return self.service.before_page

    @before_page.setter
    def before_page(self, callback: Callable[[Base, int], None] | None) -> None:
        self.service.before_page = callback

    def bind(self) -> socket.socket:
        """Take the port; a taken one raises at once."""
        listener = socket.socket(
            socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
        )  # asyncio sets TCP_NODELAY by it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self.port = int(listener.getsockname()[1])
        return listener

    def build(self) -> uvicorn.Server:
        """Uvicorn with nothing between it and the application: faults reach for its transport."""
        config = uvicorn.Config(
            self.app, http="h11", ws="none", lifespan="off", log_level="critical", access_log=False,
            proxy_headers=False,
            server_header=False, timeout_graceful_shutdown=1, h11_max_incomplete_event_size=1 << 20,
        )  # fmt: skip
        return uvicorn.Server(config)

    def __enter__(self) -> OnecServer:
        listener = self.bind()
        self.server = self.build()
        self.thread = threading.Thread(target=self.server.run, args=([listener],), name="onec-sandbox", daemon=True)
        self.thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the stand-in of 1C did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.server and self.thread:
            self.server.should_exit = True
            self.thread.join(START_SECONDS)

    def run(self, ready: Callable[[], None]) -> None:
        """Serve in the foreground until SIGTERM or Ctrl-C; ``ready`` is called when the port is taken.

        Uvicorn raises the signal again after its clean stop: the handlers set here swallow it, the exit code stays 0.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        listener = self.bind()
        self.server = self.build()
        ready()
        self.server.run([listener])
