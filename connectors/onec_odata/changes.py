"""Change tracking by an exchange plan (1c-odata.md §7). Exactly one reader a node: a confirmation is irreversible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from lxml import etree

from connectors.base import ChangePacket, RawRecord, SourceSet
from connectors.http import Answer, HttpFailure, TimedOut, TooLarge
from connectors.onec_odata import url
from connectors.onec_odata.atom import deleted_entry, entry_data, entry_set, object_address
from connectors.onec_odata.decoder import Row, Unreadable, decode_collection, encode
from connectors.onec_odata.errors import Verdict, judge, judge_failure, judge_unreadable
from connectors.onec_odata.fields import Book
from connectors.onec_odata.records import RecordReader
from connectors.onec_odata.values import key, type_name
from connectors.onec_odata.wire import Wire
from connectors.onec_odata.xml import ATOM, TOMB, UnreadableXml, elements
from core.errors import ConfigError, TransientError, Where
from mapping.model import JoinedRows

_MEND = "mend exchange_plan and node in settings.toml, then: sverka doctor"
_ENTRY, _DELETED = f"{ATOM}entry", f"{TOMB}deleted-entry"


def _unread(failure: HttpFailure) -> TransientError:
    """Why the packet cannot be taken, and the setting that matters."""
    if isinstance(failure, TooLarge):
        message, setting = f"The packet of changes is too large: {failure}.", "table_bytes"
    else:
        message, setting = f"The packet of changes took too long: {failure}.", "stream_timeout"
    return TransientError(
        message, next_step=f"raise {setting} in settings.toml, then: sverka status", where=Where(entity="changes")
    )


class ChangeReader:
    """Reads and confirms the packets of one node. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book, reader: RecordReader) -> None:
        self._wire = wire
        self._book = book
        self._reader = reader

    def fetch_changes(self, sources: Sequence[SourceSet]) -> ChangePacket:
        """The registered changes of our sets, in their state at the moment; the same and newer until confirmed.

        A set whose source has a filter is read again by key, since a packet knows no filters; so is a record of which
        rows in another set have changed. Other registers, and objects of no source of ours, are left out. The message
        number is the node's own plus one: a counter of ours would go astray (1c-odata.md §7, rule 5). A packet that is
        too large or takes too long would be so every time: it comes back unread, with the reason.
        """
        self._book.metadata()  # before the packet: while it streams, nothing else is asked in the same session
        packet = ChangePacket(self._received() + 1)
        wanted: dict[str, list[SourceSet]] = {}
        owned: dict[str, list[tuple[SourceSet, JoinedRows]]] = {}
        for source in sources:
            wanted.setdefault(source.name, []).append(source)
            for join in self._reader.joins.of(source):
                owned.setdefault(join.set, []).append((source, join))
        again: dict[SourceSet, list[str]] = {}
        try:
            for name, change in self._changes(packet.message_no, {*wanted, *owned}):
                for source, join in owned.get(name, ()):
                    self._take_owner(source, join, change, again)
                if isinstance(change, str) and name in wanted:
                    packet.deleted.append((name, change))
                elif isinstance(change, Row):
                    for source in wanted.get(name, ()):
                        self._take(packet, source, change, again)
        except (TooLarge, TimedOut) as failure:
            return ChangePacket(packet.message_no, unread=_unread(failure))
        for source, keys in again.items():  # fetch_records asks for each key once
            packet.records += self._reader.fetch_records(source, keys)
        return packet

    def confirm_changes(self, message_no: int) -> None:
        """Tell 1C that everything up to this number is safely ours. Repeating it does no harm.

        Raises:
            TransientError: not known to have been taken; the next packet's number will tell.
        """
        outcome = self._wire.post(self._address("NotifyChangesReceived", message_no))
        if isinstance(outcome, Verdict):
            raise outcome.error(where=Where(entity="changes"))

    def node(self) -> dict[str, object]:
        """Our node as the base keeps it. Raises ConfigError when plan or node are wrong."""
        options = self._wire.options
        if not options.exchange_plan or not options.node:
            raise ConfigError("The connection names no exchange plan and node.", next_step=_MEND)
        rows = self._wire.rows(f"ExchangePlan_{options.exchange_plan}", {})
        own = next((row.data for row in rows if key(row.data.get("Ref_Key")) == options.node), None)
        if own is None or own.get("ThisNode") is True:
            others = [str(row.data.get("Description")) for row in rows if row.data.get("ThisNode") is not True]
            known = ", ".join(others) or "none but the base's own"
            raise ConfigError(
                f"The plan {options.exchange_plan} has no node with this GUID for us. Its nodes: {known}.",
                next_step=_MEND,
            )
        return own

    def _received(self) -> int:
        number = str(self.node().get("ReceivedNo") or "0")
        return int(number) if number.isdigit() else 0

    def _address(self, action: str, message_no: int) -> str:
        """The inner quotes of the node's address are not doubled (1c-odata.md §7, rule 2)."""
        options = self._wire.options
        node = f"{self._wire.base}/ExchangePlan_{options.exchange_plan}({url.guid(options.node)})"
        return self._wire.address(action, {"DataExchangePoint": f"'{node}'", "MessageNo": str(message_no)})

    def _take(self, packet: ChangePacket, source: SourceSet, row: Row, again: dict[SourceSet, list[str]]) -> None:
        record: RawRecord = self._reader.record(source, row)
        if self._reader.joins.of(source) or (
            source.filter and self._book.adapted_filter(source.name, source.filter) != ""
        ):
            again.setdefault(source, []).append(record.external_id)
        else:
            packet.records.append(record)

    def _take_owner(
        self, source: SourceSet, join: JoinedRows, change: Row | str, again: dict[SourceSet, list[str]]
    ) -> None:
        """A row of another set has changed or gone: the record that it belongs to is read again."""
        owner = change if isinstance(change, str) else self._reader.joins.owner_of(source, join, change.data)
        if owner is not None:
            again.setdefault(source, []).extend(self._reader.joins.records_of(source, join, owner))

    def _changes(self, message_no: int, wanted: Iterable[str]) -> Iterator[tuple[str, Row | str]]:
        """(set, object, or key of a deleted one). The packet is not sent twice: it is heavy for 1C."""
        address = self._address("SelectChanges", message_no)
        limit = self._wire.options.table_bytes
        names = set(wanted)
        try:
            with self._wire.stream("POST", address, limit=limit) as stream:
                if stream.status != 200:
                    raise self._wire.refusal(judge(stream.whole()), "SelectChanges", Where(entity="changes"))
                kind = stream.headers.get("content-type", "")
                if "json" in kind:
                    yield from self._from_json(stream.whole(), names)
                else:
                    yield from self._from_atom(stream.file, names)
        except (TooLarge, TimedOut):
            raise
        except HttpFailure as failure:
            raise judge_failure(failure).error(where=Where(entity="changes")) from None
        except UnreadableXml as error:
            answer = Answer(200, {}, b"")
            raise judge_unreadable(answer, str(error)).error(where=Where(entity="changes")) from error

    def _from_atom(self, source: BinaryIO, names: set[str]) -> Iterator[tuple[str, Row | str]]:
        for element in elements(source, [_ENTRY, _DELETED], roots=[f"{ATOM}feed"]):
            if element.tag == _DELETED:
                yield from self._tombstone(element, names)
                continue
            name = entry_set(element)
            if name in names:
                data = entry_data(element, self._book.types_of)
                yield name, Row(encode(data), data)

    def _tombstone(self, element: etree._Element, names: set[str]) -> Iterator[tuple[str, str]]:
        place = deleted_entry(element)
        if place is not None and place[0] in names:
            yield place

    def _from_json(self, answer: Answer, names: set[str]) -> Iterator[tuple[str, Row | str]]:
        """The JSON form, which at least one base gives; how it marks deletions is inferred (1c-odata.md §7, §10)."""
        try:
            rows = decode_collection(answer, self._book.types_of)
        except Unreadable as error:
            raise judge_unreadable(answer, str(error)).error(where=Where(entity="changes")) from error
        for row in rows:
            address = object_address(str(row.data.get("odata.id") or row.data.get("id") or ""))
            name = type_name(row.data.get("odata.type")) or (address[0] if address is not None else "")
            if name not in names:
                continue
            if address is not None and "Ref_Key" not in row.data:
                yield name, address[1]
            else:
                yield name, row
