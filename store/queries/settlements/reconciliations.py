"""Earlier reconciliations: the list, the lines of one, and since when a difference has been found without a break."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from store.queries.customers.rights import Viewer
from store.tables import reconciliation, reconciliation_line

SHOWN = 50
Place = tuple[datetime, UUID]
"""Where a page of the list ends."""
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


def page_reconciliations(
    conn: Connection, connection: str = "", *, after: Place | None = None, limit: int = SHOWN
) -> tuple[list[Record], Place | None]:
    """One page of what `list_reconciliations` tells, and what comes after it (None: nothing)."""
    query = select(reconciliation).order_by(reconciliation.c.at.desc(), reconciliation.c.id.desc()).limit(limit + 1)
    if connection:
        query = query.where(reconciliation.c.connection == connection)
    if after is not None:
        at, key = after
        query = query.where((reconciliation.c.at < at) | ((reconciliation.c.at == at) & (reconciliation.c.id < key)))
    rows = conn.execute(query).all()
    shown = rows[:limit]
    return [_summary(row) for row in shown], (shown[-1].at, shown[-1].id) if len(rows) > limit else None


def load_reconciliation(conn: Connection, key: UUID) -> Record | None:
    """One reconciliation with its totals by entity and by currency, as far as these were kept; None: there is none."""
    row = conn.execute(select(reconciliation).where(reconciliation.c.id == key)).first()
    if row is None:
        return None
    told = {name: row.summary.get(name, []) for name in ("entities", "balances", "notices", "incomplete")}
    numbers = {name: row.summary.get(name, 0) for name in ("left_out", "left_to_people", "remembered")}
    return _summary(row) | told | numbers


def load_differences(
    conn: Connection, viewer: Viewer, key: UUID, kinds: Collection[str], *, among: bool, after: int = 0,
    limit: int = SHOWN,
) -> tuple[list[Record], int | None]:  # fmt: skip
    """One page of the lines of a reconciliation, and what comes after it.

    Args:
        conn: a connection that reads.
        viewer: who looks: whose a difference is, and how much money, is told only to those who see all customers.
        key: the reconciliation.
        kinds: the kinds of lines that are wanted, or those that are not.
        among: whether `kinds` are those that are wanted.
        after: the number of the last line of the page before.
        limit: so many.
    """
    mine = (reconciliation_line.c.reconciliation_id == key, reconciliation_line.c.line > after)
    chosen = reconciliation_line.c.kind.in_(sorted(kinds))
    columns = (reconciliation_line.c.line, reconciliation_line.c.counterparty_id, reconciliation_line.c.details)
    query = select(*columns).where(*mine, chosen if among else ~chosen).order_by(reconciliation_line.c.line)
    rows = conn.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    lines = [row.details | {"customer": str(row.counterparty_id) if row.counterparty_id else None} for row in shown]
    told = lines if viewer.sees_all else [_without_customer(line) for line in lines]
    return told, shown[-1].line if len(rows) > limit else None


def _without_customer(line: Record) -> Record:
    """The difference as a thing of the machine: which document, and what is wrong with it."""
    nobody = {"name": "", "external_id": ""}
    return line | {"customer": None, "counterparty": nobody, "amount": None, "note": ""}


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
