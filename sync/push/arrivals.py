"""Clients that arrive from a CRM: what pulled companies and contacts ask of accounting, a page at a time.

The same words and rules as for a contact of the store (`sync.push.plan`), in the transaction that writes the page. An
unchanged record asks for nothing. What a person has given up is not taken up again by any later change of the card.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from store.bulk import IN_CHUNK, chunks, is_among, select_in
from store.entities import counterparties, entity_tables
from store.tables import binding, intent, review
from sync.context import RunContext
from sync.owners.sides import take_turns
from sync.pull.prepare import Item
from sync.push import intents
from sync.push.merge import load_rows
from sync.push.plan import ENTITY, Target, load_targets, plan_again, withdraw

WON_DEAL = "won_deal_makes_client"
"""The mapping's setting: a customer with a won deal is a client, whatever his card says."""
_PROMOTED = ("lead", "prospect")
_UNSENT = ("waiting", "review", "due")
_DEALS = entity_tables["deal"]


def prepare_targets(ctx: RunContext, entity: str) -> None:
    """Look up, before any transaction, who is told of clients of this CRM; once a run."""
    if ctx.settings.role == "crm" and entity in (ENTITY, "deal") and ctx.state.targets_of_clients is None:
        ctx.state.targets_of_clients = load_targets(ctx.app)


def follow_customers(conn: Connection, ctx: RunContext, ids: Collection[UUID], before: Mapping[UUID, Any]) -> None:
    """What customers whose cards have just been written ask for, in the caller's transaction.

    `before`: their rows as they stood, of those that were here; who was no client then has become one.
    """
    if ctx.settings.role != "crm" or not ids:
        return
    if ctx.mapping.settings.get(WON_DEAL):
        _promote(conn, ctx.app.clock.now(), _with_won_deals(conn, ids))
    was = {key for key, row in before.items() if row["status"] == "client"}
    _follow(conn, ctx, ids, became=set(ids) - was)


def follow_deals(conn: Connection, ctx: RunContext, items: Iterable[Item]) -> None:
    """Customers of deals that have just been won, where the mapping makes clients of them."""
    if ctx.settings.role != "crm" or not ctx.mapping.settings.get(WON_DEAL):
        return
    won = {
        key for item in items
        if item.record is not None and item.record.fields.get("outcome") == "won" and not item.record.deleted
        and (key := item.refs.get("counterparty")) is not None
    }  # fmt: skip
    if won:
        take_turns(conn)
        promoted = _promote(conn, ctx.app.clock.now(), won)
        _follow(conn, ctx, promoted, became=promoted)


def withdraw_gone(conn: Connection, ctx: RunContext, ids: Sequence[UUID]) -> None:
    """Customers whose card in the CRM is gone: what has not been sent of them is not sent any more."""
    if ctx.settings.role == "crm" and ids:
        _follow(conn, ctx, ids, became=set())


def close_arrived(conn: Connection, now: datetime, connection: str, ids: Collection[UUID]) -> None:
    """Customers who turn out to be in this accounting already: nothing is left to be made there."""
    for part in chunks(list(ids), IN_CHUNK):
        mine = (intent.c.connection == connection, intent.c.entity == ENTITY, is_among(conn, intent.c.entity_id, part))
        unsent = (intent.c.action == "create", intent.c.step == 0, intent.c.state.in_(_UNSENT))
        closed = {"state": "done", "reason": "in accounting already", "updated_at": now, "next_attempt_at": None}
        done = update(intent).where(*mine, *unsent).values(closed)
        asked = select(intent.c.id).where(*mine, *unsent)
        questions = (review.c.state == "open", review.c.intent_id.in_(asked))
        answered = {"state": "dismissed", "decided_at": now, "decided_by": "sverka"}
        conn.execute(update(review).where(*questions).values(answered))
        conn.execute(done)


def _with_won_deals(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    column = _DEALS.c.counterparty_id
    rows = select_in(conn, _DEALS, (column,), column, list(ids), outcome="won", deleted=False)
    return {row.counterparty_id for row in rows}


def _promote(conn: Connection, now: datetime, ids: Collection[UUID]) -> set[UUID]:
    """Make clients of those who were less; who is a former client stays one."""
    table, promoted = counterparties, set()
    rows = select_in(conn, table, (table.c.id, table.c.status), table.c.id, list(ids), deleted=False)
    promoted = {row.id for row in rows if row.status is None or row.status in _PROMOTED}
    for part in chunks(sorted(promoted), IN_CHUNK):
        values = {"status": "client", "updated_at": now}
        conn.execute(update(table).where(is_among(conn, table.c.id, part)).values(values))
    return promoted


def _follow(conn: Connection, ctx: RunContext, ids: Collection[UUID], *, became: Collection[UUID]) -> None:
    """Only who lives in the CRM: whom an accounting knows by itself is no new client of it."""
    targets: Sequence[Target] = ctx.state.targets_of_clients or ()
    if not targets:
        return
    now = ctx.app.clock.now()
    rows = {key: row for key, row in load_rows(conn, ids).items() if row["home"] == "crm"}
    clients = {key: row for key, row in rows.items() if row["status"] == "client" and not row["deleted"]}
    for target in targets:
        _plan_all(conn, now, target, clients, became)
        _withdraw_all(conn, now, target.settings.name, rows.keys() - clients.keys())


def _plan_all(
    conn: Connection, now: datetime, target: Target, clients: Mapping[UUID, Mapping[str, Any]],
    became: Collection[UUID],
) -> None:  # fmt: skip
    name = target.settings.name
    bound = _load_bound(conn, name, clients)
    latest = intents.load_latest_of(conn, name, [key for key in clients if key not in bound])
    fresh: dict[str, list[UUID]] = {}
    for key, row in clients.items():
        if key in bound:
            continue
        waits, known = target.why_waiting(row), latest.get(key)
        if known is None or (known.state in ("done", "discarded") and key in became):
            fresh.setdefault(waits, []).append(key)
        elif known.action != intents.UPDATE and known.state in ("waiting", "dead", "due"):
            plan_again(conn, now, known, waits)
    for waits, keys in fresh.items():
        intents.add_creates(conn, now, name, keys, waits=waits)


def _load_bound(conn: Connection, connection: str, ids: Iterable[UUID]) -> set[UUID]:
    column = binding.c.entity_id
    rows = select_in(conn, binding, (column,), column, list(ids), connection=connection, entity=ENTITY, deleted=False)
    return {row.entity_id for row in rows}


def _withdraw_all(conn: Connection, now: datetime, connection: str, ids: Collection[UUID]) -> None:
    latest = intents.load_latest_of(conn, connection, list(ids))
    for key, known in latest.items():
        if known.state in _UNSENT and known.action == "create":
            withdraw(conn, now, connection, key)
