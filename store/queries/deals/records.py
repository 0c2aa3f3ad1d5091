"""What a deal is shown with besides its own fields: what its stage is called, its orders, what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from core.money import ZERO
from store.bulk import select_in
from store.entities import entity_tables
from store.queries.deals.asked import DEAL, load_deals, load_orders_of
from store.queries.deals.order_figures import NOTHING, OrderFigures, load_order_figures
from store.queries.references import load_external_ids
from store.queries.shapes import Record, View, amount_text
from store.tables import connection

Names = dict[str, dict[str, dict[str, str]]]
"""Connection -> "pipeline" and "stage" -> id -> name."""


def iter_stages(conn: Connection) -> Iterator[dict[str, str]]:
    """Pipelines and stages of every CRM in their order, as far as a cycle has asked."""
    for row in conn.execute(select(connection.c.name, connection.c.facts).order_by(connection.c.name)):
        for one in ((row.facts or {}).get("deals") or {}).get("stages", []):
            told = {"pipeline": one["pipeline"], "pipeline_name": one["pipeline_name"], "stage": one["id"]}
            yield {"connection": row.name, **told, "name": one["name"], "outcome": one["outcome"]}


def load_stage_names(conn: Connection) -> Names:
    """What the CRMs call their pipelines and stages."""
    found: Names = {}
    for one in iter_stages(conn):
        known = found.setdefault(one["connection"], {"pipeline": {}, "stage": {}})
        known["pipeline"][one["pipeline"]] = one["pipeline_name"]
        known["stage"][one["stage"]] = one["name"]
    return found


def extend_deals(conn: Connection, records: Sequence[Record], view: View, names: Names) -> None:
    """Add to exported deals what they are called and what became of their orders: `ordered`, `shipped`, `paid`."""
    ids = [UUID(record["id"]) for record in records]
    orders = load_orders_of(conn, ids)
    every = [order.id for rows in orders.values() for order in rows]
    figures, bound = load_order_figures(conn, every), load_external_ids(conn, view, "order", every)
    for record, key in zip(records, ids, strict=True):
        rows = orders.get(key, [])
        known = names.get(next(iter(record["external_ids"]), ""), {})
        record["pipeline_name"] = known.get("pipeline", {}).get(record["pipeline"] or "")
        record["stage_name"] = known.get("stage", {}).get(record["stage"] or "")
        record["lost_reason"] = known.get("stage", {}).get(record["lost_reason"] or "", record["lost_reason"])
        record["orders"] = [_order(row, figures.get(row.id, NOTHING), bound.get(row.id, {}), view) for row in rows]
        record.update(_sums(rows, figures))


def _order(row: Row[Any], figures: OrderFigures, ids: Record, view: View) -> Record:
    told = {"id": str(row.id), **ids, "number": row.number, "date": view.moment(row.date), "rule": row.rule}
    amounts = {"amount": row.amount, "shipped": figures.shipped, "paid": figures.paid}
    return told | {name: amount_text(amount) for name, amount in amounts.items()}


def _sums(rows: Sequence[Row[Any]], figures: dict[UUID, OrderFigures]) -> Record:
    found = [figures.get(row.id, NOTHING) for row in rows]
    sums: dict[str, Decimal] = {
        "ordered": sum((row.amount or ZERO for row in rows), ZERO),
        "shipped": sum((one.shipped for one in found), ZERO),
        "paid": sum((one.paid for one in found), ZERO),
    }
    return {name: amount_text(amount) for name, amount in sums.items()}


def load_shown_deals(conn: Connection, connection_name: str, ids: Sequence[UUID], currency: str) -> dict[UUID, Record]:
    """These deals of one CRM with what their cards may show; those that are gone, or another CRM's, left out.

    Figures of orders are in the orders' own currencies; where these are several they are None: they do not add up.
    `currency` is theirs, or the one given where they name none.
    """
    keys = {row.id: row.external_id for row in load_deals(conn, connection_name, DEAL.c.id, ids) if not row.deleted}
    rows = select_in(conn, DEAL, list(DEAL.c), DEAL.c.id, keys)
    orders = load_orders_of(conn, keys)
    every = [order for found in orders.values() for order in found]
    figures = load_order_figures(conn, (order.id for order in every))
    codes = _load_named(conn, "currency", "code", {order.currency_id for order in every} - {None})
    managers = _load_named(conn, "manager", "name", {row.manager_id for row in rows} - {None})
    found: dict[UUID, Record] = {}
    for row in rows:
        mine = orders.get(row.id, [])
        known = {codes.get(order.currency_id, currency) for order in mine} or {currency}
        told = {"external_id": keys[row.id], "manager": managers.get(row.manager_id), "currency": min(known)}
        told |= {"orders": len(mine), "order_numbers": [str(one.number) for one in mine if one.number]}
        found[row.id] = dict(row._mapping) | told | _figures(mine, figures, single=len(known) == 1)
    return found


def _load_named(conn: Connection, entity: str, column: str, ids: set[UUID]) -> dict[UUID, str]:
    table = entity_tables[entity]
    rows = select_in(conn, table, (table.c.id, table.c[column]), table.c.id, ids)
    return {row._mapping["id"]: str(row._mapping[column]) for row in rows}


def _figures(rows: Sequence[Row[Any]], figures: dict[UUID, OrderFigures], *, single: bool) -> Record:
    if not single:
        return dict.fromkeys(("ordered", "shipped", "paid", "unpaid"))
    found = [figures.get(row.id, NOTHING) for row in rows]
    ordered, paid = sum((row.amount or ZERO for row in rows), ZERO), sum((one.paid for one in found), ZERO)
    shipped = sum((one.shipped for one in found), ZERO)
    return {"ordered": ordered, "shipped": shipped, "paid": paid, "unpaid": ordered - paid}
