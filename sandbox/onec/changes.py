"""``SelectChanges`` and ``NotifyChangesReceived`` (fact sheet §7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from sandbox.onec import exchange
from sandbox.onec.errors import OdataError, set_not_found
from sandbox.onec.fields import Fields, quoted
from sandbox.onec.query import whole_projection
from sandbox.onec.reading import Reader
from sandbox.onec.records import RECORD_SET, register_rows
from sandbox.onec.render import Shape, entry_key, json_record, xml_entry, xml_feed
from sandbox.onec.schema import REGISTER, EntitySet

POINT = re.compile(r"(ExchangePlan_[^(/]+)\(guid'+([0-9a-fA-F-]{36})'+\)")
Packet = list[tuple[EntitySet, Fields | None, str, str]]


def node_of(reader: Reader, options: dict[str, str]) -> tuple[str, int]:
    """Node and message number of a call; a missing argument is code 12."""
    point, number = options.get("DataExchangePoint"), options.get("MessageNo", "")
    if point is None or not number.isdigit():
        raise OdataError(400, 12, "Не указан обязательный аргумент")
    found, schema = POINT.search(point), reader.base.schema
    if not found:
        raise OdataError(400, 1, f"Не удалось разобрать строку '{point[:80]}'!")
    if found[1] != schema.layout.exchange_plan or not schema.published(found[1]):
        raise set_not_found(found[1])
    return found[2].lower(), int(number)


def build_packet(reader: Reader, options: dict[str, str]) -> Packet:
    """Current state of everything registered; unpublished objects are skipped without a word."""
    node, number = node_of(reader, options)
    packet: Packet = []
    for set_name, key, deleted, stamp in exchange.select_changes(reader.base, node, number):
        if set_name == REGISTER:
            packet.extend(register_entry(reader, key, stamp))
        elif reader.base.schema.published(set_name):
            entity = reader.base.schema.sets[set_name]
            packet.append((entity, None if deleted else reader.load(set_name, key), key, stamp))
    return packet


def register_entry(reader: Reader, key: str, stamp: str) -> Iterator[tuple[EntitySet, Fields, str, str]]:
    """Whole record set of a recorder; unposting leaves an empty one [L cdc]."""
    set_name, _, recorder = key.partition("|")
    if REGISTER not in reader.base.schema.unpublished:
        rows = list(register_rows(reader.base, "AND d.recorder = ?", (recorder,)))
        yield (
            RECORD_SET,
            {"Recorder": recorder, "Recorder_Type": f"StandardODATA.{set_name}", "RecordSet": rows},
            key,
            stamp,
        )


def packet_atom(packet: Packet, shape: Shape) -> str:
    """Feed of entries and ``at:deleted-entry`` tombstones (RFC 6721)."""
    return xml_feed("SelectChanges", shape, (atom_item(item, shape) for item in packet))


def atom_item(item: tuple[EntitySet, Fields | None, str, str], shape: Shape) -> str:
    """One entry or one tombstone."""
    entity, record, key, stamp = item
    if record is None:
        return f'<at:deleted-entry ref="{shape.root}/{entity.name}({gone_key(entity, key)})" when="{stamp}"/>'
    return xml_entry(entity, record, whole_projection(entity), shape, entry_key(entity, record))


def gone_key(entity: EntitySet, key: str) -> str:
    """Key of what is no more: a GUID, or the dimensions of a register's row [I]."""
    if entity.kind != "info":
        return f"guid'{key}'"
    pairs = zip(entity.key, key.split("|"), strict=True)
    return ",".join(f"{name}='{escape(value, {chr(39): chr(39) * 2})}'" for name, value in pairs)


def packet_json(packet: Packet, shape: Shape) -> str:
    """``value`` list, typed; tombstones in the manner of OData v3 deltas [I]."""
    items = [json_item(item, shape) for item in packet]
    return f'{{"odata.metadata":{quoted(f"{shape.root}/$metadata#SelectChanges")},"value":[{",".join(items)}]}}'


def json_item(item: tuple[EntitySet, Fields | None, str, str], shape: Shape) -> str:
    """One object with its type, or a deleted entry."""
    entity, record, key, stamp = item
    if record is None:
        url = f"{shape.root}/{entity.name}({gone_key(entity, key)})"
        context = quoted(f"{shape.root}/$metadata#{entity.name}/$deletedEntity")
        return f'{{"odata.metadata":{context},"id":{quoted(url)},"when":{quoted(stamp)}}}'
    kind = f'"odata.type":{quoted("StandardODATA." + entity.name)}'
    return "{" + ",".join([kind, *json_record(entity, record, whole_projection(entity), shape)]) + "}"
