"""Sessions of browsers and tokens of machines: rows that can be taken back at once, known by a hash of their key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, delete, insert, select, update

from core.errors import UsageError
from core.ids import new_id
from store.tables import api_token, session, user
from web.door.auditing import write_audit
from web.people.keys import TOKEN_PREFIX, hash_key, new_key

IDLE = timedelta(days=7)
"""A browser that asks for nothing for so long has to log in again."""
LONGEST = timedelta(days=60)
TOUCH = timedelta(minutes=5)
"""The time of the last use is written no more often than this: reading pages writes almost nothing."""


def open_session(conn: Connection, now: datetime, user_id: UUID, *, address: str = "", agent: str = "") -> str:
    """Log a user in; returns the key for the cookie. Sessions that have ended long ago are swept out."""
    key = new_key()
    conn.execute(delete(session).where(session.c.expires_at <= now - IDLE))
    conn.execute(
        insert(session).values(
            hash=hash_key(key),
            id=new_id(),
            user_id=user_id,
            created_at=now,
            used_at=now,
            expires_at=now + IDLE,
            address=address[:60],
            agent=_printable(agent)[:200],
        )
    )
    return key


_OF_THE_PERSON = (
    "login", "name", "role", "language", "timezone", "manager_id", "department_id", "may_export", "on_call",
)  # fmt: skip


def find_session(conn: Connection, now: datetime, key: str) -> Any | None:
    """The session of a cookie's key with its user's columns; None when it has ended or its user may not log in."""
    return _find(conn, session, key, session.c.expires_at > now)


def find_token(conn: Connection, now: datetime, key: str) -> Any | None:
    """The same for a token of the API."""
    return _find(conn, api_token, key, (api_token.c.expires_at.is_(None)) | (api_token.c.expires_at > now))


def touch(conn: Connection, now: datetime, kind: Table, found: Any) -> None:
    """Note that a session (it lasts longer then) or a token is in use."""
    values: dict[str, Any] = {"used_at": now}
    if kind is session:
        values["expires_at"] = min(now + IDLE, found.created_at + LONGEST)
    conn.execute(update(kind).where(kind.c.hash == found.hash).values(values))


def needs_touch(now: datetime, found: Any) -> bool:
    """Whether the time of its last use is worth writing."""
    return found.used_at is None or now - found.used_at >= TOUCH


def close_session(conn: Connection, now: datetime, user_id: UUID, session_id: UUID) -> bool:
    """End one session of a user; whether it was his and still open."""
    mine = (session.c.user_id == user_id, session.c.id == session_id, session.c.revoked_at.is_(None))
    return conn.execute(update(session).where(*mine).values(revoked_at=now)).rowcount > 0


def close_all(conn: Connection, now: datetime, user_id: UUID, *, but: UUID | None = None) -> int:
    """End all sessions of a user but one; their number."""
    open_ones = [session.c.user_id == user_id, session.c.revoked_at.is_(None), session.c.expires_at > now]
    if but is not None:
        open_ones.append(session.c.id != but)
    return conn.execute(update(session).where(*open_ones).values(revoked_at=now)).rowcount


def add_token(conn: Connection, now: datetime, who: str, owner: Any, name: str) -> tuple[UUID, str]:
    """A token with the rights of its owner (a row of `user`): its id, and the token itself, which is never shown again.

    Raises:
        UsageError: it has no name, by which its owner would know it again.
    """
    given = _printable(name).strip()[:100]
    if not given:
        raise UsageError("A token has a name, such as the telephone exchange that uses it.", next_step="name it")
    key, token_id = new_key(TOKEN_PREFIX), new_id()
    row = {"hash": hash_key(key), "id": token_id, "user_id": owner.id, "name": given, "created_at": now}
    conn.execute(insert(api_token).values(row))
    write_audit(conn, now, who, "token.add", owner.login, after={"name": given})
    return token_id, key


def revoke_token(conn: Connection, now: datetime, who: str, user_id: UUID, token_id: UUID) -> bool:
    """Take one token of a user back, audited; whether it was his and still good."""
    mine = (api_token.c.user_id == user_id, api_token.c.id == token_id, api_token.c.revoked_at.is_(None))
    name = conn.scalar(update(api_token).where(*mine).values(revoked_at=now).returning(api_token.c.name))
    if name is None:
        return False
    owner = conn.scalar(select(user.c.login).where(user.c.id == user_id))
    write_audit(conn, now, who, "token.revoke", str(owner), before={"name": name})
    return True


def revoke_all(conn: Connection, now: datetime, user_id: UUID) -> int:
    """Take all tokens of a user back; their number."""
    good = (api_token.c.user_id == user_id, api_token.c.revoked_at.is_(None))
    return conn.execute(update(api_token).where(*good).values(revoked_at=now)).rowcount


def _find(conn: Connection, kind: Table, key: str, lasts: Any) -> Any | None:
    columns = [kind.c.hash, kind.c.id, kind.c.created_at, kind.c.used_at, kind.c.user_id]
    person = [user.c[name] for name in _OF_THE_PERSON]
    return conn.execute(
        select(*columns, *person)
        .join(user, user.c.id == kind.c.user_id)
        .where(kind.c.hash == hash_key(key), kind.c.revoked_at.is_(None), lasts, user.c.active.is_(True))
    ).one_or_none()


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())
