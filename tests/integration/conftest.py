"""Fixtures for tests that begin with a copy of what real cycles have left (`outbox/start.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.outbox.start import Start, Stores
from tests.services.fixtures import BOTH


@pytest.fixture(scope="session")
def starts() -> dict[str, Start]:
    """What was kept so far in this test process, by its name and the kind of its store."""
    return {}


@pytest.fixture(scope="session")
def kept_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where stores of SQLite are kept to be copied."""
    return tmp_path_factory.mktemp("starts")


@pytest.fixture(params=BOTH)
def stores(request: pytest.FixtureRequest, tmp_path: Path, kept_stores: Path) -> Iterator[Stores]:
    """Stores of this test's own: once on SQLite and once on PostgreSQL."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = Stores(tmp_path, server, kept_stores)
    yield made
    made.close()


@pytest.fixture
def empty_store(request: pytest.FixtureRequest, stores: Stores) -> str:
    """The template of a store without records, of the kind of this test."""
    name = "sqlite_template" if stores.kind == "sqlite" else "postgres_template"
    return str(request.getfixturevalue(name))
