"""Connections in pages: how each stands, paused by a person, read now, looked over; and no secret anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from connectors.base import Finding
from core.secrets import Secret, read_secret, remember
from store.tables import connection, request
from sync.context import App
from sync.room.breaker import pause_connection, record_success
from tests.integration.store.counting import CountQueries
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
    answer = world.browser("admin").submit("/connections/accounting/doctor")
    assert answer.status_code == 200 and 'class="error"' in answer.text and "up to date" in answer.text
    assert world.browser("admin").submit("/connections/none/doctor").status_code == 404


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A system that does not answer before the gate opens."""
    opened = threading.Event()

    def slow(app: App, names: list[str]) -> Iterator[tuple[str, Finding]]:
        yield "store", Finding("ok", "store", f"up to date {CANARY}")
        opened.wait(30)
        yield names[0], Finding("ok", "address", "answers")

    monkeypatch.setattr(examining, "examine", slow)
    yield opened
    opened.set()


def test_one_that_hangs_keeps_nobody_waiting(
    world: World, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found so far is shown, without secrets; not more than two hang at once."""
    remember(CANARY)
    examiner = Examiner(longest=0.3)
    monkeypatch.setattr(connections, "examiner", examiner)
    shown = world.browser("admin").submit("/connections/accounting/doctor").text
    assert "takes long to answer" in shown and "up to date ***" in shown and CANARY not in shown
    app = world.site.app
    first, second = examiner.examine(app, "accounting"), examiner.examine(app, "second")
    assert first is not None and second is not None
    assert not first.done and examiner.examine(app, "third") is None
    gate.set()
    again = Examiner(longest=10).examine(app, "accounting")
    assert again is not None and again.done
    assert [line.message for line in again.lines] == ["up to date ***", "answers"]
