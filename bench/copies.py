"""Many times the same store: copies of its customers with their documents, made by the database itself.

The database copies customers many times faster than Python makes them. A copy has ids, names, tax ids and words of its
own; words that many customers share stay shared, as do managers and the numbers of documents. The text that commands
search in stays that of the first, and documents are bound to nothing: no page measured here reads either.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    String,
    Table,
    Uuid,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    union_all,
)

from store.entities import balances, counterparties, entity_tables
from store.tables import binding, customer_figure, customer_word, word_form

SHARED_BY = 50
"""A word that more customers have is one that names have in common."""
MOST_COPIES = 16
_END_OF_FIRST = UUID(int=1 << 124)
"""Ids of the first store begin with a zero, those of its copies with the number of the copy."""
_DOCUMENTS = tuple(entity_tables[name] for name in ("order", "shipment", "payment"))
_TABLES = (counterparties, *_DOCUMENTS, balances, customer_figure)
_OWN_TEXT = {"name": counterparties, "code": counterparties, "counterparty_key": balances}
_KEYS = ("id", "counterparty_id", "entity_id")


def multiply(engine: Engine, times: int) -> None:
    """Make of the customers `times` as many, `MOST_COPIES` at most; indexes are dropped meanwhile, built at the end."""
    tables = (*_TABLES, binding, customer_word, word_form)
    plain = [index for table in tables for index in table.indexes if not index.unique]
    with engine.begin() as conn:
        shared = _load_shared(conn)
        for index in plain:
            index.drop(conn)
    for number in range(1, times):
        with engine.begin() as conn:
            _copy(conn, number, shared)
    with engine.begin() as conn:
        _copy_forms(conn, times, shared)
    _build(engine, plain)


def _build(engine: Engine, indexes: list[Index]) -> None:
    for index in sorted(indexes, key=lambda index: str(index.name)):
        with engine.begin() as conn:
            index.create(conn)


def _load_shared(conn: Connection) -> list[str]:
    query = select(customer_word.c.word).group_by(customer_word.c.word).having(func.count() > SHARED_BY)
    return list(conn.execute(query).scalars())


def _copy(conn: Connection, number: int, shared: list[str]) -> None:
    for table in _TABLES:
        _insert(conn, table, number, {}, _first(table))
    of_customers = (binding.c.entity == "counterparty", _first(binding))
    key = binding.c.external_id
    _insert(conn, binding, number, {"external_id": key + _letter(number)}, *of_customers)
    word = customer_word.c.word
    own = case((word.in_(shared), word), else_=word + _letter(number))
    _insert(conn, customer_word, number, {"word": own}, _first(customer_word))


def _copy_forms(conn: Connection, times: int, shared: list[str]) -> None:
    """Of all copies in one statement, which does not see what it writes: a form does not say whose it is."""
    form, word = word_form.c.form, word_form.c.word
    own = select(form, word).where(word.not_in(shared))
    parts = [own.with_only_columns(form + _letter(one), word + _letter(one)) for one in range(1, times)]
    if parts:
        conn.execute(insert(word_form).from_select(["form", "word"], union_all(*parts)))


def _insert(conn: Connection, table: Table, number: int, values: dict[str, Any], *where: Any) -> None:
    columns = [values.get(column.name, _copied(column, number)) for column in table.c]
    conn.execute(insert(table).from_select(list(table.c.keys()), select(*columns).where(*where)))


def _copied(column: Column[Any], number: int) -> Any:
    if column.name in _KEYS and isinstance(column.type, Uuid):
        return cast(literal(f"{number:x}") + func.substr(cast(column, String), 2), Uuid)
    if _OWN_TEXT.get(column.name) is column.table:
        return column + _letter(number)
    if column.name == "tax_id":
        return literal(str(10 + number)) + func.substr(column, 3)
    return column


def _first(table: Table) -> Any:
    key = next(table.c[name] for name in ("id", *_KEYS) if name in table.c and isinstance(table.c[name].type, Uuid))
    return key < _END_OF_FIRST


def _letter(number: int) -> str:
    return chr(ord("а") + number)
