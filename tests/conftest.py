"""Fixtures and rules for all tests."""

import pytest

from tests.services.fixtures import (
    postgres,
    postgres_session,
    postgres_url,
    rabbitmq,
    rabbitmq_session,
    rabbitmq_url,
    redis_server,
    redis_session,
    redis_url,
    store_url,
)

__all__ = [
    "postgres",
    "postgres_session",
    "postgres_url",
    "rabbitmq",
    "rabbitmq_session",
    "rabbitmq_url",
    "redis_server",
    "redis_session",
    "redis_url",
    "store_url",
]

SERVERS = {"postgres_session", "rabbitmq_session", "redis_session"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `-m "not services"` runs anywhere."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)
