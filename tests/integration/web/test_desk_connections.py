"""Connections in pages: how each stands, paused by a person, read now, looked over; and no secret anywhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from connectors.base import Finding
from core.secrets import Secret, read_secret, remember
from store.tables import connection, request
from sync.room.breaker import pause_connection, record_success
from tests.integration.store.counting import CountQueries
from tests.integration.web.connecting import until_done
from tests.integration.web.world import World
from web import examining
from web.examining import Examiner
from web.pages import connections

CANARY = "Kanarienvogel-4712"


class Options(BaseModel):
    """Settings as a connector has them, with an address, a user and a secret."""

    url: str = "http://geheim.example/base"
    user: str = "ОбменТайный"
    password: Secret = read_secret(CANARY)


@pytest.fixture
def told(world: World) -> World:
    """A connection whose settings hold a secret."""
    settings = world.site.app.settings.connections
    settings["accounting"] = settings["accounting"].model_copy(update={"options": Options()})
    return world


def state(world: World) -> Any:
    with world.engine.begin() as conn:
        return conn.execute(select(connection).where(connection.c.name == "accounting")).first()


def test_paused_until_a_person_lets_it_go_on(world: World) -> None:
    browser = world.browser("ops")
    assert "wrong" in browser.submit("/connections/accounting/pause", reason=" ").headers["set-cookie"]
    assert state(world) is None
    browser.submit("/connections/accounting/pause", reason="инвентаризация")
    record_success(world.site.app, "accounting")
    row = state(world)
    assert (row.paused_reason, row.paused_by) == ("Ops: инвентаризация", "ops")
    shown = browser.get("/connections").text
    assert "Ops: инвентаризация" in shown and "/connections/accounting/pause" not in shown
    world.browser("admin").submit("/connections/accounting/resume")
    assert (state(world).paused_reason, state(world).paused_by) == (None, None)
    assert [(who, what) for who, what, _ in world.audited()] == [
        ("ops", "connection.pause"), ("admin", "connection.resume"),
    ]  # fmt: skip


def test_read_now_leaves_one_word_for_the_service(world: World) -> None:
    browser = world.browser("admin")
    for _ in range(2):
        assert browser.submit("/connections/accounting/sync").status_code == 303
    with world.engine.begin() as conn:
        assert [tuple(row) for row in conn.execute(select(request.c.kind, request.c.connection))] == [
            ("sync", "accounting")
        ]
    assert [what for _, what, _ in world.audited()] == ["connection.sync"] * 2


def test_how_it_stands(told: World, count_queries: CountQueries) -> None:
    """Why it is paused, whether it is written to; never an address, a user or a secret."""
    pause_connection(told.site.app, "accounting", "The password is wrong.")
    browser = told.browser("admin")
    with count_queries(told.site.reader) as queries:
        shown = browser.get("/connections", headers={"accept-language": "ru"}).text
    assert "The password is wrong." in shown and "каждая запись ждёт человека" in shown
    assert not any(secret in shown for secret in (CANARY, "geheim", "ОбменТайный"))
    assert len(queries) <= 18


def test_none_yet_says_what_to_do(world: World) -> None:
    world.site.app.settings.connections.clear()
    assert "sverka connect" in world.browser("admin").get("/connections").text


def test_looked_over_for_real(world: World) -> None:
    """The doctor of the command line: these settings name no mapping, and it says so."""
    browser = world.browser("admin")
    address = browser.submit("/connections/accounting/doctor").headers["location"]
    shown = until_done(browser, address)
    assert 'class="error"' in shown and "up to date" in shown and "something is wrong" in shown
    assert browser.submit("/connections/none/doctor").status_code == 404
    assert browser.get("/connections/none/doctor").status_code == 404


def one_after_another(gate: threading.Event) -> Iterator[tuple[str, Finding]]:
    """A system that does not answer before the gate opens."""
    yield "store", Finding("ok", "store", f"up to date {CANARY}")
    yield "alerts", Finding("ok", "alerts", "not of this")
    gate.wait(30)
    yield "accounting", Finding("ok", "address", "answers")


def wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_come_as_they_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found so far is shown, without secrets; the part of the page asks on until all is there."""
    remember(CANARY)
    gate = threading.Event()
    monkeypatch.setattr(connections, "examine", lambda app, names: one_after_another(gate))
    browser = world.browser("ops")
    address = browser.submit("/connections/accounting/doctor").headers["location"]
    wait(lambda: "up to date" in browser.get(address).text)
    shown = browser.get(address).text
    assert "up to date ***" in shown and CANARY not in shown and "not of this" not in shown
    assert 'hx-trigger="every 1s"' in shown and "answers" not in shown and "more may come" in shown
    part = browser.get(address, params={"part": "1"}, headers={"hx-request": "true"}).text
    assert part.lstrip().startswith("<div") and "<html" not in part
    gate.set()
    shown = until_done(browser, address)
    assert "answers" in shown and "nothing is wrong" in shown


def test_not_more_than_two_hang_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "LONGEST", 0.0)
    gate, examiner = threading.Event(), Examiner()
    first, second = (examiner.start(key, lambda: one_after_another(gate), about=("store",)) for key in "ab")
    assert first is not None and second is not None
    assert examiner.start("a", lambda: one_after_another(gate), about=("store",)) is first
    assert [(one.running, one.slow) for one in (first, second)] == [(True, True)] * 2
    assert examiner.start("c", lambda: one_after_another(gate), about=()) is None
    gate.set()
    wait(lambda: not first.running and not second.running)
    assert [(one.done, one.slow, one.wrong) for one in (first, second)] == [(True, False, False)] * 2
    assert [line.subject for line in first.lines] == ["store"]
    assert examiner.start("c", lambda: iter(()), about=()) is not None


def test_an_examination_that_breaks_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[tuple[str, Finding]]:
        yield "store", Finding("ok", "store", "up to date")
        raise OSError("the disk is gone")

    hooked: list[object] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    report = Examiner().start("a", broken, about=("store",))
    assert report is not None
    wait(lambda: not report.running and bool(hooked))
    assert report.failed and report.wrong and len(report.lines) == 1
