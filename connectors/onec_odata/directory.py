"""Objects that explain what a register only refers to: analytics keys, contracts (1c-odata.md §8.3).

Read whole once, in pages, and by key for what has come into being since. Only the attributes that are asked for are
kept, the same texts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.onec_odata import url
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book, Spelling
from connectors.onec_odata.values import key
from connectors.onec_odata.wire import Rows, Wire
from core.errors import SchemaDrift, Where

PAGE = 5_000
_AT_ONCE = 15


@dataclass(slots=True)
class _Known:
    columns: tuple[str, ...]
    objects: dict[str, tuple[object, ...] | None] = field(default_factory=dict)
    whole: bool = False


class Directory:
    """Looks such objects up. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book) -> None:
        self._wire = wire
        self._book = book
        self._known: dict[tuple[str, tuple[str, ...]], _Known] = {}
        self._texts: dict[object, object] = {}

    def load(self, set_name: str, wanted: str, attributes: tuple[str, ...]) -> Mapping[str, object] | None:
        """The attributes of one object under their wire names; None where there is no such object (a broken link).

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
        return dict(zip(known.columns, values, strict=True)) if values is not None else None

    def forget_missing(self) -> None:
        """Ask once more for what was not there: it may have come into being meanwhile."""
        for known in self._known.values():
            known.objects = {key: values for key, values in known.objects.items() if values is not None}

    def find(self, set_name: str, attribute: str, target: str, wanted: Sequence[str]) -> list[str]:
        """The keys of the objects that refer to any of these."""
        found: dict[str, None] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]

            def ask(spelling: Spelling, part: Sequence[str] = part) -> Rows | Verdict:
                condition = url.any_of(spelling.equals(each, target) for each in part)
                return self._wire.collection(set_name, {"$select": "Ref_Key", "$filter": condition})

            rows = self._answered(set_name, self._book.by_spelling(set_name, attribute, ask))
            found.update(dict.fromkeys(each for row in rows if (each := key(row.get("Ref_Key"))) is not None))
        return list(found)

    def _read_all(self, set_name: str, known: _Known) -> None:
        """Rows that shift while one pages are found by key later."""
        select, position = self._select(set_name, known), 0
        while True:
            options = select | {"$orderby": "Ref_Key", "$top": str(PAGE)}
            rows = self._rows(set_name, options | ({"$skip": str(position)} if position else {}))
            for row in rows:
                self._keep(known, row)
            if len(rows) < PAGE:
                return
            position += len(rows)

    def _read_one(self, set_name: str, known: _Known, wanted: str) -> None:
        known.objects[wanted] = None
        for row in self._rows(set_name, self._select(set_name, known) | {"$filter": f"Ref_Key eq {url.guid(wanted)}"}):
            self._keep(known, row)

    def _keep(self, known: _Known, row: Mapping[str, object]) -> None:
        found = key(row.get("Ref_Key"))
        if found is not None:
            values = (row.get(name) for name in known.columns)
            known.objects[found] = tuple(self._texts.setdefault(value, value) for value in values)

    def _columns(self, set_name: str, attributes: Sequence[str]) -> tuple[str, ...]:
        """The declared spellings of the attributes; every possible one where nothing is declared."""
        declared = self._book.shape(set_name)
        spelt = (f"{name}{end}" for name in attributes for end in ("", "_Key", "_Type"))
        return tuple(dict.fromkeys(name for name in spelt if declared is None or name in declared.properties))

    def _select(self, set_name: str, known: _Known) -> dict[str, str]:
        """What is asked for: whole objects where the base does not say which attributes it has."""
        if self._book.shape(set_name) is None:
            return {}
        return {"$select": ",".join(("Ref_Key", *known.columns))}

    def _rows(self, set_name: str, options: dict[str, str]) -> list[dict[str, object]]:
        return self._answered(set_name, self._wire.collection(set_name, options, limit=self._wire.options.table_bytes))

    def _answered(self, set_name: str, outcome: Rows | Verdict) -> list[dict[str, object]]:
        if not isinstance(outcome, Verdict):
            return [row.data for row in outcome.rows]
        if outcome.rule.name == "not_published":
            raise SchemaDrift(
                f"{set_name} is not published: without it nobody can say whose the settlements are.",
                next_step="tick it in 1C (Administration, OData, contents), then: sverka doctor",
                where=Where(entity="balance"),
            )
        raise self._wire.refusal(outcome, set_name, Where(entity="balance"))
