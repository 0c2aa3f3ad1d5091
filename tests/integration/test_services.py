"""The harness itself: what the other tests stand on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection, Queue
from sqlalchemy import create_engine, func, inspect, select, text

from store.tables import metadata
from store.upgrade import upgrade
from tests.services.postgres import Postgres
from tests.services.process import ServiceError, find_program
from tests.services.rabbitmq import RabbitMQ
from tests.services.reaper import parents
from tests.services.redis_server import Redis

ROOT = Path(__file__).parents[2]


def send_and_get(url: str, body: dict[str, object]) -> dict[str, object]:
    with Connection(url) as connection, connection.SimpleQueue("greetings") as queue:
        queue.put(body)
        message = queue.get(timeout=10)
        message.ack()
        payload: dict[str, object] = message.payload
        return payload


def test_rabbitmq_carries_a_message(rabbitmq_url: str) -> None:
    assert send_and_get(rabbitmq_url, {"text": "здравствуй"}) == {"text": "здравствуй"}


def test_redis_carries_a_message(redis_url: str) -> None:
    assert send_and_get(redis_url, {"text": "здравствуй"}) == {"text": "здравствуй"}


def test_every_test_has_a_virtual_host_of_its_own(rabbitmq: RabbitMQ) -> None:
    first, second = rabbitmq.url(rabbitmq.virtual_host()), rabbitmq.url(rabbitmq.virtual_host())
    with Connection(first) as connection, connection.SimpleQueue("greetings") as queue:
        queue.put("for the first")
    with Connection(second) as connection, connection.SimpleQueue("greetings") as queue:
        assert queue.qsize() == 0


def test_rabbitmq_keeps_a_durable_message_through_kill(rabbitmq: RabbitMQ, rabbitmq_url: str) -> None:
    queue = Queue("kept", durable=True, queue_arguments={"x-queue-type": "quorum"})
    confirmed = Connection(rabbitmq_url, transport_options={"confirm_publish": True})
    with confirmed as connection, connection.Producer() as producer:
        producer.publish("still here", routing_key="kept", declare=[queue], delivery_mode=2)
    rabbitmq.restart()
    rabbitmq.kill()
    assert not rabbitmq.answers()
    rabbitmq.start()
    with Connection(rabbitmq_url) as connection:
        until = time.monotonic() + 20
        while (message := queue(connection.default_channel).get()) is None and time.monotonic() < until:
            time.sleep(0.1)
    assert message is not None
    assert message.payload == "still here"


def test_redis_keeps_through_kill_and_is_empty_for_the_next(redis_server: Redis, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("kept", "yes")
    redis_server.kill()
    assert not redis_server.answers()
    redis_server.start()
    with redis.Redis.from_url(redis_url) as client:
        assert client.get("kept") == b"yes"
        redis_server.empty()
        assert client.dbsize() == 0


def test_postgres_takes_us_back_after_restart(postgres: Postgres, postgres_url: str) -> None:
    engine = create_engine(postgres_url, pool_pre_ping=True)
    with engine.begin() as connection:
        connection.execute(text("create table kept (name text)"))
        connection.execute(text("insert into kept values ('Ромашка')"))
    postgres.restart()
    with engine.connect() as connection:
        assert connection.scalar(text("select lower(name) from kept")) == "ромашка"
    engine.dispose()


def test_postgres_keeps_what_was_committed_through_kill(postgres: Postgres, postgres_url: str) -> None:
    address = postgres_url.replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept select generate_series(1, 1000)")
        connection.commit()
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert not postgres.answers()
    postgres.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (1000,)


def test_a_bare_database_is_empty(bare_url: str) -> None:
    engine = create_engine(bare_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("create table mine (n int)"))
        assert connection.scalar(text("select count(*) from mine")) == 0
    engine.dispose()


def test_a_store_is_up_to_date_and_has_no_records(store_url: str) -> None:
    assert not upgrade(store_url), "nothing was left to do"
    engine = create_engine(store_url)
    with engine.connect() as connection:
        assert {connection.scalar(select(func.count()).select_from(table)) for table in metadata.tables.values()} == {0}
    engine.dispose()


def test_a_template_gives_its_tables(postgres: Postgres) -> None:
    template = postgres.create()
    with psycopg.connect(postgres.conninfo(template)) as connection:
        connection.execute("create table ready (n int)")
    copy = postgres.create(template)
    with psycopg.connect(postgres.conninfo(copy)) as connection:
        assert connection.execute("select count(*) from ready").fetchone() == (0,)
    postgres.drop(copy)
    postgres.drop(template)


def test_a_missing_server_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ServiceError, match="make services"):
        find_program("no-such-server", "/usr/lib/no-such-server/*/bin/server")


KILLED_RUN = """
import os, sys
from tests.services.redis_server import Redis
server = Redis()
server.start()
print(server.process.pid, server.folder, flush=True)
os.kill(os.getpid(), 9)
"""


def test_servers_end_with_a_test_run_that_is_killed() -> None:
    run = subprocess.run([sys.executable, "-c", KILLED_RUN], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    pid, folder = run.stdout.split()
    until = time.monotonic() + 15
    while (int(pid) in parents() or os.path.exists(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    assert int(pid) not in parents()
    assert not Path(folder).exists()
