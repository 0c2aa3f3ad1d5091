"""What goes wrong around the work itself: requests nobody can carry out, a store that is away, one bad connection."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from core.clock import ManualClock
from core.errors import ConfigError
from core.ids import new_id
from core.settings import ConnectionSettings, ScheduleSettings, Settings
from store.engine import open_engine
from store.tables import request
from store.upgrade import upgrade
from sync.context import App
from sync.room import dispatch
from sync.room.lease import Lease, claim_lease
from sync.room.runs import RunResult


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    engine = open_engine(store_url)
    upgrade(engine)
    both = {name: ConnectionSettings(name=name, connector="onec_odata", mapping="bp30") for name in ("a", "b")}
    yield App(Settings(connections=both), engine, ManualClock(), "worker")
    engine.dispose()


def ask(app: App, kind: str, arguments: Any) -> None:
    row = {"id": new_id(), "kind": kind, "connection": "a", "arguments": arguments, "created_at": app.clock.now()}
    with app.engine.begin() as conn:
        conn.execute(request.insert(), row)


def work(app: App) -> list[dispatch.WorkItem]:
    """What a tick finds of requests half a minute later, done."""
    app.clock.sleep(31)
    found = [item for item in dispatch.tick(app) if item.kind == "request"]
    for item in found:
        dispatch.run_work(app, item.to_message())
    return found


def answers(app: App) -> list[Any]:
    with app.engine.connect() as conn:
        return [row.result for row in conn.execute(request.select()) if row.done_at is not None]


def failing(error: Exception) -> Callable[..., RunResult]:
    def cycle(*args: object, **how: object) -> RunResult:
        raise error

    return cycle


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("dance", {}, "no request of kind 'dance'"),
        ("pull_customer", {}, "which counterparty"),
        ("pull_customer", {"counterparty": None}, "which counterparty"),
        ("sync", {"entity": ["order"]}, "no text"),
        ("push", ["order"], "no names with values"),
    ],
)
def test_a_request_nobody_can_carry_out_is_answered_once(app: App, kind: str, arguments: Any, said: str) -> None:
    ask(app, kind, arguments)
    assert len(work(app)) == 1
    assert work(app) == []
    (answer,) = answers(app)
    assert answer["status"] == "failed" and said in answer["message"] and "Next: " in answer["message"]


@pytest.mark.parametrize("error", [KeyError("surprise"), ZeroDivisionError(), ConfigError("No right to read.")])
def test_a_mistake_in_a_stage_answers_the_request(app: App, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(dispatch, "run_cycle", failing(error))
    ask(app, "sync", {})
    assert len(work(app)) == 1
    assert work(app) == []
    (answer,) = answers(app)
    assert answer["status"] == "failed" and answer["run"] is None and "Next: " in answer["message"]


def test_a_store_that_is_away_leaves_the_request(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "run_cycle", failing(OperationalError("select", {}, Exception("away"))))
    ask(app, "sync", {})
    with pytest.raises(OperationalError):
        work(app)
    assert answers(app) == []
    monkeypatch.setattr(dispatch, "run_cycle", lambda *args, **how: RunResult(None, "ok"))
    app.clock.sleep(timedelta(minutes=1).total_seconds())
    work(app)
    assert [answer["status"] for answer in answers(app)] == ["ok"]


@pytest.mark.parametrize(
    "error",
    [
        NoConnectionFree("no connection free"),
        InterfaceError("update", {}, Exception("closed")),
        InternalError("update", {}, Exception("in failed transaction")),
    ],
)
def test_the_heartbeat_outlives_a_store_that_is_away(
    app: App, monkeypatch: pytest.MonkeyPatch, error: SQLAlchemyError
) -> None:
    app.settings = app.settings.model_copy(update={"schedule": ScheduleSettings(lease=timedelta(milliseconds=30))})
    renew, tries, renewed = Lease._renew, iter(range(3)), threading.Event()

    def flaky(self: Lease, conn: Any, told: Any = None) -> bool:
        if next(tries, None) is not None:
            raise error
        held = renew(self, conn, told)
        renewed.set()
        return held

    held = claim_lease(app, "a")
    assert held is not None
    monkeypatch.setattr(Lease, "_renew", flaky)
    held.start_heartbeat()
    assert renewed.wait(20) and not held.lost
    held.release()
    assert claim_lease(app, "a") is not None


def test_a_release_that_fails_keeps_the_result(app: App) -> None:
    held = claim_lease(app, "a")
    assert held is not None
    with app.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE lease RENAME TO lease_away")
    held.release()
    with app.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE lease_away RENAME TO lease")
    app.clock.sleep(31)
    assert claim_lease(app, "a") is not None


def test_a_connection_that_fails_keeps_no_other_from_its_tick(app: App) -> None:
    wrong = app.settings.connections["a"].model_copy(update={"quiet": ("whenever",)})
    app.settings = app.settings.model_copy(update={"connections": app.settings.connections | {"a": wrong}})
    assert [item.connection for item in dispatch.tick(app)] == ["b"]
