"""How long a base may be silent: the long limit is for what flows, not for what does not begin."""

import socket
import time

import pytest

from connectors.http import TimedOut
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.wire import Wire
from core.clock import SystemClock
from tests.unit.connectors.support import raw_server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 8\r\n\r\n"


def wire_to(url: str, read_timeout: float) -> Wire:
    return Wire(OnecODataOptions(url=f"{url}/base/odata/standard.odata", read_timeout=read_timeout), SystemClock())


def silent(connection: socket.socket) -> None:
    time.sleep(3)


def late(connection: socket.socket) -> None:
    time.sleep(0.6)
    connection.sendall(HEAD + b"<packet/"[:8])


def test_metadata_that_do_not_begin_are_given_up_as_any_other_answer() -> None:
    with raw_server(silent) as server:
        wire, began = wire_to(server.url, 0.2), time.monotonic()
        with pytest.raises(TimedOut), wire.stream("GET", wire.address("$metadata"), limit=1000):
            pass
        assert time.monotonic() - began < 2
        wire.http.close()


def test_a_packet_of_changes_has_time_to_be_built() -> None:
    with raw_server(late) as server:
        wire = wire_to(server.url, 0.2)
        with wire.stream("POST", wire.address("SelectChanges"), limit=1000) as stream:
            assert stream.whole().body == b"<packet/"
        wire.http.close()
