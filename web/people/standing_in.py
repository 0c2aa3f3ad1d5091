"""Who sees the customers of a manager in his stead: for some days, or for good when he leaves.

Who owns a customer is accounting's to say, or the CRM's: a record read again would undo whatever we wrote there.
Hence a leaver's customers are handed over by a row beside them, which the rights ask; as soon as accounting itself
names another manager for a customer, that one has him.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from core.errors import UsageError
from core.ids import new_id
from store.entities import counterparties
from store.queries.customers.rights import own_managers
from store.tables import substitute, user
from sync.context import App
from web.door.auditing import write_audit
from web.people.users import find_manager, keep_an_admin, load_one, shut_out

_CARRIES = ("manager", "head")


def add_substitute(
    app: App, who: str, manager: str, stand_in: str, first_day: date, last_day: date | None = None
) -> UUID:
    """Let a user see a manager's customers from one day to another (both included), or from one day on.

    Raises:
        UsageError: there is no such manager or user, the user looks after no customers, or the days are turned round.
    """
    if last_day is not None and last_day < first_day:
        raise UsageError("The last day is before the first.", next_step="sverka user substitute --help")
    with app.engine.begin() as conn:
        now, row, manager_id = app.clock.now(), _carrier(conn, stand_in), find_manager(conn, manager)
        key = _put(conn, now, who, manager_id, row, first_day, last_day)
        after = {"manager": str(manager_id), "from": first_day.isoformat()}
        after |= {"to": last_day.isoformat()} if last_day else {}
        write_audit(conn, now, who, "user.substitute", row.login, after=after)
    return key


def end_substitute(app: App, who: str, substitute_id: UUID) -> bool:
    """Somebody stands in no more; whether he did."""
    with app.engine.begin() as conn:
        row = conn.execute(select(substitute).where(substitute.c.id == substitute_id)).one_or_none()
        if row is None:
            return False
        conn.execute(delete(substitute).where(substitute.c.id == substitute_id))
        before = {"manager": str(row.manager_id), "user": str(row.user_id)}
        write_audit(conn, app.clock.now(), who, "user.substitute.end", str(substitute_id), before=before)
    return True


def hand_over(app: App, who: str, leaver: str, heir: str, today: date) -> int:
    """One action for a colleague who leaves: his customers and what he stood in for go to the heir, he is shut out.

    All in one transaction. Returns how many customers change hands now; those that accounting gives the leaver later
    are the heir's too.

    Raises:
        UsageError: one of the two does not exist, they are the same, the heir may not log in or has no customers, or
            the leaver is the last who may give roles.
    """
    with app.engine.begin() as conn:
        now, gone, row = app.clock.now(), load_one(conn, leaver), _carrier(conn, heir)
        if gone.id == row.id:
            raise UsageError("Nobody hands over to himself.", next_step="sverka user handover LEAVER HEIR")
        keep_an_admin(conn, gone)
        records = conn.execute(own_managers(gone.id)).scalars().all()
        for manager_id in records:
            _put(conn, now, who, manager_id, row, today, None)
        number = _count(conn, records)
        _pass_on(conn, now, who, gone, row, today)
        shut_out(conn, app, gone)
        conn.execute(update(user).where(user.c.id == gone.id).values(active=False, updated_at=now))
        write_audit(conn, now, who, "user.handover", gone.login, after={"heir": row.login, "customers": number})
    return number


def _pass_on(conn: Connection, now: datetime, who: str, gone: Row[Any], heir: Row[Any], today: date) -> None:
    """What the leaver stood in for, the heir stands in for; what has ended already stays as it was."""
    open_ones = conn.execute(
        select(substitute).where(
            substitute.c.user_id == gone.id, (substitute.c.last_day.is_(None)) | (substitute.c.last_day >= today)
        )
    ).all()
    for one in open_ones:
        if one.manager_id != heir.manager_id:
            _put(conn, now, who, one.manager_id, heir, max(one.first_day, today), one.last_day)
        if one.first_day >= today:
            conn.execute(delete(substitute).where(substitute.c.id == one.id))
        else:
            ended = {"last_day": today - timedelta(days=1)}
            conn.execute(update(substitute).where(substitute.c.id == one.id).values(ended))


def _put(
    conn: Connection,
    now: datetime,
    who: str,
    manager_id: UUID,
    person: Row[Any],
    first_day: date,
    last_day: date | None,
) -> UUID:
    """A row, or a longer one in place of a shorter one that begins on the same day."""
    same = (
        substitute.c.manager_id == manager_id,
        substitute.c.user_id == person.id,
        substitute.c.first_day == first_day,
    )
    conn.execute(delete(substitute).where(*same))
    key = new_id()
    row = {"id": key, "manager_id": manager_id, "user_id": person.id, "first_day": first_day, "last_day": last_day}
    conn.execute(insert(substitute).values(**row, created_at=now, created_by=who[:100]))
    return key


def _carrier(conn: Connection, login: str) -> Row[Any]:
    row = load_one(conn, login)
    if not row.active or row.role not in _CARRIES:
        raise UsageError(
            f"{row.login} cannot look after customers: that takes an active user with the role manager or head.",
            next_step=f"sverka user role {row.login} manager",
        )
    return row


def _count(conn: Connection, records: Sequence[UUID]) -> int:
    query = select(func.count()).select_from(counterparties).where(counterparties.c.manager_id.in_(records))
    return int(conn.scalar(query) or 0)
