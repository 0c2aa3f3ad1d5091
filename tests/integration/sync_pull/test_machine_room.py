"""Leases, slots, requests, breaker: who may work, how often, and when not. On SQLite and PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.errors import ConfigError, LeaseLost, TransientError
from core.ids import new_id
from core.settings import ConnectionSettings, ScheduleSettings, Settings
from store.engine import open_engine
from store.tables import connection, dead_letter, lease, request, run, slot
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import run_stages
from sync.room import breaker, dispatch, slots
from sync.room.lease import claim_lease, is_held
from sync.room.numbers import next_numbers
from sync.room.runs import RunResult, fail_run, start_run
from tests.integration.sync_pull.world import World, assert_level, rows


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    engine = open_engine(store_url)
    upgrade(engine)
    one = ConnectionSettings(name="a", connector="onec_odata", mapping="bp30")
    settings = Settings(schedule=ScheduleSettings(), connections={"a": one})
    yield App(settings, engine, ManualClock(), "worker")
    engine.dispose()


def count(app: App, table: object) -> int:
    with app.engine.connect() as conn:
        return len(conn.execute(table.select()).all())  # type: ignore[attr-defined]


def test_one_holder_at_a_time_and_a_fence_that_grows(app: App) -> None:
    first = claim_lease(app, "a")
    assert first is not None and claim_lease(app, "a") is None
    first.release()
    second = claim_lease(app, "a")
    assert second is not None and second.fence == first.fence + 1
    first.release()  # the loser frees nothing
    assert claim_lease(app, "a") is None
    with app.engine.begin() as conn:
        second.check(conn)


def test_a_frozen_holder_cannot_write_any_more(app: App) -> None:
    frozen = claim_lease(app, "a")
    assert frozen is not None
    app.clock.sleep(31)
    heir = claim_lease(app, "a")
    assert heir is not None
    with pytest.raises(LeaseLost), app.engine.begin() as conn:
        frozen.check(conn)
        conn.execute(connection.insert().values(name="x", breaker="closed", failures=0))
    assert frozen.lost and count(app, connection) == 0


def test_a_check_prolongs(app: App) -> None:
    held = claim_lease(app, "a")
    assert held is not None
    for _ in range(5):
        app.clock.sleep(20)
        with app.engine.begin() as conn:
            held.check(conn)
    assert claim_lease(app, "a") is None


def test_eight_threads_one_lease(app: App) -> None:
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(claim_lease(app, "a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in got) == 1


def test_a_lease_from_a_clock_put_back_does_not_hold_for_hours(app: App) -> None:
    app.clock.sleep(7200)
    assert claim_lease(app, "a") is not None
    app.clock.move(timedelta(hours=-2))  # type: ignore[attr-defined]
    assert claim_lease(app, "a") is not None


def test_a_person_waits_for_a_running_cycle(app: App) -> None:
    held = claim_lease(app, "a")
    assert held is not None
    app.clock.on_sleep = lambda seconds: held.release()  # type: ignore[attr-defined]
    assert claim_lease(app, "a", wait=60) is not None


def test_an_abandoned_run_is_marked_by_whoever_takes_over(app: App) -> None:
    first = claim_lease(app, "a")
    assert first is not None
    start_run(app, "a", Order(), first)
    app.clock.sleep(31)
    second = claim_lease(app, "a")
    assert second is not None
    start_run(app, "a", Order(), second)
    with app.engine.connect() as conn:
        assert sorted(conn.execute(run.select()).mappings(), key=lambda row: row["fence"])[0]["status"] == "abandoned"
    with pytest.raises(LeaseLost):
        start_run(app, "a", Order(), first)


def test_the_loser_of_a_lease_leaves_the_slot_to_whoever_follows(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    message = dispatch.tick(app)[0].to_message()

    def cycle(one: App, name: str, order: Order, **how: object) -> RunResult:
        frozen = claim_lease(one, name)
        assert frozen is not None
        mine = start_run(one, name, order, frozen)
        app.clock.sleep(31)
        assert [item.token for item in dispatch.tick(app)] == [message["token"]]
        heir = claim_lease(one, name)
        assert heir is not None
        with one.engine.begin() as conn:
            assert order.slot is not None and slots.take_up(conn, name, order.slot)
        start_run(one, name, order, heir)
        fail_run(one, mine, name, order, "The run was broken off.")
        return RunResult(None, "failed", message="Another worker has taken over.")

    monkeypatch.setattr(dispatch, "run_cycle", cycle)
    dispatch.run_work(app, message)
    with app.engine.connect() as conn:
        (left,) = conn.execute(slot.select())
        runs = {row.id: row.status for row in conn.execute(run.select())}
    assert (left.state, runs[left.run_id]) == ("running", "running")
    assert sorted(runs.values()) == ["abandoned", "running"]


def test_numbers_are_given_once(app: App) -> None:
    with app.engine.begin() as conn:
        assert list(next_numbers(conn, dead_letter, 3)) == [1, 2, 3]
    with app.engine.begin() as conn:
        assert list(next_numbers(conn, dead_letter, 2)) == [4, 5]


def done(result: str = "ok") -> Callable[..., RunResult]:
    return lambda *args, **how: RunResult(new_id(), result)


def test_one_run_a_slot_however_many_beats(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two beats and four workers for an hour, every message delivered twice: twelve runs."""
    ran: list[Order] = []

    def cycle(one: App, name: str, order: Order, *args: object, **how: object) -> RunResult:
        held = claim_lease(one, name)
        if held is None:
            return RunResult(None, "skipped")
        ran.append(order)
        held.release()
        return RunResult(new_id(), "ok")

    monkeypatch.setattr(dispatch, "run_cycle", cycle)
    for _ in range(720):
        items = dispatch.tick(app) + dispatch.tick(app)
        for item in items * 2:
            dispatch.run_work(app, item.to_message())
        app.clock.sleep(5)
    assert len(ran) == 12
    assert len({order.slot for order in ran}) == 12


def test_a_run_longer_than_the_period_skips_and_says_so(app: App) -> None:
    (item,) = dispatch.tick(app)
    held = claim_lease(app, "a")
    assert held is not None
    start = datetime.fromisoformat(item.token)
    with app.engine.begin() as conn:
        assert slots.take_up(conn, "a", start)
    start_run(app, "a", Order(kind="schedule", slot=start), held)
    for _ in range(20):
        app.clock.sleep(20)
        with app.engine.begin() as conn:
            held.check(conn)
        dispatch.tick(app)
    with app.engine.connect() as conn:
        states = [row.state for row in conn.execute(slot.select().order_by(slot.c.start))]
    assert states == ["running", "skipped_overlap"]


def test_a_run_that_is_over_skips_no_slot_while_it_gives_up_its_lease(app: App) -> None:
    (item,) = dispatch.tick(app)
    held = claim_lease(app, "a")
    assert held is not None
    start = datetime.fromisoformat(item.token)
    with app.engine.begin() as conn:
        assert slots.take_up(conn, "a", start)
    run_id = start_run(app, "a", Order(kind="schedule", slot=start), held)
    app.clock.sleep(290)
    with app.engine.begin() as conn:
        held.check(conn)
    fail_run(app, run_id, "a", Order(kind="schedule", slot=start), "All is written; the connector is being closed.")
    app.clock.sleep(15)
    assert dispatch.tick(app) == []
    held.release()
    assert [one.kind for one in dispatch.tick(app)] == ["slot"]
    with app.engine.connect() as conn:
        assert [row.state for row in conn.execute(slot.select().order_by(slot.c.start))] == ["done", "claimed"]


def test_a_lost_message_is_sent_again(app: App) -> None:
    assert len(dispatch.tick(app)) == 1
    found = []
    for _ in range(40):
        app.clock.sleep(2)
        found += dispatch.tick(app)
    assert 1 <= len(found) <= 4
    assert {item.kind for item in found} == {"slot"}


def test_a_slot_whose_worker_died_is_done_again(app: App) -> None:
    message = dispatch.tick(app)[0].to_message()
    held = claim_lease(app, "a")
    assert held is not None
    with app.engine.begin() as conn:
        start = slots.slot_start(app.clock.now(), timedelta(minutes=5))
        assert slots.take_up(conn, "a", start)
    start_run(app, "a", Order(kind="schedule", slot=start), held)
    assert dispatch.run_work(app, message) is None
    found = []
    for _ in range(60):
        app.clock.sleep(2)
        found += dispatch.tick(app)
    assert found and found[0].kind == "slot"


def test_slots_go_on_after_the_clock_is_put_back(app: App) -> None:
    app.clock.sleep(3 * 3600)
    assert len(dispatch.tick(app)) == 1
    app.clock.move(timedelta(hours=-2))  # type: ignore[attr-defined]
    assert len(dispatch.tick(app)) == 1


def test_quiet_hours_and_pauses_are_slots_too(app: App) -> None:
    one = app.settings.connections["a"].model_copy(update={"quiet": ("11:30-12:30",)})
    app.settings = app.settings.model_copy(update={"connections": {"a": one}})
    assert dispatch.tick(app) == []  # 12:00 in Moscow
    app.clock.sleep(3600)
    breaker.pause_connection(app, "a", "wrong password")
    assert dispatch.tick(app) == []
    with app.engine.connect() as conn:
        states = [row.state for row in conn.execute(slot.select().order_by(slot.c.start))]
    assert states == ["skipped_quiet", "skipped_paused"]


def test_the_breaker_opens_once_lets_one_probe_through_and_closes(app: App) -> None:
    assert [breaker.record_failure(app, "a", None) for _ in range(4)] == [False, False, True, False]
    assert dispatch.tick(app) == []
    app.clock.sleep(600)
    assert len(dispatch.tick(app)) == 1  # the probe
    with app.engine.begin() as conn:
        assert not breaker.claim_passage(conn, "a", app.clock.now())
    assert breaker.record_success(app, "a") is True
    with app.engine.begin() as conn:
        assert breaker.claim_passage(conn, "a", app.clock.now())


def test_what_the_other_side_asks_for_is_respected(app: App) -> None:
    breaker.record_failure(app, "a", 3000.0)
    app.clock.sleep(2900)
    assert dispatch.tick(app) == []
    app.clock.sleep(400)
    assert len(dispatch.tick(app)) == 1


def ask(app: App, kind: str = "push", **arguments: object) -> None:
    with app.engine.begin() as conn:
        row = {"id": new_id(), "kind": kind, "connection": "a", "arguments": arguments, "created_at": app.clock.now()}
        conn.execute(request.insert(), row)


def test_a_request_is_done_once_and_found_again_when_it_is_lost(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []

    def cycle(one: App, name: str, order: Order, **how: object) -> RunResult:
        orders.append(order)
        return RunResult(None, "ok")

    monkeypatch.setattr(dispatch, "run_cycle", cycle)
    ask(app)
    lost = [item for item in dispatch.tick(app) if item.kind == "request"]
    assert len(lost) == 1
    assert [item for item in dispatch.tick(app) if item.kind == "request"] == []
    app.clock.sleep(31)
    again = [item for item in dispatch.tick(app) if item.kind == "request"]
    for message in (lost[0], again[0], again[0]):
        dispatch.run_work(app, message.to_message())
    assert [order.kind for order in orders] == ["push"]
    assert [row.result["status"] for row in _requests(app)] == ["ok"]


def _requests(app: App) -> list[Any]:
    with app.engine.connect() as conn:
        return list(conn.execute(request.select()))


def test_a_request_met_by_a_running_cycle_waits(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "run_cycle", done("skipped"))
    ask(app)
    for item in dispatch.tick(app):
        dispatch.run_work(app, item.to_message())
    assert [item.kind for item in dispatch.tick(app)] == ["request"]


def test_the_watchdog_notices_silence(app: App) -> None:
    assert dispatch.silent_for(app) is None
    dispatch.tick(app)
    app.clock.sleep(599)
    assert dispatch.silent_for(app) is None
    app.clock.sleep(60)
    assert dispatch.silent_for(app) == timedelta(seconds=659)


def test_failures_of_the_other_side_end_in_the_run(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)

    def config(ctx: object) -> None:
        raise ConfigError("No right to read.")

    def transient(ctx: object) -> None:
        raise TransientError("No answer.")

    app = world.app
    assert run_stages(app, "accounting", Order(), [transient]).status == "failed"
    assert rows(world, connection)[0]["failures"] == 1
    assert run_stages(app, "accounting", Order(), [config]).status == "failed"
    assert "No right" in rows(world, connection)[0]["paused_reason"]
    assert run_stages(app, "accounting", Order(), []).status == "ok"
    assert rows(world, connection)[0]["paused_reason"] is None
    assert {row["status"] for row in rows(world, run)} == {"failed", "ok"}
    with world.engine.connect() as conn:
        assert not is_held(conn, app, "accounting")
    assert all(row["owner"] is None for row in rows(world, lease))


def test_counters_that_do_not_add_up_fail_the_run(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)

    def careless(ctx: object) -> None:
        ctx.count("order").read += 1  # type: ignore[attr-defined]

    result = run_stages(world.app, "accounting", Order(), [careless])
    assert result.status == "failed" and "do not add up" in result.message


def test_a_run_that_is_broken_off_leaves_nothing_behind(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)

    def interrupt(entity: str, *rest: object) -> None:
        if entity == "order":
            raise KeyboardInterrupt

    class Impatient:
        step = staticmethod(interrupt)

    from sync.cycle import run_cycle

    with pytest.raises(KeyboardInterrupt):
        run_cycle(world.app, "accounting", Order(), Impatient())
    assert rows(world, run)[0]["status"] == "failed"
    world.sync()
    assert_level(world)


def test_a_slow_heartbeat_thread_ends_with_its_run(build_sqlite: Callable[..., World], tmp_path: Path) -> None:
    world = build_sqlite(documents=12)
    world.sync()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease-")]
