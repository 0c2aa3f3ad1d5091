"""Objects in Atom, which 1C uses for change packets and where it ignores `$format` (1c-odata.md §1.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote

from lxml import etree

from connectors.onec_odata.url import NAMESPACE
from connectors.onec_odata.xml import ATOM, DATA, META, UnreadableXml

TypesOf = Callable[[str], Mapping[str, str]]
"""Property types of a set or row type as `$metadata` declares them; empty where that is not known."""
_NUMBERS = {"Edm.Double", "Edm.Decimal", "Edm.Int16", "Edm.Int32", "Edm.Byte", "Edm.Single"}
_REFERENCE = re.compile(r"=(?:guid)?'([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})'")
_STANDARD_FLAGS = {"DeletionMark", "Posted", "IsFolder", "Predefined", "Active", "ThisNode"}


def entry_set(entry: etree._Element) -> str:
    """The name of the set that an entry belongs to, from its category."""
    category = entry.find(f"{ATOM}category")
    term = category.get("term", "") if category is not None else ""
    return str(term).removeprefix(NAMESPACE)


def entry_data(entry: etree._Element, types_of: TypesOf) -> dict[str, object]:
    """The object of an entry, its values in the types that JSON would give them. Raises UnreadableXml."""
    properties = entry.find(f"{ATOM}content/{META}properties")
    if properties is None:
        properties = entry.find(f"{META}properties")
    if properties is None:
        raise UnreadableXml("an entry without properties")
    return _fields(properties, types_of(entry_set(entry)), types_of)


def deleted_entry(entry: etree._Element) -> tuple[str, str] | None:
    """(set, key) of a tombstone `ref="…/Catalog_X(guid'…')"`; None when it names no object (1c-odata.md §7)."""
    return object_address(str(entry.get("ref", "")))


def object_address(address: str) -> tuple[str, str] | None:
    """(set, key in lower case) that an address names, absolute or not, percent-encoded or not.

    Of a register's row, which has a key of several fields, the key is the first reference in it: whose row it was.
    """
    resource = unquote(address).rpartition("/")[2]
    name, found, rest = resource.partition("(guid'")
    key, closed, _ = rest.partition("')")
    if found and closed and name:
        return name, key.lower()
    owner = _REFERENCE.search(resource)
    return (resource.partition("(")[0], owner[1].lower()) if owner is not None else None


def _fields(parent: etree._Element, types: Mapping[str, str], types_of: TypesOf) -> dict[str, object]:
    return {_name(child): _value(child, types.get(_name(child), ""), types_of) for child in parent if _is_data(child)}


def _value(element: etree._Element, declared: str, types_of: TypesOf) -> object:
    kind = str(element.get(f"{META}type", "") or declared)
    if kind.startswith("Collection("):
        row = kind.removeprefix("Collection(").removesuffix(")").removeprefix(NAMESPACE)
        return [_fields(child, types_of(row), types_of) for child in element if _is_data(child)]
    if element.get(f"{META}null") == "true":
        return None
    return typed(element.text or "", kind, _name(element))


def typed(text: str, kind: str, name: str = "") -> object:
    """A scalar of Atom as JSON would have it; what is of no known type stays text, as Int64 does in JSON (§1.4)."""
    if kind == "Edm.Boolean" or (not kind and name in _STANDARD_FLAGS):
        return text == "true"
    if kind in _NUMBERS:
        return _number(text) if text else None
    return text


def _number(text: str) -> object:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    return int(value) if value.is_finite() and "." not in text and "e" not in text.lower() else value


def _is_data(element: etree._Element) -> bool:
    return str(element.tag).startswith(DATA)  # a comment's tag is a function


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)
