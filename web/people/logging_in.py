"""Logging in: count the attempt, compare the password, open a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from store.queries.people import find_user, fold_login
from sync.context import App
from web.door.auditing import write_audit
from web.people.passwords import verify_password
from web.people.sessions import open_session
from web.people.throttle import claim_attempt, forget_attempts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: a session's key, or how long to wait, or neither: name or password are wrong."""

    key: str | None = None
    wait: timedelta | None = None
    role: str = ""


def log_in(app: App, login: str, password: str, *, address: str, agent: str) -> Outcome:
    """One attempt. It is counted before the password is looked at, and takes as long for a name that nobody has."""
    name, now = fold_login(login)[:100], app.clock.now()
    with app.engine.begin() as conn:
        wait = claim_attempt(conn, now, name, address)
        row = None if wait else find_user(conn, name)
    if wait:
        return Outcome(wait=wait)
    fits = verify_password(password, row.password_hash if row is not None and row.active else None)
    if row is None or not fits:
        return Outcome()
    with app.engine.begin() as conn:
        forget_attempts(conn, now, name, address)
        key = open_session(conn, now, row.id, address=address, agent=agent)
        write_audit(conn, now, row.login, "log-in", row.login, after={"address": address})
    return Outcome(key=key, role=row.role)
