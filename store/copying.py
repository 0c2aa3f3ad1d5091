"""Binary COPY of PostgreSQL: new rows straight into their table; others through a temporary one, by INSERT SELECT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, cast

import psycopg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import JSON, TypeEngine

_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Uuid, "uuid"),
    (JSON, "jsonb"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (Float, "float8"),
    (DateTime, "timestamptz"),
    (Date, "date"),
    (LargeBinary, "bytea"),
    (String, "text"),
)
_numbers = count()


def copy_rows(conn: Connection, table: Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by COPY within the running transaction. Values pass through the columns' own types.

    Raises:
        sqlalchemy.exc.DBAPIError: as the same rows sent by INSERT would (IntegrityError, DataError, ...).
    """
    quote = conn.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN (FORMAT BINARY)"
    _send(conn, statement, [table.c[name] for name in names], rows)


def copy_over(
    conn: Connection,
    table: Table,
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str],
) -> None:
    """The same where some may be there: those with equal `keys` get their `update` columns. No two may be twins.

    Raises:
        sqlalchemy.exc.DBAPIError: as the same rows sent by INSERT would (IntegrityError, DataError, ...).
    """
    quote = conn.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    waiting = f"copied_{next(_numbers)}"
    conn.exec_driver_sql(
        f"CREATE TEMP TABLE {waiting} ON COMMIT DROP AS SELECT {columns} FROM {quote(table.name)} WITH NO DATA"  # noqa: S608 (names are quoted)
    )
    _send(conn, f"COPY {waiting} ({columns}) FROM STDIN (FORMAT BINARY)", [table.c[name] for name in names], rows)
    conn.exec_driver_sql(
        f"INSERT INTO {quote(table.name)} ({columns}) SELECT {columns} FROM {waiting}"  # noqa: S608 (names are quoted)
        + _conflict_clause(quote, keys, update)
    )
    conn.exec_driver_sql(f"DROP TABLE {waiting}")


def _conflict_clause(quote: Callable[[str], str], keys: Sequence[str], update: Sequence[str]) -> str:
    target = ", ".join(quote(name) for name in keys)
    if not update:
        return f" ON CONFLICT ({target}) DO NOTHING"
    return f" ON CONFLICT ({target}) DO UPDATE SET " + ", ".join(
        f"{quote(name)} = excluded.{quote(name)}" for name in update
    )


def _send(conn: Connection, statement: str, columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]]) -> None:
    binders = [(column.key, _binder(conn, column)) for column in columns]
    raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_name(conn, column) for column in columns])
            for row in rows:
                copy.write_row([bind(row[name]) for name, bind in binders])
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=conn.dialect) from error


def _binder(conn: Connection, column: Column[Any]) -> Callable[[Any], Any]:
    processor = column.type.dialect_impl(conn.dialect).bind_processor(conn.dialect)
    return processor or _unchanged


def _unchanged(value: Any) -> Any:
    return value


def _type_name(conn: Connection, column: Column[Any]) -> str:
    kind = column.type.dialect_impl(conn.dialect)
    inner = getattr(kind, "impl_instance", kind)
    for known, name in _TYPES:
        if isinstance(inner, known):
            return name
    raise TypeError(f"{column} has a type that COPY is not told of: {inner!r}")
