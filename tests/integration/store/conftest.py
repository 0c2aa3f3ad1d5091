"""Fixtures: engines on a store, and records to put into it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from store.engine import open_engine
from tests.integration.store.counting import count_queries
from tests.integration.store.filling import Filling

__all__ = ["count_queries"]


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
