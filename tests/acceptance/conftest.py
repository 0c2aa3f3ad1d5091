"""A stand-in base and an installation that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation

SINCE = "since = 2025-01-01"


@pytest.fixture
def base() -> Base:
    """A small trading company."""
    return build_company(seed=5, documents=200)


@pytest.fixture
def server(base: Base) -> Iterator[OnecServer]:
    """It, published over OData."""
    with OnecServer(base) as running:
        yield running


@pytest.fixture
def installed(tmp_path: Path, server: OnecServer, bare_url: str) -> Installation:
    """An installation that may write into accounting; once on SQLite, once on PostgreSQL."""
    return Installation(tmp_path, bare_url, server.url, connection='write = "on"')


@pytest.fixture
def on_sqlite(tmp_path: Path, server: OnecServer) -> Installation:
    """The same on SQLite only, where the database makes no difference."""
    return Installation(tmp_path, f"sqlite:///{tmp_path / 'store.db'}", server.url, connection='write = "on"')
