"""One base of 1C on the wire: builds addresses, asks, and turns what comes back into rows or into a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from connectors.base import Budget
from connectors.http import Answer, FileAnswer, HttpClient, HttpFailure, Limits, Stream, Timeouts, retry_after
from connectors.onec_odata import url
from connectors.onec_odata.atom import TypesOf
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.decoder import Row, Unreadable, decode_collection, decode_object
from connectors.onec_odata.errors import (
    RIGHTS,
    SESSION_LOST,
    Verdict,
    judge,
    judge_failure,
    judge_unreadable,
    keep_back,
)
from connectors.onec_odata.sessions import Session
from connectors.onec_odata.table import Table
from core.clock import Clock
from core.errors import SverkaError, Where

_READ_HEADERS = {"Accept": "application/json", "Accept-Charset": "UTF-8"}
_XML_HEADERS = {"Accept": "application/xml, application/atom+xml"}
_WRITE_HEADERS = _READ_HEADERS | {"Content-Type": "application/json;charset=utf-8"}


@dataclass(slots=True)
class Rows:
    """The rows of an answer and how many bytes they came in."""

    rows: list[Row]
    size: int


def _no_types(_: str) -> Mapping[str, str]:
    return {}


class Wire:
    """Asks one base. Reads say what went wrong as a Verdict where the caller may know a way round, else raise it."""

    types_of: TypesOf

    def __init__(self, options: OnecODataOptions, clock: Clock, budget: Budget | None = None) -> None:
        self.options = options
        self.clock = clock
        self.base = options.url
        self.types_of = _no_types
        self.server_time: tuple[datetime, datetime] | None = None
        """(the server's clock by its Date header, ours) of the last answer."""
        self.http = HttpClient(
            clock,
            user=options.credentials() if options.user else None,
            timeouts=Timeouts(options.connect_timeout, options.read_timeout, options.total_timeout),
            limits=Limits(options.response_bytes, options.attempts, options.retry_seconds),
            verify=options.ca_file,
            budget=budget,
        )
        self.session = Session(enabled=options.sessions == "auto")

    def address(self, resource: str, options: Mapping[str, str] | None = None) -> str:
        """The whole URL of a resource, ready to send."""
        asked = url.query(options or {})
        return f"{self.base}/{url.path(resource)}" + (f"?{asked}" if asked else "")

    def attempt(self, resource: str, options: Mapping[str, str], *, limit: int | None = None) -> Answer | Verdict:
        """Read a resource; a lost or refused session of 1C is got over once, here (1c-odata.md §4.3)."""
        address = self.address(resource, options)
        outcome = self._get(address, limit)
        if isinstance(outcome, Verdict) and self.session.was_to_blame(self.http, outcome):
            return self._get(address, limit)
        return outcome

    def collection(self, resource: str, options: Mapping[str, str], *, limit: int | None = None) -> Rows | Verdict:
        """The rows of a set or virtual table."""
        outcome = self.attempt(resource, {**options, "$format": url.JSON_FORMAT}, limit=limit)
        if isinstance(outcome, Verdict):
            return outcome
        try:
            return Rows(decode_collection(outcome, self.types_of), len(outcome.body))
        except Unreadable as error:
            return judge_unreadable(outcome, str(error))

    def table(self, resource: str, options: Mapping[str, str], *, limit: int) -> Table | Verdict:
        """A virtual table's whole answer, however large, kept in a file; whoever gets it closes it."""
        address = self.address(resource, {**options, "$format": url.JSON_FORMAT})
        outcome = self._get_file(address, limit)
        if isinstance(outcome, Verdict) and self.session.was_to_blame(self.http, outcome):
            outcome = self._get_file(address, limit)
        return outcome if isinstance(outcome, Verdict) else Table(outcome, self.types_of)

    def rows(self, resource: str, options: Mapping[str, str], *, limit: int | None = None) -> list[Row]:
        """The rows of a set or virtual table. Raises the errors of `core.errors`."""
        outcome = self.collection(resource, options, limit=limit)
        if isinstance(outcome, Verdict):
            name = resource.partition("(")[0]
            raise self.refusal(outcome, name, Where(entity=name))
        return outcome.rows

    def refusal(self, verdict: Verdict, name: str, where: Where) -> SverkaError:
        """What it means that a set could not be read: NoRight where 1C lets us in and refuses just this."""
        if verdict.rule.name not in RIGHTS or isinstance(self.collection("", {}), Verdict):
            return verdict.error(where=where)
        return keep_back(verdict, name, where)

    def one(self, set_name: str, key: str, key_field: str) -> Row | Verdict:
        """One object by its key."""
        outcome = self.attempt(url.entity(set_name, key), {"$format": url.JSON_FORMAT})
        if isinstance(outcome, Verdict):
            return outcome
        try:
            return decode_object(outcome, key_field, self.types_of)
        except Unreadable as error:
            return judge_unreadable(outcome, str(error))

    @contextmanager
    def stream(self, method: str, address: str, *, limit: int) -> Iterator[Stream]:
        """A large XML answer, read by the caller.

        A packet of changes gets time to be built (1c-odata.md §3.3); what is only read begins as soon as any other
        answer and gets the time once it flows.

        Raises HttpFailure; any status comes through.
        """
        reads = method == "GET"
        headers = _XML_HEADERS | self.session.headers(self.http, read=reads)
        most = self.options.stream_timeout
        patience = Timeouts(self.options.connect_timeout, min(self.options.read_timeout, most) if reads else most, most)
        body = None if reads else b""
        with self.http.stream(method, address, headers=headers, body=body, limit=limit, timeouts=patience) as stream:
            self.note_time(stream.headers)
            yield stream

    def write(self, method: str, resource: str, body: bytes) -> Answer | Verdict:
        """Send a write, once. A Verdict must be read as that of a write."""
        headers = _WRITE_HEADERS | self.session.headers(self.http, read=False)
        address = self.address(resource, {"$format": url.JSON_FORMAT})
        try:
            answer = self.http.send(method, address, body=body, headers=headers)
        except HttpFailure as failure:
            return judge_failure(failure)
        return self._unsent(self._judged(answer))

    def post(self, address: str) -> Answer | Verdict:
        """Send an empty POST to a ready-made address, once: the calls of the change feed."""
        headers = _READ_HEADERS | self.session.headers(self.http, read=False)
        try:
            return self._unsent(self._judged(self.http.send("POST", address, body=b"", headers=headers)))
        except HttpFailure as failure:
            return judge_failure(failure)

    def close(self) -> None:
        """End 1C's session, which holds a licence, and the connections. Safe to call twice."""
        self.session.finish(self.http, self.address("", {"$format": url.JSON_FORMAT}))
        self.http.close()

    def _get(self, address: str, limit: int | None) -> Answer | Verdict:
        headers = _READ_HEADERS | self.session.headers(self.http, read=True)
        try:
            return self._judged(self.http.get(address, headers=headers, limit=limit))
        except HttpFailure as failure:
            return judge_failure(failure)

    def _get_file(self, address: str, limit: int) -> FileAnswer | Verdict:
        headers = _READ_HEADERS | self.session.headers(self.http, read=True)
        try:
            answer = self.http.get_file(address, headers=headers, limit=limit)
        except HttpFailure as failure:
            return judge_failure(failure)
        self.note_time(answer.headers)
        if 200 <= answer.status < 300:
            return answer
        return judge(answer.whole(), retry_after(answer, self.clock))

    def _unsent(self, outcome: Answer | Verdict) -> Answer | Verdict:
        """A write that met a lost session was not carried out; repeating it is the engine's decision."""
        if isinstance(outcome, Verdict) and self.session.was_to_blame(self.http, outcome):
            return replace(outcome, rule=SESSION_LOST)
        return outcome

    def _judged(self, answer: Answer) -> Answer | Verdict:
        self.note_time(answer.headers)
        if 200 <= answer.status < 300:
            return answer
        return judge(answer, retry_after(answer, self.clock))

    def note_time(self, headers: Mapping[str, str]) -> None:
        """Remember what the other side's clock says, for the doctor."""
        try:
            theirs = parsedate_to_datetime(headers.get("date", ""))
        except ValueError:
            return
        if theirs.tzinfo is not None:
            self.server_time = (theirs, self.clock.now())
