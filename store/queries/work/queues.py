"""What waits: one count of each, used by status, metrics, pages and the end of a run, so that all say the same."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, false, func, or_, select

from store.tables import dead_letter, intent, outbox, parked, request, review

DEAD_OPEN = dead_letter.c.state.in_(("open", "retrying"))
"""A letter that still needs someone or something: the one meaning of "dead" in every count."""
QUEUES = ("requests", "due", "waiting", "sending", "uncertain", "parked", "dead", "review")


def count_waiting(conn: Connection, now: datetime, name: str) -> int:
    """How many wait in one queue (a word of `QUEUES`), all connections together."""
    return sum(queues[name] for queues in load_queues(conn, now).values())


def load_queues(conn: Connection, now: datetime) -> dict[str, dict[str, int]]:
    """How many of each kind wait, by connection; a connection where nothing waits is left out.

    requests: asked for by people, not done · due: intents and cards to be sent now · waiting: those whose time has not
    come or whose record is not complete · sending, uncertain: those in flight and without an answer · parked: records
    that wait for another one · dead: open dead letters · review: decisions that people owe.
    """
    arrived = or_(intent.c.next_attempt_at.is_(None), intent.c.next_attempt_at <= now)
    later = or_(intent.c.state == "waiting", and_(intent.c.state == "due", intent.c.next_attempt_at > now))
    wanted: tuple[tuple[str, Table, ColumnElement[bool] | None], ...] = (
        ("requests", request, request.c.done_at.is_(None)),
        ("due", intent, and_(intent.c.state == "due", arrived)),
        ("waiting", intent, later),
        ("sending", intent, intent.c.state == "sending"),
        ("uncertain", intent, intent.c.state == "uncertain"),
        ("parked", parked, None),
        ("dead", dead_letter, DEAD_OPEN),
        ("review", review, review.c.state == "open"),
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(QUEUES, 0))
    for name, table, condition in wanted:
        query = select(table.c.connection, func.count().label("number")).group_by(table.c.connection)
        for row in conn.execute(query if condition is None else query.where(condition)):
            found[row.connection][name] += row.number
    for row in conn.execute(_count_cards(now)):
        name = row.state if row.state in ("sending", "uncertain") else "waiting" if row.later else "due"
        found[row.connection][name] += row.number
    return dict(found)


def _count_cards(now: datetime) -> Select[Any]:
    """Cards on their way into CRMs, by state; `later`: their time has not come."""
    later = func.coalesce(outbox.c.next_attempt_at > now, false()).label("later")
    columns = (outbox.c.connection, outbox.c.state, later)
    on_their_way = outbox.c.state.in_(("new", "due", "sending", "uncertain"))
    return select(*columns, func.count().label("number")).where(on_their_way).group_by(*columns)
