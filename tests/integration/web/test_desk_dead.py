"""Dead letters in pages: by cause, with what was received; decided through the same functions as by command."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from core.secrets import remember
from store.tables import request
from tests.integration.store.counting import CountQueries
from tests.integration.web.desk import add_letter, load_letter_row
from tests.integration.web.world import LANGUAGES, World

CANARY = "Kanarienvogel-4711"


def asked(world: World) -> list[tuple[str, str]]:
    with world.engine.begin() as conn:
        return [tuple(row) for row in conn.execute(select(request.c.kind, request.c.connection))]


def test_grouped_by_cause_with_counts(world: World) -> None:
    for _ in range(3):
        add_letter(world)
    other = add_letter(world, fingerprint="cd" * 32, reason="No such customer.")
    add_letter(world, fingerprint="ef" * 32, state="resolved")
    shown = world.browser("admin").get("/dead").text
    assert re.findall(r'<a href="/dead/group/(\w+)"', shown) == ["abababab", "cdcdcdcd"]
    assert "4 letters are open." in shown and "No such customer." in shown
    group = world.browser("admin").get("/dead/group/cdcdcdcd").text
    assert re.findall(r'<a href="/dead/(\d+)"', group) == [str(other["number"])]
    assert world.browser("admin").get("/dead/group/ffff").status_code == 404


def test_one_letter_with_its_payload(world: World) -> None:
    """Laid out, amounts as written, secrets cut out also where they were kept before anybody knew them."""
    raw = f'{{"Сумма":1200.10,"Ключ":"{CANARY}"}}'
    letter = add_letter(world, payload={"raw": raw, "content": "c"})
    remember(CANARY)
    shown = world.browser("admin").get(f"/dead/{letter['number']}").text
    assert "1200.10" in shown and CANARY not in shown and "***" in shown
    cut = add_letter(world, external_id="cut", payload={"raw": '{"a": "b', "cut": True})
    assert "{&#34;a&#34;: &#34;b" in world.browser("admin").get(f"/dead/{cut['number']}").text


def test_retry_one_and_a_group(world: World) -> None:
    """The service finds the word at its next tick."""
    one, two = add_letter(world), add_letter(world)
    browser = world.browser("admin")
    assert browser.submit(f"/dead/{one['number']}/retry").headers["location"] == f"/dead/{one['number']}"
    assert load_letter_row(world, one["number"]).state == "retrying"
    assert load_letter_row(world, two["number"]).state == "open"
    assert browser.submit("/dead/group/abababab/retry").status_code == 303
    assert load_letter_row(world, two["number"]).state == "retrying"
    assert asked(world) == [("retry", "accounting")]
    assert [(who, what) for who, what, _ in world.audited()] == [("admin", "dead.retry")] * 2


def test_mended_by_hand(world: World) -> None:
    """What came stays beside what was put in its place; what does not fit is said, and what was typed is kept."""
    number = add_letter(world)["number"]
    browser = world.browser("admin")
    wrong = browser.submit(f"/dead/{number}/edit", values="amount = a lot")
    assert wrong.status_code == 422 and "amount = a lot" in wrong.text
    unclear = browser.submit(f"/dead/{number}/edit", values="number = 1\nwhat")
    assert unclear.status_code == 422 and "Line 2" in unclear.text
    assert browser.submit(f"/dead/{number}/edit", values="{").status_code == 422
    assert load_letter_row(world, number).edited is None
    assert browser.submit(f"/dead/{number}/edit", values="amount = 1200.50\n\nnumber = УТ-17").status_code == 303
    row = load_letter_row(world, number)
    assert row.edited["values"] == {"amount": "1200.50", "number": "УТ-17"} and row.edited["by"] == "admin"
    assert row.state == "retrying" and "1e30" in row.payload["raw"]
    shown = browser.get(f"/dead/{number}").text
    assert "number = УТ-17" in shown and "1e30" in shown
    assert browser.submit(f"/dead/{number}/edit", values='{"amount": 7.10}').status_code == 303
    assert load_letter_row(world, number).edited["values"]["amount"] == "7.10"


def test_given_up_with_a_reason(world: World) -> None:
    number = add_letter(world)["number"]
    browser = world.browser("admin")
    assert browser.submit(f"/dead/{number}/discard", reason="").status_code == 422
    assert browser.submit(f"/dead/{number}/discard", reason="test document").status_code == 303
    row = load_letter_row(world, number)
    assert (row.state, row.note, row.decided_by) == ("discarded", "test document", "admin")
    again = browser.submit(f"/dead/{number}/retry")
    assert again.status_code == 422 and load_letter_row(world, number).state == "discarded"
    assert f'action="/dead/{number}/edit"' not in browser.get(f"/dead/{number}").text


def test_pages_of_a_group(world: World, count_queries: CountQueries) -> None:
    numbers = [add_letter(world)["number"] for _ in range(60)]
    browser = world.browser("admin")
    with count_queries(world.engine) as queries:
        first = browser.get("/dead/group/abababab").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None and len(queries) <= 4
    second = browser.get(following[1]).text
    found = [int(one) for one in re.findall(r'<a href="/dead/(\d+)"', first + second)]
    assert found == numbers and 'rel="next"' not in second


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_dead_says_so(world: World, language: str) -> None:
    shown = world.browser("admin").get("/dead", headers={"accept-language": language}).text
    words = {"en": "No dead letters", "ru": "Недоставленных нет", "uk": "Недоставлених немає"}
    assert words[language] in shown


def test_what_is_not_there(world: World) -> None:
    browser = world.browser("admin")
    assert browser.get("/dead/99999").status_code == 404
    assert browser.submit("/dead/99999/retry").status_code == 404
    assert browser.submit("/dead/group/zz/retry").status_code == 404
