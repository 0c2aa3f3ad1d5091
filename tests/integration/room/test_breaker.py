"""The breaker of a connection: closed, open, half-open with exactly one probe, however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.settings import ConnectionSettings, Settings
from store.engine import open_engine
from store.tables import audit, connection, slot
from store.upgrade import upgrade
from sync.context import App
from sync.room import breaker, dispatch

T = TypeVar("T")
MANY = 8


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    engine = open_engine(store_url, pool_size=MANY)
    upgrade(engine)
    settings = Settings(connections={"a": ConnectionSettings(name="a", connector="onec_odata", mapping="bp30")})
    yield App(settings, engine, ManualClock(), "worker")
    engine.dispose()


def at_once(do: Callable[[], T]) -> list[T]:
    """What as many threads get that do the same in the same moment."""
    gate, got = threading.Barrier(MANY), list[T]()

    def one() -> None:
        gate.wait()
        got.append(do())

    threads = [threading.Thread(target=one) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == MANY
    return got


def passes(app: App) -> bool:
    with app.engine.begin() as conn:
        return breaker.claim_passage(conn, "a", app.clock.now())


def state(app: App) -> dict[str, Any]:
    with app.engine.connect() as conn:
        return dict(conn.execute(connection.select()).mappings().one())


def open_it(app: App) -> None:
    for _ in range(breaker.THRESHOLD):
        breaker.record_failure(app, "a", None)


def test_failures_at_once_are_all_counted_and_one_opens(app: App) -> None:
    assert sum(at_once(lambda: breaker.record_failure(app, "a", None))) == 1
    assert (state(app)["failures"], state(app)["breaker"]) == (MANY, "open")


def test_successes_at_once_close_it_once(app: App) -> None:
    open_it(app)
    assert sum(at_once(lambda: breaker.record_success(app, "a"))) == 1
    assert (state(app)["failures"], state(app)["breaker"]) == (0, "closed")
    assert not breaker.record_success(app, "a")


def test_exactly_one_probe_goes(app: App) -> None:
    assert at_once(lambda: passes(app)) == [True] * MANY  # closed: everybody
    open_it(app)
    assert at_once(lambda: passes(app)) == [False] * MANY  # open: nobody
    app.clock.sleep(breaker.FIRST_PAUSE.total_seconds())
    assert sum(at_once(lambda: passes(app))) == 1
    assert state(app)["breaker"] == "half_open"
    app.clock.sleep(breaker.PROBE.total_seconds())  # it never reported: taken for dead, another one goes
    assert sum(at_once(lambda: passes(app))) == 1


def test_a_probe_that_fails_opens_it_for_longer_without_another_word(app: App) -> None:
    open_it(app)
    pauses = []
    for _ in range(8):
        until = state(app)["breaker_until"]
        pauses.append(until - app.clock.now())
        app.clock.move(pauses[-1])  # type: ignore[attr-defined]
        assert passes(app)
        assert not breaker.record_failure(app, "a", None)
        assert state(app)["breaker"] == "open"
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert pauses[-1] == breaker.LONGEST_PAUSE


def test_what_it_asks_for_is_the_least_up_to_a_day(app: App) -> None:
    assert breaker.pause_after(1, 7200.0) == timedelta(hours=2)
    assert breaker.pause_after(1, 1e14) == timedelta(days=1)
    assert breaker.record_failure(app, "a", 1e14)
    app.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    assert passes(app)


def test_a_pause_from_a_clock_put_back_does_not_last_for_years(app: App) -> None:
    app.clock.sleep(3600 * 24 * 400)
    open_it(app)
    app.clock.move(timedelta(days=-400))  # type: ignore[attr-defined]
    assert at_once(lambda: passes(app)).count(True) == 1
    app.clock.sleep(breaker.PROBE.total_seconds() / 2)
    assert not passes(app), "its probe is on the way"
    breaker.record_success(app, "a")
    app.clock.sleep(3600 * 24 * 400)
    breaker.pause_connection(app, "a", "The password is wrong.")
    app.clock.move(timedelta(days=-400))  # type: ignore[attr-defined]
    with app.engine.connect() as conn:
        assert breaker.pause_reason(conn, "a", app.clock.now()) is None


def test_beats_at_once_let_one_probe_through(app: App) -> None:
    """The same by way of ticks: eight beats, one slot, one piece of work."""
    open_it(app)
    app.clock.sleep(600)
    found = at_once(lambda: dispatch.tick(app))
    assert sum(len(items) for items in found) == 1
    app.clock.sleep(300)
    assert [len(items) for items in at_once(lambda: dispatch.tick(app))] == [0] * MANY
    with app.engine.connect() as conn:
        states = [row.state for row in conn.execute(slot.select().order_by(slot.c.start))]
    assert len(states) == 2 and states[1] == "skipped_breaker"


def test_what_a_person_holds_is_let_go_by_a_person_alone(app: App) -> None:
    """Neither an hour, nor a success, nor a doctor, nor a new start of the service ends it; both deeds are audited."""
    assert breaker.hold_connection(app, "a", "stocktaking", "anna")
    assert not breaker.hold_connection(app, "a", "another reason", "boris")
    breaker.pause_connection(app, "a", "The password is wrong.")
    app.clock.sleep(5 * 3600)
    assert not breaker.resume_connection(app, "a")
    breaker.record_success(app, "a")
    with app.engine.connect() as conn:
        assert breaker.pause_reason(conn, "a", app.clock.now()) == "stocktaking"
    assert breaker.release_connection(app, "a", "boris") and not breaker.release_connection(app, "a", "boris")
    with app.engine.connect() as conn:
        assert breaker.pause_reason(conn, "a", app.clock.now()) is None
        told = conn.execute(select(audit.c.who, audit.c.what, audit.c.subject).order_by(audit.c.what)).all()
    assert [tuple(row) for row in told] == [("anna", "connection.pause", "a"), ("boris", "connection.resume", "a")]
