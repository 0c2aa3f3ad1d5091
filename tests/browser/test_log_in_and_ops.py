"""Logging in and the ops room, in a real browser, in three languages, on a desk and on a phone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, update

from store.tables import alert, connection, cursor, run, tick, user
from tests.browser.conftest import Desk
from tests.integration.store.filling import NOW
from tests.integration.web.world import LANGUAGES, World
from web.door.auditing import write_audit
from web.people.passwords import hash_password

PASSWORD = "Ялинка-і-сосна-7"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
HEADINGS = {"en": "Operations", "ru": "Эксплуатация", "uk": "Експлуатація"}
HOURS = {"balance": 0.05, "order": 0.05, "payment": 26.0}


@pytest.fixture
def busy(world: World) -> World:
    """A connection with something to tell: fresh and old entities, a run that was partial, an alert."""
    told = {"id": uuid4(), "cause": "silent:accounting", "kind": "silent", "connection": "accounting", "state": "open"}
    told |= {
        "text": "1C has not answered for 15 minutes.",
        "next_step": "sverka doctor",
        "opened_at": NOW,
        "seen_at": NOW,
    }
    ran = {"id": uuid4(), "connection": "accounting", "kind": "schedule", "status": "partial", "owner": "w", "fence": 1}
    ran |= {
        "started_at": NOW - timedelta(minutes=4),
        "seconds": 3.25,
        "requests": 1240,
        "message": "2 letters of 1 cause",
    }
    with world.engine.begin() as conn:
        conn.execute(update(user).values(password_hash=hash_password(PASSWORD)))
        for entity, hours in HOURS.items():
            fresh = {"connection": "accounting", "entity": entity, "state": {}, "updated_at": NOW}
            conn.execute(insert(cursor).values(**fresh, fresh_at=NOW - timedelta(hours=hours)))
        conn.execute(insert(connection).values(name="accounting", breaker="open", breaker_until=NOW, last_ok_at=NOW))
        conn.execute(insert(run).values(ran))
        conn.execute(insert(alert).values(told))
        conn.execute(insert(tick).values(name="tick", at=NOW, host="srv-1"))
    return world


@pytest.mark.parametrize("language", LANGUAGES)
def test_log_in_and_look(busy: World, desk: Desk, language: str) -> None:
    page = desk.page
    desk.open("/ops")
    page.locator(f"button[name=language][value={language}]").click()
    page.wait_for_selector(f"html[lang={language}]")
    desk.shoot(f"login-{language}")
    page.locator("input[name=login]").fill("ops")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{desk.address}/ops")
    expect(page.locator("h1")).to_have_text(HEADINGS[language])
    expect(page.locator("tr.old")).to_have_count(1)
    expect(page.locator(".look")).to_have_count(0)
    desk.shoot(f"ops-{language}")
    assert not desk.overflows()
    page.goto(desk.address + "/profile")
    desk.shoot(f"profile-{language}")
    page.locator("form[action='/logout'] button").click()
    page.wait_for_url("**/login")


@pytest.mark.parametrize("desk", [PHONE, PHONE | DARK, DARK], ids=["phone", "dark phone", "dark"], indirect=True)
def test_small_and_dark(busy: World, desk: Desk, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.replace(" ", "-")
    with busy.engine.begin() as conn:
        told = {"role": "head", "department": None, "active": True}
        write_audit(conn, NOW, "admin", "user.set", "anna", before={"role": "manager"}, after=told)
    desk.sit(busy, "admin")
    for path in ("/ops", "/audit", "/profile"):
        desk.open(path)
        desk.shoot(f"{path.strip('/')}-{name}")
        assert not desk.overflows(), path
        assert desk.barriers() == [], path


def test_part_of_the_page_is_renewed_by_itself(busy: World, desk: Desk) -> None:
    desk.sit(busy, "ops")
    desk.open("/ops")
    expect(desk.page.locator("#connections ~ .cards .card.bad")).to_have_count(1)
    with busy.engine.begin() as conn:
        conn.execute(update(connection).values(breaker="closed"))
    with desk.page.expect_response("**/ops/now"):
        desk.page.evaluate("htmx.ajax('GET', '/ops/now', '#now')")
    desk.page.wait_for_selector(".card:not(.bad)")


def test_by_keyboard_alone(busy: World, desk: Desk) -> None:
    desk.sit(busy, "ops")
    desk.open("/ops")
    desk.page.keyboard.press("Tab")
    assert desk.page.evaluate("document.activeElement.className") == "skip"
    desk.page.keyboard.press("Enter")
    assert desk.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}], ids=["without scripts"], indirect=True)
def test_without_scripts(busy: World, desk: Desk) -> None:
    page = desk.page
    desk.open("/login")
    page.locator("input[name=login]").fill("ops")
    page.locator("input[name=password]").fill("wrong-password")
    page.locator("form.stack button").click()
    expect(page.locator("[role=alert]")).to_have_count(1)
    desk.complaints.clear()  # the browser says that the answer was 401
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form.stack button").click()
    page.wait_for_url(f"{desk.address}/ops")
    page.locator("button[name=language][value=uk]").click()
    page.wait_for_selector("html[lang=uk]")


def test_nobody_there_yet(world: World, desk: Desk) -> None:
    with world.engine.begin() as conn:
        conn.execute(user.delete())
    desk.open("/")
    assert "sverka user add NAME --role admin" in desk.page.content()
    desk.shoot("login-first")


@pytest.mark.parametrize("language", LANGUAGES)
def test_admin_adds_a_user(world: World, desk: Desk, language: str) -> None:
    page = desk.page
    with world.engine.begin() as conn:
        conn.execute(update(user).values(language=language))
    desk.sit(world, "admin")
    desk.open("/users")
    page.locator("#new ~ form input[name=login]").fill("olena")
    page.locator("#new ~ form select[name=manager]").select_option(label="Олена (m-Олена)")
    page.locator("#new ~ form button").click()
    page.wait_for_selector(".notice code")
    desk.shoot(f"users-{language}")
    assert desk.barriers() == [] and not desk.overflows()
    page.get_by_role("link", name="olena").click()
    page.wait_for_selector("h1:has-text('olena')")
    desk.shoot(f"user-{language}")
    assert desk.barriers() == [] and not desk.overflows()
