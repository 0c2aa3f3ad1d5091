"""Landing: every record as received, compressed, so that a changed mapping can be applied without asking again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, Row, func, select

from store import bulk
from store.tables import landing

LEVEL = 3
LARGEST = 256 * 1024 * 1024
"""A record that says it is larger than this when unpacked is not unpacked."""
_KEYS = ("connection", "entity", "external_id")
_objects = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Landed:
    """One record as received: `raw` is its text, `hash` whatever the engine compares content by."""

    connection: str
    entity: str
    external_id: str
    source: str
    version: str
    raw: bytes
    hash: str
    fetched_at: datetime


def save(conn: Connection, records: Iterable[Landed]) -> None:
    """Keep records as received; a later version of the same record replaces the earlier one."""
    packer = zstandard.ZstdCompressor(level=LEVEL)
    for part in bulk.chunks(records):
        bulk.upsert(conn, landing, [_pack(packer, record) for record in part], _KEYS)


def decode(raw: bytes) -> dict[str, object]:
    """The object in a record's text as received: numbers exact, as the connector had them.

    Raises:
        msgspec.DecodeError: it is no JSON object.
    """
    return _objects.decode(raw)


def load(conn: Connection, connection: str, entity: str, ids: Iterable[str]) -> dict[str, Landed]:
    """The records with these external ids that are here, by external id."""
    rows = bulk.select_in(
        conn, landing, list(landing.c), landing.c.external_id, ids, connection=connection, entity=entity
    )
    unpacker = zstandard.ZstdDecompressor()
    return {row.external_id: _unpack(unpacker, row) for row in rows}


def stream(
    conn: Connection, connection: str, entity: str, *, source: str | None = None, size: int = 1000
) -> Iterator[list[Landed]]:
    """All records of an entity, chunk by chunk in order of their ids, so that memory stays flat.

    Between two chunks the caller may write and commit; a record that is there throughout comes exactly once.
    """
    last = ""
    unpacker = zstandard.ZstdDecompressor()
    while rows := _load_after(conn, connection, entity, source, last, size):
        yield [_unpack(unpacker, row) for row in rows]
        last = rows[-1].external_id


def load_after(
    conn: Connection, connection: str, entity: str, after: str, size: int, *, source: str | None = None
) -> list[Landed]:
    """The next records of an entity in order of their ids, behind `after`; fewer than `size`: these are the last."""
    unpacker = zstandard.ZstdDecompressor()
    return [_unpack(unpacker, row) for row in _load_after(conn, connection, entity, source, after, size)]


def load_some(
    conn: Connection, connection: str, entity: str, source: str, number: int, among: int = 2000
) -> list[Landed]:
    """A few records of a set, for a look; found among the first ones of the entity, so that the look stays short."""
    mine = (landing.c.connection == connection, landing.c.entity == entity)
    first = select(landing.c.external_id).where(*mine).order_by(landing.c.external_id).limit(among).subquery()
    query = select(landing).where(*mine, landing.c.external_id.in_(select(first.c.external_id)))
    rows = conn.execute(query.where(landing.c.source == source).order_by(landing.c.external_id).limit(number))
    unpacker = zstandard.ZstdDecompressor()
    return [_unpack(unpacker, row) for row in rows]


def count(conn: Connection, connection: str, entity: str | None = None) -> int:
    """How many records are here."""
    query = select(func.count()).select_from(landing).where(landing.c.connection == connection)
    return int(conn.execute(query if entity is None else query.where(landing.c.entity == entity)).scalar_one())


def delete(conn: Connection, connection: str, entity: str, ids: Iterable[str]) -> int:
    """Forget records as received; how many there were."""
    return bulk.delete_where_in(conn, landing, landing.c.external_id, ids, connection=connection, entity=entity)


def _load_after(
    conn: Connection, connection: str, entity: str, source: str | None, last: str, size: int
) -> Sequence[Row[Any]]:
    query = select(landing).where(
        landing.c.connection == connection, landing.c.entity == entity, landing.c.external_id > last
    )
    if source is not None:
        query = query.where(landing.c.source == source)
    return conn.execute(query.order_by(landing.c.external_id).limit(size)).all()


def _pack(packer: zstandard.ZstdCompressor, record: Landed) -> dict[str, object]:
    return {
        "connection": record.connection,
        "entity": record.entity,
        "external_id": record.external_id,
        "source": record.source,
        "version": record.version,
        "raw": packer.compress(record.raw),
        "hash": record.hash,
        "fetched_at": record.fetched_at,
    }


def _unpack(unpacker: zstandard.ZstdDecompressor, row: Row[Any]) -> Landed:
    return Landed(
        row.connection,
        row.entity,
        row.external_id,
        row.source,
        row.version,
        unpacker.decompress(row.raw, max_output_size=LARGEST),
        row.hash,
        row.fetched_at,
    )
