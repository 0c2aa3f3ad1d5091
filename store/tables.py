"""The tables of the machine room (design §6): connections, cursors, runs, leases, landing, bindings, intents, letters.

Uniqueness lives here, in unique and partial unique indexes, because no check in a program survives two workers.
The tables of the entities are in `store.entities`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    text,
)

from store.types import Json, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial(name: str, *columns: str, where: str, unique: bool = True) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


connection = Table(
    "connection",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("paused_reason", Text),  # ConfigError: who mends it resumes it
    Column("paused_at", UtcDateTime),
    Column("paused_entities", Json),  # {entity: reason}, SchemaDrift
    Column("breaker", String(10), nullable=False, server_default="closed"),  # closed, open, half_open
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("breaker_until", UtcDateTime),
    Column("last_ok_at", UtcDateTime),
    Column("facts", Json),  # what was found out about the base: fields seen, sets published
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(150), primary_key=True),
    Column("owner", String(80)),
    Column("fence", BigInteger, nullable=False, server_default="0"),  # grows with every claim
    Column("until", UtcDateTime),
)

slot = Table(
    "slot",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("start", UtcDateTime, primary_key=True),
    Column("state", String(20), nullable=False),  # claimed, done, skipped_(overlap|breaker|quiet|paused)
    Column("run_id", Uuid),
)

tick = Table(
    "tick",
    metadata,
    Column("name", String(40), primary_key=True),  # "tick": when somebody last looked for due work
    Column("at", UtcDateTime, nullable=False),
    Column("host", String(200)),
)

request = Table(  # what a person asked for; the next tick finds it (no process publishes into another's memory)
    "request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(30), nullable=False),  # sync, push, pull_customer
    Column("connection", String(100), nullable=False),
    Column("arguments", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("result", Json),
    _partial("ix_request_open", "connection", where="done_at IS NULL", unique=False),
)

cursor = Table(
    "cursor",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("state", Json, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("fresh_at", UtcDateTime),  # start of the newest complete reading
    Column("swept_at", UtcDateTime),  # start of the newest complete key sweep
)

run = Table(
    "run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("kind", String(20), nullable=False),  # schedule, order, push, repair
    Column("slot", UtcDateTime),
    Column("status", String(20), nullable=False),  # running, ok, partial, failed, skipped, abandoned
    Column("owner", String(80), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("writes", Integer, nullable=False, server_default="0"),  # requests that are not reads
    Column("mapping_version", String(64)),
    Column("message", Text),
    Column("notices", Json),
    Index("ix_run_connection_started", "connection", "started_at"),
    _partial("uq_run_running", "connection", where="status = 'running'"),
)

PULL_COUNTERS = ("created", "updated", "deleted", "unchanged", "filtered", "parked", "review", "dead")
PUSH_COUNTERS = ("created", "linked", "updated", "unchanged", "review", "uncertain", "dead")

run_counter = Table(
    "run_counter",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("entity", String(40), primary_key=True),
    Column("direction", String(4), primary_key=True),  # in, out
    Column("status", String(20), nullable=False, server_default="ok"),
    *(
        Column(name, Integer, nullable=False, server_default="0")
        for name in ("read", *dict.fromkeys(PULL_COUNTERS + PUSH_COUNTERS))
    ),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("message", Text),
)

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
    Column("code", String(100)),  # the other side's own code, as people there read it
    Index("ix_binding_entity_id", "entity", "entity_id"),
    Index("ix_binding_source_date", "connection", "source", "date"),
    _partial("ix_binding_parked", "connection", "entity", where="state = 'parked'", unique=False),
)

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
    _partial("uq_intent_open", "connection", "entity", "entity_id", where=_OPEN_INTENT),
    _partial(
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
    Column("payload", Json),
    Column("mapping_version", String(64)),
    Column("run_id", Uuid),
    Column("note", Text),  # why it was discarded
    _partial(
        "uq_dead_letter_open", "connection", "entity", "external_id", "direction", where="state IN ('open', 'retrying')"
    ),
    Index("ix_dead_letter_state", "state", "connection"),
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
    _partial("uq_review_open", "connection", "entity", "entity_id", "kind", where="state = 'open'"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", String(20), nullable=False),  # ok, explained, unexplained, failed
    Column("unexplained", BigInteger, nullable=False, server_default="0"),
    Column("summary", Json, nullable=False),
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
    Column("state", String(12), nullable=False),  # draft, published, retired
    Column("text", Text, nullable=False),
    Column("author", String(100), nullable=False),
    Column("comment", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    _partial("uq_mapping_version_published", "name", where="state = 'published'"),
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
