"""Who runs what and when: connections, leases, slots, ticks, requests, cursors, runs with their counters."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

connection = Table(
    "connection",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("paused_reason", Text),  # ConfigError: who mends it resumes it
    Column("paused_at", UtcDateTime),
    Column("paused_by", String(100)),  # the person who holds it: nobody but a person lets it go on
    Column("paused_entities", Json),  # {entity: reason}, SchemaDrift
    Column("breaker", String(10), nullable=False, server_default="closed"),  # closed, open, half_open
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("breaker_until", UtcDateTime),
    Column("breaker_since", UtcDateTime),  # when it opened; empty while it is closed
    Column("breaker_reason", Text),  # the last failure, in words
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
    Column("told", Json),  # how far its owner has come: written by the heartbeat, for people to look at
)

rate = Table(  # what may still be asked of an outside system, by all processes together
    "rate",
    metadata,
    Column("name", String(150), primary_key=True),  # a connection, or one of its budgets
    Column("at", UtcDateTime, nullable=False),  # when all that was granted so far is paid for
    Column("blocked_until", UtcDateTime),  # what the other side itself asked for (Retry-After)
)

slot = Table(
    "slot",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("start", UtcDateTime, primary_key=True),
    Column(
        "state", String(20), nullable=False
    ),  # claimed, running, done, missed, abandoned, skipped_(overlap|breaker|quiet|paused)
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
    Column("kind", String(30), nullable=False),  # sync, push, retry, pull_customer, reconcile, ...
    Column("connection", String(100), nullable=False),
    Column("arguments", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("result", Json),
    partial("ix_request_open", "connection", where="done_at IS NULL", unique=False),
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
    Index("ix_run_started_at", "started_at"),
    partial("uq_run_running", "connection", where="status = 'running'"),
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
