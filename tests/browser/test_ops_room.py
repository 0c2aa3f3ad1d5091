"""The ops room in a real browser: a list of runs, one with its records, one record, reconciliations, the button."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, insert, select, update

from core.ids import new_id
from store.entities import entity_tables
from store.tables import connection, lease, rate, run, slot, tick, user
from sync.room.dispatch import run_work
from sync.room.dispatch import tick as look_for_work
from tests.browser.conftest import Desk
from tests.integration.web.ops_room import OpsRoom, open_ops_room
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}


@pytest.fixture
def room(store_url: str, tmp_path: Path) -> Iterator[OpsRoom]:
    """A first load, a reconciliation with a difference, a breaker that is open, a run under way."""
    with open_ops_room(store_url, tmp_path, documents=40) as made:
        app = made.mirrored.app
        made.mirrored.sync(kind="schedule")
        made.world.clock.sleep(120)
        now = made.world.clock.now()
        table = entity_tables["shipment"]
        with made.world.engine.begin() as conn:
            counts = (table.c.posted.is_(True), table.c.deleted.is_(False))
            found = conn.execute(select(table.c.id, table.c.amount).where(*counts).order_by(table.c.number)).first()
            assert found is not None
            conn.execute(update(table).where(table.c.id == found.id).values(amount=found.amount + 1000))
        made.browser("ops").submit("/ops/reconcile/accounting")
        for item in look_for_work(app):
            if item.kind == "request":
                run_work(app, item.to_message())
        broken = {"breaker": "open", "breaker_since": now - timedelta(minutes=7), "failures": 4}
        broken |= {"breaker_until": now + timedelta(minutes=1), "breaker_reason": "1C does not answer: timed out."}
        told = {"entity": "shipment", "text": "2024", "done": [["order", 1200], ["shipment", 340]]}
        one = {
            "id": new_id(),
            "connection": "accounting",
            "kind": "schedule",
            "status": "running",
            "owner": "srv:12:ab/x",
        }
        with made.world.engine.begin() as conn:
            conn.execute(update(connection).values(broken))
            held = {"owner": "srv:12:ab/x", "fence": 99, "until": now + timedelta(minutes=5)}
            mine = lease.c.name == "accounting"
            conn.execute(update(lease).where(mine).values(held | {"told": told | {"at": now.isoformat()}}))
            conn.execute(insert(run).values(one | {"fence": 99, "started_at": now - timedelta(seconds=40)}))
            conn.execute(insert(rate).values(name="accounting", at=now + timedelta(seconds=3)))
            for number, state in enumerate(("done", "done", "skipped_breaker", "missed")):
                at = now - timedelta(minutes=5 * number + 60)
                conn.execute(insert(slot).values(connection="accounting", start=at, state=state))
            conn.execute(update(tick).values(host="srv-1"))
        yield made


@pytest.fixture
def world(room: OpsRoom, engine: Engine) -> World:
    """What is served: the pages over the store that the cycles have filled."""
    return room.world


def pages(room: OpsRoom) -> list[str]:
    """Every page of the room, those with a key too."""
    first = room.runs()[0]
    one = room.get("admin", f"/ops/runs/{first.id}", entity="counterparty").text
    record = one.split('href="/ops/records/')[1].split('"')[0]
    listed = room.get("admin", "/ops/reconciliations").text
    books = listed.split('href="/ops/reconciliations/')[1].split('"')[0]
    under_way = room.runs()[-1]
    return [
        "/ops", "/ops/runs", f"/ops/runs/{first.id}", f"/ops/runs/{under_way.id}", f"/ops/records/{record}",
        "/ops/reconciliations", f"/ops/reconciliations/{books}", f"/ops/reconciliations/{books}?part=named",
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_in_each_language(room: OpsRoom, desk: Desk, language: str) -> None:
    with room.world.engine.begin() as conn:
        conn.execute(update(user).values(language=language))
    desk.sit(room.world, "admin")
    for number, path in enumerate(pages(room)):
        desk.open(path)
        desk.shoot(f"room-{number}-{language}")
        assert not desk.overflows() and desk.barriers() == [], path


@pytest.mark.parametrize("desk", [PHONE, DARK], ids=["phone", "dark"], indirect=True)
def test_small_and_dark(room: OpsRoom, desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.sit(room.world, "ops")
    for number, path in enumerate(pages(room)):
        desk.open(path)
        desk.shoot(f"room-{number}-{request.node.callspec.id}")
        assert not desk.overflows() and desk.barriers() == [], path


def test_a_run_is_seen_to_end(room: OpsRoom, desk: Desk) -> None:
    """The page moves by itself, and is whole when the run is over."""
    one = room.runs()[-1]
    desk.sit(room.world, "ops")
    desk.open(f"/ops/runs/{one.id}")
    assert "340" in desk.page.locator("#now").inner_text()
    with room.world.engine.begin() as conn:
        told = {"entity": "payment", "text": "", "done": [["payment", 777]], "at": room.world.clock.now().isoformat()}
        conn.execute(update(lease).where(lease.c.name == "accounting").values(told=told))
    desk.page.wait_for_selector("#now :text('777')")
    with room.world.engine.begin() as conn:
        conn.execute(update(run).where(run.c.id == one.id).values(status="ok", finished_at=room.world.clock.now()))
    desk.page.wait_for_selector("#now .state.ok")
    expect(desk.page.locator("#now[hx-get]")).to_have_count(0)


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}, {}], ids=["without scripts", "with"], indirect=True)
def test_reconcile_now(room: OpsRoom, desk: Desk) -> None:
    desk.sit(room.world, "ops")
    desk.open("/ops/reconciliations")
    desk.page.locator("form[action='/ops/reconcile/accounting'] button").click()
    desk.page.wait_for_selector(".flash.done")
    expect(desk.page.locator("#comparing")).to_have_count(1)
    expect(desk.page.locator("form[action='/ops/reconcile/accounting']")).to_have_count(0)
