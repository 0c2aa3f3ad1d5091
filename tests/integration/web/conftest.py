"""Fixtures: a site over a store that is up to date, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.store.conftest import engine
from tests.integration.store.counting import count_queries
from tests.integration.web.world import World, build_world

__all__ = ["count_queries", "engine"]


@pytest.fixture
def world(engine: Engine, store_url: str) -> Iterator[World]:
    """One site with people and customers."""
    made = build_world(engine, store_url)
    yield made
    made.site.close()
