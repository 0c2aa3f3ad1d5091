"""What was received, and which record of theirs is which of ours."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, Uuid, text

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

FETCH_BITS = 32
"""A fetch number begins with the fencing token of its run: those of a later run are all higher."""
BEFORE_SINCE = "before since"
"""Stands for the mapping version of a document left out for its date: a new `since` makes it be looked at again."""
OUTSIDE = "outside set"
"""Stands for the mapping version of a record that is there and left out by the very filter its set is asked with.

Its set's list never names it: that it is not in there says nothing.
"""

landing = Table(  # the record as received, zstd-compressed JSON text
    "landing",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("external_id", String(200), primary_key=True),
    Column("source", String(200), nullable=False),
    Column("version", String(200), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
)

binding = Table(  # external id <-> our id, and what we last saw of it
    "binding",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("external_id", String(200), primary_key=True),
    Column("entity_id", Uuid),  # empty while filtered, parked or dead
    Column("source", String(200), nullable=False, server_default=""),
    Column("version", String(200), nullable=False, server_default=""),
    Column("hash", String(64), nullable=False, server_default=""),
    Column("written_hash", String(64)),  # hash of our own last write: its echo is dropped
    Column("state", String(12), nullable=False, server_default="bound"),  # bound, filtered, parked, dead, deleted
    Column("deleted", Boolean, nullable=False, server_default=text("false")),  # gone at the other side (tombstone)
    Column("date", UtcDateTime),  # business date of a document, for windows
    Column(
        "fetch_seq", BigInteger, nullable=False, server_default="0"
    ),  # an earlier fetch never overwrites a later one
    Column("mapping_version", String(64)),
    Column("missing_since", UtcDateTime),  # first complete sweep that missed it
    Column("seen", Json),  # {field: [fingerprint last seen there, of ours then]}: who changed it since
    Column("code", String(100)),  # the other side's own code, as people there read it
    Column("foreign_key", Boolean, nullable=False, server_default=text("false")),  # it stands under another program's
    Index("ix_binding_entity_id", "entity", "entity_id"),
    Index("ix_binding_fetch_seq", "connection", "fetch_seq"),  # what a run has touched last
    Index("ix_binding_source_date", "connection", "source", "date"),
    partial("ix_binding_parked", "connection", "entity", where="state = 'parked'", unique=False),
)
