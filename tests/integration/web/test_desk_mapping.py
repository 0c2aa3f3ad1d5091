"""The desk of a mapping: its text checked as one types, one draft for all admins, nobody's overwritten unseen."""

from __future__ import annotations

import html

import pytest

from store import versions
from sync.mappings.drafting import LONGEST
from sync.versions import load_ruling
from tests.integration.store.counting import CountQueries
from tests.integration.web.mappings import KEY, UPPER, WRONG, draft_of, fields_of, publish, put_mapping, ruling, save
from tests.integration.web.world import Browser, World
from web.pages.mapping.common import word_of

HTMX = {"hx-request": "true", "sec-fetch-site": "same-origin"}


@pytest.fixture
def told(world: World) -> World:
    """bp30 rules for the connection."""
    return put_mapping(world)


def plain(text: str) -> str:
    return html.unescape(text)


def send(browser: Browser, way: str, **fields: str) -> str:
    answer = browser.post(f"/mapping/{KEY}/{way}", data={"_token": browser.token} | fields, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return plain(answer.text)


def test_the_list_says_what_rules_for_whom(told: World) -> None:
    publish(told, UPPER, comment="сегмент из комментария")
    shown = plain(told.browser("ops").get("/mapping").text)
    assert "сегмент из комментария" in shown and "accounting" in shown and f"/mapping/{KEY}/versions" in shown
    assert "a draft waits" not in shown
    save(told, UPPER + "# more\n")
    shown = told.browser("admin").get("/mapping").text
    assert "a draft waits" in shown and f'href="/mapping/{KEY}"' in shown


def test_no_mapping_yet_says_what_to_do(world: World) -> None:
    assert "sverka connect" in world.browser("admin").get("/mapping").text


def test_one_that_nothing_names_any_more_can_be_looked_at_only(told: World) -> None:
    told.site.app.settings.connections.clear()
    browser = told.browser("admin")
    assert f'href="/mapping/{KEY}/versions"' in browser.get("/mapping").text
    assert browser.get(f"/mapping/{KEY}/versions").status_code == 200
    assert browser.get(f"/mapping/{KEY}").status_code == browser.get("/mapping/none/versions").status_code == 404


def test_a_preset_is_begun_by_extending_it(told: World) -> None:
    browser = told.browser("admin")
    shown = plain(browser.get(f"/mapping/{KEY}").text)
    assert 'extends = "bp30"' in shown and "The preset rules as it came" in shown and "No mistakes." in shown
    base = plain(browser.get(f"/mapping/{KEY}/base").text)
    assert "[entities.counterparty" in base and "Begin a draft that extends bp30" in base
    browser.submit(f"/mapping/{KEY}/begin", origin="preset", name="ut11")
    assert draft_of(told).text.startswith(("#", "title", "extends")) and len(draft_of(told).text) > 5_000
    again = browser.submit(f"/mapping/{KEY}/begin", origin="extends", name="bp30")
    assert "wrong" in again.headers["set-cookie"] and len(draft_of(told).text) > 5_000
    assert browser.get(f"/mapping/{KEY}/base?name=../settings.toml").status_code == 404


def test_every_mistake_is_told_with_its_line(told: World) -> None:
    """As the command line tells them, all at once, with the nearest right name; nothing is kept by looking."""
    browser = told.browser("admin")
    shown = send(browser, "check", text=WRONG)
    assert "2 mistakes" in shown and "segment" in shown and 'data-line="4"' in shown and 'data-line="5"' in shown
    assert "segmnt = " in shown, "the line itself stands below"
    assert draft_of(told) is None
    assert "Line 2, column 1" in send(browser, "check", text="a = 1\n= 2")
    assert "is not known" in send(browser, "check", text='extends = "bp31"')
    assert "entities are read" in send(browser, "check", text=UPPER)
    whole = browser.submit(f"/mapping/{KEY}/check", text=WRONG, seen="-")
    assert whole.status_code == 200 and "<html" in whole.text and "2 mistakes" in whole.text, "also without script"


def test_what_is_taken_away_is_a_remark(told: World) -> None:
    text = 'extends = "bp30"\n[entities.counterparty.fields]\ncomment = false\n'
    assert "1 remark" in send(told.browser("admin"), "check", text=text)


def test_a_draft_reads_no_file_of_the_machine(told: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "secret.toml"
    other.write_text('password = "Kanarienvogel-4712"', encoding="utf-8")
    shown = send(told.browser("admin"), "check", text=f'extends = "{other}"\n')
    assert "is not known" in shown and "password" not in shown


def test_saved_with_mistakes_and_gone_on_with(told: World) -> None:
    browser = told.browser("admin")
    browser.submit(f"/mapping/{KEY}/save", text=WRONG.replace("\n", "\r\n"), seen="-")
    assert draft_of(told).text == WRONG
    shown = plain(browser.get(f"/mapping/{KEY}").text)
    assert "segmnt" in shown and "2 mistakes" in shown and "Draft of admin" in shown
    saved = send(browser, "save", text=UPPER, seen=draft_of(told).mark)
    assert "The draft is saved" in saved and draft_of(told).mark in saved
    assert draft_of(told).text == UPPER and versions.published(told.engine, KEY) == ruling(told)
    assert [what for _, what, _ in told.audited()][-2:] == ["mapping.draft.save"] * 2


def test_of_two_who_write_at_once_the_second_is_told(told: World) -> None:
    """His text stays before his eyes, the other's is kept; he may put his own in its place knowingly."""
    first, second = told.browser("admin"), told.browser("admin")
    mark = fields_of(second, f"/mapping/{KEY}")["seen"]
    first.submit(f"/mapping/{KEY}/save", text=UPPER, seen=mark)
    answer = second.submit(f"/mapping/{KEY}/save", text=WRONG, seen=mark)
    shown = plain(answer.text)
    assert answer.status_code == 409 and "has been changed by admin meanwhile" in shown and "segmnt" in shown
    assert "has been changed by admin" in send(second, "save", text=WRONG, seen=mark)
    assert draft_of(told).text == UPPER
    second.submit(f"/mapping/{KEY}/save", text=WRONG, seen=mark, over=draft_of(told).mark)
    assert draft_of(told).text == WRONG


def test_what_was_thrown_away_does_not_come_back_unasked(told: World) -> None:
    browser = told.browser("admin")
    save(told, UPPER)
    mark = draft_of(told).mark
    assert "wrong" in browser.submit(f"/mapping/{KEY}/discard", seen="other").headers["set-cookie"]
    browser.submit(f"/mapping/{KEY}/discard", seen=mark)
    assert draft_of(told) is None
    assert browser.submit(f"/mapping/{KEY}/save", text=WRONG, seen=mark).status_code == 409
    assert draft_of(told) is None
    assert [what for _, what, _ in told.audited()][-1] == "mapping.draft.drop"


def test_too_long_a_text_is_told_and_not_kept(told: World) -> None:
    browser = told.browser("admin")
    shown = send(browser, "save", text="#" * (LONGEST + 1), seen="-")
    assert f"at most {LONGEST} characters" in shown and draft_of(told) is None
    assert f"longer than {LONGEST}" in send(browser, "check", text="#" * (LONGEST + 1))
    assert browser.submit(f"/mapping/{KEY}/save", text="#" * (3 * LONGEST), seen="-").status_code in (400, 422)
    full = "#" + "Ж" * (LONGEST - 1)
    assert "The draft is saved" in send(browser, "save", text=full, seen="-") and draft_of(told).text == full


def test_a_file_in_a_folder_has_a_word_in_addresses(told: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What it extends is what it was published with; the file on the disk may differ, which is told."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "base.toml").write_text('extends = "bp30"\n', encoding="utf-8")
    own = folder / "own.toml"
    own.write_text('extends = "base.toml"\n', encoding="utf-8")
    connections = told.site.app.settings.connections
    connections["accounting"] = connections["accounting"].model_copy(update={"mapping": str(own)})
    browser, way = told.browser("admin"), f"/mapping/{word_of(str(own))}"
    assert "/" not in word_of(str(own))
    assert 'extends = "base.toml"' in plain(browser.get(way).text)
    load_ruling(told.site.app, connections["accounting"])
    (folder / "base.toml").unlink()
    browser.submit(f"{way}/save", text='extends = "base.toml"\ntitle = "mine"\n', seen="-")
    shown = plain(browser.get(way).text)
    assert "No mistakes." in shown and str(folder / "base.toml") in shown


def test_questions_do_not_grow(told: World, count_queries: CountQueries) -> None:
    """Versions, drafts and orders are many; what a page asks stays what it is."""
    browser = told.browser("admin")
    counts: dict[str, list[int]] = {}
    for round_ in range(2):
        for number in range(5 * round_):
            publish(told, UPPER + f"# {number}\n")
        save(told, UPPER + f"# draft {round_}\n")
        for path in ("", f"/{KEY}", f"/{KEY}/versions", f"/{KEY}/changes", f"/{KEY}/reapply", f"/{KEY}/cases"):
            with count_queries(told.site.reader) as read, count_queries(told.engine) as written:
                assert browser.get(f"/mapping{path}").status_code == 200
            counts.setdefault(path, []).append(len(read) + len(written))
    assert all(one == two <= 12 for one, two in counts.values()), counts
