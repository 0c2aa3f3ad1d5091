"""What goes out to CRMs: what each card shall show and what it shows already, and the tokens we come in with."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Json, UtcDateTime

outbox = Table(  # one row a card: of a customer or document of ours in one CRM
    "outbox",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("card", String(40), primary_key=True),  # the mapping's name of the card: company, order, ...
    Column("entity_id", Uuid, primary_key=True),
    Column("external_id", String(200)),  # empty: it is not there yet, or not known which it is
    Column("state", String(12), nullable=False),  # new, due, sending, uncertain, done, review, dead, off, gone, left
    Column("hash", String(64), nullable=False, server_default=""),  # of what it shall show
    Column("sent_hash", String(64), nullable=False, server_default=""),  # of what it shows
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("mapping_version", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("as_of", UtcDateTime),  # how old the figures are that `hash` speaks of
    Column("known", Json),  # what is not sent again: {kept: {field: print at first}, requisites, contacts, tied}
    Column("bound_at", UtcDateTime),  # since when it is known to be there: what hangs on it can follow
    Index("ix_outbox_entity_id", "entity_id"),
    Index("ix_outbox_bound_at", "connection", "card", "bound_at"),
    partial("ix_outbox_dead", "connection", "card", where="state = 'dead'", unique=False),
    partial("uq_outbox_external_id", "connection", "card", "external_id", where="external_id IS NOT NULL"),
    partial(
        "ix_outbox_due",
        "connection",
        "card",
        "next_attempt_at",
        where="state IN ('new', 'due', 'sending', 'uncertain')",
        unique=False,
    ),
)

outbox_mark = Table(  # how far it is known what each card of a mapping shall show
    "outbox_mark",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("card", String(40), primary_key=True),
    Column("since", UtcDateTime),  # what changed before was looked at
    Column("mapping_version", String(64), nullable=False, server_default=""),
    Column("pass_started", UtcDateTime),  # of the pass over everything that is under way, or was the last
    Column("pass_after", Uuid),  # how far that came; empty: before its first page, or at its end
    Column("passed_at", UtcDateTime),  # when the newest complete pass began
)

token = Table(  # an application's tokens: changed with each renewal, so they cannot live in the settings
    "token",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("access", Text, nullable=False, server_default=""),
    Column("refresh", Text, nullable=False, server_default=""),
    Column("endpoint", Text, nullable=False, server_default=""),
    Column("expires_at", UtcDateTime),
    Column("holder", String(80)),  # who renews them now
    Column("held_until", UtcDateTime),
)

deal_order = Table(  # which order belongs to which deal; an order has one deal at most, a deal many orders
    "deal_order",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("deal_id", Uuid, nullable=False),
    Column("rule", String(20), nullable=False),  # number, only_open, person
    Column("decided_at", UtcDateTime, nullable=False),
    Column("decided_by", String(100), nullable=False),
    Index("ix_deal_order_deal_id", "deal_id"),
)
