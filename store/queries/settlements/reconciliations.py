"""Earlier reconciliations: the list, the lines of one, and since when a difference has been found without a break."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from store.tables import reconciliation, reconciliation_line

Record = dict[str, Any]
Identity = tuple[str, str, str, str, str]


def list_reconciliations(conn: Connection, connection: str | None = None, *, limit: int = 30) -> list[Record]:
    """The newest first: when, by whose order, how it stood, what was mended, since when something differs."""
    query = select(reconciliation).order_by(reconciliation.c.at.desc()).limit(limit)
    if connection is not None:
        query = query.where(reconciliation.c.connection == connection)
    return [_summary(row) for row in conn.execute(query).all()]


def _summary(row: Row[Any]) -> Record:
    return {
        "type": "reconciliation",
        "id": str(row.id),
        "connection": row.connection,
        "at": row.at.isoformat(),
        "status": row.status,
        "unexplained": row.summary.get("unexplained", {}),
        "kinds": row.summary.get("kinds", {}),
        "drift_since": row.summary.get("drift_since"),
        "asked_by": row.asked_by,
        "repaired": row.repaired,
        "seconds": row.seconds,
        "message": row.summary.get("message", ""),
    }


def iter_lines(conn: Connection, reconciliation_id: object) -> Iterator[Record]:
    """The lines of one reconciliation, as they were told then."""
    mine = reconciliation_line.c.reconciliation_id == reconciliation_id
    query = select(reconciliation_line.c.details).where(mine).order_by(reconciliation_line.c.line)
    yield from conn.execute(query, execution_options={"yield_per": 1000}).scalars()


def load_first_found(conn: Connection, connection: str) -> dict[Identity, datetime]:
    """Since when each difference of the last reconciliation that came to its end has been found."""
    done = (reconciliation.c.connection == connection, reconciliation.c.status != "failed")
    query = select(reconciliation.c.id, reconciliation.c.at).where(*done).order_by(reconciliation.c.at.desc()).limit(1)
    last = conn.execute(query).first()
    if last is None:
        return {}
    lines = (line for line in iter_lines(conn, last.id) if line["weight"] != "named")
    return {_identity(line): _moment(line.get("since"), last.at) for line in lines}


def _identity(line: Record) -> Identity:
    document = line["document"]
    return (
        line["kind"],
        document["source"] or line["entity"],
        document["external_id"],
        line["counterparty"]["external_id"],
        line["currency"],
    )


def _moment(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
