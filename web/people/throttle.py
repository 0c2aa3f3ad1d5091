"""Guessing passwords is slow: attempts are counted in the store, before any password is looked at.

Three counts, each over a quarter of an hour: of one log-in name from one address, which stops a guesser without
locking the owner out elsewhere; of one address; and of one log-in name, for guessers with many addresses.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import login_attempt
from web.people.keys import hash_key

WINDOW = timedelta(minutes=15)
OF_ONE_FROM_ONE, OF_ADDRESS, OF_LOGIN = 8, 40, 100


def claim_attempt(conn: Connection, now: datetime, login: str, address: str) -> timedelta | None:
    """Count one more attempt; how long to wait before the next is looked at, None when this one may go on.

    Attempts made while one has to wait do not make the waiting longer.
    """
    waits = [
        _count(conn, now, key, limit)
        for key, limit in sorted(
            [
                (_both(login, address), OF_ONE_FROM_ONE),
                (hash_key(f"address\0{address}"), OF_ADDRESS),
                (hash_key(f"login\0{login}"), OF_LOGIN),
            ]
        )
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def forget_attempts(conn: Connection, now: datetime, login: str, address: str) -> None:
    """He knew the password: his own mistakes count no more. Old counts of all are swept out with them."""
    conn.execute(delete(login_attempt).where(login_attempt.c.key == _both(login, address)))
    conn.execute(delete(login_attempt).where(login_attempt.c.since <= now - WINDOW))


def _both(login: str, address: str) -> str:
    return hash_key(f"both\0{login}\0{address}")


def _count(conn: Connection, now: datetime, key: str, limit: int) -> timedelta | None:
    over = login_attempt.c.since <= now - WINDOW
    statement = (sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert)(login_attempt)
    conn.execute(
        statement.values(key=key, since=now, number=1).on_conflict_do_update(
            index_elements=["key"],
            set_={
                "since": case((over, now), else_=login_attempt.c.since),
                "number": case((over, 1), else_=login_attempt.c.number + 1),
            },
        )
    )
    row = conn.execute(select(login_attempt.c.number, login_attempt.c.since).where(login_attempt.c.key == key)).one()
    return row.since + WINDOW - now if row.number > limit else None
