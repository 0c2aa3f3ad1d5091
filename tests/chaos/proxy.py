"""A TCP proxy that breaks connections as networks do: refuses, resets, stalls, delays, truncates."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import Literal

from tests.services.process import free_port

Mode = Literal["pass", "refuse", "reset", "stall", "delay", "truncate"]
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends RST, what was under way is lost."""
DELAY = 0.15


class Proxy:
    """Passes everything on to a port of this machine until `mode` says otherwise; `spoilt` counts what it broke.

    refuse: new connections are reset at once. reset: so are those that speak. stall: nothing is passed on, nobody is
    told. delay: every piece comes late. truncate: the first bytes of an answer come, then the connection ends.
    """

    def __init__(self, target: int, *, name: str = "") -> None:
        self.target, self.name = target, name
        self.mode: Mode = "pass"
        self.spoilt = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", free_port()), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"proxy-{name}", daemon=True).start()

    def set(self, mode: Mode) -> None:
        """Begin to behave so; `reset` also cuts the connections that are open now, silent ones too."""
        self.mode = mode
        if mode == "reset":
            self.cut()

    def cut(self) -> int:
        """Reset every connection there is; returns how many sides there were."""
        with self._lock:
            sides = list(self._open)
        for side in sides:
            _reset(side)
        self.spoilt += len(sides) // 2
        return len(sides)

    def close(self) -> None:
        """Accept nobody any more and drop everybody."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.mode in ("refuse", "reset"):
            self.spoilt += 1
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        other = threading.Thread(target=self._pump, args=(client, server), daemon=True)
        other.start()
        self._pump(server, client, answers=True)
        other.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, target: socket.socket, *, answers: bool = False) -> None:
        try:
            while piece := source.recv(65536):
                if not self._pass(piece, target, answers=answers):
                    break
        except OSError:
            pass  # either side has gone: so does the other
        _hang_up(source)
        _hang_up(target)

    def _pass(self, piece: bytes, target: socket.socket, *, answers: bool) -> bool:
        if self.mode != "pass":
            self.spoilt += 1
        while self.mode == "stall":
            time.sleep(0.05)
        if self.mode == "delay":
            time.sleep(DELAY)
        if self.mode == "reset":
            _reset(target)
            return False
        if self.mode == "truncate" and answers:
            target.sendall(piece[: len(piece) // 2])
            return False
        target.sendall(piece)
        return True


def _reset(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        side.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        side.close()


def _hang_up(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
