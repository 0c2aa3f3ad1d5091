"""The desk of a mapping in a real browser: mistakes as one types, saved by a key, published, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from store.tables import reapply
from tests.browser.conftest import Desk
from tests.integration.web.mappings import (
    KEY,
    RECORD,
    UPPER,
    WRONG,
    draft_of,
    publish,
    put_landed,
    put_mapping,
    ruling,
    save,
)
from tests.integration.web.world import LANGUAGES, World

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
NO_SCRIPT: dict[str, Any] = {"java_script_enabled": False}
WAY = f"/mapping/{KEY}"
PATHS = (
    "",
    f"/{KEY}",
    f"/{KEY}/base",
    f"/{KEY}/changes",
    f"/{KEY}/versions",
    f"/{KEY}/reapply",
    f"/{KEY}/cases",
    f"/{KEY}/live",
)


@pytest.fixture
def told(world: World) -> World:
    """A version of a person rules, a case is kept, a customer was received, a draft with mistakes waits."""
    put_mapping(world)
    put_landed(world)
    publish(world, UPPER, comment="сегмент из комментария")
    world.browser("admin").submit(
        f"{WAY}/cases/keep", connection="accounting", external_id=RECORD, title="обычный покупатель"
    )
    save(world, WRONG)
    return world


def going(world: World) -> None:
    world.browser("admin").submit(f"{WAY}/reapply", connection="accounting")
    counters = {"counterparty": {"read": 1, "changed": 1, "fields": {"segment": 1}}}
    with world.engine.begin() as conn:
        conn.execute(update(reapply).values(state="running", counters=counters, entity="order"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_in_each_language(told: World, desk: Desk, language: str) -> None:
    going(told)
    desk.sit(told, "admin")
    desk.open("/mapping")
    desk.page.click(f'.language button[value="{language}"]')
    for path in PATHS:
        desk.open(f"/mapping{path}")
        desk.shoot(f"mapping{path.replace('/', '-')}-{language}")
        assert desk.barriers() == [], path
        assert not desk.overflows(), path
    words = {"en": "2 mistakes", "ru": "2 ошибки", "uk": "2 помилки"}
    desk.open(WAY)
    assert words[language] in desk.page.inner_text("#problems")


@pytest.mark.parametrize("desk", [PHONE, PHONE | DARK], ids=["phone", "dark"], indirect=True)
def test_on_a_phone(told: World, desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.sit(told, "admin")
    save(told, 'extends = "bp30"\n\n[entities.counterparty.fields]\nsegment = "Description"\n')
    case = f"/{KEY}/case?title=обычный покупатель"
    version = f"/{KEY}/version?v={ruling(told).hash}"
    for name, path in [(path.replace("/", "-"), path) for path in PATHS] + [("-case", case), ("-version", version)]:
        desk.open(f"/mapping{path}")
        desk.shoot(f"mapping{name}-{request.node.callspec.id}")
        assert desk.barriers() == [], path
        assert not desk.overflows(), path


def test_mistakes_are_told_as_one_types(told: World, desk: Desk) -> None:
    """Each beside its line; chosen, it leads there. Saved by the keyboard, and the text stays where it is."""
    desk.sit(told, "admin")
    desk.open(WAY)
    assert desk.page.locator(".gutter .error").all_inner_texts() == ["4", "5"]
    desk.page.click("#problems [data-line='5'] a")
    chosen = "(() => { const t = document.activeElement; return t.value.slice(t.selectionStart, t.selectionEnd); })()"
    assert desk.page.evaluate(chosen) == 'frm = "x" }', "from the column to the end of the line"
    desk.page.fill("#text", UPPER)
    desk.page.wait_for_selector("#problems .fine")
    expect(desk.page.locator(".gutter .error")).to_have_count(0)
    assert "not saved yet" in desk.page.inner_text("#changed")
    assert draft_of(told).text == WRONG
    desk.page.locator("#text").press("Control+s")
    desk.page.wait_for_selector("#told .done")
    expect(desk.page.locator("#changed")).to_have_text("")
    assert draft_of(told).text == UPPER
    desk.page.locator("#text").press("Control+End")
    desk.page.keyboard.type("# more")
    desk.page.keyboard.press("Control+s")
    expect(desk.page.locator("#changed")).to_have_text("")
    assert draft_of(told).text == UPPER + "# more", "saved once more, by the mark of the text saved before"


def test_two_at_once_in_the_browser(told: World, desk: Desk) -> None:
    desk.sit(told, "admin")
    desk.open(WAY)
    save(told, UPPER, who="other")
    desk.page.fill("#text", UPPER + "# mine\n")
    desk.page.locator("#text").press("Control+s")
    desk.page.wait_for_selector("#told .wrong")
    assert "other" in desk.page.inner_text("#told") and draft_of(told).text == UPPER
    desk.shoot("mapping-two-at-once")
    assert desk.barriers() == []
    desk.page.click("#told button[name=over]")
    desk.page.wait_for_selector("#told .done")
    assert draft_of(told).text == UPPER + "# mine\n"
    desk.page.locator("#text").press("Control+s")
    desk.page.wait_for_selector("#told .done")
    assert draft_of(told).author == "admin"


def test_from_a_draft_to_what_rules_and_back(told: World, desk: Desk) -> None:
    """Saved, its differences read, published with a re-apply, taken back."""
    before = ruling(told)
    desk.sit(told, "admin")
    desk.open(WAY)
    desk.page.fill("#text", UPPER + 'region = "Комментарий"\n')
    desk.page.click("[data-save]")
    desk.page.wait_for_selector("#told .done")
    desk.open(f"{WAY}/changes")
    assert "1 golden case is red" in desk.page.inner_text("main")
    assert desk.page.is_disabled("form[action$='/publish'] button")
    desk.shoot("mapping-red")
    assert desk.barriers() == []
    desk.page.click(".flash.wrong li a")
    desk.shoot("mapping-case-red")
    assert desk.barriers() == []
    desk.page.fill("[name=comment]", "регион теперь есть")
    desk.page.click("form[action$='/accept'] button")
    desk.open(f"{WAY}/changes")
    desk.shoot("mapping-changes-ready")
    desk.page.fill("[name=comment]", "регион из комментария")
    desk.page.check("[name=reapply]")
    desk.page.click("form[action$='/publish'] button")
    desk.page.wait_for_selector("#progress .order")
    now = ruling(told)
    assert now.hash != before.hash and now.comment == "регион из комментария" and draft_of(told) is None
    desk.open(f"{WAY}/version?v={before.hash}")
    desk.page.click("form[action$='/rollback'] button")
    desk.page.wait_for_selector(".flash.done")
    assert ruling(told).hash == before.hash


def test_progress_renews_itself(told: World, desk: Desk) -> None:
    going(told)
    desk.sit(told, "admin")
    desk.open(f"{WAY}/reapply")
    assert "1 of 1 records looked at" in desk.page.inner_text("#progress")
    with told.engine.begin() as conn:
        conn.execute(update(reapply).values(state="done"))
    desk.page.wait_for_selector("#progress .order .done")
    assert "changed: 1" in desk.page.inner_text("#progress")


@pytest.mark.parametrize("desk", [NO_SCRIPT], ids=["no-script"], indirect=True)
def test_all_of_it_works_without_a_script(told: World, desk: Desk) -> None:
    desk.sit(told, "admin")
    desk.open(WAY)
    desk.page.fill("#text", WRONG + "x = 1\n")
    desk.page.click("button[formaction$='/check']")
    assert "3 mistakes" in desk.page.inner_text("#problems") and draft_of(told).text == WRONG
    desk.page.click("[data-save]")
    assert "The draft is saved." in desk.page.inner_text("main") and draft_of(told).text == WRONG + "x = 1\n"
