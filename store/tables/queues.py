"""What waits: for another record, for its turn to be sent, for a person."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

parked = Table(  # a record that waits for another one: woken when that is bound
    "parked",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("external_id", String(200), primary_key=True),
    Column("source", String(200), nullable=False),
    Column("needs_entity", String(40), nullable=False),
    Column("needs_id", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("since", UtcDateTime, nullable=False),
    Index("ix_parked_needs", "connection", "needs_entity", "needs_id"),
    Index("ix_parked_due", "next_attempt_at"),
)

_OPEN_INTENT = "state IN ('waiting', 'review', 'due', 'sending', 'uncertain')"

intent = Table(  # a write we have decided on, recorded before it is sent
    "intent",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("entity", String(40), nullable=False),
    Column("entity_id", Uuid, nullable=False),
    Column("action", String(20), nullable=False),  # create, link
    Column("state", String(12), nullable=False),  # waiting, review, due, sending, uncertain, done, dead, discarded
    Column("client_key", String(100), nullable=False),  # what the other side keeps of us: the chosen Ref_Key
    Column("steps", Json, nullable=False),  # ordered writes: [{set, key, body, state, external_id}]
    Column("step", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("mapping_version", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("external_id", String(200)),
    Column("external_code", String(100)),
    Column("owner", String(80)),  # who is sending it now
    Column("until", UtcDateTime),
    partial("uq_intent_open", "connection", "entity", "entity_id", where=_OPEN_INTENT),
    Index("ix_intent_updated_at", "updated_at"),  # whose standing has changed
    partial(
        "ix_intent_due",
        "connection",
        "next_attempt_at",
        where="state IN ('waiting', 'due', 'uncertain', 'sending')",
        unique=False,
    ),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # what people type
    Column("connection", String(100), nullable=False),
    Column("entity", String(40), nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("direction", String(4), nullable=False),  # in, out
    Column("stage", String(20), nullable=False),  # fetch, map, apply, send
    Column("error_class", String(40), nullable=False),
    Column("code", String(40)),
    Column("reason", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(12), nullable=False),  # open, retrying, resolved, discarded
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("source", String(200), nullable=False, server_default=""),
    Column("payload", Json),  # as received (in) or as it was to be sent (out), secrets cut out
    Column("edited", Json),  # what a person put in its place; the original stays
    Column("mapping_version", String(64)),
    Column("run_id", Uuid),
    Column("note", Text),  # why it was discarded
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(100)),
    partial(
        "uq_dead_letter_open", "connection", "entity", "external_id", "direction", where="state IN ('open', 'retrying')"
    ),
    Index("ix_dead_letter_state", "state", "connection"),
    Index("ix_dead_letter_fingerprint", "fingerprint"),
    Index("ix_dead_letter_record", "connection", "entity", "external_id"),
    partial("ix_dead_letter_due", "next_attempt_at", where="state IN ('open', 'retrying')", unique=False),
    partial("ix_dead_letter_edited", "connection", where="edited IS NOT NULL", unique=False),
)

review = Table(
    "review",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("connection", String(100), nullable=False),
    Column("entity", String(40), nullable=False),
    Column("entity_id", Uuid),
    Column("intent_id", Uuid),
    Column("kind", String(20), nullable=False),  # match, approval, conflict, uncertain
    Column("reason", Text, nullable=False),
    Column("candidates", Json, nullable=False),  # [{external_id, name, tax_id, registration_code, reasons: []}]
    Column("state", String(12), nullable=False),  # open, linked, created, dismissed
    Column("decision", Json),
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(100)),
    partial("uq_review_open", "connection", "entity", "entity_id", "kind", where="state = 'open'"),
)

match_decision = Table(  # what a person said about two cards: never asked again
    "match_decision",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("entity_id", Uuid, primary_key=True),
    Column("external_id", String(200), primary_key=True),
    Column("verdict", String(10), nullable=False),  # same, different
    Column("decided_at", UtcDateTime, nullable=False),
    Column("decided_by", String(100), nullable=False),
)
