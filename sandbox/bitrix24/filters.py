"""Filters and orders of lists: prefixes, groups with OR, in the names of crm.item or of older methods (§6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.bitrix24.errors import bad_value
from sandbox.bitrix24.params import as_dict, as_list
from sandbox.bitrix24.values import PLAIN_MOMENT, comparable

Row = dict[str, Any]
Test = Callable[[Row], bool]
PREFIX = re.compile(r"^(!=%|!%=|>=|<=|!@|%=|=%|!=|!%|>|<|@|%|=|!)?(.*)$")


class Filter:
    """One filter over rows whose fields have known types.

    Args:
        kinds: field name -> type; another name is refused (`strict`) or ignored, as older methods do.
        names: asked name -> name in the rows, where these differ.
        atom_ignored: a date with T and an offset is no filter at all (a reported habit of crm.item.list).
    """

    def __init__(
        self,
        tree: Any,
        kinds: Mapping[str, str],
        zone: ZoneInfo,
        *,
        names: Mapping[str, str] | None = None,
        strict: bool = True,
        atom_ignored: bool = False,
    ) -> None:
        self._kinds, self._zone, self._strict, self._atom = kinds, zone, strict, atom_ignored
        self._names = names or {}
        self._test = self._group(as_dict(tree))

    def __call__(self, row: Row) -> bool:
        """Whether the row is wanted."""
        return self._test(row)

    def _group(self, tree: dict[str, Any]) -> Test:
        either = str(tree.get("logic", "AND")).upper() == "OR"
        tests = [self._one(key, value) for key, value in tree.items() if key != "logic"]
        found = [test for test in tests if test is not None]
        if either:
            return lambda row: any(test(row) for test in found)
        return lambda row: all(test(row) for test in found)

    def _one(self, key: str, value: Any) -> Test | None:
        if key.isdigit() and isinstance(value, dict):
            return self._group(value)
        match = PREFIX.match(key)
        operator, name = (match.group(1) or "=", match.group(2)) if match else ("=", key)
        kind = self._kinds.get(name)
        if kind is None:
            if self._strict:
                raise bad_value(f"Invalid filter: field '{name}' is not allowed in filter")
            return None
        if kind == "datetime" and self._atom and "T" in str(value) and not PLAIN_MOMENT.fullmatch(str(value)):
            return None
        return self._compare(operator, self._names.get(name, name), kind, value)

    def _compare(self, operator: str, name: str, kind: str, value: Any) -> Test:
        if operator in ("@", "!@") or (isinstance(value, list) and operator in ("=", "!=", "!")):
            wanted = {comparable(kind, item, self._zone) for item in as_list(value)}
            negative = operator.startswith("!")
            return lambda row: any(found in wanted for found in self._values(row, name, kind)) is not negative
        asked = comparable(kind, value, self._zone)
        if "%" in operator:
            return self._like(operator, name, str(value).casefold())
        return lambda row: any(_holds(operator, found, asked) for found in self._values(row, name, kind))

    def _like(self, operator: str, name: str, text: str) -> Test:
        inner = text.replace("%", "")
        negative = operator.startswith("!")
        return lambda row: (inner in str(row.get(name) or "").casefold()) is not negative

    def _values(self, row: Row, name: str, kind: str) -> list[Any]:
        value = row.get(name)
        many = value if isinstance(value, list) else [value]
        return [comparable(kind, one, self._zone) for one in many] or [None]


def _holds(operator: str, found: Any, asked: Any) -> bool:
    if operator in ("=", ""):
        return bool(found == asked)
    if operator in ("!", "!="):
        return bool(found != asked)
    if found is None or asked is None:
        return False
    return bool({">": found > asked, "<": found < asked, ">=": found >= asked, "<=": found <= asked}[operator])


def sort_rows(
    rows: list[Row], order: Any, kinds: Mapping[str, str], zone: ZoneInfo, names: Mapping[str, str] | None = None
) -> list[Row]:
    """Rows in the order asked for; by id where none is."""
    wanted = as_dict(order) or {("id" if "id" in kinds else "ID"): "ASC"}
    for name, way in reversed(list(wanted.items())):
        kind = kinds.get(name)
        if kind is None:
            raise bad_value(f"Invalid order: field '{name}' is not allowed in order")
        inner = (names or {}).get(name, name)
        rows = sorted(rows, key=lambda row: _sort_key(kind, row.get(inner), zone), reverse=str(way).upper() == "DESC")
    return rows


def _sort_key(kind: str, value: Any, zone: ZoneInfo) -> tuple[bool, Any]:
    found = comparable(kind, None if isinstance(value, list | dict) else value, zone)
    return (found is not None, found if found is not None else 0)


def page(rows: list[Row], start: Any) -> tuple[list[Row], int, int | None]:
    """Fifty rows, the total, and where the next fifty start; `start=-1` counts nothing (§3)."""
    size = 50
    at = int(start or 0)
    if at < 0:
        return rows[:size], 0, None
    at -= at % size
    following = at + size
    return rows[at:following], len(rows), following if following < len(rows) else None
