"""Both sides of one set streamed into tallies; what accounting said is kept on disk for the buckets that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from connectors.base import FigureRow, FigureSource, KeyRow, RecordSource, RowsMoved, Window
from mapping.model import SourceSet
from store.engine import reading
from store.queries.settlements.mirrored import Mirrored, find_borders, iter_mirrored
from store.scratch import Scratch
from sync.context import RunContext
from sync.reconcile.buckets import Tally, bucket_of
from sync.reconcile.figures import FigureReader, Figures, from_seconds, in_seconds
from sync.room.writing import asking

T = TypeVar("T")
WINDOW_KEYS = 20_000
"""Keys that one window is made to hold: the cost of `$skip` grows with its depth (1c-odata.md §3.2)."""
_RESTARTS = 3
_THEIRS = "theirs(window, bucket, key, version, deleted, posted, amount, filtered, dated)"
_OURS = "ours(key PRIMARY KEY, version, state, present, posted, amount, dated) WITHOUT ROWID"
_SUSPECT = "suspect(key PRIMARY KEY, version, deleted, posted, amount, filtered, dated) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Pair:
    """One record as both sides have it; None: that side has none."""

    key: str
    theirs: KeyRow | None
    figures: Figures
    ours: Mirrored | None


@dataclass(slots=True)
class SetStream:
    """One set of accounting against what we hold of it. Memory does not grow with the number of records."""

    ctx: RunContext
    source: SourceSet
    reader: FigureReader
    start: datetime | None
    theirs: Tally = field(default_factory=Tally)
    ours: Tally = field(default_factory=Tally)
    scratch: Scratch = field(default_factory=lambda: Scratch(_THEIRS, _OURS, _SUSPECT, "wanted(bucket)"))

    def close(self) -> None:
        """Give the disk back."""
        self.scratch.__exit__(None, None, None)

    def fetch_theirs(self) -> Iterator[int]:
        """Stream accounting's side, window by window; yields how many records there are so far.

        Raises:
            RowsMoved: rows kept moving; nothing can be said of this set now.
        """
        for number, window in enumerate(self._windows()):
            self.theirs.merge(self._fetch_window(number, window))
            yield self.theirs.total

    def load_ours(self) -> None:
        """Stream our side, as it stands after accounting was asked."""
        self.ours = Tally()
        for row in self._mirrored():
            self.ours.add(row.external_id, self._token(row))
            self.ours.filtered += row.state == "filtered"
            if row.posted and row.amount is not None and row.state == "bound" and "amount" in self.reader.compared:
                self.ours.add_amount(row.date, row.amount)

    def pairs(self, buckets: set[int]) -> Iterator[Pair]:
        """The records of these buckets, side by side; those that only we have come last."""
        self._keep_suspects(buckets)
        left = (
            "SELECT s.*, o.* FROM suspect s LEFT JOIN ours o ON o.key = s.key",
            "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.* FROM ours o "
            "WHERE NOT EXISTS (SELECT 1 FROM suspect s WHERE s.key = o.key)",
        )
        for query in left:
            yield from (_pair(row) for row in self.scratch.read(query))

    def _windows(self) -> list[Window]:
        if self.source.date is None:
            return [Window()]
        with reading(self.ctx.app.engine) as conn:
            borders = find_borders(conn, self.ctx.name, self.source.name, self.start, WINDOW_KEYS)
        ends, starts = [None, *borders], [*borders, self.start]
        return [Window(start, end) for start, end in zip(starts, ends, strict=True)]

    def _fetch_window(self, number: int, window: Window) -> Tally:
        for attempt in range(1, _RESTARTS + 1):
            try:
                return self._stream_window(number, window)
            except RowsMoved:
                self.scratch.run("DELETE FROM theirs WHERE window = ?", (number,))
                if attempt == _RESTARTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _stream_window(self, number: int, window: Window) -> Tally:
        tally = Tally()
        for page in self._pages(window):
            self.scratch.put(
                "INSERT INTO theirs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, *self._fold(tally, row)) for row in page],
            )
        return tally

    def _pages(self, window: Window) -> Iterator[list[FigureRow]]:
        ctx, connector = self.ctx, self.ctx.connector
        if isinstance(connector, FigureSource):
            figures = connector.fetch_figures(self.source, window, self.reader.attributes)
            yield from _watched(figures, lambda: asking(ctx, "fetch-figures"))
        elif isinstance(connector, RecordSource):
            keys = connector.fetch_keys(self.source, window)
            for page in _watched(keys, lambda: asking(ctx, "fetch-keys")):
                yield [FigureRow(key, {}) for key in page]

    def _fold(self, tally: Tally, row: FigureRow) -> tuple[int | str | bool | None, ...]:
        key, found = row.key, self.reader.read(row)
        bucket = tally.add(key.external_id, found.token(key.version, deleted=key.deleted))
        if found.counts and not key.deleted and found.amount is not None:
            tally.add_amount(found.date, found.amount)
        figures = (found.posted, found.amount, found.filtered, found.dated)
        return bucket, key.external_id, key.version, key.deleted, *figures

    def _mirrored(self) -> Iterator[Mirrored]:
        with reading(self.ctx.app.engine) as conn:
            yield from iter_mirrored(conn, self.ctx.name, self.source.entity, self.source.name, self.start)

    def _token(self, row: Mirrored) -> str:
        if row.state not in ("bound", "deleted", "filtered") or (row.state != "filtered" and not row.present):
            return "not here"
        compared = self.reader.compared
        posted = row.posted if "posted" in compared else None
        amount = row.amount if "amount" in compared else None
        dated = in_seconds(row.date) if "date" in compared else None
        found = Figures(posted, amount, filtered=row.state == "filtered", dated=dated)
        return found.token(row.version, deleted=row.state == "deleted")

    def _keep_suspects(self, buckets: set[int]) -> None:
        for table in ("suspect", "ours", "wanted"):
            self.scratch.empty(table)
        self.scratch.put("INSERT INTO wanted VALUES (?)", [(bucket,) for bucket in buckets])
        self.scratch.run(
            "INSERT OR REPLACE INTO suspect SELECT key, version, deleted, posted, amount, filtered, dated "
            "FROM theirs WHERE bucket IN (SELECT bucket FROM wanted)"
        )
        self.scratch.put(
            "INSERT INTO ours VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (row.external_id, row.version, row.state, row.present, row.posted, row.amount, in_seconds(row.date))
                for row in self._mirrored()
                if bucket_of(row.external_id) in buckets
            ),
        )


def _watched(pages: Iterator[T], watch: Callable[[], AbstractContextManager[None]]) -> Iterator[T]:
    """Pages with fault points around the asking for each."""
    while True:
        with watch():
            page = next(pages, None)
        if page is None:
            return
        yield page


def _pair(row: tuple[object, ...]) -> Pair:
    key, version, deleted, posted, amount, filtered, dated, mine, *rest = row
    theirs = None if key is None else KeyRow(str(key), str(version), bool(deleted), _flag(posted))
    figures = Figures(_flag(posted), _number(amount), filtered=bool(filtered), dated=_number(dated))
    ours = None if mine is None else _mirrored(str(mine), rest)
    return Pair(str(key if key is not None else mine), theirs, figures, ours)


def _mirrored(key: str, rest: list[object]) -> Mirrored:
    version, state, present, posted, amount, dated = rest
    seconds = _number(dated)
    date = None if seconds is None else from_seconds(seconds)
    return Mirrored(key, str(version), str(state), bool(present), _flag(posted), _number(amount), date)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
