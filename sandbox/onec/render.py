"""JSON and Atom of objects and rows (fact sheet §1.4, §1.5; shapes of the fixtures)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from sandbox.onec.errors import META_NS, OdataError
from sandbox.onec.fields import EMPTY_GUID, Field, Fields, json_text, plain_text, quoted
from sandbox.onec.query import Projection
from sandbox.onec.schema import EntitySet, Schema

DATA_NS = "http://schemas.microsoft.com/ado/2007/08/dataservices"
ATOM_NS = "http://www.w3.org/2005/Atom"
TOMB_NS = "http://purl.org/atompub/tombstones/1.0"
NAMESPACES = f'xmlns="{ATOM_NS}" xmlns:at="{TOMB_NS}" xmlns:d="{DATA_NS}" xmlns:m="{META_NS}"'
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
Loader = Callable[[str, str], Fields | None]


@dataclass(slots=True)
class Shape:
    """How one answer is written: root url, metadata level, and how to look behind references."""

    root: str
    schema: Schema
    level: str = "minimal"  # none, minimal, full
    load: Loader = field(default=lambda target, key: None)
    title: Loader = field(default=lambda target, key: None)


def element_order(items: list[Field]) -> list[Field]:
    """Single answers come in another key order than collections do (§1.4): some fixed other order."""
    return sorted(items, key=lambda item: zlib.crc32(item.name.encode()))


def json_member(item: Field, record: Fields) -> str:
    """``"Поле":value``; a folder has no item attributes, it answers null."""
    value = record.get(item.name, item.default)
    if item.items_only and item.name not in record and record.get("IsFolder"):
        value = None
    return f"{quoted(item.name)}:{json_text(item, value)}"


def json_record(entity: EntitySet, record: Fields, what: Projection, shape: Shape, single: bool = False) -> list[str]:
    """Members of one object, without the braces."""
    fields = element_order(what.fields) if single else what.fields
    parts = [json_member(item, record) for item in fields]
    for name, rows in what.sections.items():
        parts.insert(
            len(parts) if not single else len(parts) // 2, f"{quoted(name)}:{json_rows(rows, record.get(name, ()))}"
        )
    parts.extend(json_presentations(entity, record, what, shape))
    parts.extend(json_expanded(entity, record, what, shape))
    if shape.level != "none" and entity.kind not in ("section", "table"):
        parts.extend(json_links(entity, record, what.fields, shape))
    if shape.level == "full":
        parts[:0] = [f'"odata.type":{quoted("StandardODATA." + entity.name)}', *json_types(what.fields)]
    return parts


def json_rows(fields: list[Field], rows: Iterable[Fields]) -> str:
    """Tabular section."""
    return "[" + ",".join("{" + ",".join(json_member(item, row) for item in fields) + "}" for row in rows) + "]"


def json_types(fields: list[Field]) -> list[str]:
    """``X@odata.type`` of full metadata."""
    special = ("Edm.Guid", "Edm.DateTime", "Edm.Int64")
    return [f"{quoted(item.name + '@odata.type')}:{quoted(item.edm)}" for item in fields if item.edm in special]


def json_links(entity: EntitySet, record: Fields, fields: list[Field], shape: Shape) -> list[str]:
    """``X@navigationLinkUrl``, only for filled references to published sets (§1.4)."""
    if entity.kind in ("record", "recordset"):
        return []
    own = entry_key(entity, record)
    return [
        f"{quoted(item.navigation + '@navigationLinkUrl')}:{quoted(f'{own}/{item.navigation}')}"
        for item in fields
        if item.navigation and record.get(item.name, EMPTY_GUID) != EMPTY_GUID and shape.schema.published(item.target)
    ]


def json_presentations(entity: EntitySet, record: Fields, what: Projection, shape: Shape) -> list[str]:
    """Presentations asked for by name."""
    parts = []
    for name in what.presentations:
        label = f"{name}____Presentation" if name else "Presentation"
        parts.append(f"{quoted(label)}:{quoted(presentation(entity, record, name, shape))}")
    return parts


def presentation(entity: EntitySet, record: Fields, name: str, shape: Shape) -> str:
    """Title of the object or of the object behind a reference."""
    found = entity.navigation(name) if name else None
    if found is None and name:
        return str(record.get(name, ""))
    target, key = (found.target, record.get(found.name, "")) if found else (entity.name, record["Ref_Key"])
    title = shape.title(target, key)
    return str(title["title"]) if title else ""


def json_expanded(entity: EntitySet, record: Fields, what: Projection, shape: Shape) -> list[str]:
    """Objects behind ``$expand``; an empty reference gives null."""
    parts = []
    for name, inner in what.expanded.items():
        found = entity.navigation(name)
        target = shape.schema.sets[found.target] if found else entity
        loaded = shape.load(target.name, record.get(found.name, "")) if found else None
        body = "{" + ",".join(json_record(target, loaded, inner, shape)) + "}" if loaded else "null"
        parts.append(f"{quoted(name)}:{body}")
    return parts


def json_envelope(shape: Shape, fragment: str) -> list[str]:
    """The ``odata.metadata`` member, absent from nometadata."""
    return [] if shape.level == "none" else [f'"odata.metadata":{quoted(f"{shape.root}/$metadata#{fragment}")}']


def json_collection(
    entity: EntitySet, records: Iterable[Fields], what: Projection, shape: Shape, count: int | None = None
) -> str:
    """``{"odata.metadata":…,"value":[…]}``; ``odata.count`` is a string."""
    members = json_envelope(shape, entity.name)
    if count is not None:
        members.append(f'"odata.count":"{count}"')
    items = ",".join("{" + ",".join(json_record(entity, record, what, shape)) + "}" for record in records)
    return "{" + ",".join([*members, f'"value":[{items}]']) + "}"


def json_element(entity: EntitySet, record: Fields, what: Projection, shape: Shape) -> str:
    """A bare object: ``…#Catalog_X/@Element``."""
    head = json_envelope(shape, f"{entity.name}/@Element")
    return "{" + ",".join([*head, *json_record(entity, record, what, shape, single=True)]) + "}"


# ---------------------------------------------------------------------- Atom


def xml_text(text: str) -> str:
    """Escaped text; a control character makes the whole answer impossible (§4.2)."""
    if any(char < " " and char not in "\t\n\r" for char in text):
        raise OdataError(400, -1, "Ошибка преобразования данных XDTO: недопустимый символ (0x02); 77u/ew0Ke2EwMWY0NjVj")
    return escape(text)


def xml_member(item: Field, record: Fields) -> str:
    """``<d:Поле>value</d:Поле>``; empty text is an empty element, a missing number ``m:null``."""
    value = record.get(item.name, item.default)
    if value is None or (item.items_only and item.name not in record and record.get("IsFolder")):
        return f'<d:{item.name} m:null="true"/>'
    text = xml_text(plain_text(item, value))
    return f"<d:{item.name}>{text}</d:{item.name}>" if text else f"<d:{item.name}/>"


def xml_section(owner: str, name: str, fields: list[Field], rows: Iterable[Fields]) -> str:
    """Rows as ``d:element`` of a row type (§1.5)."""
    kind = f"StandardODATA.{owner}_RowType" if name == "RecordSet" else f"StandardODATA.{owner}_{name}_RowType"
    items = "".join(
        f'<d:element m:type="{kind}">{"".join(xml_member(item, row) for item in fields)}</d:element>' for row in rows
    )
    head = f'd:{name} m:type="Collection({kind})"'
    return f"<{head}>{items}</d:{name}>" if items else f"<{head}/>"


def xml_entry(entity: EntitySet, record: Fields, what: Projection, shape: Shape, key: str, namespaces: str = "") -> str:
    """One ``entry`` with its properties."""
    fields = "".join(xml_member(item, record) for item in element_order(what.fields))
    sections = "".join(
        xml_section(entity.name, name, rows, record.get(name, ())) for name, rows in what.sections.items()
    )
    base = f" {namespaces} xml:base={quoteattr(shape.root + '/')}" if namespaces else ""
    return (
        f"<entry{base}><id>{shape.root}/{key}</id>"
        f'<category term="StandardODATA.{entity.name}" scheme="{DATA_NS}/scheme"/><title type="text"/>'
        f"<updated>2026-01-01T00:00:00</updated><author/><summary/>{xml_links(entity, record, what.fields, shape, key)}"
        f'<link rel="edit" href={quoteattr(key)} title="edit-link"/><content type="application/xml">'
        f'<m:properties xmlns:d="{DATA_NS}" xmlns:m="{META_NS}">{fields}{sections}</m:properties></content></entry>'
    )


def xml_links(entity: EntitySet, record: Fields, fields: list[Field], shape: Shape, key: str) -> str:
    """Related links of filled references."""
    names = [
        item.navigation
        for item in fields
        if item.navigation and record.get(item.name, EMPTY_GUID) != EMPTY_GUID and shape.schema.published(item.target)
    ]
    kind = "application/atom+xml;type=entry;charset=utf-8"
    return "".join(
        f'<link rel="{DATA_NS}/related/{name}" href={quoteattr(f"{key}/{name}")} type="{kind}" title="{name}"/>'
        for name in names
    )


def xml_feed(title: str, shape: Shape, entries: Iterable[str], count: int | None = None) -> str:
    """``feed`` around ready entries."""
    counted = "" if count is None else f"<m:count>{count}</m:count>"
    return (
        f"{XML_HEAD}<feed {NAMESPACES} xml:base={quoteattr(shape.root + '/')}><id>{shape.root}/{title}</id>"
        f'<title type="text">{title}</title><updated>2026-01-01T00:00:00</updated>{counted}{"".join(entries)}</feed>'
    )


def entry_key(entity: EntitySet, record: Fields) -> str:
    """``Catalog_X(guid'…')`` or the composite key of a row or a register record."""
    if entity.key == ("Ref_Key",):
        return f"{entity.name}(guid'{record['Ref_Key']}')"
    pairs = [(name, entity.find(name), record.get(name, "")) for name in entity.key]
    return f"{entity.name}({','.join(f'{name}={key_literal(item, value)}' for name, item, value in pairs)})"


def key_literal(item: Field | None, value: object) -> str:
    """Literal of a key value."""
    kind = item.kind if item else "str"
    if kind in ("guid", "ref"):
        return f"guid'{value}'"
    if kind == "date":
        return f"datetime'{value}'"
    return str(value) if kind in ("int64", "num") else f"'{value}'"
