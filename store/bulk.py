"""Writing and reading many rows at once, with the same result on SQLite and PostgreSQL.

Lists of parameter sets, never `values([...])`; on PostgreSQL big batches go by binary COPY behind the same call
(reference/dependencies.md §2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, any_, bindparam, delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import ARRAY

from store.copying import copy_over, copy_rows

T = TypeVar("T")
Values = Mapping[str, Any]

COPY_FROM, COPY_OVER_FROM = 20, 100
"""Batches of so many rows and more go by COPY on PostgreSQL: inserts straight, upserts by way of a temporary table."""
CHUNK = 5000
IN_CHUNK = 1000


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def insert(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows that are not there yet.

    Raises:
        sqlalchemy.exc.IntegrityError: one is there already; nothing of the batch is kept once the caller rolls back.
        ValueError: the rows do not all name the same columns.
    """
    if not rows:
        return
    names = _common_names(rows)
    if _goes_by_copy(conn, rows, COPY_FROM):
        copy_rows(conn, table, names, rows)
        return
    for part in chunks(rows):
        conn.execute(table.insert(), part)


def upsert(
    conn: Connection, table: Table, rows: Sequence[Values], keys: Sequence[str], *, update: Sequence[str] | None = None
) -> None:
    """Insert rows; where one with the same `keys` is there, overwrite its `update` columns.

    By default everything that the rows name is overwritten except `keys` and the primary key: an id once given stays.
    An empty `update` leaves rows that are there as they are. Of rows with equal keys in one batch the last wins.

    Raises:
        ValueError: the rows do not all name the same columns.
    """
    if not rows:
        return
    names = _common_names(rows)
    kept = {*keys, *table.primary_key.columns.keys()}
    changed = [name for name in names if name not in kept] if update is None else list(update)
    if _goes_by_copy(conn, rows, COPY_OVER_FROM) and not _has_twins(rows, keys):
        copy_over(conn, table, names, rows, keys=keys, update=changed)
        return
    statement = _upsert_statement(conn.dialect.name, table, tuple(keys), tuple(changed))
    for part in chunks(rows):
        conn.execute(statement, part)


def select_in(
    conn: Connection,
    table: Table,
    columns: Sequence[ColumnElement[Any]],
    key_column: ColumnElement[Any],
    values: Iterable[object],
    **equal: object,
) -> list[Row[Any]]:
    """The columns of all rows whose `key_column` is among the values (and `equal` columns are as given), in any order.

    Asks once per thousand different values, and not at all when there are none.
    """
    found: list[Row[Any]] = []
    nothing = frozenset(name for name, value in equal.items() if value is None)
    query = _select_statement(conn.dialect.name, table, tuple(columns), key_column, tuple(equal), nothing)
    given = {f"is_{name}": value for name, value in equal.items() if value is not None}
    for part in chunks(dict.fromkeys(values), IN_CHUNK):
        found.extend(conn.execute(query, given | {"among": part}))
    return found


@lru_cache(maxsize=256)
def _select_statement(
    dialect: str,
    table: Table,
    columns: tuple[ColumnElement[Any], ...],
    key_column: ColumnElement[Any],
    equal: tuple[str, ...],
    nothing: frozenset[str],
) -> Select[Any]:
    """Made once: a cycle asks the same few questions hundreds of times, and making one takes as long as asking it."""
    many = bindparam("among", type_=ARRAY(key_column.type)) if dialect == "postgresql" else None
    among = key_column == any_(many) if many is not None else key_column.in_(bindparam("among", expanding=True))
    same = [table.c[name].is_(None) if name in nothing else table.c[name] == bindparam(f"is_{name}") for name in equal]
    return select(*columns).where(among, *same)


def update_rows(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changed: Sequence[str]) -> None:
    """Write these columns of rows that are there, each known by its `id`, in one statement."""
    statement = update(table).where(table.c.id == bindparam("key_id"))
    conn.execute(statement, [{name: row[name] for name in changed} | {"key_id": row["id"]} for row in rows])


def delete_where_in(
    conn: Connection, table: Table, key_column: ColumnElement[Any], values: Iterable[object], **equal: object
) -> int:
    """Delete the rows whose `key_column` is among the values (and `equal` columns are as given); their number."""
    gone = 0
    conditions = [table.c[name] == value for name, value in equal.items()]
    for part in chunks(dict.fromkeys(values), IN_CHUNK):
        gone += conn.execute(delete(table).where(is_among(conn, key_column, part), *conditions)).rowcount
    return gone


def is_among(conn: Connection, column: ColumnElement[Any], values: Sequence[object]) -> ColumnElement[bool]:
    """`column IN (values)`; on PostgreSQL by one array, so that the statement is the same whatever their number."""
    if conn.dialect.name == "postgresql":
        return column == any_(literal(values, ARRAY(column.type)))
    return column.in_(values)


def _goes_by_copy(conn: Connection, rows: Sequence[Values], least: int) -> bool:
    return conn.dialect.name == "postgresql" and len(rows) >= least


def _common_names(rows: Sequence[Values]) -> list[str]:
    """SQLAlchemy would drop, without a word, what a later row names and the first does not."""
    first = rows[0].keys()
    for row in rows:
        if row.keys() != first:
            raise ValueError(f"all rows of a batch name the same columns; these differ: {sorted(row.keys() ^ first)}")
    return list(first)


def _has_twins(rows: Sequence[Values], keys: Sequence[str]) -> bool:
    """Whether two rows have equal keys: one INSERT SELECT cannot touch a row twice."""
    return len({tuple(row[key] for key in keys) for row in rows}) < len(rows)


@lru_cache(maxsize=256)
def _upsert_statement(dialect: str, table: Table, keys: tuple[str, ...], update: tuple[str, ...]) -> Any:
    statement = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
    if not update:
        return statement.on_conflict_do_nothing(index_elements=list(keys))
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
    )
