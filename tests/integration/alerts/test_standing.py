"""One alert a cause, however many look; resolved after a while, escalated once, silent in quiet hours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.clock import ManualClock
from store.tables import alert, alert_delivery, tick
from sync.alerts.causes import Cause
from sync.alerts.deliver import deliver_due
from sync.alerts.standing import record
from sync.alerts.watch import look
from sync.context import App
from sync.room import breaker
from tests.integration.alerts.mailbox import Hook, Mailbox

DOWN = Cause("connection:a", "breaker", "a", {"connection": "a", "since": None, "reason": "No answer."})
OLD = Cause("connection:a", "silent", "a", {"connection": "a", "since": "2026-01-15T08:00:00+00:00"})
COVERED = Cause("connection:a", "silent", "a", {"connection": "a", "since": "2026-01-15T08:00:00+00:00"}, opens=False)


def rows(app: App) -> list[dict[str, Any]]:
    with app.engine.connect() as conn:
        return [dict(row) for row in conn.execute(select(alert).order_by(alert.c.opened_at)).mappings()]


def told(app: App) -> list[tuple[str, str, str]]:
    with app.engine.connect() as conn:
        query = select(alert_delivery).order_by(alert_delivery.c.event, alert_delivery.c.channel)
        return [(row.event, row.channel, row.state) for row in conn.execute(query)]


def step(app: App, causes: list[Cause], seconds: float = 15) -> None:
    app.clock.sleep(seconds)
    record(app, causes)
    deliver_due(app)


def test_many_cycles_one_letter_and_one_when_it_is_over(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings())
    for _ in range(100):
        step(app, [DOWN])
    for _ in range(100):
        step(app, [])
    assert mailbox.subjects == ["[Sverka] Problem: a does not answer", "[Sverka] Resolved: a does not answer"]
    assert [row["state"] for row in rows(app)] == ["resolved"]


def test_another_sign_of_the_same_trouble_is_not_told_again(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings())
    for _ in range(3):
        step(app, [OLD])
    for _ in range(3):
        step(app, [DOWN])
    assert len(mailbox.letters) == 1
    (row,) = rows(app)
    assert (row["kind"], "does not answer" in row["text"]) == ("breaker", True)


def test_what_another_trouble_explains_opens_nothing_and_keeps_what_is_open(build: Callable[..., App]) -> None:
    app = build()
    step(app, [COVERED])
    assert rows(app) == []
    step(app, [OLD])
    for _ in range(100):
        step(app, [COVERED])
    assert [row["state"] for row in rows(app)] == ["open"]


def test_flapping_is_not_a_storm(build: Callable[..., App], mailbox: Mailbox) -> None:
    """Gone for a minute is not over; one that has come back lately must be gone for longer each time."""
    app = build(email=mailbox.settings())
    for _ in range(60):
        step(app, [DOWN], 60)
        step(app, [], 60)
    assert len(mailbox.letters) == 1
    for _ in range(48):  # twelve hours: five minutes of trouble in each quarter of an hour
        for minute in range(15):
            step(app, [DOWN] if minute < 5 else [], 60)
    assert len(mailbox.letters) <= 7


def test_two_that_look_at_once_open_one_and_send_one(build: Callable[..., App], mailbox: Mailbox, hook: Hook) -> None:
    apps = [build(email=mailbox.settings(), webhook={"url": hook.url}) for _ in range(4)]
    for causes in ([DOWN], []):
        gate = threading.Barrier(4)

        def beat(app: App, gate: threading.Barrier = gate, causes: list[Cause] = causes) -> None:
            gate.wait()
            record(app, causes)
            deliver_due(app)

        threads = [threading.Thread(target=beat, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        apps[0].clock.sleep(300)
    assert len(mailbox.letters) == 2 and [one["state"] for one in hook.taken] == ["opened", "resolved"]
    assert len(rows(apps[0])) == 1


def test_one_look_in_a_while_whoever_asks(build: Callable[..., App]) -> None:
    apps = [build(check_every="10s") for _ in range(3)]
    assert [look(app) for app in apps] == [True, False, False]
    apps[0].clock.sleep(10)
    assert [look(app) for app in apps] == [True, False, False]
    assert isinstance(apps[0].clock, ManualClock)
    apps[0].clock.move(timedelta(hours=-3))  # a clock that is put back silences nobody
    assert [look(app) for app in apps] == [True, False, False]
    with apps[0].engine.connect() as conn:
        assert conn.execute(select(tick.c.name)).scalars().all() == ["alerts"]


def test_a_look_finds_and_heals(build: Callable[..., App]) -> None:
    app = build()
    for _ in range(3):
        breaker.record_failure(app, "a", None)
    assert look(app)
    assert [(row["kind"], row["state"]) for row in rows(app)] == [("breaker", "open")]
    breaker.record_success(app, "a")
    for _ in range(10):
        app.clock.sleep(15)
        look(app)
    assert [row["state"] for row in rows(app)] == ["resolved"]


def test_quiet_hours_hold_what_is_not_urgent(build: Callable[..., App], mailbox: Mailbox) -> None:
    """It is 12:00 in Moscow. Quiet until 14:00, by two stretches that meet."""
    app = build(email=mailbox.settings(), quiet=["11:00-13:00", "12:30-14:00"], urgent=["no_tick"])
    urgent = Cause("schedule", "no_tick", None, {"since": "2026-01-15T08:00:00+00:00"})
    for _ in range(118):
        step(app, [DOWN, urgent], 60)
    assert mailbox.subjects == ["[Sverka] Problem: the schedule stands still"]
    for _ in range(5):
        step(app, [DOWN, urgent], 60)
    assert mailbox.subjects[1:] == ["[Sverka] Problem: a does not answer"]


def test_what_began_and_ended_in_quiet_hours_is_not_told(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings(), quiet=["22:00-07:00", "11:00-13:00"])
    step(app, [DOWN], 60)
    for _ in range(120):
        step(app, [], 60)
    assert mailbox.letters == [] and told(app) == [("opened", "email", "dropped")]
    assert [row["state"] for row in rows(app)] == ["resolved"]


def test_nobody_helped_so_somebody_else_is_told_once(build: Callable[..., App], mailbox: Mailbox, hook: Hook) -> None:
    email = mailbox.settings(escalate_to=["boss@example.com"])
    app = build(email=email, webhook={"url": hook.url}, escalate_after="2h")
    for _ in range(300):
        step(app, [DOWN], 60)
    for _ in range(10):
        step(app, [], 60)
    assert mailbox.recipients == [["ops@example.com"], ["boss@example.com"], ["ops@example.com", "boss@example.com"]]
    assert mailbox.subjects[1] == "[Sverka] Still not mended: a does not answer"
    assert [one["state"] for one in hook.taken] == ["opened", "escalated", "resolved"]
    ids = [str(letter["Message-ID"]) for letter in mailbox.letters]
    assert len(set(ids)) == 3 and str(mailbox.letters[2]["References"]) == ids[0]


def test_without_a_way_to_tell_alerts_stand_in_the_tables(build: Callable[..., App]) -> None:
    app = build()
    for _ in range(20):
        step(app, [DOWN])
    assert len(rows(app)) == 1 and told(app) == []
