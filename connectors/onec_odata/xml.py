"""XML of another system: no entities, no network, no DOCTYPE, bounded depth (dependencies.md §2.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
DATA = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
META = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
TOMB = "{http://purl.org/atompub/tombstones/1.0}"


class UnreadableXml(Exception):
    """The document is broken, cut, or of a kind that is refused (a DOCTYPE)."""


def safe_parser() -> etree.XMLParser:
    """A parser for small documents that reads nothing but the document."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)


def elements(source: BinaryIO, tags: Sequence[str], *, roots: Sequence[str]) -> Iterator[etree._Element]:
    """Each element with one of these names, complete, in the order of the document; memory stays flat.

    The element is emptied when the next one is asked for, so take what you need at once.

    Raises:
        UnreadableXml: not well-formed, cut off, of another root than `roots`, or it has a DOCTYPE.
    """
    wanted = set(tags)
    checked = False
    try:
        events = etree.iterparse(
            source,
            events=("start", "end"),
            tag=(*roots, *tags),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        for event, element in events:
            if not checked:
                refuse_doctype(element)
                checked = _check_root(element, roots)
            if event == "end" and element.tag in wanted:
                yield element
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise UnreadableXml(f"line {error.lineno}: {error.msg}") from error
    if not checked:
        raise UnreadableXml("it is empty or XML of another kind")


def refuse_doctype(element: etree._Element) -> None:
    """A DOCTYPE has no business in OData: entities and external files live there. Raises UnreadableXml."""
    if element.getroottree().docinfo.internalDTD is not None:
        raise UnreadableXml("a DOCTYPE is refused")


def _check_root(element: etree._Element, roots: Sequence[str]) -> bool:
    if element.tag not in roots:
        raise UnreadableXml("it is XML of another kind")
    return True


def _forget(element: etree._Element) -> None:
    """Empty an element and drop its elder siblings: lxml keeps the tree otherwise."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
