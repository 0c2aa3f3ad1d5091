"""Fixtures and rules for all tests."""

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

SERVERS = {"postgres_session", "rabbitmq_session", "redis_session"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `-m "not services"` runs anywhere."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)
