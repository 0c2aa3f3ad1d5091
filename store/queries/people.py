"""People who log in: lists for commands and pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, func, select

from store.entities import entity_tables
from store.queries.customers.rights import own_managers, stands_in_on
from store.queries.shapes import Record, View, date_text
from store.tables import api_token, binding, department, session, substitute, user, user_record

managers = entity_tables["manager"]
MOST_MANAGERS = 2000
"""So many are offered to choose from; a base that has more names them by command."""


def has_users(conn: Connection) -> bool:
    """Whether anybody can log in at all."""
    return conn.execute(select(user.c.id).limit(1)).first() is not None


def find_user(conn: Connection, login: str) -> Row[Any] | None:
    """The user of a log-in name, in any case; None where there is none."""
    return conn.execute(select(user).where(user.c.login == fold_login(login))).one_or_none()


def fold_login(login: str) -> str:
    """The one form in which a log-in name is kept and looked for."""
    return login.strip().casefold()


def load_users(conn: Connection, view: View | None = None) -> list[Record]:
    """Everybody with his manager, department and the time he was last seen, by log-in name."""
    chosen = view or View()
    seen = select(session.c.user_id, func.max(session.c.used_at).label("at")).group_by(session.c.user_id).subquery()
    query = (
        select(
            user,
            managers.c.name.label("manager"),
            department.c.name.label("department"),
            seen.c.at.label("seen_at"),
        )
        .outerjoin(managers, managers.c.id == user.c.manager_id)
        .outerjoin(department, department.c.id == user.c.department_id)
        .outerjoin(seen, seen.c.user_id == user.c.id)
        .order_by(user.c.login)
    )
    known = ("login", "name", "role", "active", "language", "timezone", "manager", "department")
    shown = (*known, "may_export", "on_call")
    return [
        {"id": str(row["id"])}
        | {name: row[name] for name in shown}
        | {"has_password": row["password_hash"] is not None, "seen_at": chosen.moment(row["seen_at"])}
        for row in conn.execute(query).mappings()
    ]


def load_sessions(conn: Connection, user_id: UUID, now: datetime) -> list[Record]:
    """The open sessions of a user, the one used last first; moments as they are, for pages."""
    query = (
        select(session.c.id, session.c.created_at, session.c.used_at, session.c.address, session.c.agent)
        .where(session.c.user_id == user_id, session.c.revoked_at.is_(None), session.c.expires_at > now)
        .order_by(session.c.used_at.desc(), session.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def load_tokens(conn: Connection, user_id: UUID) -> list[Record]:
    """The tokens of a user that were not taken back, by name."""
    query = (
        select(api_token.c.id, api_token.c.name, api_token.c.created_at, api_token.c.used_at, api_token.c.expires_at)
        .where(api_token.c.user_id == user_id, api_token.c.revoked_at.is_(None))
        .order_by(api_token.c.name, api_token.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def load_substitutes(conn: Connection, today: date) -> list[Record]:
    """Who stands in for whom, today and later; the next to begin first."""
    query = (
        select(substitute, managers.c.name.label("manager"), user.c.login, user.c.name.label("user"))
        .join(user, user.c.id == substitute.c.user_id)
        .outerjoin(managers, managers.c.id == substitute.c.manager_id)
        .where((substitute.c.last_day.is_(None)) | (substitute.c.last_day >= today))
        .order_by(substitute.c.first_day, substitute.c.id)
    )
    return [
        {
            "id": str(row["id"]),
            "manager": row["manager"],
            "login": row["login"],
            "user": row["user"],
            "first_day": date_text(row["first_day"]),
            "last_day": date_text(row["last_day"]),
        }
        for row in conn.execute(query).mappings()
    ]


def load_stood_in_for(conn: Connection, user_id: UUID, today: date) -> list[str]:
    """The names of the managers whom a user stands in for today."""
    query = (
        select(managers.c.name)
        .join(substitute, substitute.c.manager_id == managers.c.id)
        .where(substitute.c.user_id == user_id, stands_in_on(today))
        .order_by(managers.c.name)
    )
    return list(conn.execute(query).scalars())


def load_managers(conn: Connection) -> list[Record]:
    """The managers of accounting and the CRM, by name: where each is known, and the log-in name of whoever he is."""
    return _managers(conn, managers.c.deleted.is_(False))


def load_records(conn: Connection, user_id: UUID) -> list[Record]:
    """The records that are one user, as `load_managers` tells them; his first one is `first`."""
    own = conn.scalar(select(user.c.manager_id).where(user.c.id == user_id))
    found = _managers(conn, managers.c.id.in_(own_managers(user_id)))
    return [row | {"first": row["id"] == own} for row in found]


def _managers(conn: Connection, which: ColumnElement[bool]) -> list[Record]:
    held = func.coalesce(user.c.id, user_record.c.user_id)
    his = user.alias()
    query = (
        select(managers.c.id, managers.c.name, managers.c.code, his.c.login)
        .outerjoin(user, user.c.manager_id == managers.c.id)
        .outerjoin(user_record, user_record.c.manager_id == managers.c.id)
        .outerjoin(his, his.c.id == held)
        .where(which)
        .order_by(managers.c.name, managers.c.id)
        .limit(MOST_MANAGERS)
    )
    rows = [dict(row) for row in conn.execute(query).mappings()]
    known = _known_in(conn, which)
    return [row | {"known": known.get(row["id"], [])} for row in rows]


def _known_in(conn: Connection, which: ColumnElement[bool]) -> dict[UUID, list[str]]:
    """Manager -> the connections that know him."""
    query = (
        select(binding.c.entity_id, binding.c.connection)
        .join(managers, managers.c.id == binding.c.entity_id)
        .where(binding.c.entity == "manager", which)
        .distinct()
        .order_by(binding.c.connection)
    )
    found: dict[UUID, list[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.entity_id, []).append(row.connection)
    return found


def load_departments(conn: Connection) -> list[str]:
    """The names of all departments."""
    return list(conn.execute(select(department.c.name).order_by(department.c.name)).scalars())


def load_user(conn: Connection, user_id: UUID) -> Row[Any] | None:
    """One user with his department's name; None where there is none."""
    query = select(user, department.c.name.label("department")).outerjoin(
        department, department.c.id == user.c.department_id
    )
    return conn.execute(query.where(user.c.id == user_id)).one_or_none()
