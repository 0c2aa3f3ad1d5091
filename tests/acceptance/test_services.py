"""The background service in real processes: embedded, over RabbitMQ, over Redis; killed and started again."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, inspect, select

from core.clock import SystemClock
from core.ids import new_id
from sandbox.onec.base import Base
from sandbox.onec.server import OnecServer
from store.engine import open_engine, reading
from store.tables import request as requests
from store.tables import slot
from tests.acceptance.installation import Installation, wait_for
from tests.acceptance.truth import our_balances, true_balances
from tests.services.process import free_port

pytestmark = pytest.mark.timeout(240)
NAMES = ("accounting", "second", "third", "fourth", "fifth")
FAST = '[schedule]\nevery = "3s"\ntick = "1s"\nlease = "5s"\n'


def installation(folder: Path, server: OnecServer, store: str, broker: str = "") -> Installation:
    extra = f'{FAST}[web]\nlisten = "127.0.0.1:{free_port()}"\n[broker]\nurl = "{broker}"\n'
    return Installation(folder, store, server.url, extra=extra, connection='write = "on"')


def wait_until_level(installed: Installation, base: Base) -> None:
    wait_for(lambda: our_balances(installed) == true_balances(base), "balances equal those of accounting", 90)


def slots_of(engine: Engine, *states: str) -> list[str]:
    """The connections of all slots in these states (of all slots, when none is named); none before there is a store."""
    with reading(engine) as conn:
        if not inspect(conn).has_table("slot"):
            return []
        return [row.connection for row in conn.execute(select(slot)) if not states or row.state in states]


def ask_for_push(engine: Engine, name: str) -> UUID:
    """What a page does for a person who asks."""
    asked = new_id()
    row = {"id": asked, "kind": "push", "connection": name, "arguments": {}, "created_at": SystemClock().now()}
    with engine.begin() as conn:
        conn.execute(requests.insert(), row)
    return asked


def is_claimed(engine: Engine, asked: UUID) -> bool:
    """Whether a tick has found the request."""
    with reading(engine) as conn:
        return conn.execute(select(requests.c.claimed_at).where(requests.c.id == asked)).scalar_one() is not None


def test_embedded_service_keeps_in_step(tmp_path: Path, server: OnecServer, base: Base) -> None:
    installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}")
    with installed.service("run"):
        wait_until_level(installed, base)
        base.random_edits(20, seed=1)
        wait_until_level(installed, base)
        before = set(base.keys("Catalog_Контрагенты"))
        installed.run("contact", "add", "--name", "ООО «Лето»", "--inn", "7743013901", "--status", "client")
        wait_for(lambda: set(base.keys("Catalog_Контрагенты")) - before, "the client is in accounting")


def test_killed_service_goes_on(tmp_path: Path, server: OnecServer, base: Base) -> None:
    installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}")
    with installed.service("run") as process:
        wait_for(lambda: len(server.requests) > 12, "it has begun to read")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with installed.service("run"):
        wait_until_level(installed, base)


@pytest.mark.parametrize("broker", ["rabbitmq_url", "redis_url"])
def test_worker_and_beat_over_a_broker(
    tmp_path: Path, server: OnecServer, base: Base, postgres_url: str, broker: str, request: pytest.FixtureRequest
) -> None:
    installed = installation(tmp_path, server, postgres_url, request.getfixturevalue(broker))
    with ExitStack() as stack:
        stack.enter_context(installed.service("worker", "--concurrency", "2"))
        stack.enter_context(installed.service("beat"))
        wait_until_level(installed, base)
        base.random_edits(10, seed=2)
        wait_until_level(installed, base)


@pytest.mark.parametrize("broker", ["", "rabbitmq_url", "redis_url"])
def test_hour_long_work_keeps_nobody_else_from_being_found(
    tmp_path: Path, server: OnecServer, broker: str, request: pytest.FixtureRequest
) -> None:
    """Every child is busy with a first load; slots and requests of a connection at rest are claimed all the same."""
    store = request.getfixturevalue("postgres_url") if broker else f"sqlite:///{tmp_path / 'store.db'}"
    installed = installation(tmp_path, server, store, request.getfixturevalue(broker) if broker else "")
    text = installed.settings.read_text("utf-8").replace('write = "on"', 'write = "off"')
    section = text[text.index("[connections.accounting]") :]
    more = [section.replace("accounting]", f"{name}]") for name in NAMES[1:]]
    installed.settings.write_text("\n".join([text, *more]), "utf-8")
    server.faults.add("slow", seconds=5)
    apart = (("worker", "--concurrency", "1"), ("beat",), ("beat",)) if broker else (("run",),)
    engine = open_engine(store)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        for arguments in apart:
            process = stack.enter_context(installed.service(*arguments))
            if arguments == ("run",):
                stack.callback(process.kill)  # asked to stop, threads would first finish their work
        stack.callback(server.faults.clear)
        wait_for(lambda: len(slots_of(engine, "running")) >= (1 if broker else 4), "all children are busy")
        idle = ({*NAMES} - set(slots_of(engine, "running"))).pop()
        before = slots_of(engine).count(idle)
        asked = ask_for_push(engine, idle)
        wait_for(lambda: slots_of(engine).count(idle) >= before + 2, "its slots are claimed", 20)
        wait_for(lambda: is_claimed(engine, asked), "its request is dispatched", 20)


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_apart_without_a_broker_is_refused(on_sqlite: Installation, command: str) -> None:
    done = on_sqlite.run(command, check=2)
    assert "broker.url is empty" in done.stderr
    assert done.stdout == ""


def test_health_and_metrics(tmp_path: Path, server: OnecServer) -> None:
    installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}")
    address = installed.settings.read_text("utf-8").split('listen = "')[1].split('"')[0]

    def get(path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            return ""

    with installed.service("run"):
        wait_for(lambda: get("/readyz"), "it is ready")
        assert get("/healthz") == "ok\n"
        assert 'sverka_queue{connection="accounting",queue="dead"} 0' in get("/metrics")


def test_port_that_is_taken_never_stops_the_worker(tmp_path: Path, server: OnecServer, base: Base) -> None:
    installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}")
    taken = server.url.split("//")[1].split("/")[0]
    with installed.service("run", env={"SVERKA_WEB__LISTEN": taken}):
        wait_until_level(installed, base)
