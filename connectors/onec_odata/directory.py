"""Objects that explain what a register only refers to: analytics keys, contracts (1c-odata.md §8.3).

Read whole once, in pages, and by key for what has come into being since. Only the attributes that are asked for are
kept, the same texts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.onec_odata import url
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book
from connectors.onec_odata.values import key
from connectors.onec_odata.wire import Wire
from core.errors import SchemaDrift, Where

PAGE = 5_000
_NOTHING: Mapping[str, object] = {}
_AT_ONCE = 15


@dataclass(slots=True)
class _Known:
    columns: tuple[str, ...]
    objects: dict[str, tuple[object, ...]] = field(default_factory=dict)
    whole: bool = False


class Directory:
    """Looks such objects up. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book) -> None:
        self._wire = wire
        self._book = book
        self._known: dict[tuple[str, tuple[str, ...]], _Known] = {}
        self._texts: dict[object, object] = {}

    def load(self, set_name: str, wanted: str, attributes: tuple[str, ...]) -> Mapping[str, object]:
        """The attributes of one object under their wire names; empty where there is no such object (a broken link).

        Raises:
            SchemaDrift: the set is not published.
        """
        known = self._known.get((set_name, attributes))
        if known is None:
            known = self._known[set_name, attributes] = _Known(self._columns(set_name, attributes))
            self._read_all(set_name, known)
        if wanted not in known.objects:
            self._read_one(set_name, known, wanted)
        values = known.objects[wanted]
        return dict(zip(known.columns, values, strict=True)) if values else _NOTHING

    def find(self, set_name: str, attribute: str, target: str, wanted: Sequence[str]) -> list[str]:
        """The keys of the objects that refer to any of these."""
        spellings = self._book.spellings(set_name, attribute)
        found: dict[str, None] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            for spelling in spellings[:1]:
                condition = url.any_of(spelling.equals(each, target) for each in part)
                found.update(dict.fromkeys(self._keys(set_name, condition)))
        return list(found)

    def _keys(self, set_name: str, condition: str) -> list[str]:
        rows = self._rows(set_name, {"$select": "Ref_Key", "$filter": condition})
        return [each for row in rows if (each := key(row.get("Ref_Key"))) is not None]

    def _read_all(self, set_name: str, known: _Known) -> None:
        """Rows that shift while one pages are found by key later."""
        select, position = ",".join(("Ref_Key", *known.columns)), 0
        while True:
            options = {"$select": select, "$orderby": "Ref_Key", "$top": str(PAGE)}
            rows = self._rows(set_name, options | ({"$skip": str(position)} if position else {}))
            for row in rows:
                self._keep(known, row)
            if len(rows) < PAGE:
                return
            position += len(rows)

    def _read_one(self, set_name: str, known: _Known, wanted: str) -> None:
        known.objects[wanted] = ()
        select = ",".join(("Ref_Key", *known.columns))
        for row in self._rows(set_name, {"$select": select, "$filter": f"Ref_Key eq {url.guid(wanted)}"}):
            self._keep(known, row)

    def _keep(self, known: _Known, row: Mapping[str, object]) -> None:
        found = key(row.get("Ref_Key"))
        if found is not None:
            values = (row.get(name) for name in known.columns)
            known.objects[found] = tuple(self._texts.setdefault(value, value) for value in values)

    def _columns(self, set_name: str, attributes: Sequence[str]) -> tuple[str, ...]:
        """The declared spellings of the attributes; where nothing is declared, they are found by `Book.spellings`."""
        found: list[str] = []
        for attribute in attributes:
            found += self._book.names_of(set_name, attribute)
        return tuple(dict.fromkeys(found))

    def _rows(self, set_name: str, options: dict[str, str]) -> list[dict[str, object]]:
        outcome = self._wire.collection(set_name, options, limit=self._wire.options.table_bytes)
        if not isinstance(outcome, Verdict):
            return [row.data for row in outcome.rows]
        if outcome.rule.name == "not_published":
            raise SchemaDrift(
                f"{set_name} is not published: without it nobody can say whose the settlements are.",
                next_step="tick it in 1C (Administration, OData, contents), then: sverka doctor",
                where=Where(entity="balance"),
            )
        raise outcome.error(where=Where(entity="balance"))
