"""The fixtures. A server starts with the first test that asks for it, and runs again for every test that asks later."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.upgrade import upgrade
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


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


@pytest.fixture(params=BOTH)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table, as at a first start: once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds a store without records."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_session: Postgres) -> str:
    """A database that holds a store without records."""
    postgres_session.start()
    name = postgres_session.create()
    upgrade(postgres_session.url(name))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A store without records, on SQLite: for what has nothing to do with the database."""
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=BOTH)
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A store without records: a test that asks for it runs once on SQLite and once on PostgreSQL.

    It is a copy of one that was brought up to date once; the way there is walked by the tests that ask for `bare_url`.
    """
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.start()
    server.drop(name)
