"""The one place that speaks HTTP: time-outs, limits, retry of reads, usage; secrets never leave it.

Everything that can go wrong below the level of an answer is raised as an `HttpFailure` that says whether the request
can have reached the other side; what an *answer* means is for the connector to say. Pitfalls: dependencies.md §2.4.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, TypeAlias, cast

import requests
import urllib3.exceptions as lower
from requests.auth import HTTPBasicAuth
from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_result

from connectors.base import Budget, Usage
from connectors.failures import CutAnswer, HttpFailure, NoAnswer, NotSent, TimedOut, TlsFailure, TooLarge
from core.clock import Clock

__all__ = [
    "MIB", "Answer", "CutAnswer", "FileAnswer", "HttpClient", "HttpFailure", "Limits", "NoAnswer", "NotSent", "Stream",
    "StreamedBody", "TimedOut", "Timeouts", "TlsFailure", "TooLarge", "decode_text", "retry_after",
]  # fmt: skip
USER_AGENT = "Sverka/0.1"
_CHUNK = 64 * 1024
MIB = 1024 * 1024
LONGEST_WAIT = 24 * 3600
"""Seconds: who asks to be left alone for longer is asked again all the same."""
_MOST_DIGITS = 10
"""So many say more than a day already; a number of thousands is not even read."""
BUSY_STATUSES = frozenset({429, 502, 503, 504})
"""Statuses that a working server gives in passing: a read that met one is asked again within the same request."""
_SLOW_DOWN = frozenset({429, 503})
"""Statuses whose `Retry-After` is a word to all our processes (RFC 6585 §4, RFC 9110 §15.6.4)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two reads, and for one request as a whole."""

    connect: float = 15.0
    read: float = 180.0
    total: float = 900.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without parameters, lower-case; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text, whatever the header claims (BOM and wrong charsets are met: 1c-odata.md §1.3)."""
        return decode_text(self.body)


Final: TypeAlias = Callable[[Answer], bool]


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A whole answer whose body lies in a temporary file, in memory while it is small; who gets it closes it."""

    status: int
    headers: Mapping[str, str]
    file: BinaryIO

    def whole(self) -> Answer:
        """The same in memory; the file is gone then."""
        with self.file as file:
            file.seek(0)
            return Answer(self.status, self.headers, file.read())


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one client: answer size, tries of a read, seconds spent waiting between them."""

    response_bytes: int = 64 * MIB
    attempts: int = 3
    retry_seconds: float = 20.0


class StreamedBody:
    """A body read piece by piece as a binary file, under the same limits as a whole one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, b"" at the end. Raises HttpFailure when the body breaks off or passes a limit."""
        if size < 0:
            taken, self._rest = b"".join([self._rest, *self._pieces]), b""
            return taken
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body has not been read yet."""

    status: int
    headers: Mapping[str, str]
    body: StreamedBody

    @property
    def file(self) -> BinaryIO:
        """The body in the type that parsers ask for; they only call `read`."""
        return cast(BinaryIO, self.body)

    def whole(self) -> Answer:
        """Read the rest of the body and close the matter."""
        return Answer(self.status, self.headers, self.body.read())


def decode_text(body: bytes) -> str:
    """Bytes as text: UTF-8 with or without BOM, else Windows-1251 as Russian web servers write their own pages."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1251", errors="replace")


def retry_after(answer: Answer | FileAnswer, clock: Clock) -> float | None:
    """Seconds that the other side asks us to wait, from `Retry-After` in either of its two forms (RFC 9110 §10.2.3).

    A day at most, whatever it says; None where it says nothing that can be read.
    """
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value.lstrip("0")[:_MOST_DIGITS] or "0"), LONGEST_WAIT))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return min(max(0.0, (moment - clock.now()).total_seconds()), float(LONGEST_WAIT))


class HttpClient:
    """Speaks to one other side, one request at a time.

    Args:
        clock: time and sleeping; tests give their own.
        user: Basic credentials as UTF-8 bytes, since requests would encode text as Latin-1 (1c-odata.md §1.6).
        verify: path of a file with trusted certificates; None means the usual ones.
        budget: whom every request waits for, reads and writes and tries again alike; None lets them go at once.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        user: tuple[bytes, bytes] | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        verify: str | None = None,
        jitter: Callable[[float], float] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.usage = Usage()
        self.clock = clock
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._jitter = jitter or (lambda most: random.uniform(0.0, most))  # noqa: S311 - spreads load, guards nothing
        self._budget = budget
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"})
        self._session.auth = HTTPBasicAuth(*user) if user is not None else None
        if verify is not None:
            self._session.verify = verify

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int | None = None) -> Answer:
        """Read a ready-made URL, asking again for seconds where that may help; the last answer whatever its status.

        Raises:
            HttpFailure: no whole answer came, after all tries.
        """
        return self._retrying()(self.send, "GET", url, headers=headers, limit=limit)

    def ask(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, final: Final | None = None
    ) -> Answer:
        """A question put by POST that changes nothing: asked again like any read. Raises HttpFailure likewise.

        `final`: which answers are the other side's last word although their status is that of a busy server.
        """
        return self._retrying(final)(self.send, "POST", url, body=body, headers=headers, reads=True)

    def get_file(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int | None = None) -> FileAnswer:
        """The same for an answer that may be huge: its body is kept in a file. Raises HttpFailure likewise."""
        return self._retrying()(self._send_to_file, url, headers, limit)

    def _send_to_file(self, url: str, headers: Mapping[str, str] | None, limit: int | None) -> FileAnswer:
        file = cast(BinaryIO, SpooledTemporaryFile(max_size=MIB))  # noqa: SIM115 - closed by whoever gets the answer
        try:
            with self.stream("GET", url, headers=headers, limit=limit) as stream:
                while piece := stream.body.read(_CHUNK):
                    file.write(piece)
                return FileAnswer(stream.status, stream.headers, file)
        except BaseException:
            file.close()
            raise

    def _retrying(self, final: Final | None = None) -> Retrying:
        """Tries of a read: for seconds, where asking once more may help."""
        return Retrying(
            sleep=self.clock.sleep,
            stop=self._must_stop,
            wait=self._pause,
            retry=retry_if_exception(lambda e: isinstance(e, HttpFailure) and e.again)
            | retry_if_result(lambda answer: answer.status in BUSY_STATUSES and not (final and final(answer))),
            retry_error_callback=_last_outcome,
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
        reads: bool = False,
    ) -> Answer:
        """Send one request once and read its whole answer. `reads`: it changes nothing, whatever its method.

        Raises:
            HttpFailure: its class and `sent` tell whether the request can have been carried out.
        """
        with self.stream(method, url, body=body, headers=headers, limit=limit, reads=reads) as stream:
            return stream.whole()

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
        timeouts: Timeouts | None = None,
        reads: bool = False,
    ) -> Iterator[Stream]:
        """Send one request once; its body is read by the caller, within the limit and the deadline."""
        allowed = timeouts or self._timeouts
        if self._budget is not None:
            self._budget.take()
        started = self.clock.monotonic()
        self.usage.requests += 1
        self.usage.writes += method != "GET" and not reads
        try:
            response = self._open(method, url, body, headers, allowed)
            try:
                pieces = self._pieces(response, limit or self._limits.response_bytes, started + allowed.total)
                names = {name.lower(): _header_text(value) for name, value in response.headers.items()}
                self._heed(response.status_code, names)
                yield Stream(response.status_code, names, StreamedBody(pieces))
            finally:
                response.close()
        finally:
            self.usage.seconds += self.clock.monotonic() - started

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that the other side has set."""
        return next((cookie.value for cookie in self._session.cookies if cookie.name == name), None)

    def drop_cookies(self) -> None:
        """Forget what the other side has set, and with it the session it kept for us."""
        self._session.cookies.clear()

    def close(self) -> None:
        """Close connections. Safe to call twice."""
        self._session.close()

    def _open(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None, allowed: Timeouts
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                url,
                data=body,
                headers=dict(headers or {}),
                timeout=(allowed.connect, allowed.read),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise _failure(error) from None  # the original's text may quote the URL and headers

    def _pieces(self, response: requests.Response, limit: int, deadline: float) -> Iterator[bytes]:
        got = 0
        while piece := self._piece(response):
            got += len(piece)
            self.usage.bytes += len(piece)
            if got > limit:
                raise TooLarge(f"the answer is larger than {limit} bytes")
            if self.clock.monotonic() > deadline:
                raise TimedOut("the answer was not complete in the time allowed")
            yield piece

    def _piece(self, response: requests.Response) -> bytes:
        """What has arrived: `read1` does not wait for a full chunk, so that a dripping body meets the deadline."""
        try:
            return bytes(response.raw.read1(_CHUNK, decode_content=True))
        except (lower.ReadTimeoutError, TimeoutError):
            raise TimedOut("the answer stopped coming") from None
        except (lower.ProtocolError, lower.DecodeError, OSError):
            raise CutAnswer("the answer broke off") from None

    def _heed(self, status: int, headers: Mapping[str, str]) -> None:
        """Who is asked to slow down tells everybody who shares the budget."""
        asked = retry_after(Answer(status, headers, b""), self.clock) if status in _SLOW_DOWN else None
        if asked and self._budget is not None:
            self._budget.block(asked)

    def _pause(self, state: RetryCallState) -> float:
        asked = self._asked(state)
        return asked if asked is not None else self._jitter(min(8.0, 2.0 ** (state.attempt_number - 1)))

    def _must_stop(self, state: RetryCallState) -> bool:
        waited = state.idle_for + (self._asked(state) or 0.0)
        return state.attempt_number >= self._limits.attempts or waited > self._limits.retry_seconds

    def _asked(self, state: RetryCallState) -> float | None:
        outcome = state.outcome
        if outcome is None or outcome.failed:
            return None
        return retry_after(outcome.result(), self.clock)


def _last_outcome(state: RetryCallState) -> Any:
    """Out of tries: the last answer is handed on, the last failure raised."""
    if state.outcome is None:
        raise NoAnswer("nothing was asked")
    return state.outcome.result()


def _header_text(value: str) -> str:
    """Headers arrive decoded as Latin-1; 1C puts raw UTF-8 into Location (1c-odata.md §6)."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _failure(error: requests.RequestException) -> HttpFailure:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.exceptions.SSLError):
        return TlsFailure("no trusted TLS connection")
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, lower.NewConnectionError):
        return NotSent("its name is not known" if isinstance(reason, lower.NameResolutionError) else "no connection")
    if isinstance(error, requests.exceptions.Timeout):
        return TimedOut("no answer in the time allowed")
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return NoAnswer("the connection broke")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return NotSent("the address is not valid")
    return NoAnswer("the request failed")
