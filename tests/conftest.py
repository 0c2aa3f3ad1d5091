"""Fixtures and rules for all tests."""

import os
from collections.abc import Iterator

import pytest

from tests.services.fixtures import (
    bare_url,
    postgres,
    postgres_session,
    postgres_template,
    postgres_url,
    rabbitmq,
    rabbitmq_session,
    rabbitmq_url,
    redis_server,
    redis_session,
    redis_url,
    sqlite_template,
    sqlite_url,
    store_url,
)

__all__ = [
    "bare_url",
    "postgres",
    "postgres_session",
    "postgres_template",
    "postgres_url",
    "rabbitmq",
    "rabbitmq_session",
    "rabbitmq_url",
    "redis_server",
    "redis_session",
    "redis_url",
    "sqlite_template",
    "sqlite_url",
    "store_url",
]

os.environ["LC_ALL"] = "C.UTF-8"
"""Commands speak the language of their environment: to tests, and to processes that they start, always English."""

SERVERS = {"postgres_session", "rabbitmq_session", "redis_session"}


LONGEST = ("tests/chaos/", "tests/acceptance/", "tests/mutation/", "test_memory.py", "test_identity.py")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what needs a server, so that `-m "not services"` runs anywhere; the longest first, after the shuffling.

    Of two workers one would else begin a test of a minute when the other has nothing left to do.
    """
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)
        if isinstance(item, pytest.Function) and _waits_for_the_night(item):
            item.add_marker(pytest.mark.nightly)
    yield
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


def _waits_for_the_night(item: pytest.Function) -> bool:
    """Whether it is the PostgreSQL twin of a test that its file does not name among those that run there by day."""
    chosen = item.get_closest_marker("on_postgresql")
    if chosen is None:
        return False
    if unknown := [name for name in chosen.args if not hasattr(item.module, name.partition("[")[0])]:
        raise pytest.UsageError(f"{item.path}: on_postgresql names what is no test there: {', '.join(unknown)}")
    given = getattr(item, "callspec", None)
    named = item.originalname in chosen.args or item.name in chosen.args
    return given is not None and "postgresql" in given.params.values() and not named
