"""The HTTP client against a server that breaks off, drips, floods and lies."""

import base64
import gzip
import socket
import traceback
from datetime import UTC, datetime

import pytest

from connectors.http import (
    Answer,
    CutAnswer,
    HttpClient,
    HttpFailure,
    Limits,
    NoAnswer,
    NotSent,
    TimedOut,
    Timeouts,
    TooLarge,
    decode_text,
    retry_after,
)
from core.clock import ManualClock
from core.errors import TransientError
from tests.unit.connectors.support import StepClock, raw_server, reply

CUT = reply(body=b'{"value":[', length=500)
CUT_CHUNK = reply(200, b"20\r\nabc", "Transfer-Encoding: chunked")
NO_LAST_CHUNK = reply(200, b"3\r\nabc\r\n", "Transfer-Encoding: chunked")
BAD_GZIP = reply(200, b"this is not gzip", "Content-Encoding: gzip")
CUT_GZIP = reply(200, gzip.compress(b"x" * 9000)[:20], "Content-Encoding: gzip", length=200)


def client(clock: ManualClock | None = None, **limits: object) -> HttpClient:
    return HttpClient(
        clock or ManualClock(),
        user=("Обмен".encode(), "пароль-s3cret".encode()),
        timeouts=Timeouts(2.0, 5.0, 60.0),
        limits=Limits(**limits),  # type: ignore[arg-type]
        jitter=lambda most: most,
    )


def test_credentials_are_utf8_and_the_address_goes_as_it_is() -> None:
    with raw_server(reply(body=b"hello")) as server:
        answer = client().get(f"{server.url}/%D0%9A?$filter=A%20eq%20guid'1'")
    assert answer == Answer(200, answer.headers, b"hello")
    head = server.requests[0].decode("latin-1")
    assert head.startswith("GET /%D0%9A?$filter=A%20eq%20guid'1' HTTP/1.1\r\n")
    token = base64.b64encode("Обмен:пароль-s3cret".encode()).decode()
    assert f"Authorization: Basic {token}\r\n" in head
    assert "User-Agent: Sverka/" in head


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with raw_server(reply(302, b"", "Location: http://127.0.0.1:1/login")) as server:
        assert client().get(server.url).status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("broken", [CUT, CUT_CHUNK, NO_LAST_CHUNK, BAD_GZIP, CUT_GZIP])
def test_a_cut_answer_is_noticed_and_read_again(broken: bytes) -> None:
    with raw_server(broken, reply(body=b"whole")) as server:
        assert client().get(server.url).body == b"whole"
    assert len(server.requests) == 2


@pytest.mark.parametrize("broken", [CUT, CUT_CHUNK, NO_LAST_CHUNK, BAD_GZIP, CUT_GZIP])
def test_an_answer_that_stays_cut_is_no_answer(broken: bytes) -> None:
    with raw_server(broken) as server, pytest.raises(CutAnswer) as caught:
        client().get(server.url)
    assert caught.value.sent
    assert len(server.requests) == 3


@pytest.mark.parametrize("broken", [CUT, b"", reply(503), reply(429, b"", "Retry-After: 1")])
def test_a_write_is_sent_once_whatever_comes_back(broken: bytes) -> None:
    with raw_server(broken, reply(body=b"second")) as server:
        try:
            answer: Answer | None = client().send("POST", server.url, body=b"{}")
        except HttpFailure as failure:
            answer = None
            assert failure.sent
        assert answer is None or answer.body != b"second"
    assert len(server.requests) == 1


def test_closing_without_an_answer_may_have_been_carried_out() -> None:
    with raw_server(b"") as server, pytest.raises(NoAnswer) as caught:
        client().send("POST", server.url, body=b"{}")
    assert caught.value.sent


def test_a_refused_connection_was_certainly_not_sent_and_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    clock = ManualClock()
    http = client(clock)
    with pytest.raises(NotSent) as caught:
        http.get(f"http://127.0.0.1:{port}/")
    assert not caught.value.sent
    assert http.usage.requests == 3
    assert clock.monotonic() == 3.0  # 1 + 2 seconds of pauses, on the injected clock


def test_silence_is_not_asked_again() -> None:
    def hold(connection: socket.socket) -> None:
        connection.recv(1)  # until the client goes away

    http = HttpClient(ManualClock(), timeouts=Timeouts(2.0, 0.05, 60.0))
    with raw_server(hold) as server, pytest.raises(TimedOut):
        http.get(server.url)
    assert http.usage.requests == 1


def test_a_body_that_stops_coming_times_out() -> None:
    def stall(connection: socket.socket) -> None:
        connection.sendall(reply(body=b"abc", length=10))
        connection.recv(1)

    http = HttpClient(ManualClock(), timeouts=Timeouts(2.0, 0.05, 60.0))
    with raw_server(stall) as server, pytest.raises(TimedOut):
        http.get(server.url)


def test_a_dripping_body_meets_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(reply(body=b"", length=100_000))
        for _ in range(100_000):
            connection.sendall(b"x")

    http = HttpClient(StepClock(10.0), timeouts=Timeouts(2.0, 5.0, 60.0))
    with raw_server(drip) as server, pytest.raises(TimedOut):
        http.get(server.url)
    assert http.usage.bytes < 100_000


@pytest.mark.parametrize(
    "flood",
    [
        reply(body=b"x" * 5000),
        reply(200, gzip.compress(b"\0" * 1_000_000), "Content-Encoding: gzip"),
        reply(200, b"ffff\r\n" + b"x" * 65535 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    ],
)
def test_an_answer_over_the_limit_is_refused_without_reading_on(flood: bytes) -> None:
    http = client(response_bytes=4096)
    with raw_server(flood) as server, pytest.raises(TooLarge):
        http.get(server.url)
    assert len(server.requests) == 1
    assert http.usage.bytes < 200_000


def test_gzip_is_unpacked() -> None:
    with raw_server(reply(200, gzip.compress(b"x" * 9000), "Content-Encoding: gzip")) as server:
        assert client().get(server.url).body == b"x" * 9000


def test_retry_after_is_honoured() -> None:
    clock = ManualClock()
    with raw_server(reply(429, b"", "Retry-After: 7"), reply(body=b"ok")) as server:
        assert client(clock).get(server.url).body == b"ok"
    assert clock.monotonic() == 7.0


def test_a_long_retry_after_is_left_to_the_engine() -> None:
    clock = ManualClock()
    with raw_server(reply(429, b"", "Retry-After: 3600")) as server:
        answer = client(clock).get(server.url)
    assert (answer.status, retry_after(answer, clock), clock.monotonic()) == (429, 3600.0, 0.0)


def test_retry_after_as_a_date() -> None:
    clock = ManualClock(datetime(2026, 1, 15, 9, 0, tzinfo=UTC))
    answer = Answer(503, {"retry-after": "Thu, 15 Jan 2026 09:02:00 GMT"}, b"")
    assert retry_after(answer, clock) == 120.0
    assert retry_after(Answer(503, {"retry-after": "soon"}, b""), clock) is None
    assert retry_after(Answer(503, {}, b""), clock) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("99999999999999", 86400.0), ("9" * 5000, 86400.0), ("0", 0.0), ("86400", 86400.0), ("00000000000007", 7.0),
        ("\u00b2", None), ("\u0667", None), ("-5", None), ("1.5", None), ("+5", None),
        ("Fri, 15 Jan 2126 09:00:00 GMT", 86400.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("Thu, 15 Jan 1970 09:00:00 GMT", 0.0), ("Fri, 15 Jan 99999999999999 09:00:00 GMT", None),
        ("Thu, 15 Jan 2026 99:99:99 GMT", None),
    ],
)  # fmt: skip
def test_what_nobody_would_wait_for_is_not_believed(said: str, seconds: float | None) -> None:
    clock = ManualClock(datetime(2026, 1, 15, 9, 0, tzinfo=UTC))
    assert retry_after(Answer(429, {"retry-after": said}, b""), clock) == seconds


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_for_a_read(status: int) -> None:
    with raw_server(reply(status), reply(body=b"ok")) as server:
        assert client().get(server.url).body == b"ok"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 500])
def test_a_clear_word_is_not_asked_again(status: int) -> None:
    with raw_server(reply(status)) as server:
        assert client().get(server.url).status == status
    assert len(server.requests) == 1


class Turns:
    """A budget that notes who asked for a turn and what was blocked; `refuse` is raised instead of a turn."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.taken, self.blocked, self._refuse = 0, list[float](), refuse

    def take(self) -> None:
        self.taken += 1
        if self._refuse is not None:
            raise self._refuse

    def block(self, seconds: float) -> None:
        self.blocked.append(seconds)


def test_every_request_waits_its_turn_tries_again_and_writes_too() -> None:
    turns = Turns()
    http = HttpClient(ManualClock(), budget=turns, jitter=lambda most: 0.0)
    with raw_server(reply(503), CUT, reply(), reply(201), reply(body=b"x")) as server:
        http.get(server.url)
        http.send("POST", server.url, body=b"{}")
        with http.stream("GET", server.url) as stream:
            stream.whole()
    assert turns.taken == len(server.requests) == 5


@pytest.mark.parametrize(
    ("answer", "blocked"),
    [
        (reply(429, b"", "Retry-After: 7"), [7.0]),
        (reply(503, b"", "Retry-After: Thu, 15 Jan 2026 09:00:30 GMT"), [30.0]),
        (reply(429, b"", "Retry-After: soon"), []),
        (reply(429), []),
        (reply(500, b"", "Retry-After: 7"), []),
    ],
)
def test_who_is_asked_to_slow_down_tells_everybody(answer: bytes, blocked: list[float]) -> None:
    turns = Turns()
    http = HttpClient(ManualClock(), budget=turns)
    with raw_server(answer) as server:
        http.send("POST", server.url, body=b"{}")
    assert turns.blocked == blocked


def test_a_turn_that_does_not_come_sends_nothing() -> None:
    http = HttpClient(ManualClock(), budget=Turns(TransientError("no turn", retry_after=90.0)))
    with raw_server(reply()) as server, pytest.raises(TransientError, match="no turn"):
        http.get(server.url)
    assert server.requests == [] and http.usage.requests == 0


def test_pauses_between_tries_are_full_jitter() -> None:
    """Anything from nothing to the whole of a limit that doubles: workers that failed together do not come together."""
    asked: list[float] = []

    def half(most: float) -> float:
        asked.append(most)
        return most / 2

    clock = ManualClock()
    http = HttpClient(clock, limits=Limits(attempts=6, retry_seconds=60.0), jitter=half)
    with raw_server(reply(503)) as server:
        assert http.get(server.url).status == 503
    assert asked[:5] == [1.0, 2.0, 4.0, 8.0, 8.0] and len(server.requests) == 6
    assert clock.monotonic() == sum(asked[:5]) / 2
    pauses = {HttpClient(ManualClock())._jitter(8.0) for _ in range(50)}
    assert len(pauses) > 40 and 0.0 <= min(pauses) < 2.0 and 6.0 < max(pauses) <= 8.0


def test_waiting_between_tries_is_a_matter_of_seconds() -> None:
    clock = ManualClock()
    http = HttpClient(clock, limits=Limits(attempts=100), jitter=lambda most: most)
    with raw_server(reply(503)) as server:
        assert http.get(server.url).status == 503
    assert clock.monotonic() <= 20.0 + 8.0


def test_usage_counts_everything() -> None:
    http = client()
    with raw_server(reply(body=b"12345"), reply(503), reply(body=b"12"), reply(201, b"1")) as server:
        http.get(server.url)
        http.get(server.url)
        http.send("POST", server.url, body=b"{}")
    assert (http.usage.requests, http.usage.bytes, http.usage.writes) == (4, 5 + 2 + 2 + 1, 1)
    assert http.usage.seconds == 0.0  # by the injected clock, pauses between tries apart


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with raw_server(reply(body=b"direct")) as server:
        assert client().get(server.url).body == b"direct"


def test_raw_utf8_in_a_header_is_readable() -> None:
    with raw_server(reply(201, b"", "Location: http://x/Catalog_Контрагенты(guid'1')")) as server:
        answer = client().send("POST", server.url, body=b"{}")
    assert answer.headers["location"] == "http://x/Catalog_Контрагенты(guid'1')"


def test_cookies_are_kept_and_dropped() -> None:
    http = client()
    with raw_server(reply(200, b"", "Set-Cookie: ibsession=abc; path=/"), reply()) as server:
        http.get(server.url)
        assert http.cookie("ibsession") == "abc"
        http.get(server.url)
        http.drop_cookies()
        http.get(server.url)
    assert [b"ibsession=abc" in request for request in server.requests] == [False, True, False]


def test_no_secret_in_a_failure() -> None:
    with raw_server(b"") as server, pytest.raises(HttpFailure) as caught:
        client().send("POST", f"{server.url}/?token=s3cret", body=b"s3cret")
    assert "s3cret" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("body", "text"),
    [("Привет".encode(), "Привет"), (b"\xef\xbb\xbf1", "1"), ("Привет".encode("cp1251"), "Привет"), (b"", "")],
)
def test_bytes_become_text(body: bytes, text: str) -> None:
    assert decode_text(body) == text


def test_a_body_can_be_read_in_pieces() -> None:
    with raw_server(reply(body=b"abcdefg")) as server, client().stream("GET", server.url) as stream:
        assert [stream.body.read(3), stream.body.read(3), stream.body.read(3), stream.body.read(3)] == [
            b"abc",
            b"def",
            b"g",
            b"",
        ]


def test_close_twice() -> None:
    http = client()
    http.close()
    http.close()
