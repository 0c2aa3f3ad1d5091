"""Backups: whole, private, made while somebody writes; a failure leaves no file."""

import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import ConfigError, UsageError
from store.backup import backup
from store.engine import open_engine
from store.upgrade import upgrade
from tests.integration.store.filling import Filling
from tests.services.postgres import BINARIES
from tests.services.process import find_program


@pytest.fixture
def pg_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own tools on PATH, as where its client package is installed."""
    monkeypatch.setenv("PATH", str(Path(find_program("pg_dump", BINARIES + "pg_dump")).parent), prepend=":")


def test_sqlite_while_somebody_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    engine = open_engine(url)
    upgrade(engine)
    Filling(engine).add("product", name="Болт")
    target = tmp_path / "deep" / "copy.db"
    with engine.begin() as conn:
        conn.execute(text("UPDATE products SET name = 'half'"))
        assert backup(url, target) == target
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT name FROM products").fetchall() == [("Болт",)]
    assert not upgrade(f"sqlite:///{target}")
    engine.dispose()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(UsageError, match="never overwrites"):
        backup(f"sqlite:///{tmp_path / 'store.db'}", target)
    assert target.read_text() == "mine"


def test_a_store_that_is_not_there_or_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("no database" * 100)
    for name in ("none.db", "bad.db"):
        with pytest.raises(ConfigError):
            backup(f"sqlite:///{tmp_path / name}", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.db"]


def test_postgresql(postgres_url: str, tmp_path: Path, pg_tools: None) -> None:
    store = open_engine(postgres_url)
    upgrade(store)
    Filling(store).add("product", name="Болт")
    target = backup(store, tmp_path / "copy.dump")
    store.dispose()
    listing = subprocess.run(["pg_restore", "--list", str(target)], capture_output=True, text=True, check=True).stdout
    assert "TABLE DATA public products" in listing
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_postgresql_that_refuses(tmp_path: Path, pg_tools: None) -> None:
    with pytest.raises(ConfigError) as caught:
        backup("postgresql://sverka:hunter22@127.0.0.1:1/none", tmp_path / "copy.dump")
    assert "pg_dump made no backup" in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_postgresql_without_its_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="pg_dump is not installed"):
        backup("postgresql://sverka@127.0.0.1:1/none", tmp_path / "copy.dump")


def test_postgresql_that_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("store.backup.LONGEST_DUMP", 0.2)
    with pytest.raises(ConfigError, match="was not ready"):
        backup("postgresql://nobody@127.0.0.1:1/nothing", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
