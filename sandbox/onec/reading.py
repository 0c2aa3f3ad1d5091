"""Sets and single objects: filter, order, page (fact sheet §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from sandbox.onec.base import Base
from sandbox.onec.errors import OdataError, instance_not_found, path_segment
from sandbox.onec.fields import Field, Fields
from sandbox.onec.filter_eval import Scope, Typed, build_scope, compile_filter, compile_path, fold
from sandbox.onec.filter_parser import Node, parse_filter
from sandbox.onec.filter_sql import Clause, build_clause
from sandbox.onec.query import OrderTerm, parse_order
from sandbox.onec.schema import EntitySet
from sandbox.onec.urls import whole_number

SWEEP = {"Ref_Key": "key", "DataVersion": "version", "DeletionMark": "deleted", "Posted": "posted", "Date": "date"}
ORDER_COLUMNS = {**SWEEP, "Number": "number", "Code": "number", "IsFolder": "folder", "ИНН": "tax"}


class Reader:
    """Answers queries over one base; ``turn`` changes with every request, so that ties come in another order."""

    def __init__(self, base: Base, turn: int = 0) -> None:
        self.base, self.turn = base, turn
        self.cache: dict[tuple[str, str], Fields | None] = {}

    def load(self, set_name: str, key: str) -> Fields | None:
        """Record behind a reference, kept for the length of the request."""
        slot = (set_name, key)
        if slot not in self.cache:
            row = self.base.storage.load(set_name, key) if set_name in self.base.schema.sets else None
            self.cache[slot] = self.base.record(row) if row else None
        return self.cache[slot]

    def title(self, set_name: str, key: str) -> Fields | None:
        """Presentation of an object."""
        found = self.base.storage.columns(set_name, "title", "key = ?", (key,), "")
        return {"title": found[0][0]} if found else None

    def scope(self, entity: EntitySet) -> Scope:
        """Names a filter over a set may use."""
        return build_scope(entity.fields, entity.sections, self.follow)

    def follow(self, target: str) -> tuple[Scope, Callable[[str], Fields | None]] | None:
        """Scope behind a reference, when its target is published."""
        if not self.base.schema.published(target):
            return None
        return self.scope(self.base.schema.sets[target]), lambda key: self.load(target, key)

    # ------------------------------------------------------------------ sets

    def query(
        self, entity: EntitySet, options: dict[str, str], columns: Iterable[str] = ()
    ) -> tuple[list[Fields], int | None]:
        """Records of one page, and the count when it was asked for (which switches paging off, §3)."""
        node = parse_filter(options["$filter"]) if options.get("$filter") else None
        test = compile_filter(node, self.scope(entity)) if node else None
        order = parse_order(options.get("$orderby"))
        skip, top = whole_number(options, "$skip") or 0, whole_number(options, "$top")
        if options.get("$inlinecount") == "allpages":
            skip, top = 0, None
        records = self.records(entity, node, test, order, (skip, top), set(columns))
        return records, (len(records) if options.get("$inlinecount") == "allpages" else None)

    def records(
        self,
        entity: EntitySet,
        node: Node | None,
        test: Callable[[Fields], bool] | None,
        order: list[OrderTerm],
        page: tuple[int, int | None],
        columns: set[str],
    ) -> list[Fields]:
        """Records of one page, by SQL alone where the filter allows it."""
        if entity.kind == "section":
            return self.section_records(entity, node, test, order, page)
        clause = build_clause(node, entity)
        tail, params = self.order_sql(entity, order)
        if not clause.exact and test is not None:
            found = self.base.storage.select(entity.name, clause.sql, (*clause.params, *params), tail)
            return list(
                islice(
                    filter(test, map(self.base.record, found)), page[0], None if page[1] is None else page[0] + page[1]
                )
            )
        tail = f"{tail} LIMIT {-1 if page[1] is None else page[1]} OFFSET {page[0]}"
        return self.exact_records(entity, clause, tail, params, columns)

    def exact_records(
        self, entity: EntitySet, clause: Clause, tail: str, params: tuple[Any, ...], columns: set[str]
    ) -> list[Fields]:
        """Rows that SQL has selected whole; the cheap sweep does not even parse them."""
        bound = (*clause.params, *params)
        if not columns or not columns <= set(SWEEP):
            return [self.base.record(row) for row in self.base.storage.select(entity.name, clause.sql, bound, tail)]
        rows = self.base.storage.columns(entity.name, "key, version, deleted, posted, date", clause.sql, bound, tail)
        text = self.base.version_text
        return [
            {
                "Ref_Key": key,
                "DataVersion": text(version),
                "DeletionMark": bool(deleted),
                "Posted": bool(posted),
                "Date": date,
            }
            for key, version, deleted, posted, date in rows
        ]

    def order_sql(self, entity: EntitySet, order: list[OrderTerm]) -> tuple[str, tuple[Any, ...]]:
        """ORDER BY; what the client leaves open is decided otherwise at every request (§3.2 rule 1)."""
        terms, params = [], []
        for term in order:
            sql, bound = self.order_term(entity, term.parts)
            terms.append(f"{sql} {'DESC' if term.descending else 'ASC'}")
            params.extend(bound)
        if not any(term.parts == ("Ref_Key",) for term in order):
            terms.append("key DESC" if self.turn % 2 else "key ASC")
        return "ORDER BY " + ", ".join(terms), tuple(params)

    def order_term(self, entity: EntitySet, parts: tuple[str, ...]) -> tuple[str, list[Any]]:
        """SQL of one term; a reference is ordered by its presentation (§3)."""
        found = entity.find(parts[0]) if len(parts) == 1 else entity.navigation(parts[0])
        if found is None:
            raise path_segment(parts[0])
        if len(parts) > 1:
            return self.order_walk(found, parts[1])
        if found.name in ORDER_COLUMNS:
            return ORDER_COLUMNS[found.name], []
        if found.navigation:
            return self.lookup_sql("title", found, [])
        return f"coalesce(json_extract(data, '$.\"{found.name}\"'), ?)", [
            int(found.default) if found.kind == "bool" else found.default
        ]

    def lookup_sql(self, what: str, found: Field, params: list[Any]) -> tuple[str, list[Any]]:
        """Column or expression of the object behind a reference."""
        key = f"json_extract(object.data, '$.\"{found.name}\"')"
        number = self.base.storage.set_id(found.target)
        return f"(SELECT {what} FROM object AS o WHERE o.set_id = {number} AND o.key = {key})", params  # noqa: S608

    def order_walk(self, found: Field, name: str) -> tuple[str, list[Any]]:
        """``Контрагент/ИНН``."""
        target = self.base.schema.sets.get(found.target)
        if target is None or target.find(name) is None:
            raise path_segment(name)
        return self.lookup_sql(f"coalesce(json_extract(o.data, '$.\"{name}\"'), '')", found, [])

    # ------------------------------------------------------------------ sections and rows in memory

    def section_records(
        self,
        entity: EntitySet,
        node: Node | None,
        test: Callable[[Fields], bool] | None,
        order: list[OrderTerm],
        page: tuple[int, int | None],
    ) -> list[Fields]:
        """All rows of all objects; ordered by ``Ref_Key`` alone they lose and double rows across pages (§3.2)."""
        rows = self.section_rows(entity, build_clause(node, entity))
        found = list(filter(test, rows)) if test else list(rows)
        if self.turn % 2:
            found.reverse()
        found = sort_records(found, order, self.scope(entity), self)
        return found[page[0] :] if page[1] is None else found[page[0] : page[0] + page[1]]

    def section_rows(self, entity: EntitySet, clause: Clause) -> Iterator[Fields]:
        """Rows of a section, owner by owner."""
        for row in self.base.storage.select(entity.parent, clause.sql, clause.params, "ORDER BY key"):
            yield from self.base.record(row).get(entity.section, ())

    # ------------------------------------------------------------------ one object

    def element(self, entity: EntitySet, key: dict[str, str]) -> Fields:
        """One object, row or register record by its key; a missing part is code 7 (§4.1)."""
        if entity.kind == "section":
            return self.section_element(entity, key)
        values = [key.get(name, key.get("") if len(entity.key) == 1 else None) for name in entity.key]
        if None in values:
            raise OdataError(400, 7, "Не указана часть ключа сущности")
        found = self.load(
            entity.name, "|".join(str(value).lower() if len(values) == 1 else str(value) for value in values)
        )
        if found is None:
            raise instance_not_found()
        return found

    def section_element(self, entity: EntitySet, key: dict[str, str]) -> Fields:
        """``Document_X_Товары(Ref_Key=guid'…',LineNumber=1)``."""
        if set(key) != set(entity.key):
            raise OdataError(400, 7, "Не указана часть ключа сущности")
        owner = self.load(entity.parent, key["Ref_Key"]) or {}
        for row in owner.get(entity.section, ()):
            if str(row["LineNumber"]) == key["LineNumber"]:
                return dict(row)
        raise instance_not_found()


def sort_records(records: list[Fields], order: list[OrderTerm], scope: Scope, reader: Reader) -> list[Fields]:
    """Stable sort in memory by the terms, last one first."""
    for term in reversed(order):
        typed = compile_path(term.parts, scope)
        records = sorted(records, key=sort_key(typed, scope, term, reader), reverse=term.descending)
    return records


def sort_key(typed: Typed, scope: Scope, term: OrderTerm, reader: Reader) -> Callable[[Fields], Any]:
    """Value to sort by: references by presentation, empties first."""
    found = scope.fields.get(term.parts[0]) if len(term.parts) == 1 else None
    if found is not None and found.navigation:
        return lambda record: str((reader.title(found.target, record.get(found.name, "")) or {}).get("title", ""))
    return lambda record: (
        typed.get(record) is not None,
        fold(typed.get(record)) if typed.get(record) is not None else 0,
    )
