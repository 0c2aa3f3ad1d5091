"""The fixtures. A server starts with the first test that asks for it, and runs again for every test that asks later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import Redis


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[Postgres]:
    """PostgreSQL for this test process; tests ask for `postgres`."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def rabbitmq_session() -> Iterator[RabbitMQ]:
    """RabbitMQ for this test process; tests ask for `rabbitmq`."""
    server = RabbitMQ()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis_session() -> Iterator[Redis]:
    """Redis for this test process; tests ask for `redis_server`."""
    server = Redis()
    yield server
    server.remove()


@pytest.fixture
def postgres(postgres_session: Postgres) -> Postgres:
    """A running PostgreSQL, whatever the test before did to it."""
    postgres_session.start()
    return postgres_session


@pytest.fixture
def rabbitmq(rabbitmq_session: RabbitMQ) -> RabbitMQ:
    """A running RabbitMQ, whatever the test before did to it."""
    rabbitmq_session.start()
    return rabbitmq_session


@pytest.fixture
def redis_server(redis_session: Redis) -> Redis:
    """A running Redis, whatever the test before did to it; not emptied."""
    redis_session.start()
    return redis_session


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database of this test's own."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.start()
    postgres.drop(name)


@pytest.fixture
def rabbitmq_url(rabbitmq: RabbitMQ) -> str:
    """A virtual host of this test's own."""
    return rabbitmq.url(rabbitmq.virtual_host())


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """A Redis with nothing in it."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store: a test that asks for it runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
