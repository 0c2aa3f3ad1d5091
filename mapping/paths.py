"""Where a value stands in a record of 1C: attributes, tabular sections, references (1c-odata.md §1.4, §2.3).

A path is written as
    Контрагент                                        an attribute; finds `Контрагент_Key` as well
    Подразделение.Description                         an attribute of an object that was delivered inside
    РасшифровкаПлатежа.ДоговорКонтрагента             of the first row of a section that has a value
    КонтактнаяИнформация[Тип=Телефон|Факс].Представление|НомерТелефона
                                                      of the first row that matches; the first attribute that is filled
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Data = dict[str, object]
Getter = Callable[[Data], object]
AllGetter = Callable[[Data], list[object]]
RefGetter = Callable[[Data], str | None]

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
EMPTY_DATES = frozenset({"0001-01-01T00:00:00", "0001-01-01", "0001-01-01T00:00:00Z"})
_NOTHING = EMPTY_DATES | {"", EMPTY_GUID}
NAMESPACE = "StandardODATA."
_UNDEFINED = NAMESPACE + "Undefined"
_LONGEST_ID = 200
_LARGEST_NUMBER = 2**63

_NAME = r"[^\W\d]\w*"
_PATH = re.compile(rf"(?P<head>{_NAME})(?:\[(?P<where>[^\]]*)\])?(?:\.(?P<leaves>{_NAME}(?:\|{_NAME})*))?")
_TEST = re.compile(rf"\s*(?P<name>{_NAME})\s*(?P<operator>!?=)\s*(?P<values>.*?)\s*")


class PathError(ValueError):
    """A path that cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RowTest:
    """A condition on a row: the attribute equals (or equals none of) these values."""

    name: str
    values: frozenset[str]
    wanted: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A path taken apart. No `leaves`: a plain attribute. `never`: switched off by an empty setting."""

    text: str
    head: str
    leaves: tuple[str, ...] = ()
    tests: tuple[RowTest, ...] = ()
    never: bool = False


def parse_path(text: str) -> Path:
    """Take a path apart.

    Raises:
        PathError: with what was found and how a path is written.
    """
    match = _PATH.fullmatch(text.strip())
    if match is None:
        raise PathError(
            f"{text[:80]!r} is not a path; write Attribute, Section.Attribute or Section[Attribute=value].Attribute"
        )
    leaves = tuple(match["leaves"].split("|")) if match["leaves"] else ()
    if match["where"] is not None and not leaves:
        raise PathError(
            f"{text[:80]!r} says which row but not which attribute of it; write Section[Attribute=value].Attribute"
        )
    tests = tuple(_parse_test(part, text) for part in match["where"].split(",")) if match["where"] is not None else ()
    never = any(test.values == {""} for test in tests)
    return Path(text, match["head"], leaves, tests, never)


def _parse_test(part: str, text: str) -> RowTest:
    match = _TEST.fullmatch(part)
    if match is None:
        raise PathError(
            f"{part.strip()[:80]!r} in {text[:80]!r} is not a row condition; write Attribute=value or Attribute!=value"
        )
    values = frozenset(value.strip().strip("'\"").lower() for value in match["values"].split("|"))
    return RowTest(match["name"], values, match["operator"] == "=")


def clean_value(value: object) -> object:
    """A scalar without 1C's ways of saying "nothing": padding, empty text, date and reference (1c-odata.md §1.4)."""
    if isinstance(value, str):
        text = value.strip()
        return None if text in _NOTHING else text
    return value


def attribute(name: str) -> Getter:
    """Reads an attribute under either of its names: `X`, else `X_Key`; "nothing" is None."""
    key = name + "_Key"

    def get(data: Data) -> object:
        value = data.get(name)
        if value is None or (isinstance(value, dict) and key in data):
            value = data.get(key)
        if isinstance(value, str):
            value = value.strip()
            return None if value in _NOTHING else value
        return value

    return get


def typed_reference(name: str, accepted: frozenset[str]) -> RefGetter:
    """Reads a reference, checked against its type where the record tells one (1c-odata.md §2.3).

    A payment's Контрагент that is a `Catalog_ФизическиеЛица` is no counterparty: None. No accepted sets: any will do.
    """
    get, kind_name = attribute(name), name + "_Type"

    def read(data: Data) -> str | None:
        value = get(data)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_NUMBER:
            value = str(value)  # CRMs count their records; 0 is none
        if not isinstance(value, str) or len(value) > _LONGEST_ID:
            return None
        kind = data.get(kind_name)
        if kind is not None and name in data and not _type_fits(kind, accepted):
            return None
        return value.lower()

    return read


def _type_fits(kind: object, accepted: frozenset[str]) -> bool:
    if not isinstance(kind, str) or kind == _UNDEFINED or kind.startswith("Edm."):
        return False
    return not accepted or kind.removeprefix(NAMESPACE) in accepted


def value_getter(path: Path) -> Getter:
    """The first value that the path leads to, or None. A section without an attribute gives its rows."""
    if path.never:
        return lambda data: None
    if not path.leaves:
        return attribute(path.head)
    rows, leaves = row_getter(path), [attribute(name) for name in path.leaves]

    def get(data: Data) -> object:
        for row in rows(data):
            for leaf in leaves:
                value = leaf(row)
                if value is not None:
                    return value
        return None

    return get


def all_getter(path: Path) -> AllGetter:
    """Every value that the path leads to, one a row."""
    if path.never:
        return lambda data: []
    if not path.leaves:
        return _single(attribute(path.head))
    rows, leaves = row_getter(path), [attribute(name) for name in path.leaves]

    def get(data: Data) -> list[object]:
        found = (next((value for leaf in leaves if (value := leaf(row)) is not None), None) for row in rows(data))
        return [value for value in found if value is not None]

    return get


def _single(get: Getter) -> AllGetter:
    def read(data: Data) -> list[object]:
        value = get(data)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    return read


def reference_getter(path: Path, accepted: frozenset[str]) -> RefGetter:
    """The first reference of an accepted type that the path leads to."""
    if path.never:
        return lambda data: None
    if not path.leaves:
        return typed_reference(path.head, accepted)
    rows, leaves = row_getter(path), [typed_reference(name, accepted) for name in path.leaves]

    def get(data: Data) -> str | None:
        for row in rows(data):
            for leaf in leaves:
                value = leaf(row)
                if value is not None:
                    return value
        return None

    return get


def row_getter(path: Path) -> Callable[[Data], list[Data]]:
    """The rows of the path's section that match; an object delivered inside counts as one row."""
    head, tests = path.head, [(attribute(test.name), test.values, test.wanted) for test in path.tests]

    def rows(data: Data) -> list[Data]:
        section = data.get(head)
        if isinstance(section, dict):
            section = [section]
        if not isinstance(section, list):
            return []
        return [row for row in section if isinstance(row, dict) and _matches(row, tests)]

    return rows


def _matches(row: Data, tests: list[tuple[Getter, frozenset[str], bool]]) -> bool:
    return all((_comparable(get(row)) in values) is wanted for get, values, wanted in tests)


def _comparable(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, (str, int, bool)) else ""
