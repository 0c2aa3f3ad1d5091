"""What is kept to look at later: reconciliations, mapping versions, the audit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", String(20), nullable=False),  # ok, explained, unexplained, incomplete, failed
    Column("unexplained", BigInteger, nullable=False, server_default="0"),
    Column("summary", Json, nullable=False),
    Column("asked_by", String(20), nullable=False, server_default="order"),  # order, schedule
    Column("repaired", Integer, nullable=False, server_default="0"),  # differences that were mended by itself
    Column("seconds", Float, nullable=False, server_default="0"),
    Index("ix_reconciliation_connection_at", "connection", "at"),
)

reconciliation_line = Table(
    "reconciliation_line",
    metadata,
    Column("reconciliation_id", Uuid, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("entity", String(40), nullable=False),
    Column("counterparty_id", Uuid),
    Column("kind", String(40), nullable=False),  # missing_document, extra_document, different_amount, ...
    Column("amount", BigInteger),
    Column("details", Json, nullable=False),
)

mapping_version = Table(
    "mapping_version",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(100), primary_key=True),  # the mapping's name as connections give it
    Column("number", Integer),  # counts the versions of one name, for people
    Column("state", String(12), nullable=False),  # draft, published, retired
    Column("text", Text, nullable=False),
    Column("author", String(100), nullable=False),
    Column("comment", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("published_by", String(100)),
    partial("uq_mapping_version_published", "name", where="state = 'published'"),
    partial("uq_mapping_version_number", "name", "number", where="number IS NOT NULL"),
)

mapping_draft = Table(  # what admins work at on the pages: one text a mapping, which may be full of mistakes
    "mapping_draft",
    metadata,
    Column("name", String(100), primary_key=True),  # the mapping
    Column("text", Text, nullable=False),
    Column("mark", String(64), nullable=False),  # the text's hash: whoever saves says which text he has changed
    Column("based_on", String(64)),  # the version that ruled when the draft was begun
    Column("author", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

declared_set = Table(  # what a base says that its sets hold, so that pages need not ask it at every look
    "declared_set",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("name", String(200), primary_key=True),  # the set; empty: names of all sets that are published
    Column("section", String(200), primary_key=True),  # rows of a set; empty: the set itself
    Column("kinds", Json, nullable=False),  # {field: what it holds}
    Column("at", UtcDateTime, nullable=False),
)

mapping_case = Table(  # a golden case: a raw payload and what the mapping must make of it
    "mapping_case",
    metadata,
    Column("name", String(100), primary_key=True),  # the mapping
    Column("title", String(200), primary_key=True),
    Column("entity", String(40), nullable=False),
    Column("source", String(200), nullable=False, server_default=""),
    Column("raw", Json, nullable=False),
    Column("expected", Json, nullable=False),
    Column("author", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

reapply = Table(  # a published version carried over to the records that are here already, from what was landed
    "reapply",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("version", String(64), nullable=False),
    Column("state", String(12), nullable=False),  # due, running, done, failed, superseded
    Column("entity", String(40)),  # where it stands: the next record is behind this one
    Column("external_id", String(200)),
    Column("counters", Json, nullable=False),
    Column("author", String(100), nullable=False),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    partial("uq_reapply_open", "connection", where="state IN ('due', 'running')"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(100), nullable=False),
    Column("what", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("ix_audit_at", "at"),
)
