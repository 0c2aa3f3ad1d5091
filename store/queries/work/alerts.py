"""Alerts: what is open and what was told of it, for commands, pages and metrics."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from store.bulk import select_in
from store.queries.shapes import Record, View
from store.queries.work.freshness import age
from store.tables import alert, alert_delivery

SHOWN = 100
"""So many of the newest are in a list of all."""


def load_open_alerts(conn: Connection, now: datetime, view: View | None = None) -> list[Record]:
    """Every open alert, the oldest first, with what was told of it and where."""
    query = select(alert).where(alert.c.state == "open").order_by(alert.c.opened_at, alert.c.cause)
    return _build(conn, list(conn.execute(query).mappings()), now, view or View())


def load_alerts(conn: Connection, now: datetime, view: View | None = None, *, limit: int = SHOWN) -> list[Record]:
    """The newest alerts, resolved ones too, the newest first."""
    query = select(alert).order_by(alert.c.opened_at.desc(), alert.c.cause).limit(limit)
    return _build(conn, list(conn.execute(query).mappings()), now, view or View())


def count_open_alerts(conn: Connection) -> dict[str, int]:
    """How many are open of each kind; a kind with none is left out."""
    query = select(alert.c.kind, func.count()).where(alert.c.state == "open").group_by(alert.c.kind)
    return {row[0]: row[1] for row in conn.execute(query.order_by(alert.c.kind))}


def _build(conn: Connection, rows: list[Any], now: datetime, view: View) -> list[Record]:
    told: dict[Any, list[Record]] = defaultdict(list)
    columns = list(alert_delivery.c)
    for row in select_in(conn, alert_delivery, columns, alert_delivery.c.alert_id, [row["id"] for row in rows]):
        told[row.alert_id].append(
            {
                "event": row.event,
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "next_attempt_at": view.moment(row.next_attempt_at),
                "sent_at": view.moment(row.sent_at),
                "reason": row.reason,
            }
        )
    return [
        {
            "alert": str(row["id"]),
            "cause": row["cause"],
            "kind": row["kind"],
            "connection": row["connection"],
            "state": row["state"],
            "text": row["text"],
            "next": row["next_step"],
            "opened_at": view.moment(row["opened_at"]),
            "age_seconds": age(row["opened_at"], now),
            "escalated_at": view.moment(row["escalated_at"]),
            "resolved_at": view.moment(row["resolved_at"]),
            "told": sorted(told[row["id"]], key=lambda one: (one["channel"], one["event"])),
        }
        for row in rows
    ]
