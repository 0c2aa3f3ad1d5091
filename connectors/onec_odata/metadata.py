"""`$metadata`: what a base publishes and how its fields are called (1c-odata.md §2).

Read as a stream: real documents are 14-17 MB with over 4,000 types; only names and types are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO

import msgspec
from lxml import etree

from connectors.onec_odata.url import NAMESPACE
from connectors.onec_odata.xml import elements

_EDMX = "{http://schemas.microsoft.com/ado/2007/06/edmx}Edmx"


class Shape(msgspec.Struct):
    """The properties of a set, row or virtual table: name -> type; its key; navigation name -> target set."""

    properties: dict[str, str]
    key: tuple[str, ...] = ()
    navigation: dict[str, str] = {}


class Function(msgspec.Struct):
    """A virtual table or action of a set: its name and parameters (name -> type)."""

    name: str
    parameters: dict[str, str]


class Metadata(msgspec.Struct):
    """What one base publishes. `read_at` is seconds since 1970."""

    sets: dict[str, str] = {}
    shapes: dict[str, Shape] = {}
    functions: dict[str, list[Function]] = {}
    enums: dict[str, list[str]] = {}
    read_at: float = 0.0

    def shape(self, name: str) -> Shape | None:
        """The shape of a set by its name, or of a row or virtual table by its type's name."""
        return self.shapes.get(self.sets.get(name, name))

    def function(self, set_name: str, name: str) -> Function | None:
        """A virtual table of a set, found by the type it is bound to: the set's own or its rows' (1c-odata.md §2.2)."""
        types = (self.sets.get(set_name, set_name), f"{set_name}_RecordType", f"{set_name}_RowType")
        bound = (function for type_name in types for function in self.functions.get(type_name, []))
        return next((function for function in bound if function.name == name), None)

    def is_composite(self, name: str, field: str) -> bool:
        """Whether a field holds values of several types: it comes with `<field>_Type` (1c-odata.md §2.3)."""
        shape = self.shape(name)
        return shape is not None and field in shape.properties and f"{field}_Type" in shape.properties


def read_metadata(source: BinaryIO) -> Metadata:
    """The document as a stream. Raises UnreadableXml; errors of the stream pass through."""
    reader = _Reader()
    for element in elements(source, list(reader.handlers), roots=[_EDMX]):
        reader.handlers[str(element.tag)](element)
    return reader.finish()


class _Reader:
    """Collects while the document passes; associations may come after the types that use them."""

    def __init__(self) -> None:
        self.result = Metadata(sets={}, shapes={}, functions={}, enums={})
        self._links: list[tuple[Shape, str, str, str]] = []
        self._ends: dict[str, dict[str, str]] = {}
        taken: dict[str, Callable[[etree._Element], None]] = {
            "EntityType": self._take_type,
            "ComplexType": self._take_type,
            "Association": self._take_association,
            "EnumType": self._take_enum,
            "EntitySet": self._take_set,
            "FunctionImport": self._take_function,
        }
        spaces = ("2009/11", "2008/09", "2007/05", "2006/04")
        self.handlers = {
            f"{{http://schemas.microsoft.com/ado/{space}/edm}}{name}": take
            for space in spaces
            for name, take in taken.items()
        }

    def finish(self) -> Metadata:
        """Point navigation properties at their target types, now that all associations are known."""
        for shape, name, relationship, role in self._links:
            target = self._ends.get(relationship, {}).get(role)
            if target is not None:
                shape.navigation[name] = target
        return self.result

    def _take_type(self, element: etree._Element) -> None:
        shape = Shape({}, (), {})
        for child in element:
            tag, name = _local(child), _attribute(child, "Name")
            if tag == "Property":
                shape.properties[name] = sys.intern(_attribute(child, "Type"))
            elif tag == "Key":
                shape.key = tuple(_attribute(part, "Name") for part in child)
            elif tag == "NavigationProperty":
                relationship = _bare(_attribute(child, "Relationship"))
                self._links.append((shape, name, relationship, _attribute(child, "ToRole")))
        self.result.shapes[_attribute(element, "Name")] = shape

    def _take_association(self, element: etree._Element) -> None:
        ends = {_attribute(end, "Role"): _bare(_attribute(end, "Type")) for end in element if _local(end) == "End"}
        self._ends[_attribute(element, "Name")] = ends

    def _take_enum(self, element: etree._Element) -> None:
        members = self.result.enums.setdefault(_attribute(element, "Name"), [])
        members.extend(_attribute(member, "Name") for member in element if _local(member) == "Member")

    def _take_set(self, element: etree._Element) -> None:
        self.result.sets[_attribute(element, "Name")] = _bare(_attribute(element, "EntityType"))

    def _take_function(self, element: etree._Element) -> None:
        parameters = {_attribute(part, "Name"): sys.intern(_attribute(part, "Type")) for part in element}
        binding = _bare(parameters.pop("bindingParameter", ""))
        function = Function(sys.intern(_attribute(element, "Name")), {k: v for k, v in parameters.items() if k})
        self.result.functions.setdefault(binding, []).append(function)


def _bare(name: str) -> str:
    """A type's own name: no collection, no namespace."""
    return sys.intern(name.removeprefix("Collection(").removesuffix(")").removeprefix(NAMESPACE))


def _attribute(element: etree._Element, name: str) -> str:
    return sys.intern(str(element.get(name, "")))


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
