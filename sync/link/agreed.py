"""What was agreed to about a CRM: nothing is created there before somebody has looked at who is who.

Whoever makes cards asks these two questions first: `is_linked` of the connection, `load_held` of the customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from store.bulk import select_in
from store.tables import connection, review
from sync.context import RunContext
from sync.push.merge import add_audit

LINKED_AT = "linked_at"
"""The fact on the connection's row: when a person has agreed to the links and to new cards."""


def is_linked(conn: Connection, name: str) -> bool:
    """Whether a person has agreed to the links of this CRM; before that no card is made there (`sverka link NAME`)."""
    facts = conn.execute(select(connection.c.facts).where(connection.c.name == name)).scalar()
    return bool((facts or {}).get(LINKED_AT))


def load_held(conn: Connection, name: str, ids: Sequence[UUID]) -> set[UUID]:
    """Of these customers those for whom no card may be made there now, and none be linked by a rule.

    A question about them is open, or a person has said that they are to be left alone (`sverka review dismiss`).
    """
    columns = (review.c.entity_id, review.c.number, review.c.state, review.c.decision)
    rows = select_in(
        conn, review, columns, review.c.entity_id, ids, connection=name, entity="counterparty", kind="match"
    )
    latest = {row.entity_id: row for row in sorted(rows, key=lambda row: int(row.number))}
    return {key for key, row in latest.items() if row.state == "open" or (row.state == "dismissed" and row.decision)}


def agree(conn: Connection, ctx: RunContext, now: datetime, who: str) -> None:
    """Write down that a person has agreed, in the caller's transaction; the first agreement stays as it is."""
    facts = dict(conn.execute(select(connection.c.facts).where(connection.c.name == ctx.name)).scalar() or {})
    if not facts.get(LINKED_AT):
        facts[LINKED_AT] = now.isoformat()
        conn.execute(update(connection).where(connection.c.name == ctx.name).values(facts=facts))
        add_audit(conn, now, who, "link.agreed", ctx.name, after={LINKED_AT: facts[LINKED_AT]})
    ctx.state.facts[LINKED_AT] = facts[LINKED_AT]
