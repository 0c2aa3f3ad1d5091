"""A draft published from a page: its differences, red cases, two admins at once, taken back, carried over."""

from __future__ import annotations

import html
from typing import Any

import pytest
from sqlalchemy import insert, update

from core.ids import new_id
from mapping.cases.files import Case, Expected
from mapping.rules import parse_mapping
from store.tables import reapply
from sync.mappings.kept_cases import keep_case, load_kept_cases
from sync.mappings.publishing import publish_mapping
from tests.integration.store.filling import NOW
from tests.integration.web.mappings import (
    CUSTOMER,
    KEY,
    RECORD,
    UPPER,
    WRONG,
    audited_after,
    draft_of,
    fields_of,
    number_of,
    orders_of,
    publish,
    put_landed,
    put_mapping,
    ruling,
    save,
)
from tests.integration.web.world import Browser, World
from web.pages.mapping import versions as mapping_versions

WAY = f"/mapping/{KEY}"


@pytest.fixture
def told(world: World) -> World:
    """bp30 rules for two connections, and a customer was received from one."""
    put_mapping(world, second=True)
    put_landed(world)
    return world


def text_of(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def keep(world: World, title: str = "опт", **expected: object) -> None:
    fields = {"segment": "опт; Москва"} | expected
    case = Case(title=title, entity="counterparty", source="Catalog_Контрагенты", raw=dict(CUSTOMER),
                expected=Expected(fields=fields))  # fmt: skip
    keep_case(world.engine, KEY, case, "admin", NOW)


def test_published_with_a_comment_and_carried_over(told: World) -> None:
    """What it changes is said in words and line by line; then it rules, and there is no draft any more."""
    browser, before = told.browser("admin"), ruling(told)
    save(told, UPPER)
    shown = text_of(browser, f"{WAY}/changes")
    assert "counterparty: segment" in shown and "then upper" in shown and '+ segment = { from = "Комментарий"' in shown
    answer = browser.submit(f"{WAY}/publish", **fields_of(browser, f"{WAY}/changes"), comment="прописными", reapply="1")
    assert answer.headers["location"] == f"{WAY}/reapply", answer.text
    now = ruling(told)
    assert now.hash != before.hash and (now.comment, now.published_by) == ("прописными", "admin")
    assert draft_of(told) is None and orders_of(told) == [("accounting", "due"), ("branch", "due")]
    assert {what for _, what, _ in told.audited()} >= {"mapping.publish", "mapping.draft.publish", "mapping.reapply"}


def test_nothing_to_publish_says_what_to_do(told: World) -> None:
    assert "There is no draft" in text_of(told.browser("admin"), f"{WAY}/changes")


def test_one_with_mistakes_is_not_published(told: World) -> None:
    browser, before = told.browser("admin"), ruling(told)
    save(told, WRONG)
    shown = text_of(browser, f"{WAY}/changes")
    assert "2 mistakes" in shown and f'action="{WAY}/publish"' not in shown
    answer = browser.submit(f"{WAY}/publish", seen=draft_of(told).mark, ruling_seen=before.hash)
    assert answer.status_code == 409 and "has mistakes: 2" in html.unescape(answer.text)
    assert ruling(told) == before and draft_of(told).text == WRONG


def test_one_that_says_what_rules_already_is_not_published_again(told: World) -> None:
    publish(told, UPPER)
    before = ruling(told)
    save(told, UPPER)
    answer = told.browser("admin").submit(f"{WAY}/publish", seen=draft_of(told).mark, ruling_seen=before.hash)
    assert answer.status_code == 409 and "says what rules already" in answer.text
    assert ruling(told) == before


def test_a_red_case_refuses_it_in_the_words_of_the_command(told: World) -> None:
    """Taken over with a reason, it is published."""
    browser, before = told.browser("admin"), ruling(told)
    publish(told, UPPER.replace('"upper"', '"trim"'))
    kept = ruling(told)
    browser.submit(f"{WAY}/cases/keep", connection="accounting", external_id=RECORD, title="опт")
    save(told, UPPER)
    shown = text_of(browser, f"{WAY}/changes")
    assert "1 golden case is red" in shown and "segment" in shown
    fields = {"seen": draft_of(told).mark, "ruling_seen": kept.hash}
    answer = html.unescape(browser.submit(f"{WAY}/publish", **fields).text)
    assert "bp30 is not published: 1 golden cases are red" in answer
    assert "segment" in answer and "expected" in answer and "sverka mapping test" in answer
    assert ruling(told) == kept != before
    mark = fields_of(browser, f"{WAY}/case?title=опт")["seen"]
    nothing = browser.submit(f"{WAY}/cases/accept", title="опт", seen=mark, comment=" ")
    assert nothing.status_code == 409 and "Say why" in nothing.text
    browser.submit(f"{WAY}/cases/accept", title="опт", seen=mark, comment="так и надо")
    assert audited_after(told, "mapping.case.accept") == [{"title": "опт", "comment": "так и надо"}]
    assert browser.submit(f"{WAY}/publish", **fields).status_code == 303
    assert ruling(told).hash != kept.hash


def test_of_two_admins_one_publishes_and_the_other_is_told(told: World) -> None:
    browser = told.browser("admin")
    save(told, UPPER)
    fields = fields_of(browser, f"{WAY}/changes")
    publish(told, UPPER + "# another\n", who="other")
    now = ruling(told)
    answer = browser.submit(f"{WAY}/publish", **fields)
    assert answer.status_code == 409 and "has been published or thrown away" in html.unescape(answer.text)
    save(told, UPPER + "# mine\n")
    fields["seen"] = draft_of(told).mark
    answer = browser.submit(f"{WAY}/publish", **fields)
    assert answer.status_code == 409 and "Somebody else has published another version" in html.unescape(answer.text)
    assert ruling(told) == now and draft_of(told).text == UPPER + "# mine\n"


def test_a_draft_that_was_overtaken_says_so(told: World) -> None:
    save(told, UPPER)
    publish_mapping(told.site.app, KEY, parse_mapping(UPPER + "# command\n", KEY), "anna")
    shown = text_of(told.browser("admin"), f"{WAY}/changes")
    assert "Another version was published since this draft was begun" in shown


def test_a_card_field_that_is_to_be_made_first_is_told(told: World) -> None:
    connections = told.site.app.settings.connections
    connections["accounting"] = connections["accounting"].model_copy(update={"mapping": "bitrix24"})
    browser = told.browser("admin")
    field = '{ kind = "text", from = "region", labels = { en = "R" } }'
    text = f'extends = "bitrix24"\n[cards.company.own]\nregion2 = {field}\n'
    browser.submit("/mapping/bitrix24/save", text=text, seen="-")
    shown = text_of(browser, "/mapping/bitrix24/changes")
    assert "company.region2" in shown and "sverka crm setup accounting" in shown


def test_versions_are_listed_compared_and_put_back(told: World) -> None:
    first = ruling(told)
    second = publish(told, UPPER, comment="прописными")
    browser = told.browser("admin")
    shown = text_of(browser, f"{WAY}/versions")
    assert "прописными" in shown and f"v={first.hash}" in shown
    compared = text_of(browser, f"{WAY}/compare?one={second.hash}&two={first.hash}")
    assert "counterparty: segment" in compared and 'href="/mapping/bp30/compare?one=' in compared
    assert browser.get(f"{WAY}/compare?one={second.hash}&two=none").status_code == 404
    fields = fields_of(browser, f"{WAY}/version?v={first.hash}")
    assert 'segment = { from = "Комментарий"' in text_of(told.browser("ops"), f"{WAY}/version?v={second.hash}")
    answer = browser.submit(f"{WAY}/rollback", v=first.hash, seen=fields["seen"])
    assert answer.headers["location"] == f"{WAY}/reapply" and ruling(told).hash == first.hash
    again = browser.submit(f"{WAY}/rollback", v=second.hash, seen=second.hash)
    assert "wrong" in again.headers["set-cookie"] and ruling(told).hash == first.hash, "somebody has put it back since"


def test_versions_are_paged(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping_versions, "SHOWN", 3)
    for number in range(6):
        publish(told, UPPER + f"# {number}\n")
    browser, path, seen = told.browser("admin"), f"{WAY}/versions", 0
    while path:
        shown = text_of(browser, path)
        seen += shown.count('<th scope="row">')
        path = shown.split('rel="next" href="')[1].split('"')[0] if 'rel="next"' in shown else ""
    assert seen == number_of(told) == 7


def test_a_draft_is_begun_with_a_version(told: World) -> None:
    second = publish(told, UPPER)
    publish(told, UPPER + "# later\n")
    browser = told.browser("admin")
    browser.submit(f"{WAY}/begin", origin="version", name=second.hash)
    assert draft_of(told).text == UPPER
    assert browser.submit(f"{WAY}/begin", origin="anything").status_code == 422


def test_how_far_a_reapply_is(told: World) -> None:
    """While it runs the part renews itself; what it came to is told afterwards, and ops may look."""
    browser = told.browser("admin")
    assert "Nothing was carried over yet" in text_of(browser, f"{WAY}/reapply")
    browser.submit(f"{WAY}/reapply", connection="accounting")
    assert orders_of(told) == [("accounting", "due")]
    refused = browser.submit(f"{WAY}/reapply", connection="none")
    assert "wrong" in refused.headers["set-cookie"] and orders_of(told) == [("accounting", "due")]
    counters = {"counterparty": {"read": 40, "changed": 30, "unchanged": 10, "fields": {"segment": 30}}}
    with told.engine.begin() as conn:
        conn.execute(update(reapply).values(state="running", counters=counters, entity="order"))
    shown = text_of(told.browser("ops"), f"{WAY}/progress?of=160.0")
    assert "40 of 160 records looked at" in shown and 'max="160"' in shown and "every 2s" in shown
    assert "40 records looked at" in text_of(browser, f"{WAY}/progress?of=x")
    with told.engine.begin() as conn:
        conn.execute(update(reapply).values(state="done"))
    shown = text_of(browser, f"{WAY}/progress?of=160.0")
    assert "changed: 30" in shown and "segment: 30" in shown and "every 2s" not in shown


def test_one_that_was_ended_says_why(told: World) -> None:
    row: dict[str, Any] = {
        "connection": "branch",
        "version": ruling(told).hash,
        "state": "superseded",
        "counters": {},
        "author": "x",
    }
    row |= {"id": new_id(), "reason": "Another version has been published since.", "created_at": NOW, "updated_at": NOW}
    with told.engine.begin() as conn:
        conn.execute(insert(reapply).values(row))
    assert "Another version has been published since." in text_of(told.browser("admin"), f"{WAY}/reapply")


def test_a_case_is_kept_without_what_is_personal(told: World) -> None:
    browser = told.browser("admin")
    assert browser.submit(f"{WAY}/cases/keep", connection="accounting", external_id="none").status_code == 422
    assert browser.submit(f"{WAY}/cases/keep", connection="none", external_id=RECORD).status_code == 422
    browser.submit(f"{WAY}/cases/keep", connection="accounting", external_id=RECORD.upper(), title="опт")
    [kept] = load_kept_cases(told.engine, KEY)
    assert "Ромашка" not in str(kept.case.raw) and kept.case.raw["Ref_Key"] != "" and kept.case.title == "опт"
    again = browser.submit(f"{WAY}/cases/keep", connection="accounting", external_id=RECORD, title="опт")
    assert again.status_code == 422 and "a case with this title already" in again.text
    shown = text_of(browser, f"{WAY}/cases")
    assert "опт" in shown and "green" in shown
    assert "What must come of it" in text_of(browser, f"{WAY}/case?title=опт")
    browser.submit(f"{WAY}/cases/drop", title="опт")
    assert load_kept_cases(told.engine, KEY) == []
    assert browser.submit(f"{WAY}/cases/drop", title="опт").status_code == 404
    assert [what for _, what, _ in told.audited()][-2:] == ["mapping.case.keep", "mapping.case.drop"]


def test_what_came_out_of_another_draft_is_not_taken_over(told: World) -> None:
    keep(told)
    browser = told.browser("admin")
    save(told, UPPER)
    mark = fields_of(browser, f"{WAY}/case?title=опт")["seen"]
    save(told, UPPER.replace("upper", "lower"))
    answer = browser.submit(f"{WAY}/cases/accept", title="опт", seen=mark, comment="да")
    assert answer.status_code == 409 and "changed meanwhile" in answer.text
    assert load_kept_cases(told.engine, KEY)[0].case.expected.fields == {"segment": "опт; Москва"}


def test_a_draft_with_mistakes_leaves_the_cases_to_what_rules(told: World) -> None:
    keep(told)
    save(told, WRONG)
    shown = text_of(told.browser("admin"), f"{WAY}/cases")
    assert "The draft has mistakes, so what rules was tried." in shown and "опт" in shown
