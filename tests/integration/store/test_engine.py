"""Opening the store: what is accepted, who waits for whom, what a reader may do."""

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from core.errors import ConfigError
from store.engine import forget_after_fork, open_engine, parse_store_url, reading


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://u:hunter22@h/d", "postgresql+asyncpg://u:hunter22@h/d", "://"]
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///path/to/file") as caught:
        open_engine(url)
    assert "hunter22" not in f"{caught.value!r}{caught.value}{caught.value.__cause__!r}"


def test_addresses_that_are_taken() -> None:
    assert parse_store_url("sqlite:///a.db").database == "a.db"
    assert parse_store_url("postgresql://u@h/d").drivername == "postgresql+psycopg"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'file' / 'store.db'}")


def test_a_reader_cannot_write(engine: Engine, readonly: Engine) -> None:
    with pytest.raises(DBAPIError), readonly.begin() as conn:
        conn.execute(text("INSERT INTO lease (name) VALUES ('a')"))
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO lease (name) VALUES ('a')"))


def test_readers_do_not_wait_for_a_writer(engine: Engine, readonly: Engine) -> None:
    count = text("SELECT count(*) FROM lease")
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO lease (name) VALUES ('a')"))
        with readonly.connect() as reader, reading(engine) as other:
            assert (reader.scalar(count), other.scalar(count)) == (0, 0)
    with reading(engine) as other:
        assert other.scalar(count) == 1


def test_writers_of_sqlite_queue_from_the_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    first, second = open_engine(url), open_engine(url)
    with first.connect() as conn, second.connect() as other:
        other.exec_driver_sql("PRAGMA busy_timeout=50")
        other.rollback()
        conn.exec_driver_sql("SELECT 1")  # a mere read in a writing engine holds the write lock already
        with pytest.raises(DBAPIError, match="locked"):
            other.exec_driver_sql("SELECT 1")
    first.dispose()
    second.dispose()


def test_errors_of_the_store_never_show_values(engine: Engine, readonly: Engine) -> None:
    for one in (engine, readonly):
        with pytest.raises(DBAPIError) as caught, one.begin() as conn:
            conn.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": "canary-77"})
        assert "canary-77" not in str(caught.value)


def test_postgresql_waits_for_nothing_without_end(postgres_url: str) -> None:
    for readonly in (False, True):
        engine = open_engine(postgres_url, readonly=readonly)
        with engine.connect() as conn:
            shown = [conn.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", "statement_timeout")]
            info = conn.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        engine.dispose()
        assert shown == ["1min", "15min"]
        assert (info["keepalives_idle"], info["tcp_user_timeout"], info["connect_timeout"]) == ("30", "60000", "15")


def test_a_forked_child_leaves_the_connections_of_its_parent_alone(engine: Engine) -> None:
    with engine.connect() as conn:
        conn.execute(text("SELECT 1"))
    child = os.fork()
    if child == 0:
        forget_after_fork(engine)
        with engine.connect() as conn:
            ok = conn.scalar(text("SELECT 1")) == 1
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT 1")) == 1
