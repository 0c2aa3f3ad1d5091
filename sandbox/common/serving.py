"""An ASGI application on loopback: in a thread for tests, or in the foreground for a command."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
App = TypeVar("App", bound=Application)
START_SECONDS, GRACE_SECONDS, TICK = 15.0, 1.0, 0.1


@dataclass(slots=True)
class Request:
    """One HTTP request as it came: path and query percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    host: str = ""


@dataclass(slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Logged:
    """One line of the request log; path and query decoded, ``bytes`` the size of the answer's body."""

    method: str
    path: str
    query: str
    status: int = 0
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the admin side."""
        return asdict(self)


class Wire:
    """Sending side of one request, down to the transport where a fault needs it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.receive, self.send = receive, send

    async def start(self, answer: Answer) -> None:
        """Status line and headers."""
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def send_answer(self, answer: Answer, log: Logged) -> None:
        """Whole answer; the log knows it before the client does."""
        if answer.status == 204:
            answer.body = b""
        log.status, log.bytes = answer.status, len(answer.body)
        await self.start(answer)
        await self.send({"type": "http.response.body", "body": answer.body})

    async def send_cut(self, answer: Answer, size: int) -> None:
        """Fewer bytes than ``Content-Length`` promises, then the end of the connection."""
        await self.start(answer)
        size = min(size, len(answer.body) - 1) if answer.body else 0
        await self.send({"type": "http.response.body", "body": answer.body[:size], "more_body": True})
        self.transport().close()
        await self.wait_for_disconnect()

    async def drop(self) -> None:
        """Reset the connection without an answer."""
        self.transport().abort()
        await self.wait_for_disconnect()

    def transport(self) -> Any:
        """Socket behind uvicorn's request cycle: ASGI itself cannot break a connection."""
        return self.send.__self__.transport  # type: ignore[attr-defined]

    async def wait_for_disconnect(self) -> None:
        """Until the client or the server has gone."""
        while (await self.receive())["type"] != "http.disconnect":
            continue


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Collect the body and the headers."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return Request(scope["method"], path, query, headers, body, headers.get("host") or "127.0.0.1")


class Prompt(uvicorn.Server):
    """Stops as soon as it is told to and its requests are answered; uvicorn by itself takes a fifth of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._wake: Callable[[], object] | None = None

    def stop(self) -> None:
        """Stop, from any thread."""
        self.should_exit = True
        if self._wake is not None:
            self._wake()

    async def main_loop(self) -> None:
        """Uvicorn's own, but woken by `stop`."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, told.set)
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new connections; requests being answered have a second to come to their end."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state, deadline = self.server_state, time.monotonic() + GRACE_SECONDS
        while (state.connections or state.tasks) and time.monotonic() < deadline:
            await asyncio.sleep(0.002)
        for task in state.tasks:
            task.cancel()


class Loopback(Generic[App]):
    """Context manager that serves an application on loopback; `run` does so in the foreground."""

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app, self.host, self.port = app, host, port
        self._server: Prompt | None = None
        self._thread: threading.Thread | None = None

    @property
    def root(self) -> str:
        """Address without a path."""
        return f"http://{self.host}:{self.port}"

    @property
    def admin_url(self) -> str:
        """Root of the admin side."""
        return f"{self.root}/sandbox"

    def __enter__(self) -> Self:
        listener = self._bind()
        self._server = self._build()
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the stand-in did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server and self._thread and self._thread.is_alive():
            self._server.stop()
            self._thread.join(START_SECONDS)

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or Ctrl-C; ``ready`` is called when the port is taken.

        Uvicorn raises the signal again after its clean stop: the handlers set here swallow it, the exit code stays 0.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        listener = self._bind()
        self._server = self._build()
        ready()
        self._server.run([listener])

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self.port = int(listener.getsockname()[1])
        return listener

    def _build(self) -> Prompt:
        """Uvicorn with nothing between it and the application: faults reach for its transport."""
        config = uvicorn.Config(
            self.app, http="h11", ws="none", lifespan="off", log_level="critical", access_log=False,
            proxy_headers=False, server_header=False, h11_max_incomplete_event_size=1 << 20,
        )  # fmt: skip
        return Prompt(config)
