"""One base of 1C by OData: the connector that the engine speaks to. Each ability lives in a module of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from connectors.base import (
    BalanceAnswer,
    BalanceSpec,
    BalanceStream,
    Budget,
    ChangePacket,
    FieldKindSeen,
    FigureRow,
    Finding,
    KeyRow,
    MovementRow,
    Page,
    RawRecord,
    Reference,
    SourceSet,
    TermRow,
    Window,
    Write,
    WriteResult,
)
from connectors.onec_odata.accounts import Accounts
from connectors.onec_odata.balances import BalanceReader
from connectors.onec_odata.changes import ChangeReader
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.doctor import Doctor
from connectors.onec_odata.fields import Book
from connectors.onec_odata.kinds import kinds_of
from connectors.onec_odata.metadata_cache import MetadataCache
from connectors.onec_odata.movements import MovementReader
from connectors.onec_odata.records import RecordReader
from connectors.onec_odata.registers import RegisterReader
from connectors.onec_odata.wire import Wire
from connectors.onec_odata.writing import RecordWriter
from core.clock import Clock
from core.errors import ConfigError
from core.settings import ConnectionSettings


class OnecODataConnector:
    """Reads and writes one base; asks one thing at a time (one heavy query a base, 1c-odata.md §9)."""

    def __init__(
        self,
        settings: ConnectionSettings,
        clock: Clock,
        *,
        cache_dir: Path | None = None,
        budget: Budget | None = None,
    ) -> None:
        options = settings.options
        if not isinstance(options, OnecODataOptions):
            raise ConfigError(f"The connection {settings.name} has no options of onec_odata.")
        self._wire = Wire(options, clock, budget)
        self._book = Book(self._wire, MetadataCache(cache_dir, options, clock))
        accounts = Accounts(self._wire)
        self._records = RecordReader(self._wire, self._book, settings.zone)
        self._balances = BalanceReader(self._wire, self._book, accounts, settings.zone)
        self._writer = RecordWriter(self._wire, self._book, self._records, settings.zone)
        self._movements = MovementReader(self._wire, self._book, accounts, settings.zone)
        self._registers = RegisterReader(self._wire, self._book, settings.zone)
        self._changes = ChangeReader(self._wire, self._book, self._records)
        self._doctor = Doctor(self._wire, self._book, self._records, accounts, self._changes)
        self.usage = self._wire.http.usage

    def check(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> list[Finding]:
        """Look at address, user, publication, rights and clocks; raises nothing."""
        return list(self._doctor.look(sources, balances))

    def look(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> Iterator[Finding]:
        """The same, each finding as soon as it is there."""
        return self._doctor.look(sources, balances)

    def close(self) -> None:
        """Give 1C's session and licence back. Safe to call twice."""
        self._wire.close()

    def is_published(self, name: str) -> bool:
        """Whether the set is there for our user: by `$metadata`, or by asking where that cannot be read."""
        known = self._book.published(name)
        return self._records.answers(name) if known is None else known

    def list_sets(self) -> list[str] | None:
        """What has a key of its own by `$metadata`: catalogs, documents and the like; None where it cannot be read."""
        metadata = self._book.metadata()
        if metadata is None:
            return None
        return sorted(name for name in metadata.sets if (shape := metadata.shape(name)) and "Ref_Key" in shape.key)

    def declared_fields(self, name: str) -> frozenset[str] | None:
        """The properties of a set by `$metadata`; None where that cannot be read or does not know the set."""
        shape = self._book.shape(name)
        return frozenset(shape.properties) if shape is not None else None

    def declared_kinds(self, name: str, section: str | None = None) -> dict[str, FieldKindSeen] | None:
        """What the properties of a set, or of the rows of a section, hold by `$metadata`, under their logical names."""
        shape = self._book.shape(name)
        if shape is not None and section is not None:
            row = re.fullmatch(r"Collection\((?:\w+\.)?(.+)\)", shape.properties.get(section, ""))
            shape = self._book.shape(row[1]) if row else None
        return kinds_of(shape.properties) if shape is not None else None

    def fetch_page(self, source: SourceSet, window: Window, position: int) -> Page:
        """One page of whole objects from this position of the window, as many as fit `page_bytes`."""
        return self._records.fetch_page(source, window, position)

    def fetch_keys(self, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
        """Every key of the window once, cheaply. Raises TransientError when the sweep did not come out complete."""
        return self._records.fetch_keys(source, window)

    def fetch_figures(self, source: SourceSet, window: Window, attributes: Sequence[str]) -> Iterator[list[FigureRow]]:
        """Every key of the window with some attributes. Raises RowsMoved when rows shifted meanwhile."""
        return self._records.fetch_figures(source, window, attributes)

    def fetch_customer_keys(self, source: SourceSet, counterparty: str, window: Window) -> list[KeyRow]:
        """Every key of one counterparty's objects in the window."""
        return self._records.fetch_customer_keys(source, counterparty, window)

    def fetch_records(self, source: SourceSet, keys: Sequence[str]) -> list[RawRecord]:
        """The objects with these keys that exist and pass the mapping's filter."""
        return self._records.fetch_records(source, keys)

    def fetch_record(self, source: SourceSet, key: str) -> RawRecord:
        """One object by a direct question. Raises NotFound only on 1C's own word (404 with code 9)."""
        return self._records.fetch_record(source, key)

    def fetch_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceAnswer:
        """Settlement balances at the start of the second `at`, or now; of all customers or of one."""
        return self._reader(spec).fetch_balances(spec, at=at, counterparty=counterparty)

    def open_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceStream:
        """The same row by row from a file, for a large base."""
        return self._reader(spec).open_balances(spec, at=at, counterparty=counterparty)

    def fetch_movements(
        self, spec: BalanceSpec, counterparty: str, *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """What moved one customer's settlement accounts in [start, end), net by recorder and settlement."""
        if not spec.chart:
            return self._registers.fetch_movements_of(spec, [counterparty], start=start, end=end)
        return self._movements.fetch_movements(spec, counterparty, start=start, end=end)

    def fetch_movements_of(
        self, spec: BalanceSpec, counterparties: Sequence[str], *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """The same of several customers in as few questions as the base takes; each row names its customer."""
        reader = self._movements if spec.chart else self._registers
        return reader.fetch_movements_of(spec, counterparties, start=start, end=end)

    def fetch_terms(self, spec: BalanceSpec, counterparties: Sequence[str] | None = None) -> Iterator[TermRow]:
        """What is to be paid when, where accounting keeps that itself and the mapping says where."""
        return self._registers.fetch_terms(spec, counterparties)

    def _reader(self, spec: BalanceSpec) -> BalanceReader | RegisterReader:
        return self._balances if spec.chart else self._registers

    def fetch_changes(self, sources: Sequence[SourceSet]) -> ChangePacket:
        """What is registered for our node; the same and newer until confirmed. Exactly one reader a node."""
        return self._changes.fetch_changes(sources)

    def confirm_changes(self, message_no: int) -> None:
        """Tell 1C that everything up to this number is safely ours. Irreversible."""
        self._changes.confirm_changes(message_no)

    def find_records(self, source: SourceSet, conditions: Mapping[str, str | Reference]) -> list[RawRecord]:
        """Objects whose attributes equal all the given values, asked live."""
        return self._writer.find_records(source, conditions)

    def write_record(self, write: Write) -> WriteResult:
        """Send one write, once, and compare the answer with it."""
        return self._writer.write_record(write)
