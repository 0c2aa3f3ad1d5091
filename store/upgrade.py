"""Bringing a store up to date: every command and every worker does it at its start, so nobody has to remember it."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from core.errors import ConfigError, TransientError
from store.engine import open_engine, reading
from store.migrations import HEAD, REVISIONS

_LOCK = 0x53_76_65_72_6B_61  # "Sverka": the number of PostgreSQL's advisory lock
LONGEST_MIGRATION = "6h"
_NO_DATABASE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_VERSION = text("SELECT version_num FROM alembic_version")


def upgrade(store: Engine | str) -> bool:
    """Bring an empty or older store up to date; whether there was something to do.

    One query when there is nothing to do. Otherwise all in one transaction under a lock: killed in the middle it leaves
    the store as it was, and of two that start at once the second finds it done.

    Raises:
        ConfigError: the store was made by a newer Sverka, its address is wrong, or the file is no database.
        TransientError: the database does not answer.
    """
    if isinstance(store, Engine):
        return _upgrade(store)
    engine = open_engine(store, pool_size=1)
    try:
        return _upgrade(engine)
    finally:
        engine.dispose()


def load_revision(engine: Engine) -> str | None:
    """The revision that the store says it has; None where it is empty (or does not answer: the next step tells)."""
    try:
        with reading(engine) as conn:
            revision: str | None = conn.scalar(_VERSION)
            return revision
    except DBAPIError:
        return None


def _upgrade(engine: Engine) -> bool:
    if _is_current(load_revision(engine)):
        return False
    try:
        with engine.begin() as conn:
            return _upgrade_locked(conn)
    except OperationalError as error:
        reason = (str(error.orig).strip().splitlines() or ["it does not answer"])[0].rstrip(".")
        raise TransientError(
            f"The store {engine.url.render_as_string(hide_password=True)} cannot be opened: {reason}.",
            next_step="start the database, or mend [store] url in settings.toml; then: sverka doctor",
            detail=str(error.orig),
        ) from error
    except DatabaseError as error:
        if getattr(error.orig, "sqlite_errorcode", None) not in _NO_DATABASE:
            raise
        raise ConfigError(
            f"The file {engine.url.database} is no store: it is no database, or is damaged.",
            next_step="name another file in store.url, or put the last good backup in its place",
        ) from error


def _upgrade_locked(conn: Connection) -> bool:
    if conn.dialect.name == "postgresql":
        for limit in ("statement_timeout", "lock_timeout"):  # an index over years of documents takes its time
            conn.execute(text(f"SET LOCAL {limit} = '{LONGEST_MIGRATION}'"))
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    known = conn.scalar(_VERSION) if inspect(conn).has_table("alembic_version") else None
    if _is_current(known):
        return False
    from store.migrations.run import migrate  # noqa: PLC0415 (Alembic takes half a second, and hardly ever is needed)

    migrate(conn)
    return True


def _is_current(revision: str | None) -> bool:
    if revision is not None and revision not in REVISIONS:
        raise ConfigError(
            f"The store was last used by a newer Sverka (its revision is {revision!r}, this program knows {HEAD!r}).",
            next_step="install the newer version again, or restore the backup made before it",
        )
    return revision == HEAD
