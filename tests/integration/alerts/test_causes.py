"""What is wrong, from the tables alone: each kind holds when it should, and not a moment earlier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from core.ids import new_id
from core.settings import StoreSettings
from store import tables
from store.engine import reading
from sync.alerts.causes import Cause, find_causes
from sync.alerts.standing import record
from sync.alerts.words import render
from sync.context import App
from sync.room import breaker, dispatch
from workers import alerting


@pytest.fixture
def app(build: Callable[..., App]) -> App:
    return build()


def put(app: App, table: Table, **values: Any) -> None:
    row = ({"id": new_id()} if "id" in table.c else {}) | {"connection": "a"} | values
    with app.engine.begin() as conn:
        conn.execute(insert(table), [row])


def causes(app: App) -> dict[str, Cause]:
    with reading(app.engine) as conn:
        return {cause.key: cause for cause in find_causes(conn, app)}


def kinds(app: App) -> list[tuple[str, bool]]:
    return sorted((cause.kind, cause.opens) for cause in causes(app).values())


def put_run(app: App, status: str = "failed", **values: Any) -> None:
    base = {"kind": "schedule", "status": status, "owner": "o", "fence": 1, "started_at": app.clock.now()}
    put(app, tables.run, **(base | values))


def put_fresh(app: App) -> None:
    put(app, tables.cursor, entity="balance", state={}, updated_at=app.clock.now(), fresh_at=app.clock.now())


def put_slots(app: App, number: int, state: str = "done", every: float = 300) -> None:
    for _ in range(number):
        app.clock.sleep(every)
        put(app, tables.slot, start=app.clock.now(), state=state)


def put_letter(app: App, number: int, fingerprint: str = "f", state: str = "open") -> None:
    now = app.clock.now()
    put(
        app, tables.dead_letter, number=number, entity="order", external_id=str(number), direction="in", stage="map",
        error_class="RecordError", reason="The date cannot be read.", next_step="n", fingerprint=fingerprint,
        state=state, first_at=now, last_at=now,
    )  # fmt: skip


def test_nothing_is_wrong_with_an_empty_store(app: App) -> None:
    assert causes(app) == {}


def test_no_answer_is_one_trouble_whatever_its_signs(app: App) -> None:
    put_fresh(app)
    for number in range(1, 5):
        put_slots(app, 1)
        put_run(app, message="No answer. Next: sverka status")
        breaker.record_failure(app, "a", None)
        assert list(causes(app)) == ([] if number < 3 else ["connection:a"])
    (found,) = causes(app).values()
    assert (found.kind, found.details["reason"]) == ("breaker", "No answer.")
    breaker.record_success(app, "a")
    assert causes(app)["connection:a"].kind == "failing"  # the last runs are still those
    put_run(app, "ok", started_at=app.clock.now() + timedelta(seconds=1))
    assert causes(app)["connection:a"].kind == "silent"  # and the balance is still old


@pytest.mark.parametrize(
    ("state", "silent"), [("done", True), ("skipped_overlap", True), ("missed", True), ("skipped_quiet", False)]
)
def test_balances_get_old_by_periods_that_have_begun(app: App, state: str, silent: bool) -> None:
    put_fresh(app)
    put_slots(app, 2, state)
    assert causes(app) == {}
    put_slots(app, 1, state)
    assert ("connection:a" in causes(app)) is silent


def test_a_start_after_a_long_stop_is_no_alarm(app: App) -> None:
    put_fresh(app)
    app.clock.sleep(48 * 3600)
    put_slots(app, 2)
    assert causes(app) == {}


def test_a_run_at_work_gets_longer(app: App) -> None:
    put_fresh(app)
    put_run(app, "running")
    put_slots(app, 11, "skipped_overlap")
    assert causes(app) == {}
    put_slots(app, 1, "skipped_overlap")
    assert causes(app)["connection:a"].kind == "silent"


def test_a_paused_connection_explains_its_silence(app: App) -> None:
    put_fresh(app)
    put_slots(app, 4)
    breaker.pause_connection(app, "a", "The password is wrong.\nNext: sverka doctor")
    assert kinds(app) == [("paused", True), ("silent", False)]
    assert causes(app)["paused:a"].details["reason"] == "The password is wrong."


def test_who_holds_a_connection_knows_and_is_reminded_after_a_day(app: App) -> None:
    put_fresh(app)
    put_slots(app, 4)
    breaker.hold_connection(app, "a", "Анна: stocktaking", "anna")
    assert kinds(app) == [("held", False), ("silent", False)]
    app.clock.sleep(24 * 3600 - 1)
    assert kinds(app)[0] == ("held", False)
    app.clock.sleep(1)
    assert kinds(app) == [("held", True), ("silent", False)]
    found = causes(app)["paused:a"]
    told = render("held", found.details, zone=UTC).text
    assert "held by anna since" in told and "Анна: stocktaking" in told
    breaker.release_connection(app, "a", "boris")
    assert "paused:a" not in causes(app)


def test_a_pause_that_a_person_takes_over_stays_told_and_is_told_no_second_time(app: App) -> None:
    breaker.pause_connection(app, "a", "The password is wrong.")
    look_now(app)
    breaker.hold_connection(app, "a", "Анна: I know", "anna")
    look_now(app)
    with reading(app.engine) as conn:
        rows = conn.execute(select(tables.alert.c.kind, tables.alert.c.state)).all()
    assert [tuple(row) for row in rows] == [("held", "open")]


def look_now(app: App) -> None:
    with reading(app.engine) as conn:
        found = find_causes(conn, app)
    record(app, found)


def test_a_paused_entity_is_named(app: App) -> None:
    with app.engine.begin() as conn:
        conn.execute(insert(tables.connection), [{"name": "a", "paused_entities": {"order": "The field X is gone."}}])
    assert causes(app)["entity:a:order"].details["entity"] == "orders"


def test_a_beat_that_stands_still_explains_the_silence_of_all(app: App) -> None:
    put_fresh(app)
    put_slots(app, 3)
    dispatch.tick(app)
    assert kinds(app) == [("silent", True)]
    app.clock.sleep(601)
    assert kinds(app) == [("no_tick", True), ("silent", False)]


def test_a_beat_that_never_came_is_noticed_from_the_start_of_a_worker_on(app: App) -> None:
    app.clock.sleep(100_000)
    assert causes(app) == {}, "a command expects no ticks"
    worker = replace(app, serving_since=app.clock.now())
    app.clock.sleep(600)
    assert causes(worker) == {}
    app.clock.sleep(1)
    assert kinds(worker) == [("no_tick", True)]
    dispatch.tick(app)
    assert causes(worker) == {}


def test_a_service_that_was_down_is_given_two_periods_from_its_own_start(app: App) -> None:
    dispatch.tick(app)
    app.clock.sleep(50_000)
    assert kinds(app) == [("no_tick", True)], "a command sees that nothing has ticked"
    again = replace(app, serving_since=app.clock.now())
    assert kinds(again) == [("no_tick", False)], "its own tick is still to come; one that is open is not over either"
    app.clock.sleep(600)
    assert kinds(again) == [("no_tick", False)]
    app.clock.sleep(1)
    assert kinds(again) == [("no_tick", True)]
    dispatch.tick(app)
    assert causes(again) == {}


def test_a_process_of_the_service_counts_from_its_start(app: App) -> None:
    alerting.tell_once(app.settings.model_copy(update={"store": store_of(app)}), datetime(2026, 1, 1, tzinfo=UTC))
    with app.engine.connect() as conn:
        assert [row.kind for row in conn.execute(select(tables.alert))] == ["no_tick"]


def store_of(app: App) -> StoreSettings:
    return StoreSettings.model_validate({"url": app.engine.url.render_as_string(hide_password=False)})


def test_runs_that_fail_in_a_row(app: App) -> None:
    for status in ("failed", "abandoned", "ok", "failed", "failed"):
        put_run(app, status, message=status)
        app.clock.sleep(60)
    put_run(app, "skipped")
    assert causes(app) == {}
    app.clock.sleep(60)
    put_run(app, "abandoned")
    assert causes(app)["connection:a"].kind == "failing"


def test_letters_have_time_to_heal_and_are_told_by_group(app: App) -> None:
    put_letter(app, 1)
    put_letter(app, 2)
    put_letter(app, 3, state="resolved")
    assert causes(app) == {}
    app.clock.sleep(900)
    put_letter(app, 4, "g")
    assert [(cause.key, cause.details["number"]) for cause in causes(app).values()] == [("letters:a:f", 2)]
    app.clock.sleep(900)
    assert sorted(causes(app)) == ["letters:a:f", "letters:a:g"]


def test_many_groups_and_many_letters_are_told_together(build: Callable[..., App]) -> None:
    app = build(letters_many=10)
    for number in range(4):
        put_letter(app, number, f"group {number}")
    app.clock.sleep(900)
    found = causes(app)
    assert [cause.key for cause in found.values() if cause.opens] == ["letters:a"]
    assert found["letters:a"].details["groups"] == 4
    for number in range(10, 16):
        put_letter(app, number, "new")
    assert causes(app)["letters:a"].details["number"] == 10


def test_many_letters_at_once_do_not_wait(build: Callable[..., App]) -> None:
    app = build(letters_many=3)
    for number in range(3):
        put_letter(app, number)
    assert list(causes(app)) == ["letters:a"]


def test_decisions_and_answers_that_are_long_in_coming(app: App) -> None:
    now = app.clock.now()
    put(app, tables.review, number=1, entity="counterparty", kind="match", reason="r", candidates=[], state="open",
        created_at=now)  # fmt: skip
    put_intent(app, sent_at=now + timedelta(hours=23, minutes=30))
    put_intent(app, sent_at=now + timedelta(hours=22))
    app.clock.sleep(24 * 3600 - 1)
    assert list(causes(app)) == ["uncertain:a"]
    app.clock.sleep(1)
    found = causes(app)
    assert sorted(found) == ["review:a", "uncertain:a"]
    assert found["uncertain:a"].details["number"] == 1


def put_intent(app: App, **step: Any) -> None:
    now = app.clock.now()
    steps = [{name: value.isoformat() for name, value in step.items()}]
    put(app, tables.intent, entity="counterparty", entity_id=new_id(), action="create", state="uncertain",
        client_key="k", steps=steps, created_at=now, updated_at=now)  # fmt: skip


def test_books_that_differ_until_they_are_compared_again(app: App) -> None:
    put(app, tables.reconciliation, at=app.clock.now(), status="unexplained", unexplained=15_000, summary={})
    assert causes(app)["books:a"].details["amount"] == "1.50"
    app.clock.sleep(60)
    put(app, tables.reconciliation, at=app.clock.now(), status="explained", unexplained=0, summary={})
    assert causes(app) == {}


def put_books(app: App, status: str, asked_by: str = "schedule", **values: Any) -> None:
    app.clock.sleep(60)
    row = {"at": app.clock.now(), "status": status, "summary": {}, "asked_by": asked_by}
    put(app, tables.reconciliation, **(row | values))


def test_a_comparison_that_failed_says_nothing_of_the_books(app: App) -> None:
    put_books(app, "unexplained", unexplained=15_000)
    for status in ("failed", "incomplete"):
        put_books(app, status)
        assert causes(app)["books:a"].details["amount"] == "1.50"


def test_what_a_night_left_to_people_ends_by_a_repair_or_clean_books(app: App) -> None:
    for last in ({"status": "ok"}, {"status": "explained", "repaired": 3}):
        put_books(app, "unexplained")
        put_books(app, "explained", "order")  # somebody looked: every difference has a name and is still there
        assert "books:a" in causes(app)
        put_books(app, asked_by="order", **last)
        assert causes(app) == {}
        put_books(app, "explained", "order")
        assert causes(app) == {}


@pytest.mark.parametrize(
    ("number", "repaired", "unexplained", "kind"),
    [(60, 0, 0, "differences"), (60, 0, 15_000, "differences"), (2, 5, 0, "differences"), (2, 5, 1, "reconciliation")],
)
def test_what_the_night_did_not_mend_is_told_by_its_number(
    app: App, number: int, repaired: int, unexplained: int, kind: str
) -> None:
    summary = {"left_to_people": number}
    put_books(app, "unexplained", repaired=repaired, unexplained=unexplained, summary=summary)
    cause = causes(app)["books:a"]
    assert cause.kind == kind
    if kind == "differences":
        words = render(cause.kind, cause.details)
        assert f"differ in {number} places" in words.text
        assert words.next_step == "sverka reconcile a --repair"


DAY = 24 * 3600.0


def test_two_nights_that_failed_are_told(app: App) -> None:
    put_books(app, "ok")
    app.clock.sleep(DAY)
    put_books(app, "failed", summary={"message": "The answer was cut."})
    put_books(app, "failed")
    assert causes(app) == {}, "one night, however often it was tried"
    app.clock.sleep(DAY)
    put_books(app, "incomplete", summary={"message": "The answer was cut again."})
    cause = causes(app)["uncompared:a"]
    assert (cause.kind, cause.opens, cause.details["reason"]) == ("not_compared", True, "The answer was cut again.")
    put_books(app, "explained", "order")
    assert causes(app) == {}


def test_nights_without_a_comparison_are_told_while_the_service_is_at_work(app: App) -> None:
    put_run(app, "ok")
    put_slots(app, 1)
    app.clock.sleep(3 * DAY)
    assert causes(app) == {}, "it was away itself"
    put_slots(app, 1)
    app.clock.sleep(DAY)
    put_slots(app, 1)
    assert causes(app)["uncompared:a"].details["since"] is None
    breaker.pause_connection(app, "a", "The password is wrong.")
    assert kinds(app) == [("not_compared", False), ("paused", True)]


def test_who_wants_no_nightly_comparison_is_not_told_of_it(app: App) -> None:
    put_run(app, "ok")
    app.clock.sleep(3 * DAY)
    put_slots(app, 2, every=DAY)
    assert "uncompared:a" in causes(app)
    nightly = app.settings.reconcile.model_copy(update={"nightly": False})
    app.settings = app.settings.model_copy(update={"reconcile": nightly})
    assert causes(app) == {}


def test_a_connection_that_is_set_up_no_more_is_nobodys_trouble(app: App) -> None:
    for _ in range(3):
        breaker.record_failure(app, "gone", None)
    assert causes(app) == {}


def test_a_reason_brings_no_next_step_of_its_own(app: App) -> None:
    for _ in range(3):
        put_run(app, "failed", message="1C did not answer: the connection broke Next: wait; then: sverka status")
    ((kind, _),) = kinds(app)
    (cause,) = causes(app).values()
    assert kind == "failing" and cause.details["reason"] == "1C did not answer: the connection broke"
