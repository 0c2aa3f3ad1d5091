"""Elements read whole, by page, by key, or as keys with versions for a sweep (bitrix24.md §3, §6, §7).

An element's version is the moment of its last change; a company's and a contact's also tells of their requisites,
which are objects of their own and change by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.base import FigureRow, KeyRow, Page, RawRecord, SourceSet, Window
from connectors.bitrix24.answers import Reply
from connectors.bitrix24.finding import key_of
from connectors.bitrix24.question import condition
from connectors.bitrix24.types import LISTS, WITH_REQUISITES, Types, element_id, external_id, number_in
from connectors.bitrix24.wire import LONGEST_BATCH, PAGE, Params, Wire, rows_of
from core.errors import NotFound, Where

Element = dict[str, Any]
SWEEP_PAGE = 2_000
"""Keys that are handed on at once."""
KEYS_AT_ONCE = 40
PAGES_AT_ONCE = 10
"""The portal's pages that are one page of ours, once a set is known to have more than one."""
CHANGED = {"activity": "LAST_UPDATED", "user": "TIMESTAMP_X"}
_encode = msgspec.json.Encoder(decimal_format="number").encode
_REQUISITES = ["ID", "ENTITY_ID", "DATE_MODIFY", "DATE_CREATE"]


class Reader:
    """Reads the elements of one portal. The window is over the source's own date, in the portal's answers.

    `originator`: the mark under which the portal keeps our own keys.
    """

    def __init__(self, wire: Wire, types: Types, originator: str = "") -> None:
        self._wire, self._types, self._originator = wire, types, originator

    def is_published(self, name: str) -> bool:
        """Whether the portal has elements of that name for us."""
        return name in LISTS or self._types.number(name) is not None

    def declared_fields(self, name: str) -> frozenset[str] | None:
        """The names that an element may have in an answer; None for lists that declare nothing."""
        if name in LISTS:
            return None
        kind = self._types.get(name)
        extra = {"requisites"} if kind.number in WITH_REQUISITES else set()
        return frozenset(kind.fields) | {str(one.get("upperName")) for one in kind.fields.values()} | extra

    def fetch_page(self, source: SourceSet, window: Window, position: int) -> Page:
        """Whole elements behind the number `position`, hundreds in a request; the last one's number if more follow."""
        method, params, key = self.asked(source, whole=True)
        pages = self._wire.pages(method, params, key, position, PAGES_AT_ONCE if position else 1)
        rows = [row for page in pages for row in page]
        records = [record for record in self.records(source, rows) if _inside(source, window, record.data)]
        return Page(records, int(rows[-1][key]) if len(pages[-1]) == PAGE else None)

    def asked(self, source: SourceSet, *, whole: bool, names: Sequence[str] = ()) -> tuple[str, Params, str]:
        """Method, parameters and key of a source's list."""
        if source.name in LISTS:
            return LISTS[source.name], {"filter": condition(source.filter)}, "ID"
        kind = self._types.get(source.name)
        chosen = ["*"] if whole else ["id", "updatedTime", *names, *([source.date] if source.date else [])]
        asked = {"entityTypeId": kind.number, "select": chosen, "filter": condition(source.filter)}
        return "crm.item.list", asked, "id"

    def records(self, source: SourceSet, rows: Sequence[Element]) -> list[RawRecord]:
        """Elements as records, companies and contacts with their requisites, which are asked for together."""
        number = self._types.number(source.name)
        legal = self._requisites_of(number, [row["id"] for row in rows]) if number in WITH_REQUISITES and rows else {}
        return [
            self._record(source, row, legal.get(int(row["id"])) if number in WITH_REQUISITES else None) for row in rows
        ]

    def _record(self, source: SourceSet, row: Element, legal: list[Element] | None) -> RawRecord:
        number = self._types.number(source.name) or 0
        if number in WITH_REQUISITES:
            row = {**row, "requisites": legal or []}
        key = external_id(number, row.get("id", row.get("ID")))
        version = _version(source.name, row, legal or [])
        raw = _encode(row)
        ours = str(row.get("originId") or "") if row.get("originatorId") == self._originator else ""
        foreign = key_of(row, self._originator) == "?"
        return RawRecord(source.name, key, version, False, raw, row, source.entity, ours, foreign)

    def _requisites_of(
        self, number: int | None, elements: Sequence[object], names: Sequence[str] = ("*",)
    ) -> dict[int, list[Element]]:
        parts = [list(elements[start : start + KEYS_AT_ONCE]) for start in range(0, len(elements), KEYS_AT_ONCE)]
        asked = [{"filter": {"ENTITY_TYPE_ID": number, "@ENTITY_ID": part}, "select": list(names)} for part in parts]
        found: dict[int, list[Element]] = {}
        for page in self._wire.lists("crm.requisite.list", asked, "ID"):
            for row in page:
                found.setdefault(int(row["ENTITY_ID"]), []).append(row)
        return found

    def fetch_keys(self, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
        """Every key of the window with its version, thousands a request."""
        for rows in self.fetch_figures(source, window, ()):
            yield [row.key for row in rows]

    def fetch_figures(self, source: SourceSet, window: Window, attributes: Sequence[str]) -> Iterator[list[FigureRow]]:
        """The same with some attributes. No more than a page of ours is kept, requisites of its elements included."""
        method, params, key = self.asked(source, whole=False, names=attributes)
        gathered: list[Element] = []
        for page in self._wire.rows(method, params, key=key):
            gathered += [row for row in page if _inside(source, window, row)]
            if len(gathered) >= SWEEP_PAGE:
                yield self._figures(source, key, gathered, attributes)
                gathered = []
        yield self._figures(source, key, gathered, attributes)

    def _figures(
        self, source: SourceSet, key: str, rows: Sequence[Element], attributes: Sequence[str]
    ) -> list[FigureRow]:
        number = self._types.number(source.name) if source.name not in LISTS else None
        legal: dict[int, list[Element]] = {}
        if number in WITH_REQUISITES:
            legal = self._requisites_of(number, [row[key] for row in rows], _REQUISITES)
        found = []
        for row in rows:
            version = _version(source.name, row, legal.get(int(row[key]), []))
            told = {name: row[name] for name in attributes if name in row}
            found.append(FigureRow(KeyRow(external_id(number or 0, row[key]), version, False), told))
        return found

    def fetch_customer_keys(self, source: SourceSet, counterparty: str, window: Window) -> list[KeyRow]:
        """Every key of one company's (or contact's) elements."""
        field = "contactId" if counterparty.startswith("contact:") else "companyId"
        method, params, key = self.asked(source, whole=False)
        wanted = {**_filter(params), f"={field}": element_id(counterparty)}
        rows = [row for page in self._wire.rows(method, {**params, "filter": wanted}, key=key) for row in page]
        number = self._types.number(source.name) or 0
        return [
            KeyRow(external_id(number, row[key]), _version(source.name, row, []), False)
            for row in rows
            if _inside(source, window, row)
        ]

    def fetch_records(self, source: SourceSet, keys: Sequence[str]) -> list[RawRecord]:
        """The elements with these keys that exist and pass the mapping's filter."""
        method, params, key = self.asked(source, whole=True)
        numbers = [number for text in keys if (number := self._number_of(source, text)) is not None]
        found: list[RawRecord] = []
        most = KEYS_AT_ONCE * LONGEST_BATCH
        for start in range(0, len(numbers), most):
            part = numbers[start : start + most]
            commands: dict[str, tuple[str, Params]] = {}
            for place in range(0, len(part), KEYS_AT_ONCE):
                wanted = {**_filter(params), f"@{key}": part[place : place + KEYS_AT_ONCE]}
                commands[f"k{place}"] = (method, {**params, "filter": wanted, "order": {key: "ASC"}, "start": -1})
            found += self.records(source, [row for reply in self._ask_all(commands) for row in rows_of(reply.result)])
        return found

    def _ask_all(self, commands: Mapping[str, tuple[str, Params]]) -> list[Reply]:
        """All of these, in one request. Raises what the first of them was refused with."""
        if len(commands) == 1:
            return [self._wire.call(*next(iter(commands.values())))]
        return self._wire.ask_all(commands)

    def _number_of(self, source: SourceSet, key: str) -> int | None:
        """The element's number; None where the key is none of this set: a company's is no contact's."""
        return number_in(self._types.number(source.name) or 0, key)

    def fetch_record(self, source: SourceSet, key: str) -> RawRecord:
        """One element by a direct question. Raises NotFound on the portal's own word."""
        number = self._number_of(source, key)
        if number is None:
            raise NotFound(f"{key!r} is no number of an element.", where=Where(entity=source.name, external_id=key))
        if source.name in LISTS:
            return self._from_list(source, key, number)
        kind = self._types.get(source.name)
        try:
            row = self._wire.call("crm.item.get", {"entityTypeId": kind.number, "id": number}).result["item"]
        except NotFound as error:
            error.where = Where(entity=source.name, external_id=key)
            raise
        return self.records(source, [row])[0]

    def _from_list(self, source: SourceSet, key: str, number: int) -> RawRecord:
        rows = rows_of(self._wire.call(LISTS[source.name], {"filter": {"ID": number}, "start": -1}).result)
        if not rows:
            raise NotFound("Bitrix24 has no such element.", where=Where(entity=source.name, external_id=key))
        return self.records(source, rows)[0]


def _filter(params: Params) -> dict[str, object]:
    wanted = params.get("filter")
    return dict(wanted) if isinstance(wanted, Mapping) else {}


def _version(name: str, row: Mapping[str, Any], legal: Sequence[Mapping[str, Any]]) -> str:
    """When it was last changed; how many requisites there are and when the last of them was."""
    changed = str(row.get(CHANGED.get(name, "updatedTime")) or "0")
    if not legal:
        return changed
    latest = max(str(one.get("DATE_MODIFY") or one.get("DATE_CREATE") or "") for one in legal)
    return f"{changed} {len(legal)}/{latest}"


def _inside(source: SourceSet, window: Window, row: Mapping[str, Any]) -> bool:
    """Whether the element's own date is in the window; one without a believable date is in every window."""
    if source.date is None or (window.start is None and window.end is None):
        return True
    try:
        moment = datetime.fromisoformat(str(row.get(source.date)))
    except ValueError:
        return True
    if moment.tzinfo is None:
        return True
    return (window.start is None or moment >= window.start) and (window.end is None or moment < window.end)
