"""An admin's desk in a real browser: a question answered by keyboard, many at once, a letter mended, a pause."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from store.tables import connection, run
from tests.browser.conftest import Desk
from tests.integration.store.filling import NOW
from tests.integration.web.desk import add_letter, add_review, candidate, load_letter_row, load_review_row
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
PATHS = ("/review", "/review?sure=1", "/dead", "/connections")


@pytest.fixture
def busy(world: World) -> World:
    """Questions of several kinds, letters of two causes, a connection that is paused."""
    mine, nobody = world.customers["mine"], world.customers["nobody"]
    two = [
        candidate("8b9660f6", name="ООО «Ромашка»", tax_id="7707083890", registration_code="770701001",
                  strength="same", reasons=["same INN 7707083890", "KPP not known on both sides"]),
        candidate("9c0771a7", name="Ромашка, склад", tax_id="7707083890", registration_code="781301001",
                  strength="branch", reasons=["same INN 7707083890", "other KPP: 781301001 there, 770701001 here"]),
    ]  # fmt: skip
    add_review(world, mine, *two, reason="2 cards of accounting have this INN.")
    sure = candidate("aa", name="НИЧЕЙ", reasons=["same phone +74951234562", "same name"])
    add_review(world, nobody, sure, reason="НИЧЕЙ: same phone +74951234562, same name.")
    told: dict[str, Any] = {"external_id": "c-mine", "strength": "conflict", "reasons": []}
    values: list[dict[str, Any]] = [
        {"field": "region", "ours": "Тверь", "theirs": "Псков"},
        {"field": "phones", "ours": ["+7 1"], "theirs": []},
    ]
    reason = "Ромашка ООО: region, phones changed here and in accounting."
    add_review(world, mine, *[told | value for value in values], kind="conflict", reason=reason)
    for number in range(3):
        add_letter(world, external_id=f"8b9660f6-6332-11ec-ad72-{number}")
    add_letter(world, fingerprint="cd" * 32, reason="Обмен: нет прав на запись", direction="out", entity="counterparty")
    ran = {"owner": "w", "fence": 1, "kind": "schedule", "status": "partial", "seconds": 2.0, "requests": 3}
    with world.engine.begin() as conn:
        paused = {"paused_reason": "The password is wrong.", "paused_at": NOW, "last_ok_at": NOW}
        conn.execute(insert(connection).values(name="accounting", **paused))
        conn.execute(insert(run).values(id=mine, connection="accounting", started_at=NOW, **ran))
    return world


def first_question(world: World) -> str:
    shown = world.browser("admin").get("/review").text
    return shown.split('<a href="/review/')[1].split('"')[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_in_each_language(busy: World, desk: Desk, language: str) -> None:
    desk.sit(busy, "admin")
    desk.open("/review")
    desk.page.locator(f"button[name=language][value={language}]").click()
    desk.page.wait_for_selector(f"html[lang={language}]")
    letter = busy.browser("admin").get("/dead/group/abababab").text.split('<a href="/dead/')[2].split('"')[0]
    one = f"/review/{first_question(busy)}"
    for number, path in enumerate((*PATHS, one, f"/dead/{letter}", "/dead/group/abababab")):
        desk.open(path)
        desk.shoot(f"desk-{number}-{language}")
        assert not desk.overflows() and desk.barriers() == [], path


@pytest.mark.parametrize("desk", [PHONE, DARK], ids=["phone", "dark"], indirect=True)
def test_small_and_dark(busy: World, desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.sit(busy, "admin")
    for number, path in enumerate((*PATHS, f"/review/{first_question(busy)}", "/dead/group/abababab")):
        desk.open(path)
        desk.shoot(f"desk-{number}-{request.node.callspec.id}")
        assert not desk.overflows() and desk.barriers() == [], path


def test_review_by_keyboard(busy: World, desk: Desk) -> None:
    """From the list to a question, the second candidate is he; the next question comes by itself."""
    number = int(first_question(busy))
    desk.sit(busy, "admin")
    desk.open("/review")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(f"**/review/{number}")
    desk.page.keyboard.press("l")
    desk.page.wait_for_url(lambda url: not url.endswith(f"/{number}"))
    assert load_review_row(busy, number).state == "open"
    desk.open(f"/review/{number}")
    desk.page.locator("input[name=reason]").focus()
    desk.page.keyboard.press("2")
    assert desk.page.locator("input[name=reason]").input_value() == "2"
    desk.page.locator("h1").click()
    desk.page.keyboard.press("2")
    desk.page.wait_for_selector(".flash.done")
    row = load_review_row(busy, number)
    assert (row.state, row.decision["external_id"], row.decided_by) == ("linked", "9c0771a7", "admin")


@pytest.mark.parametrize("desk", [{"java_script_enabled": False}], ids=["without scripts"], indirect=True)
def test_without_scripts(busy: World, desk: Desk) -> None:
    """Many at once, a letter mended, a connection let go on: forms are enough."""
    page = desk.page
    desk.sit(busy, "admin")
    desk.open("/review?sure=1")
    expect(page.locator("input[name=number]")).to_have_count(1)
    page.locator("input[name=number]").check()
    page.locator(".bar button.primary").click()
    expect(page.locator(".flash.done")).to_have_count(1)
    desk.open("/dead/group/abababab")
    page.locator(".questions a").first.click()
    number = int(page.url.rsplit("/", 1)[1])
    page.locator("textarea").fill("amount = 10.50")
    page.locator("form[action$='/edit'] button").click()
    assert load_letter_row(busy, number).edited["values"] == {"amount": "10.50"}
    desk.open("/connections")
    page.locator("form[action$='/resume'] button").click()
    expect(page.locator(".card.bad")).to_have_count(0)
