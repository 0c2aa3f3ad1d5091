"""What has changed in a portal since a moment: elements by their own dates, and by those of their requisites (§6, §7).

Moments go out as the portal writes them by itself, without T and offset: in that form a filter is passed over. Which
requisites were deleted nobody tells; the next sweep sees it in the version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import RawRecord, SourceSet
from connectors.bitrix24.reading import CHANGED, Reader
from connectors.bitrix24.types import LISTS, WITH_REQUISITES, Types, external_id
from connectors.bitrix24.wire import PAGE, Params, Wire, rows_of

Command = tuple[str, Params]
WITHOUT_MOMENT = ("user",)
"""Lists that cannot be asked what has changed."""
AT_ONCE = 500
_LEGAL = ("DATE_MODIFY", "DATE_CREATE")
"""A requisite that was never changed has no DATE_MODIFY."""


class Changes:
    """Asks one portal what is new. `zone` is the connection's: taken where the portal's own clock shows the same."""

    def __init__(self, wire: Wire, types: Types, reader: Reader, zone: ZoneInfo) -> None:
        self._wire, self._types, self._reader, self._zone = wire, types, reader, zone
        self._ahead: timedelta | None = None
        self._clock: tzinfo = zone

    def moment(self) -> datetime:
        """What time it is there; asked once, then counted on by our own clock."""
        now = self._wire.clock.now()
        if self._ahead is None:
            theirs = datetime.fromisoformat(str(self._wire.call("server.time").result))
            self._ahead = theirs - now
            same = theirs.utcoffset() == theirs.astimezone(self._zone).utcoffset()
            self._clock = self._zone if same else theirs.tzinfo or self._zone
        return now + self._ahead

    def tells(self, source: SourceSet) -> bool:
        """Whether a set has a moment of change that can be asked for."""
        return source.name not in WITHOUT_MOMENT

    def since(self, source: SourceSet, since: datetime) -> Iterator[list[RawRecord]]:
        """Elements changed since then, and those whose requisites were. One request where there are none."""
        self.moment()
        stamp = since.astimezone(self._clock).strftime("%Y-%m-%d %H:%M:%S")
        number = self._types.number(source.name) if source.name not in LISTS else None
        method, params, key = self._reader.asked(source, whole=True)
        elements = _narrowed(params, {f">={CHANGED.get(source.name, 'updatedTime')}": stamp})
        asked: dict[str, Command] = {"elements": (method, _first(elements, key))}
        legal = _legal(number, stamp) if number in WITH_REQUISITES else {}
        asked |= {name: (command, _first(given, "ID")) for name, (command, given) in legal.items()}
        replies = dict(zip(asked, self._wire.ask_all(asked), strict=True))
        pages = self._go_on(method, elements, key, rows_of(replies["elements"].result))
        seen: set[str] = set()
        for rows in _gathered(pages):
            records = self._reader.records(source, rows)
            seen |= {record.external_id for record in records}
            yield records
        yield from self._owners(source, number, legal, {name: rows_of(replies[name].result) for name in legal}, seen)

    def _owners(
        self, source: SourceSet, number: int | None, legal: Mapping[str, Command],
        first: Mapping[str, list[dict[str, Any]]], seen: set[str],
    ) -> Iterator[list[RawRecord]]:  # fmt: skip
        """Elements that have not changed themselves, while a requisite of theirs has."""
        for name, (method, params) in legal.items():
            for rows in self._go_on(method, params, "ID", first[name]):
                keys = dict.fromkeys(external_id(number or 0, row["ENTITY_ID"]) for row in rows)
                left = [key for key in keys if key not in seen]
                seen |= set(left)
                if left:
                    yield self._reader.fetch_records(source, left)

    def _go_on(
        self, method: str, params: Params, key: str, first: list[dict[str, Any]]
    ) -> Iterator[list[dict[str, Any]]]:
        """The first page of a list, then what lies behind it."""
        if first:
            yield first
        if len(first) == PAGE:
            yield from self._wire.rows(method, params, key=key, behind=first[-1][key])


def _narrowed(params: Params, more: Mapping[str, object]) -> Params:
    wanted = params.get("filter")
    return {**params, "filter": {**(wanted if isinstance(wanted, Mapping) else {}), **more}}


def _first(params: Params, key: str) -> Params:
    return {**_narrowed(params, {f">{key}": 0}), "order": {key: "ASC"}, "start": -1}


def _legal(number: int | None, stamp: str) -> dict[str, Command]:
    """The questions for requisites, by the moment that they ask for."""
    select = ["ID", "ENTITY_ID"]
    return {
        name: ("crm.requisite.list", {"filter": {"ENTITY_TYPE_ID": number, f">={name}": stamp}, "select": select})
        for name in _LEGAL
    }


def _gathered(pages: Iterator[list[dict[str, Any]]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Pages put together, so that requisites are asked for many elements at once."""
    rows: list[dict[str, Any]] = []
    for page in pages:
        rows += page
        if len(rows) >= AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows
