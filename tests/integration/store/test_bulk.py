"""Bulk writing: the same rows in, the same rows out, on both databases, by COPY and by statements."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
)
from sqlalchemy.exc import DataError, IntegrityError

from store import bulk
from store.engine import open_engine
from store.types import Json, Money, UtcDateTime

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("connection", String(20), nullable=False, unique=True),
    Column("number", Integer),
    Column("share", Float),
    Column("amount", Money),
    Column("at", UtcDateTime),
    Column("day", Date),
    Column("yes", Boolean),
    Column("raw", LargeBinary),
    Column("facts", Json),
    Column("order", Text, nullable=False, server_default="none"),
)
MOSCOW = timezone(timedelta(hours=3))


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """A database with this one table."""
    engine = open_engine(store_url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def thing(number: int, **other: Any) -> dict[str, Any]:
    row = {
        "id": UUID(int=number + 1),
        "connection": f"база-{number}",
        "number": number,
        "share": number / 4,
        "amount": Decimal("-12345678901.0099") + number,
        "at": datetime(2026, 1, 1, 2, 0, tzinfo=MOSCOW) + timedelta(minutes=number),
        "day": date(2026, 1, 1) + timedelta(days=number % 300),
        "yes": number % 2 == 0,
        "raw": b"\x00\xff" + str(number).encode(),
        "facts": {"имя": ["a", number], "sum": Decimal("1.10")},
        "order": f"'\t\\N {number}",
    }
    return row | other


def rows_of(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return [dict(row._mapping) for row in conn.execute(select(things).order_by(things.c.number))]


def as_read(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"facts": row["facts"] and {**row["facts"], "sum": str(row["facts"]["sum"])}}


SIZES = [3, 1500]


@pytest.mark.parametrize("size", SIZES)
def test_insert_keeps_every_kind_of_value(engine: Engine, size: int) -> None:
    rows = [thing(number) for number in range(size)]
    with engine.begin() as conn:
        bulk.insert(conn, things, rows)
    found = rows_of(engine)
    assert found == [as_read(row) for row in rows]
    assert found[1]["at"].utcoffset() == timedelta(0)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_null_and_a_column_left_out_gets_its_default(engine: Engine, size: int) -> None:
    empty = dict.fromkeys(("share", "amount", "at", "day", "yes", "raw", "facts"))
    rows = [{key: value for key, value in thing(n, **empty).items() if key != "order"} for n in range(size)]
    with engine.begin() as conn:
        bulk.insert(conn, things, rows)
        nulls = select(func.count()).where(*(things.c[name].is_(None) for name in empty))
        assert conn.scalar(nulls) == size
        assert conn.scalar(select(func.count()).where(things.c.order == "none")) == size


@pytest.mark.parametrize("size", SIZES)
def test_upsert_overwrites_what_the_rows_name_but_keeps_the_id(engine: Engine, size: int) -> None:
    first = [thing(number) for number in range(size)]
    later = [thing(number, id=UUID(int=100_000 + number), amount=Decimal(7)) for number in range(1, size + 1)]
    with engine.begin() as conn:
        bulk.insert(conn, things, first)
        bulk.upsert(conn, things, later, ["connection"])
    found = rows_of(engine)
    assert [row["id"] for row in found] == [row["id"] for row in first] + [later[-1]["id"]]
    assert [row["amount"] for row in found] == [first[0]["amount"]] + [Decimal(7)] * size


@pytest.mark.parametrize("size", SIZES)
def test_upsert_of_named_columns_only(engine: Engine, size: int) -> None:
    first = [thing(number) for number in range(size)]
    later = [thing(number, amount=Decimal(7), order="new") for number in range(size)]
    with engine.begin() as conn:
        bulk.insert(conn, things, first)
        bulk.upsert(conn, things, later, ["connection"], update=["order"])
    assert rows_of(engine) == [as_read(row) | {"order": "new"} for row in first]


@pytest.mark.parametrize("size", SIZES)
def test_upsert_that_updates_nothing_leaves_what_is_there(engine: Engine, size: int) -> None:
    with engine.begin() as conn:
        bulk.insert(conn, things, [thing(0)])
        bulk.upsert(conn, things, [thing(n, order="new") for n in range(size)], ["connection"], update=[])
    assert [row["order"] == "new" for row in rows_of(engine)] == [False] + [True] * (size - 1)


@pytest.mark.parametrize("size", SIZES)
def test_of_equal_keys_the_last_wins(engine: Engine, size: int) -> None:
    rows = [thing(number) for number in range(size)] + [thing(1, id=UUID(int=9_999_999), order="last")]
    with engine.begin() as conn:
        bulk.upsert(conn, things, rows, ["connection"])
    found = rows_of(engine)
    assert len(found) == size
    assert (found[1]["order"], found[1]["id"]) == ("last", UUID(int=2))


@pytest.mark.parametrize("size", SIZES)
def test_a_row_that_is_there_is_an_integrity_error(engine: Engine, size: int) -> None:
    rows = [thing(number) for number in range(size)]
    with engine.begin() as conn:
        bulk.insert(conn, things, rows)
    with pytest.raises(IntegrityError), engine.begin() as conn:
        bulk.insert(conn, things, rows)
    assert len(rows_of(engine)) == size


def test_a_batch_inside_a_savepoint_is_undone_with_it(engine: Engine) -> None:
    with engine.begin() as conn:
        for start in (0, 2000):
            with conn.begin_nested():
                bulk.upsert(conn, things, [thing(start + n) for n in range(1200)], ["connection"])
        bad = conn.begin_nested()
        bulk.upsert(conn, things, [thing(5000 + n) for n in range(1200)], ["connection"])
        bad.rollback()
        bulk.upsert(conn, things, [thing(9000 + n) for n in range(1200)], ["connection"])
    assert {row["number"] // 1000 for row in rows_of(engine)} == {0, 1, 2, 3, 9, 10}


def test_copy_tells_of_text_that_the_database_refuses(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    metadata.create_all(engine)
    rows = [thing(number) for number in range(1500)]
    rows[700]["order"] = "a\x00b"
    with pytest.raises(DataError), engine.begin() as conn:
        bulk.insert(conn, things, rows)
    engine.dispose()


def test_rows_that_name_different_columns_are_refused(engine: Engine) -> None:
    rows = [thing(0), thing(1, surprise=1)]
    with engine.begin() as conn:
        with pytest.raises(ValueError, match="surprise"):
            bulk.insert(conn, things, rows)
        with pytest.raises(ValueError, match="surprise"):
            bulk.upsert(conn, things, rows, ["connection"])


def test_no_rows_need_no_database(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE things"))
        bulk.insert(conn, things, [])
        bulk.upsert(conn, things, [], ["connection"])
        assert bulk.select_in(conn, things, [things.c.id], things.c.id, []) == []
        assert bulk.delete_where_in(conn, things, things.c.id, []) == 0


def test_select_and_delete_among_many_values(engine: Engine) -> None:
    with engine.begin() as conn:
        bulk.insert(conn, things, [thing(number, order="ab"[number % 2]) for number in range(3000)])
        wanted = [f"база-{number}" for number in range(100, 2900)] + ["нет", "база-100"]
        found = bulk.select_in(conn, things, [things.c.number], things.c.connection, wanted, order="a")
        assert sorted(row.number for row in found) == list(range(100, 2900, 2))
        assert bulk.delete_where_in(conn, things, things.c.connection, wanted, order="b") == 1400
        assert conn.scalar(select(func.count()).select_from(things)) == 1600


def test_chunks() -> None:
    assert list(bulk.chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(bulk.chunks([], 2)) == []


def test_moments_are_utc_whatever_the_session_says(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    metadata.create_all(engine)
    with engine.begin() as conn:
        conn.execute(text("SET TIME ZONE 'Asia/Vladivostok'"))
        bulk.insert(conn, things, [thing(number) for number in range(1500)])
        assert conn.scalar(select(func.min(things.c.at))) == datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    engine.dispose()
