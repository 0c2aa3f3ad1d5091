"""Worlds of the pulling side."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sync_pull.world import World, make_world


@pytest.fixture
def build(store_url: str, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a world on this test's store (SQLite, then PostgreSQL)."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(make_world(store_url, tmp_path, **how))


@pytest.fixture
def build_sqlite(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a world on SQLite: for what has nothing to do with the database."""
    with ExitStack() as stack:

        def make(**how: Any) -> World:
            return stack.enter_context(make_world(sqlite_url, tmp_path, **how))

        yield make
