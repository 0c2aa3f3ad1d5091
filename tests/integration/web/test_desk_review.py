"""The review queue in pages: side by side, decided through the same functions as by command, many at once."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from sqlalchemy import select, update

from store.entities import counterparties
from store.queries.work.reviews import load_reviews, looks_sure
from store.tables import match_decision
from tests.integration.store.counting import CountQueries
from tests.integration.web.desk import add_review, candidate, load_review_row
from tests.integration.web.world import LANGUAGES, World
from web.pages.review import compare

INN, OTHER = "7707083890", "7707083892"


def sure(key: str, tax_id: str = "") -> dict[str, object]:
    return candidate(key, tax_id=tax_id, reasons=["same phone +74951234560", "same name"])


def verdicts(world: World) -> dict[str, str]:
    with world.engine.begin() as conn:
        return {row.external_id: row.verdict for row in conn.execute(select(match_decision))}


def test_one_question_side_by_side(world: World) -> None:
    """What differs is marked, what the mirror knows of a candidate is filled in, the reasons are in plain words."""
    world.filling.add("counterparty", {"accounting": "k-2"}, name="Ромашка-2", phones=["+7 812 000-00-00"])
    two = [candidate("k-1", name="Ромашка ооо", tax_id=INN, reasons=["same phone +7495"]), candidate("k-2", name="")]
    number = add_review(world, world.customers["mine"], *two)
    shown = world.browser("admin").get(f"/review/{number}", headers={"accept-language": "ru"}).text
    assert "Ромашка-2" in shown and "+7 812 000-00-00" in shown and "тот же телефон +7495" in shown
    marked = re.findall(r'<td class="wrap (same|differs|unknown)">', shown)
    assert marked[:2] == ["same", "differs"] and "unknown" in marked
    assert shown.count(f'action="/review/{number}/link"') == 2


def test_phones_are_compared_as_numbers_and_written_as_people_do(world: World) -> None:
    with world.engine.begin() as conn:
        mine = counterparties.c.id == world.customers["mine"]
        conn.execute(update(counterparties).where(mine).values(phones=["+79268060137;ext=58"]))
    world.filling.add("counterparty", {"accounting": "k-1"}, name="Ромашка", phones=["+7 926 806-01-37 доб. 58"])
    number = add_review(world, world.customers["mine"], candidate("k-1", reasons=["same phone +79268060137;ext=58"]))
    shown = world.browser("admin").get(f"/review/{number}", headers={"accept-language": "ru"}).text
    phones = shown[shown.index("Телефоны") :].partition("</tr>")[0]
    assert phones.count("+7 926 806-01-37 доб. 58") == 2 and '"wrap same"' in phones
    assert "тот же телефон +7 926 806-01-37 доб. 58" in shown and ";ext=" not in shown


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("ООО  Ромашка", "ооо ромашка", "same"),
        (["a@b.c", "d@e.f"], ["D@E.F"], "same"),
        ("", "x", "unknown"),
        (None, ["x"], "unknown"),
        ("x", "y", "differs"),
    ],
)
def test_what_counts_as_different(ours: object, theirs: object, verdict: str) -> None:
    assert compare(ours, theirs) == verdict


def test_link_goes_on_to_the_next_question(world: World) -> None:
    first = add_review(world, world.customers["mine"], "k-1", "k-2")
    second = add_review(world, world.customers["nobody"], "k-3")
    browser = world.browser("admin")
    unclear = browser.submit(f"/review/{first}/link")
    assert unclear.status_code == 422 and "Say which card" in unclear.text
    answer = browser.submit(f"/review/{first}/link", to="k-2")
    assert answer.headers["location"] == f"/review/{second}"
    row = load_review_row(world, first)
    assert (row.state, row.decision["external_id"], row.decided_by) == ("linked", "k-2", "admin")
    assert verdicts(world) == {"k-2": "same"}
    assert [(who, what) for who, what, _ in world.audited()] == [("admin", "review.link")]
    again = browser.submit(f"/review/{first}/link", to="k-1")
    assert again.status_code == 422 and "decided already" in again.text
    assert verdicts(world) == {"k-2": "same"}


def test_a_twin_is_made_only_when_it_is_meant(world: World) -> None:
    twin = candidate("k-1", tax_id=INN, strength="same", reasons=[f"same INN {INN}"])
    number = add_review(world, world.customers["mine"], twin)
    browser = world.browser("admin")
    refused = browser.submit(f"/review/{number}/create")
    assert refused.status_code == 422 and load_review_row(world, number).state == "open"
    assert browser.submit(f"/review/{number}/create", force="1").headers["location"] == "/review"
    assert load_review_row(world, number).state == "created" and verdicts(world) == {"k-1": "different"}


def test_left_alone_with_a_reason(world: World) -> None:
    number = add_review(world, world.customers["mine"], "k-1")
    browser = world.browser("admin")
    assert browser.submit(f"/review/{number}/dismiss", reason=" ").status_code == 422
    assert browser.submit(f"/review/{number}/dismiss", reason="test firm").status_code == 303
    assert load_review_row(world, number).decision["reason"] == "test firm"


def test_two_values_of_one_field(world: World) -> None:
    told = {"external_id": "c-mine", "field": "region", "ours": "Тверь", "theirs": "Псков", "strength": "conflict"}
    number = add_review(world, world.customers["mine"], {**told, "reasons": []}, kind="conflict")
    browser = world.browser("admin")
    shown = browser.get(f"/review/{number}").text
    assert "Тверь" in shown and "Псков" in shown and f"/review/{number}/link" not in shown
    assert browser.submit(f"/review/{number}/keep").status_code == 303
    assert load_review_row(world, number).state == "kept"
    assert ("admin", "review.keep") in [(who, what) for who, what, _ in world.audited()]


def test_ids_stand_as_names_with_links(world: World) -> None:
    """A card in a reason, a manager in a value, a deal of an order: each as people know it."""
    other = world.filling.add("counterparty", {"accounting": "0f-77"}, name="ООО «Вектор»")
    why = "anna has taken the card 0f-77 from him: which card is his, or does he get one of his own?"
    number = add_review(world, world.customers["mine"], candidate("0f-77", name=""), reason=why)
    browser = world.browser("admin")
    shown = browser.get(f"/review/{number}", headers={"accept-language": "ru"}).text
    assert "anna отвязал от него карточку ООО «Вектор»: какая карточка его" in shown
    assert f'<a href="/customers/{other}">ООО «Вектор»</a>' in shown and "0f-77" not in re.sub("<[^>]*>", "", shown)
    assert f'<a href="/customers/{world.customers["mine"]}">' in shown

    why = f"Another contact has this INN: the contact 'ООО «Вектор»' ({other}) has the same INN."
    number = add_review(world, world.customers["mine"], kind="approval", reason=why)
    one, many = (browser.get(path).text for path in (f"/review/{number}", "/review"))
    assert all("contact &#39;ООО «Вектор»&#39; has the same INN" in text for text in (one, many))
    assert f'→ <a href="/customers/{other}">ООО «Вектор»</a>' in one and str(other) not in many

    new, old = (world.filling.add("manager", name=name) for name in ("Пётр Новый", "Анна Прежняя"))
    told = {"external_id": "c-mine", "strength": "conflict", "reasons": []}
    values = [told | {"field": "manager", "ours": str(old), "theirs": str(new)}]
    values.append(told | {"field": "okpo", "ours": "5", "theirs": "7"})
    why = "Ромашка: manager, okpo changed here and in accounting."
    number = add_review(world, world.customers["mine"], *values, kind="conflict", reason=why)
    shown = browser.get(f"/review/{number}", headers={"accept-language": "ru"}).text
    listed = browser.get("/review", headers={"accept-language": "ru"}).text
    assert "Пётр Новый" in shown and "Анна Прежняя" in shown and str(new) not in shown
    for page in (shown, listed):
        assert "изменено и здесь, и в accounting: Менеджер, ОКПО." in page
    assert "okpo" not in shown


def test_a_deal_is_called_by_its_title(world: World) -> None:
    customer = world.customers["mine"]
    order = world.filling.add("order", number="УТ-7", counterparty_id=customer)
    link = "https://crm.example/deal/17/"
    world.filling.add("deal", {"crm": "17"}, name="Поставка труб", link=link, counterparty_id=customer)
    deal = candidate("17", name="17", reasons=[])
    values = {"kind": "deal", "entity": "order", "connection": "crm", "reason": "Order УТ-7 names deal 17."}
    number = add_review(world, order, deal, **values)
    shown = world.browser("admin").get(f"/review/{number}").text
    assert re.search(rf'<a href="{link}"[^>]*>Поставка труб</a>', shown) and "It is this deal: Поставка труб" in shown
    assert f'<a href="/customers/{customer}/order/{order}">УТ-7</a>' in shown


def test_many_at_once_and_only_what_is_sure(world: World) -> None:
    """What is not sure is not linked, also where its number is sent: a second customer, a twin, a doubt."""
    one = add_review(world, world.customers["mine"], sure("k-1"))
    doubtful = add_review(world, world.customers["nobody"], candidate("k-2", tax_id=OTHER, strength="weak"))
    browser = world.browser("admin")
    shown = browser.get("/review?sure=1").text
    assert f'value="{one}"' in shown and f'value="{doubtful}"' not in shown
    answer = browser.submit("/review/link", number=[str(one), str(doubtful), "x", "99999"])
    assert answer.headers["location"] == "/review?sure=1"
    assert load_review_row(world, one).state == "linked" and load_review_row(world, doubtful).state == "open"
    assert "1 is linked. 2 were left" in browser.get("/review?sure=1").text


def test_nobody_is_sure_where_another_question_names_the_card(world: World) -> None:
    number = add_review(world, world.customers["mine"], sure("k-1"))
    with world.engine.begin() as conn:
        assert load_reviews(conn, sure=True)[0][0]["number"] == number
    add_review(world, world.customers["nobody"], candidate("k-10"), connection="other")
    with world.engine.begin() as conn:
        assert len(load_reviews(conn, sure=True)[0]) == 1
    add_review(world, world.customers["nobody"], candidate("k-1"), candidate("k-2"))
    with world.engine.begin() as conn:
        assert load_reviews(conn, sure=True) == ([], None)


def test_what_speaks_against_a_card_makes_it_unsure() -> None:
    doubt = sure("k") | {"reasons": ["same phone +7", "same name", "it is the card of 'x' here already"]}
    alone = sure("k") | {"reasons": ["same phone +7", "same phone +8"]}
    by_tax_id = sure("k", INN) | {"strength": "same", "reasons": [f"same INN {INN}", "same KPP"]}
    assert looks_sure(INN, [sure("k")]) and looks_sure("", [sure("k", INN)]) and looks_sure(INN, [sure("k", INN)])
    assert not looks_sure(OTHER, [sure("k", INN)])
    assert not any(looks_sure(INN, [one]) for one in (doubt, alone, by_tax_id))
    assert not looks_sure(INN, [sure("k"), sure("l")]) and not looks_sure(INN, [])


def test_pages_of_the_list(world: World, count_queries: CountQueries) -> None:
    """Paged in the database: as many questions to it for three lines as for a hundred and twenty."""
    people = world.filling.add_many("counterparty", [({}, {"name": f"Клиент {n}"}) for n in range(120)])
    numbers = [add_review(world, key, "k") for key in people[:3]]
    browser = world.browser("admin")
    with count_queries(world.site.reader) as few:
        browser.get("/review")
    numbers += [add_review(world, key, "k") for key in people[3:]]
    seen: list[int] = []
    path: str | None = "/review"
    counted: list[int] = []
    while path is not None:
        with count_queries(world.site.reader) as queries:
            text = browser.get(path).text
        counted.append(len(queries))
        seen += [int(found) for found in re.findall(r'<a href="/review/(\d+)"', text)]
        following = re.search(r'rel="next" href="([^"]+)"', text)
        path = following[1].replace("&amp;", "&") if following else None
    assert seen == numbers and counted == [len(few)] * 3 and len(few) <= 4


def test_a_question_takes_few_queries(world: World, count_queries: CountQueries) -> None:
    number = add_review(world, world.customers["mine"], *[f"k-{n}" for n in range(9)])
    browser = world.browser("admin")
    with count_queries(world.site.reader) as queries:
        assert browser.get(f"/review/{number}").status_code == 200
    assert len(queries) <= 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_to_decide_says_so(world: World, language: str) -> None:
    shown = world.browser("admin").get("/review", headers={"accept-language": language}).text
    words = {"en": "Nothing waits for a decision", "ru": "Ничто не ждёт решения", "uk": "Ніщо не чекає на рішення"}
    assert words[language] in shown


def test_what_is_not_there(world: World) -> None:
    browser = world.browser("admin")
    assert browser.get("/review/99999").status_code == 404
    assert browser.get("/review/99999999999999999999").status_code == 404
    assert browser.submit("/review/99999/link").status_code == 404
    gone = add_review(world, UUID(int=7), "k")
    assert browser.get(f"/review/{gone}").status_code == 200
