"""Help for the tests of connectors: captured answers, and a server that sends exactly the bytes it is told to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.clock import ManualClock

SHARED = Path(__file__).parents[3] / ".." / "shared" / "fixtures" / "odata"


def captured(name: str) -> bytes:
    """A captured answer of a real base; the test is skipped, with the reason, where the collection is not at hand."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"captured answers are not there: {path} (they are not copied into the project)")
    return path.read_bytes()


class StepClock(ManualClock):
    """A clock that moves by itself at every look."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    def monotonic(self) -> float:
        self._monotonic += self.step
        return self._monotonic


Script = bytes | Callable[[socket.socket], None]


class RawServer:
    """Answers each connection with the next script; the last one is repeated. Keeps the requests as received."""

    def __init__(self, scripts: list[Script]) -> None:
        self._scripts = scripts
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            self.requests.append(_request(connection))
            script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
            if callable(script):
                script(connection)
            else:
                connection.sendall(script)
        except OSError:
            return


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def raw_server(*scripts: Script) -> Iterator[RawServer]:
    server = RawServer(list(scripts))
    try:
        yield server
    finally:
        server.close()


def reply(status: int = 200, body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    """A whole answer; `length` announces another length than the body has."""
    lines = [f"HTTP/1.1 {status} X", "Connection: close", *headers]
    if not any(line.lower().startswith("transfer-encoding") for line in headers):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body
