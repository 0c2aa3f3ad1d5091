"""Counting what is asked of a database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

CountQueries = Callable[[Engine], AbstractContextManager[list[str]]]


@pytest.fixture
def count_queries() -> CountQueries:
    """`with count_queries(engine) as queries:` collects every statement but those that open a transaction."""
    return counting


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    queries: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            queries.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(engine, "before_cursor_execute", note)
