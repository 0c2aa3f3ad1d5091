"""Opening the store. One path for SQLite and PostgreSQL; what differs between them is here and in `store.types`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core.errors import ConfigError

BUSY_SECONDS = 30
SERVER_LIMITS = {"lock_timeout": "60s", "statement_timeout": "15min"}
"""Generous: a lock held longer, or a statement that runs longer, is a fault of its own and ends as an error."""
PLANNING = {"plan_cache_mode": "force_custom_plan", "jit": "off"}
"""Without `jit`: with a million customers it compiles our short questions, taking them for dear ones, 0.2 s each."""
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
NETWORK = KEEPALIVE | {"tcp_user_timeout": 60_000, "connect_timeout": 15}
"""A server that vanished without a word is noticed within a minute, whether we wait for it or speak to it."""
READING = "sverka_reading"
"""Execution option of a connection that only reads: plain BEGIN, so that it never queues behind a writer of SQLite."""
ACCEPTED = '"sqlite:///path/to/file.db" or "postgresql+psycopg://user@host/database"'


def _dumps(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=_encode).decode()


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def parse_store_url(url: str) -> URL:
    """The address of a store, checked.

    Raises:
        ConfigError: no address, or a kind of database that the store does not know. Never repeats the address: it may
            hold a password.
    """
    try:
        target = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"store.url cannot be read; it is {ACCEPTED}.") from error
    if target.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}:
        raise ConfigError(f"store.url names {target.drivername!r}, which the store does not know; it is {ACCEPTED}.")
    return target.set(drivername="postgresql+psycopg") if target.get_backend_name() == "postgresql" else target


def is_memory(url: str) -> bool:
    """Whether the store would be gone with the process. Raises ConfigError as `parse_store_url` does."""
    target = parse_store_url(url)
    return target.get_backend_name() == "sqlite" and target.database in (None, "", ":memory:")


def open_engine(url: str, *, pool_size: int = 5, readonly: bool = False) -> Engine:
    """An engine with this project's rules; nothing is connected yet.

    SQLite: WAL, foreign keys, every transaction BEGIN IMMEDIATE, since a later upgrade of a read lock fails at once
    (reference/dependencies.md §0.2). PostgreSQL: no generic plans: one cached on an empty table stays slow (§0.5).

    Args:
        url: `[store] url` of the settings.
        pool_size: connections kept open.
        readonly: for commands and pages that only read: every transaction sees one moment, and a write is refused.

    Raises:
        ConfigError: the address is none that the store knows, or its folder cannot be made.
    """
    target = parse_store_url(url)
    if target.get_backend_name() == "sqlite":
        return _open_sqlite(target, pool_size, readonly)
    return _open_postgresql(target, pool_size, readonly)


def _open_postgresql(target: URL, pool_size: int, readonly: bool) -> Engine:
    given = PLANNING | SERVER_LIMITS
    given |= {"default_transaction_read_only": "on"} if readonly else {}
    options = " ".join(f"-c {name}={value}" for name, value in given.items())
    return create_engine(
        target,
        pool_size=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=msgspec.json.decode,
        connect_args={"options": options, "application_name": "sverka"} | NETWORK,
        **({"isolation_level": "REPEATABLE READ"} if readonly else {}),
    )


def _open_sqlite(target: URL, pool_size: int, readonly: bool) -> Engine:
    _make_folder(target.database)
    engine = create_engine(
        target,
        pool_size=pool_size,
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=msgspec.json.decode,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    if readonly:
        event.listen(engine, "connect", _refuse_writes)
    event.listen(engine, "begin", _begin_reading if readonly else _begin_immediate)
    return engine


def _make_folder(database: str | None) -> None:
    if not database or database == ":memory:":
        return
    folder = Path(database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The store's folder {folder} cannot be made: {error.strerror}.",
            next_step="name a folder that may be written in store.url, then: sverka doctor",
        ) from error


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _refuse_writes(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")


def _begin_reading(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Any) -> None:
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads, on an engine that also writes: it never waits for SQLite's one writer."""
    with engine.connect() as conn:
        yield conn.execution_options(**{READING: True})


def forget_after_fork(engine: Engine) -> None:
    """Called first in a forked child: its parent's connections are left alone, the child opens its own."""
    engine.dispose(close=False)
