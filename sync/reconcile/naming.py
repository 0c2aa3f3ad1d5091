"""What people know documents by: number, date, link, customer and currency. And those that no key leads to."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from mapping.model import ENTITIES
from store.bulk import chunks
from store.engine import reading
from store.queries.settlements.recorders import load_customers, load_heads, load_unbound
from sync.context import RunContext
from sync.reconcile.result import SHOWN, EntityLine, Line, Reconciliation

AT_ONCE = 500


def name_lines(conn: Connection, connection: str, entity: str, items: Mapping[UUID, Line]) -> None:
    """Fill in what people know these documents of ours by."""
    customers = load_customers(conn, connection, entity, items)
    for entity_id, head in load_heads(conn, entity, items).items():
        item, customer = items[entity_id], customers.get(entity_id)
        item.by_key = True
        item.number, item.date, item.link, item.currency = head.number, head.date, head.link, head.currency
        if customer is not None:
            item.counterparty_id, item.counterparty, item.counterparty_key = customer


def add_unbound(ctx: RunContext, line: EntityLine, result: Reconciliation) -> None:
    """Documents that no key of any connection leads to: told by the first accounting connection, they are nobody's."""
    first = next((one.name for one in ctx.app.settings.connections.values() if one.role == "accounting"), ctx.name)
    if ctx.name != first:
        return
    with reading(ctx.app.engine) as conn:
        ids = load_unbound(conn, line.entity)
        line.extra += len(ids)
        for part in chunks(ids, AT_ONCE):
            title = ENTITIES[line.entity].plural
            items = {
                one: Line("extra_document", line.entity, None, title=title, note="no key leads to it") for one in part
            }
            if len(result.lines) < SHOWN:
                name_lines(conn, ctx.name, line.entity, items)
            for item in items.values():
                result.add(item)
