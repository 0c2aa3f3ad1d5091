"""What people are told about: one row a cause, and what was sent where."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("cause", String(200), nullable=False),  # what is wrong with what: "breaker:accounting"
    Column("kind", String(40), nullable=False),  # breaker, paused, silent, no_tick, dead_letters, reconciliation, ...
    Column("connection", String(100)),
    Column("state", String(10), nullable=False),  # open, resolved
    Column("text", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("details", Json),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),  # when the cause was last found to hold
    Column("escalated_at", UtcDateTime),
    Column("resolved_at", UtcDateTime),
    partial("uq_alert_open", "cause", where="state = 'open'"),
    Index("ix_alert_opened_at", "opened_at"),
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("alert_id", Uuid, primary_key=True),
    Column("event", String(10), primary_key=True),  # opened, escalated, resolved
    Column("channel", String(10), primary_key=True),  # email, webhook
    Column("state", String(10), nullable=False),  # due, sending, sent, failed, dropped
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("reason", Text),
    partial("ix_alert_delivery_due", "next_attempt_at", where="state IN ('due', 'sending')", unique=False),
)
