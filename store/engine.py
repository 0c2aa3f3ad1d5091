"""Opening the store. One code path for SQLite and PostgreSQL; what differs between them is here and in `store.types`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_SECONDS = 30


def _dumps(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=_encode).decode()


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def open_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine with this project's rules.

    SQLite: WAL, foreign keys, every transaction BEGIN IMMEDIATE, since a later upgrade of a read lock fails at once
    (reference/dependencies.md §0.2). PostgreSQL: no generic plans, since one cached on an empty table stays slow (§0.5).
    """
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        return _open_sqlite(url, target.database, pool_size)
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=True,
        json_serializer=_dumps,
        json_deserializer=msgspec.json.decode,
        connect_args={"options": "-c plan_cache_mode=force_custom_plan", "connect_timeout": 15},
    )


def _open_sqlite(url: str, database: str | None, pool_size: int) -> Engine:
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        json_serializer=_dumps,
        json_deserializer=msgspec.json.decode,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_SECONDS * 1000}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
