"""Who a user is in other systems: a manager of 1C and a user of the CRM are two records there and one person here."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select, update

from core.errors import ConflictError, UsageError
from store.tables import user, user_record
from sync.context import App
from web.door.auditing import write_audit
from web.people.users import find_manager, load_one, take_record


def tie_record(app: App, who: str, login: str, manager: str) -> UUID:
    """Say that a manager of some system is this user too: his customers there are seen by him, and by who stands in.

    Raises:
        UsageError: there is no such user or manager, or several fit.
        ConflictError: the manager is somebody else already.
    """
    with app.engine.begin() as conn:
        row, now, manager_id = load_one(conn, login), app.clock.now(), find_manager(conn, manager)
        others = select(user.c.login).where(user.c.manager_id == manager_id, user.c.id != row.id)
        if conn.execute(others).first() is not None:
            raise ConflictError("Another user is this manager already.", next_step="sverka user list")
        for one in filter(None, (row.manager_id, manager_id)):
            take_record(conn, row.id, one)
        if row.manager_id is None:
            conn.execute(update(user).where(user.c.id == row.id).values(manager_id=manager_id, updated_at=now))
        write_audit(conn, now, who, "user.tie", row.login, after={"manager": str(manager_id)})
    return manager_id


def untie_record(app: App, who: str, login: str, manager: str) -> None:
    """Say that a manager of some system is this user no more; another of his records becomes the first one.

    Raises:
        UsageError: there is no such user or manager, or the manager is not he.
    """
    with app.engine.begin() as conn:
        row, now, manager_id = load_one(conn, login), app.clock.now(), find_manager(conn, manager)
        his = (user_record.c.user_id == row.id, user_record.c.manager_id == manager_id)
        gone = conn.execute(delete(user_record).where(*his)).rowcount
        if not gone and row.manager_id != manager_id:
            raise UsageError(f"{row.login} is not this manager.", next_step="sverka user list")
        if row.manager_id == manager_id:
            rest = select(user_record.c.manager_id).where(user_record.c.user_id == row.id)
            following = conn.scalar(rest.order_by(user_record.c.manager_id).limit(1))
            conn.execute(update(user).where(user.c.id == row.id).values(manager_id=following, updated_at=now))
        write_audit(conn, now, who, "user.untie", row.login, before={"manager": str(manager_id)})
