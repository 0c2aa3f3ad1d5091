"""The pages of a manager: list, export, card, statement, call, new contact."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import func, insert, select, update

from core.ids import new_id
from store.customers import write_lists
from store.entities import balances, counterparties, entity_tables
from store.tables import cursor, customer_figure, request
from sync.push.contacts import add_contact, set_contact
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW
from tests.integration.web.world import LANGUAGES, SECRET_NAME, World
from web.door.visitor import FLASH


@pytest.fixture
def listed(world: World) -> World:
    """Words and figures as a run leaves them."""
    with world.engine.begin() as conn:
        write_lists(conn, list(world.customers.values()))
    return world


def unpacked(content: bytes) -> str:
    """All that stands in a spreadsheet."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


def get(world: World, login: str, path: str, **query: str) -> Any:
    answer = world.browser(login).get(path, params=query)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:1000])
    return answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language(listed: World, language: str) -> None:
    key = listed.customers["mine"]
    browser = listed.browser("manager")
    browser.cookies.set("sverka-language", language)
    words = {"en": "Customers", "ru": "Клиенты", "uk": "Клієнти"}
    for path in (
        "/customers",
        f"/customers/{key}",
        f"/customers/{key}/history",
        f"/customers/{key}/statement",
        "/call",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200 and words[language] in answer.text, path
        assert f'lang="{language}"' in answer.text


def test_the_list_shows_who_owes_and_not_others(listed: World) -> None:
    text = get(listed, "manager", "/customers", q="ромш").text
    assert "Nobody of yours" in text
    text = get(listed, "manager", "/customers", q="ромашк", owing="debtors", sort="balance").text
    assert "Ромашка ООО" in text and "1,500.50" in text and SECRET_NAME not in text
    everybody = get(listed, "head", "/customers").text
    assert SECRET_NAME in everybody and "Ничей ООО" in everybody
    assert SECRET_NAME not in get(listed, "head", "/customers", whose="nobody").text


def test_words_of_an_address_that_are_not_known_do_no_harm(listed: World) -> None:
    strange = {"sort": "'; drop", "whose": "x", "owing": "y", "manager": "z", "after": "AAAA", "region": "<b>"}
    assert "No customer fits" in get(listed, "manager", "/customers", **strange).text
    assert "Ромашка" in get(listed, "manager", "/customers", after="W251bGwsbnVsbF0", sort="balance").text


def test_html_in_a_name_is_shown_and_not_run(listed: World) -> None:
    key = listed.customers["mine"]
    with listed.engine.begin() as conn:
        name = "<script>alert(1)</script>\x07\ud7ff"
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(name=name, link="javascript:x()"))
    for path in ("/customers", f"/customers/{key}", f"/customers/{key}/statement"):
        text = get(listed, "manager", path).text
        assert "<script>alert" not in text and "javascript:x" not in text and "&lt;script&gt;" in text


def test_the_card_says_what_is_owed_and_how_old_that_is(listed: World) -> None:
    key = listed.customers["mine"]
    text = get(listed, "manager", f"/customers/{key}").text
    assert "1,500.50" in text and "the customer owes us" in text and "3 minutes ago" in text and "mine-1" in text
    assert 'class="money"' in text
    listed.clock.sleep(15 * 60)
    text = get(listed, "manager", f"/customers/{key}").text
    assert "Old figures" in text and 'class="money old"' in text
    with listed.engine.begin() as conn:
        row = {"connection": "accounting", "entity": "balance", "state": {}, "updated_at": NOW}
        conn.execute(insert(cursor).values(**row, fresh_at=listed.clock.now() - timedelta(minutes=1)))
    assert "Old figures" not in get(listed, "manager", f"/customers/{key}").text


def test_a_document_is_his_who_the_address_says(listed: World) -> None:
    table = counterparties.metadata.tables["orders"]
    with listed.engine.begin() as conn:
        orders = {row.counterparty_id: row.id for row in conn.execute(select(table.c.id, table.c.counterparty_id))}
    mine, foreign = listed.customers["mine"], listed.customers["foreign"]
    assert "mine-1" in get(listed, "manager", f"/customers/{mine}/order/{orders[mine]}").text
    browser = listed.browser("manager")
    for path in (
        f"/customers/{mine}/order/{orders[foreign]}",
        f"/customers/{foreign}/order/{orders[foreign]}",
        f"/customers/{mine}/shipment/{orders[mine]}",
        f"/customers/{mine}/user/{orders[mine]}",
    ):
        assert browser.get(path).status_code == 404, path


def test_refresh_asks_for_this_customer_alone_and_says_so_until_it_is_done(listed: World) -> None:
    key = listed.customers["mine"]
    browser = listed.browser("manager")
    for _ in range(2):
        assert browser.submit(f"/customers/{key}/refresh").headers["location"] == f"/customers/{key}"
    with listed.engine.begin() as conn:
        (row,) = conn.execute(select(request.c.kind, request.c.connection, request.c.arguments)).all()
    assert tuple(row) == ("pull_customer", "accounting", {"counterparty": "c-mine"})
    waiting = browser.get(f"/customers/{key}/freshness")
    assert "is being asked" in waiting.text and "hx-refresh" not in waiting.headers
    with listed.engine.begin() as conn:
        conn.execute(update(request).values(done_at=NOW))
    assert browser.get(f"/customers/{key}/freshness").headers["hx-refresh"] == "true"
    assert ("manager", "customer.refresh", str(key)) in listed.audited()


def test_the_statement_as_a_page_and_as_a_spreadsheet(listed: World) -> None:
    key = listed.customers["mine"]
    ship = {"counterparty_id": key, "number": "=1+2", "amount": Decimal("100.10"), "date": NOW - timedelta(days=2)}
    listed.filling.add("shipment", {"accounting": "s1"}, **ship)
    text = get(listed, "manager", f"/customers/{key}/statement", first="2026-11-01", last="2026-11-21").text
    assert "1,400.40" in text and "100.10" in text and "1,500.50" in text
    sheet = get(listed, "manager", f"/customers/{key}/statement.xlsx", first="2026-11-01", last="2026-11-21")
    cells = unpacked(sheet.content)
    assert all(f"<v>{amount}</v>" in cells for amount in ("1400.40", "100.10", "1500.50"))
    assert "=1+2" in cells and "<f>" not in cells
    for first, last in (("9999-99-99", ""), ("0001-01-01", "2026-11-21"), ("2026-11-21", "2026-11-01")):
        get(listed, "manager", f"/customers/{key}/statement", first=first, last=last)


def test_an_export_is_the_heads_and_is_audited_with_its_rows(listed: World) -> None:
    assert listed.browser("manager").get("/export/customers").status_code == 403
    with listed.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.name == "Ничей ООО").values(name="=cmd()"))
    answer = get(listed, "head", "/export/customers", sort="balance", owing="debtors")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 3 and rows[0]["Name"] == SECRET_NAME and rows[0]["Balance"] == "987654321.09"
    assert "'=cmd()" in {row["Name"] for row in rows}
    north = get(listed, "north", "/export/customers", format="xlsx")
    texts = unpacked(north.content)
    assert "Ромашка ООО" in texts and SECRET_NAME not in texts
    assert [row for row in listed.audited() if row[1] == "customers.export"] == [
        ("head", "customers.export", "3"),
        ("north", "customers.export", "1"),
    ]


def test_days_of_an_export_are_days_and_words_the_readers(listed: World) -> None:
    key = listed.customers["mine"]
    ordered = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with listed.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(status="former"))
        mine = customer_figure.c.counterparty_id == key
        conn.execute(update(customer_figure).where(mine).values(last_order_at=ordered))
    head = listed.browser("head")
    head.cookies.set("sverka-language", "ru")
    asked = {"format": "xlsx", "q": "Ромашка"}
    sheet = openpyxl.load_workbook(io.BytesIO(head.get("/export/customers", params=asked).content)).worksheets[0]
    titles, row = (list(line) for line in sheet.iter_rows(max_row=2, values_only=True))
    told = dict(zip(titles, row, strict=True))
    ordered_on = told["Последний заказ"]
    assert isinstance(ordered_on, datetime) and ordered_on.date() == date(2026, 11, 20)
    assert told["Статус"] == "бывший клиент"
    table = head.get("/export/customers").content.decode("utf-8-sig")
    assert ",2026-11-20," in table


def test_a_call(listed: World) -> None:
    browser = listed.browser("manager")
    assert (
        browser.get("/call", params={"phone": "8 (495) 1234560"})
        .headers["location"]
        .endswith(str(listed.customers["mine"]))
    )
    colleague = browser.get("/call", params={"phone": "84951234561"}).text
    assert SECRET_NAME in colleague and "Пётр" in colleague and str(listed.customers["foreign"]) not in colleague
    words = browser.get("/call", params={"phone": "абв"}).text
    assert "no digit" in words and "/contacts/new" not in words.split("<main")[1]
    unknown = browser.get("/call", params={"phone": "8 999 000 00 00"}).text
    assert "/contacts/new?phone=%2B79990000000" in unknown
    assert "+79990000000" in browser.get("/contacts/new", params={"phone": "+79990000000"}).text
    with listed.engine.begin() as conn:
        mine = counterparties.c.id == listed.customers["nobody"]
        conn.execute(update(counterparties).where(mine).values(phones=["+7 495 123-45-60"]))
        write_lists(conn, [listed.customers["nobody"]])
    several = browser.get("/call", params={"phone": "84951234560"}).text
    assert "Ромашка ООО" in several and "Ничей ООО" in several


def test_a_new_contact_is_his_who_makes_it_and_no_twin_is_made(listed: World) -> None:
    browser = listed.browser("manager")
    shown = browser.get("/contacts/alike", params={"name": "Ромашк", "tax_id": "7707083891"}).text
    assert "Ромашка ООО" in shown and SECRET_NAME in shown and "987" not in shown
    made = browser.submit("/contacts/new", name="Новый клиент", phone="8 999 111-22-33")
    assert made.status_code == 303
    assert "Новый клиент" in browser.get("/customers", params={"q": "89991112233"}).text
    assert "not in accounting" in browser.get(made.headers["location"]).text
    refused = browser.submit("/contacts/new", name="Чужой", tax_id="7707083891")
    assert refused.status_code == 422 and "Пётр" in refused.text
    assert browser.submit("/contacts/new", name=" ").status_code == 422
    with listed.engine.begin() as conn:
        number = conn.execute(select(func.count()).select_from(counterparties)).scalar_one()
        homes = conn.execute(select(counterparties.c.home).where(counterparties.c.name == SECRET_NAME)).scalar_one()
    assert number == 4 and homes == "accounting"


def test_a_contact_becomes_a_client(listed: World) -> None:
    browser = listed.browser("manager")
    path = browser.submit("/contacts/new", name="Новый клиент").headers["location"]
    browser.cookies.set("sverka-language", "ru")
    answer = browser.submit(f"{path}/client")
    said = base64.urlsafe_b64decode(answer.cookies[FLASH].strip('"').partition(".")[2]).decode()
    assert (answer.headers["location"], said) == (path, "Теперь клиент: клиент, в учёте его ещё нет")
    assert "Стал клиентом</button>" not in browser.get(path).text
    foreign = listed.customers["mine"]
    before = status_of(listed, foreign)
    browser.submit(f"/customers/{foreign}/client")
    assert status_of(listed, foreign) == before  # he came from accounting: nothing is changed from here


def test_a_contact_made_at_the_terminal_is_found_at_once(listed: World) -> None:
    made = add_contact(listed.site.app, name="Полевая мышь", phones=["8 999 222-33-44"])
    assert "Полевая мышь" in get(listed, "head", "/customers", q="мышь").text
    set_contact(listed.site.app, made["id"], name="Домовая мышь")
    assert "Домовая мышь" in get(listed, "head", "/customers", q="домовая").text
    assert "Nobody of yours" in get(listed, "head", "/customers", q="полевая").text


def status_of(world: World, key: UUID) -> tuple[Any, ...]:
    with world.engine.begin() as conn:
        query = select(counterparties.c.status, counterparties.c.home).where(counterparties.c.id == key)
        return tuple(conn.execute(query).one())


@pytest.mark.parametrize(
    ("path", "most"),
    [("/customers", 9), ("/customers?q=ром", 12), ("/customers/{key}", 45), ("/customers/{key}/statement", 14),
     ("/customers/{key}/history", 22), ("/call?phone=84951234560", 5)],
)  # fmt: skip
def test_pages_ask_so_many_questions_and_no_more(
    listed: World, count_queries: CountQueries, path: str, most: int
) -> None:
    key = listed.customers["mine"]
    browser = listed.browser("manager")
    many = [({"accounting": f"o{n}"}, {"counterparty_id": key, "number": f"n{n}"}) for n in range(15)]
    for entity in ("order", "shipment", "payment"):
        listed.filling.add_many(entity, [({"accounting": f"{entity}{n}"}, row[1]) for n, row in enumerate(many)])
    with count_queries(listed.site.reader) as queries:
        assert browser.get(path.format(key=key)).status_code in (200, 303)
    assert len(queries) <= most, "\n".join(queries)


def test_a_holding_is_summed_of_ones_own_only(listed: World) -> None:
    mine, foreign, nobody = (listed.customers[name] for name in ("mine", "foreign", "nobody"))
    with listed.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id.in_([foreign, nobody])).values(head_id=mine))
        conn.execute(update(balances).where(balances.c.counterparty_id == nobody).values(amount=Decimal(10)))
    text = get(listed, "manager", f"/customers/{mine}").text
    assert "2 more companies" in text and SECRET_NAME not in text and "987" not in text
    assert "987,655,831.59" in get(listed, "admin", f"/customers/{mine}").text


@pytest.mark.parametrize(("language", "extension"), [("en", "ext."), ("ru", "доб."), ("uk", "дод.")])
def test_phone_with_an_extension_is_shown_in_words_and_dialled_as_it_is(
    listed: World, language: str, extension: str
) -> None:
    key = listed.customers["mine"]
    with listed.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(phones=["+79268060137;ext=58"]))
    browser = listed.browser("manager")
    browser.cookies.set("sverka-language", language)
    shown = browser.get(f"/customers/{key}").text
    assert f'<a href="tel:+79268060137;ext=58">+7 926 806-01-37 {extension} 58</a>' in shown
    chief = listed.browser("admin")
    chief.cookies.set("sverka-language", language)
    table = chief.get("/export/customers").content.decode("utf-8-sig")
    assert f"+7 926 806-01-37 {extension} 58" in table and ";ext=" not in table
    nobody = browser.get("/call", params={"phone": "+79268060138;ext=7"}).text
    said = nobody[nobody.index('class="empty"') :].partition("<a ")[0]
    assert "+7 926 806-01-38" in said and ";ext=" not in said


def test_amount_of_a_deal_is_shown_in_its_currency(listed: World) -> None:
    """A deal that names none has the bare number."""
    key, base = listed.customers["mine"], {"deleted": False, "outcome": "open", "created_at": NOW, "updated_at": NOW}
    with listed.engine.begin() as conn:
        for name, amount, currency in (("Станок", "1500.5", "RUB"), ("Запчасти", "70", None)):
            row = {"id": new_id(), "name": name, "amount": Decimal(amount), "currency": currency}
            conn.execute(insert(entity_tables["deal"]).values(base | row | {"counterparty_id": key}))
    browser = listed.browser("manager")
    browser.cookies.set("sverka-language", "ru")
    shown = browser.get(f"/customers/{key}").text.replace("\xa0", " ")
    assert "<p>1 500,50 ₽</p>" in shown and "<p>70,00</p>" in shown
