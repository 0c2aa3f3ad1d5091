"""Reading objects: whole pages, cheap key sweeps, single questions (1c-odata.md §3.2).

There is no server-side paging, no `$count` to rely on and no "changed since": pages are `$top` and `$skip` over a total
order, cut by windows of the business date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from connectors.base import FigureRow, KeyRow, Page, RawRecord, RowsMoved, SourceSet, Window
from connectors.http import NoAnswer
from connectors.onec_odata import url
from connectors.onec_odata.decoder import Row
from connectors.onec_odata.errors import Verdict, judge_failure
from connectors.onec_odata.fields import Book, Spelling
from connectors.onec_odata.joins import JoinReader
from connectors.onec_odata.pacing import PageSizes
from connectors.onec_odata.wire import Rows, Wire
from core.clock import local_from_utc
from core.errors import SchemaDrift, SverkaError, TransientError, Where

SWEEP_PAGE = 2000
BATCH = 20
"""Keys in one question: 1,300 characters, within the 2,048 that IIS takes for a query (1c-odata.md §1.1)."""
_RESTARTS = 3
COUNTERPARTIES = "Catalog_Контрагенты"
"""What a composite reference to a counterparty is cast to."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a set, besides the mapping's own filter."""

    window: Window = field(default_factory=Window)
    extra: str = ""
    keys_only: bool = False
    attributes: tuple[str, ...] = ()
    top: int | None = None
    skip: int = 0


class RecordReader:
    """Reads the sets of one base. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book, zone: ZoneInfo) -> None:
        self._wire = wire
        self._book = book
        self._zone = zone
        self._sizes = PageSizes(wire.options.page_bytes)
        self.joins = JoinReader(wire, book)

    def fetch_page(self, source: SourceSet, window: Window, position: int) -> Page:
        """One page of whole objects, as many as fit the wanted number of bytes."""
        while True:
            top = self._sizes.get(source.name)
            outcome = self.ask(source, Question(window, top=top, skip=position))
            if not isinstance(outcome, Verdict):
                return self._page(source, outcome, position, top)
            name, rule = source.name, outcome.rule
            if not (self._sizes.shrink(name) if rule.shrink else self._sizes.doubt(name, outcome.doubts)):
                raise self._error(source, outcome)

    def fetch_keys(self, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
        """Every key of a window once, page by page.

        Raises:
            TransientError: rows kept shifting while they were read; what came so far is not complete.
        """
        return self._sweep(source, Question(window, keys_only=True))

    def fetch_figures(self, source: SourceSet, window: Window, attributes: Sequence[str]) -> Iterator[list[FigureRow]]:
        """Every key of a window with some attributes, page by page; nothing is kept of pages that were given.

        Raises:
            RowsMoved: rows shifted while they were read; the window is to be read anew.
        """
        names = tuple(name for attribute in attributes for name in self._book.names_of(source.name, attribute))
        question = Question(window, keys_only=True, attributes=names)
        last: str | None = None
        position = 0
        while True:
            rows, top = self._figures_page(source, replace(question, skip=position))
            if last is not None and (not rows or rows[0].key.external_id != last):
                raise RowsMoved(f"The rows of {source.name} moved while they were read.")
            yield rows if last is None else rows[1:]
            if len(rows) < top:
                return
            last, position = rows[-1].key.external_id, position + len(rows) - 1

    def fetch_customer_keys(self, source: SourceSet, counterparty: str, window: Window) -> list[KeyRow]:
        """Every key of one counterparty's objects in a window."""
        attribute = source.counterparty
        if attribute is None:
            raise ValueError(f"the source {source.name} names no counterparty attribute")

        certain = len(self._book.spellings(source.name, attribute)) == 1

        def ask(spelling: Spelling) -> list[KeyRow] | Verdict:
            question = Question(window, spelling.equals(counterparty, COUNTERPARTIES), keys_only=True)
            tried = self.ask(source, replace(question, top=1)) if not certain else None
            if isinstance(tried, Verdict):
                return tried
            return [row for page in self._sweep(source, question) for row in page]

        outcome = self._book.by_spelling(source.name, attribute, ask)
        if isinstance(outcome, Verdict):
            raise self._error(source, outcome)
        return outcome

    def fetch_records(self, source: SourceSet, keys: Sequence[str]) -> list[RawRecord]:
        """The objects with these keys that exist and that the mapping's filter lets through."""
        wanted = list(dict.fromkeys(key.lower() for key in keys))
        found: list[RawRecord] = []
        size, doubted = BATCH, 0
        while wanted:
            batch = wanted[:size]
            condition = url.any_of(f"{source.key} eq {url.guid(key)}" for key in batch)
            outcome = self.ask(source, Question(extra=condition))
            if not isinstance(outcome, Verdict):
                found += self.records(source, outcome.rows)
                wanted = wanted[size:]
            elif size > 1 and (outcome.rule.shrink or doubted < outcome.doubts):
                doubted += not outcome.rule.shrink
                size //= 2
            else:
                raise self._error(source, outcome)
        return found

    def fetch_record(self, source: SourceSet, key: str) -> RawRecord:
        """One object by a direct question, whatever the mapping's filter says.

        Raises:
            NotFound: 1C itself says that there is none (404 with code 9; a web server's 404 is a ConfigError).
        """
        outcome = self._wire.one(source.name, key, source.key)
        if isinstance(outcome, Verdict):
            raise self._error(source, outcome, key)
        record = self.records(source, [outcome])[0]
        if record.external_id != key.lower():
            raise TransientError(f"1C answered with another object than the one asked for in {source.name}.")
        return record

    def answers(self, name: str) -> bool:
        """Whether a set can be read, asked of the set itself. Only "not published" is a no; other errors are raised."""
        outcome = self._wire.collection(name, {"$top": "1"})
        if not isinstance(outcome, Verdict):
            return True
        if outcome.rule.name == "not_published":
            return False
        raise self._wire.refusal(outcome, name, Where(entity=name))

    def ask(self, source: SourceSet, question: Question) -> Rows | Verdict:
        """Ask a set; a standard field that the base turns out to lack is left out and the question put again.

        Folders of a set that has none are an empty answer without a question.
        """
        optional = ["IsFolder", source.version, source.deleted, source.posted, *question.attributes]
        while True:
            condition = self._book.adapted_filter(source.name, source.filter)
            if condition is None:
                return Rows([], 0)
            outcome = self._wire.collection(source.name, self._options(source, question, condition))
            if not (isinstance(outcome, Verdict) and self._book.learn(source.name, outcome, optional)):
                return outcome

    def records(self, source: SourceSet, rows: Sequence[Row]) -> list[RawRecord]:
        """Rows as records, with the rows of other sets that belong to them. Raises as `record` does."""
        digests = self.joins.add_to_rows(source, rows)
        records = [self.record(source, row) for row in rows]
        return [replace(one, version=one.version + digests.get(one.external_id, "")) for one in records]

    def record(self, source: SourceSet, row: Row) -> RawRecord:
        """A row as a record, as it stands in its set.

        Raises:
            TransientError: it has no key: then it is no answer of 1C.
            SchemaDrift: version or marks are gone, or of another type.
        """
        marks = self._key_row(source, row.data)
        return RawRecord(
            source=source.name,
            external_id=marks.external_id,
            version=marks.version,
            deleted=marks.deleted,
            raw=row.raw,
            data=row.data,
            entity=source.entity,
        )

    def _options(self, source: SourceSet, question: Question, condition: str) -> dict[str, str]:
        chosen = url.all_of([condition, self._period(source, question.window), question.extra])
        options = {"$filter": chosen} if chosen else {}
        if question.keys_only:
            fields = [source.key, source.version, source.deleted, source.posted, *question.attributes]
            options["$select"] = ",".join(self._book.known(source.name, fields))
        if question.top is not None:
            options |= {"$orderby": source.key, "$top": str(question.top)}
        if question.skip:
            options["$skip"] = str(question.skip)
        return options

    def _period(self, source: SourceSet, window: Window) -> str:
        """The window in accounting's own wall-clock time (1c-odata.md §1.4); close-open."""
        if source.date is None:
            return ""
        parts = []
        if window.start is not None:
            parts.append(f"{source.date} ge {url.moment(local_from_utc(window.start, self._zone))}")
        if window.end is not None:
            parts.append(f"{source.date} lt {url.moment(local_from_utc(window.end, self._zone))}")
        return " and ".join(parts)

    def _page(self, source: SourceSet, rows: Rows, position: int, top: int) -> Page:
        records = self.records(source, rows.rows)
        self._sizes.note(source.name, len(records), rows.size)
        return Page(records, position + len(records) if len(records) >= top else None)

    def _sweep(self, source: SourceSet, question: Question) -> Iterator[list[KeyRow]]:
        """Pages overlap by one row: when the rows between have shifted, the window is begun anew."""
        seen: set[str] = set()
        for _ in range(_RESTARTS):
            last: str | None = None
            position = 0
            while True:
                rows, top = self._sweep_page(source, replace(question, skip=position))
                if last is not None and (not rows or rows[0].external_id != last):
                    break
                new = [row for row in rows if row.external_id not in seen]
                seen.update(row.external_id for row in new)
                if new:
                    yield self.joins.add_to_keys(source, list({row.external_id: row for row in new}.values()))
                if len(rows) < top:
                    return
                last, position = rows[-1].external_id, position + len(rows) - 1
        raise TransientError(
            f"The rows of {source.name} kept moving while they were read; the sweep is not complete.",
            where=Where(entity=source.entity),
        )

    def _figures_page(self, source: SourceSet, question: Question) -> tuple[list[FigureRow], int]:
        found, top = self._ask_keys(source, question)
        keys = self.joins.add_to_keys(source, [self._key_row(source, row.data) for row in found.rows])
        return [FigureRow(key, row.data) for key, row in zip(keys, found.rows, strict=True)], top

    def _sweep_page(self, source: SourceSet, question: Question) -> tuple[list[KeyRow], int]:
        found, top = self._ask_keys(source, question)
        return [self._key_row(source, row.data) for row in found.rows], top

    def _ask_keys(self, source: SourceSet, question: Question) -> tuple[Rows, int]:
        """One page of keys, and how many were asked for: fewer than before where that many were too much."""
        while True:
            top = min(SWEEP_PAGE, self._sizes.get_keys(source.name))
            outcome = self.ask(source, replace(question, top=top))
            if not isinstance(outcome, Verdict):
                return outcome, top
            name, rule = source.name, outcome.rule
            if not (self._sizes.shrink_keys(name) if rule.shrink else self._sizes.doubt_keys(name, outcome.doubts)):
                raise self._error(source, outcome)

    def _key_row(self, source: SourceSet, data: dict[str, object]) -> KeyRow:
        key = self._key(source, data)
        posted = self._mark(source, source.posted, data, bool)
        return KeyRow(
            external_id=key,
            version=str(self._mark(source, source.version, data, str) or ""),
            deleted=bool(self._mark(source, source.deleted, data, bool)),
            posted=None if posted is None else bool(posted),
        )

    def _mark(self, source: SourceSet, field: str | None, data: dict[str, object], kind: type) -> object:
        """A standard field; None where the base has none. A missing mark must not pass for "not deleted"."""
        if not field:
            return None
        value = data.get(field)
        if isinstance(value, kind) or (value is None and self._book.has(source.name, field) is not True):
            return value
        raise SchemaDrift(
            f"{source.name} answered without a proper {field}.",
            next_step="sverka mapping check",
            where=Where(entity=source.entity),
        )

    def _key(self, source: SourceSet, data: dict[str, object]) -> str:
        key = data.get(source.key)
        if not isinstance(key, str) or not key or (source.key == "Ref_Key" and not url.is_guid(key)):
            raise judge_failure(NoAnswer(f"a row of {source.name} has no proper {source.key}")).error()
        return key.lower()

    def _error(self, source: SourceSet, verdict: Verdict, key: str | None = None) -> SverkaError:
        if verdict.rule.name in {"not_published", "field_missing"}:
            self._book.forget()
        return self._wire.refusal(verdict, source.name, Where(entity=source.entity, external_id=key))
