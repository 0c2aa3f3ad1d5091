"""Fixtures: a store brought up to date (copied from one that was upgraded once), and records to put into it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from store.engine import open_engine
from store.upgrade import upgrade
from tests.integration.store.counting import count_queries
from tests.integration.store.filling import Filling
from tests.services.postgres import Postgres

__all__ = ["count_queries"]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds an empty store."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_session: Postgres) -> str:
    """A database that holds an empty store."""
    postgres_session.start()
    name = postgres_session.create()
    upgrade(postgres_session.url(name))
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store that is up to date, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An engine on the store."""
    engine = open_engine(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def readonly(engine: Engine, store_url: str) -> Iterator[Engine]:
    """The same store, as commands that read open it."""
    engine = open_engine(store_url, readonly=True)
    yield engine
    engine.dispose()


@pytest.fixture
def filling(engine: Engine) -> Filling:
    """Puts records into the store."""
    return Filling(engine)
