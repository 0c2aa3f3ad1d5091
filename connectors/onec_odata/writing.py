"""Writing into 1C and looking for what is there already (1c-odata.md §6).

1C ignores unknown fields, cuts long text and takes broken references with a friendly 200: only the answer tells what
was really kept, so it is compared with what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from connectors.base import RawRecord, Reference, SourceSet, Write, WriteResult
from connectors.http import Answer
from connectors.onec_odata import url
from connectors.onec_odata.body import BodyBuilder
from connectors.onec_odata.compare import differences
from connectors.onec_odata.decoder import Unreadable, decode_object, encode
from connectors.onec_odata.errors import Verdict, judge_unreadable
from connectors.onec_odata.fields import Book
from connectors.onec_odata.joins import own_version
from connectors.onec_odata.records import COUNTERPARTIES, Question, RecordReader
from connectors.onec_odata.wire import Wire
from core.errors import (
    ConflictError,
    NotFound,
    RecordError,
    SchemaDrift,
    SverkaError,
    TransientError,
    UncertainOutcome,
    Where,
)

_MOST_FOUND = 200
_NUMBERS = ("Edm.Int", "Edm.Double", "Edm.Decimal")


class RecordWriter:
    """Sends single writes, each once; repeating is the engine's decision."""

    def __init__(self, wire: Wire, book: Book, reader: RecordReader, zone: ZoneInfo) -> None:
        self._wire = wire
        self._book = book
        self._reader = reader
        self._bodies = BodyBuilder(book, zone)

    def find_records(self, source: SourceSet, conditions: Mapping[str, str | Reference]) -> list[RawRecord]:
        """Objects whose attributes equal all the given values, within the mapping's filter; at most 200."""
        source = self._spelt(source)
        extra = url.all_of(self._condition(source, name, value) for name, value in conditions.items())
        outcome = self._reader.ask(source, Question(extra=extra, top=_MOST_FOUND))
        if isinstance(outcome, Verdict):
            raise outcome.error(where=Where(entity=source.entity))
        return [self._reader.record(source, row) for row in outcome.rows]

    def write_record(self, write: Write) -> WriteResult:
        """Send one write, once.

        Raises:
            RecordError: refused for good. ConflictError: an object with this key exists already, or it was changed
                since the version that the write was decided on.
            TransientError: certainly not carried out. UncertainOutcome: sent, and no readable answer.
        """
        where = Where(entity=write.set, external_id=write.key)
        body = self._bodies.build(write)
        if write.method == "change" and write.version is not None:
            self._check_version(write, write.version)
        resource = write.set if write.method == "create" else url.entity(write.set, write.key)
        method = "POST" if write.method == "create" else "PATCH"
        outcome = self._wire.write(method, resource, encode(body))
        if isinstance(outcome, Verdict):
            raise outcome.error(write=True, where=where)
        record = self._kept(write, outcome)
        return WriteResult(record, differences(body, record.data))

    def _spelt(self, source: SourceSet) -> SourceSet:
        """A source that is known by an attribute, with that attribute's name in this base."""
        if source.key == "Ref_Key" or source.key in self._book.types_of(source.name):
            return source
        spellings = self._book.spellings(source.name, source.key)
        return replace(source, key=spellings[0].name) if spellings else source

    def _condition(self, source: SourceSet, name: str, value: str | Reference) -> str:
        """One attribute equals one value, spelt as the field's type wants it (1c-odata.md §3.1).

        Raises:
            SchemaDrift: the base has no such reference.
        """
        if isinstance(value, Reference):
            spellings = self._book.spellings(source.name, name)
            if not spellings:
                raise SchemaDrift(f"{source.name} has no attribute {name!r}.", next_step="sverka mapping check")
            return spellings[0].equals(value.key, value.set)
        if url.is_guid(value):
            return self._reference_condition(source, name, value)
        kind = self._book.types_of(source.name).get(name, "")
        if kind == "Edm.Boolean" or kind.startswith(_NUMBERS):
            return f"{name} eq {_plain_literal(kind, name, value)}"
        return f"{name} eq {url.text(value)}"

    def _reference_condition(self, source: SourceSet, name: str, value: str) -> str:
        """A GUID names an object; in a field that is text by the base's own word it is text."""
        types = self._book.types_of(source.name)
        if types.get(name) == "Edm.Guid" or name.endswith("_Key"):
            return f"{name} eq {url.guid(value)}"
        spellings = self._book.spellings(source.name, name)
        is_text = types.get(name) == "Edm.String" and f"{name}_Type" not in types
        if is_text or not spellings:
            return f"{name} eq {url.text(value)}"
        return spellings[0].equals(value, COUNTERPARTIES)

    def _check_version(self, write: Write, expected: str) -> None:
        """1C ignores If-Match (1c-odata.md §6, rule 6): the version is compared right before the change."""
        source = SourceSet(entity=write.set, name=write.set)
        try:
            now = self._reader.fetch_record(source, write.key)
        except NotFound as error:
            raise RecordError("The object to change is not in 1C any more.", where=error.where) from error
        if now.version != own_version(expected):
            raise ConflictError(
                "The object was changed in 1C since the change was decided on.",
                where=Where(entity=write.set, external_id=write.key),
            )

    def _kept(self, write: Write, answer: Answer) -> RawRecord:
        """The object as 1C keeps it: from the answer, or read back where the answer holds none.

        Raises:
            UncertainOutcome: the write was taken, and what it left cannot be read.
        """
        where = Where(entity=write.set, external_id=write.key, status=answer.status)
        source = self._spelt(SourceSet(entity=write.set, name=write.set, key=next(iter(write.known_by), "Ref_Key")))
        if answer.body.strip():
            try:
                row = decode_object(answer, source.key, self._wire.types_of)
            except Unreadable as error:
                raise judge_unreadable(answer, str(error)).error(write=True, where=where) from error
            return self._reader.record(source, row)
        try:
            return self._read_back(write, source)
        except (TransientError, NotFound, SchemaDrift, RecordError) as error:
            raise _unread(error, where) from error

    def _read_back(self, write: Write, source: SourceSet) -> RawRecord:
        if not write.known_by:
            return self._reader.fetch_record(source, write.key)
        known = {name: write.body[name] for name in write.known_by if name in write.body}
        found = self.find_records(source, {n: v if isinstance(v, Reference) else str(v) for n, v in known.items()})
        if len(found) != 1:
            raise NotFound(f"{write.set} has {len(found)} rows for what was written.")
        return found[0]


def _plain_literal(kind: str, name: str, value: str) -> str:
    """A number or flag as it stands in a filter. Raises RecordError for anything else."""
    literal = (value if value in {"true", "false"} else "") if kind == "Edm.Boolean" else _number_literal(value)
    if not literal:
        raise RecordError(
            f"{name} cannot equal {value[:40]!r} here: its type is {kind}.", next_step="sverka mapping check"
        )
    return literal


def _number_literal(value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return ""
    return url.number(number) if number.is_finite() else ""


def _unread(error: SverkaError, where: Where) -> UncertainOutcome:
    return UncertainOutcome(
        f"1C took the write and did not show what it kept: {error.message}", where=where, detail=error.detail
    )
