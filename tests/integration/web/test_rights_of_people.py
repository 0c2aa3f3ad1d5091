"""What is given to a person beside his role: to export lists, and to learn on call what a colleague's customer owes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.errors import UsageError
from store.customers import write_lists
from store.tables import audit
from tests.integration.web.world import SECRET_AMOUNT, SECRET_NAME, World
from web.people.users import Traits, change_user

THEIRS = "+7 495 123-45-61"
MONEY = "987,654,321.09"


@pytest.fixture
def listed(world: World) -> World:
    """Words and figures as a run leaves them."""
    with world.engine.begin() as conn:
        write_lists(conn, list(world.customers.values()))
    return world


def looks(world: World) -> list[tuple[str, str, Any]]:
    with world.engine.connect() as conn:
        query = select(audit.c.who, audit.c.subject, audit.c.after).where(audit.c.what == "call.look")
        return [tuple(row) for row in conn.execute(query.order_by(audit.c.at, audit.c.id))]


def set_traits(world: World, **values: Any) -> None:
    change_user(world.site.app, "test", "manager", Traits(**values))


def lookup(world: World, phone: str = THEIRS) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {world.api_key('manager')}"}
    answer = world.browser().get("/api/v1/lookup", params={"phone": phone}, headers=headers)
    assert answer.status_code == 200
    (found,) = answer.json()["items"]
    return dict(found)


def test_without_it_name_and_responsible_only(listed: World) -> None:
    text = listed.browser("manager").get("/call", params={"phone": THEIRS}).text
    assert SECRET_NAME in text and "Пётр" in text and MONEY not in text
    assert lookup(listed)["balances"] is None
    assert looks(listed) == []


def test_on_call_a_colleagues_customers_debt_is_told_and_each_look_is_noted(listed: World) -> None:
    set_traits(listed, on_call=True)
    text = listed.browser("manager").get("/call", params={"phone": THEIRS}).text
    assert SECRET_NAME in text and MONEY in text and "noted in the audit" in text
    key = str(listed.customers["foreign"])
    assert key not in text
    told = lookup(listed, "84951234561")
    assert told["id"] is None and not told["yours"] and told["balances"][0]["amount"] == str(SECRET_AMOUNT)
    assert looks(listed) == [
        ("manager", key, {"phone": THEIRS, "by": "page"}),
        ("manager", key, {"phone": "84951234561", "by": "api"}),
    ]
    assert listed.browser("manager").get(f"/customers/{key}").status_code == 404
    assert SECRET_NAME not in listed.browser("manager").get("/customers").text


def test_his_own_customers_are_no_look(listed: World) -> None:
    set_traits(listed, on_call=True)
    answer = listed.browser("manager").get("/call", params={"phone": "84951234560"})
    assert answer.headers["location"] == f"/customers/{listed.customers['mine']}"
    assert lookup(listed, "84951234560")["yours"] and looks(listed) == []


def test_several_with_one_number_are_shown_to_choose_from(listed: World) -> None:
    listed.filling.add("person", counterparty_id=listed.customers["mine"], name="Ольга", phones=["8 916 000-11-22"])
    listed.filling.add("person", counterparty_id=listed.customers["foreign"], name="Ольга", phones=["+79160001122"])
    with listed.engine.begin() as conn:
        write_lists(conn, list(listed.customers.values()))
    text = listed.browser("manager").get("/call", params={"phone": "9160001122"}).text
    assert "Which one calls?" in text and "Ромашка" in text and SECRET_NAME in text and MONEY not in text
    headers = {"authorization": f"Bearer {listed.api_key('manager')}"}
    items = listed.browser().get("/api/v1/lookup", params={"phone": "9160001122"}, headers=headers).json()["items"]
    assert [(one["name"], one["person"], one["yours"]) for one in items] == [
        ("Ромашка ООО", "Ольга", True),
        (SECRET_NAME, None, False),
    ]


def test_a_contact_that_is_no_client_yet_is_found(listed: World) -> None:
    browser = listed.browser("manager")
    made = browser.submit("/contacts/new", name="Новый", phone="8 (999) 765-43-21")
    answer = browser.get("/call", params={"phone": "007 999 765 43 21"})
    assert answer.headers["location"] == made.headers["location"]
    assert lookup(listed, "9997654321")["name"] == "Новый"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_export_is_a_right_of_its_own(listed: World, kind: str) -> None:
    path = f"/export/customers?format={kind}"
    assert listed.browser("manager").get(path).status_code == 403
    assert "/export/" not in listed.browser("manager").get("/customers").text
    set_traits(listed, export="yes")
    assert "/export/" in listed.browser("manager").get("/customers").text
    answer = listed.browser("manager").get(path)
    assert answer.status_code == 200 and SECRET_NAME.encode() not in answer.content
    assert ("manager", "customers.export", "1") in listed.audited()
    set_traits(listed, export="")
    assert listed.browser("manager").get(path).status_code == 403


def test_it_can_be_taken_from_a_head(listed: World) -> None:
    assert listed.browser("head").get("/export/customers").status_code == 200
    change_user(listed.site.app, "test", "head", Traits(export="no"))
    assert listed.browser("head").get("/export/customers").status_code == 403
    with pytest.raises(UsageError, match="neither yes nor no"):
        change_user(listed.site.app, "test", "head", Traits(export="maybe"))


def test_both_are_set_on_the_page_and_audited(listed: World) -> None:
    browser, path = listed.browser("admin"), f"/users/{listed.users['manager']}"
    fields = {"name": "M", "role": "manager", "manager": str(listed.managers["Анна"]), "department": "север"}
    browser.submit(path, **fields, on_call="yes", export="yes")
    shown = browser.get(path).text
    assert 'value="yes" checked' in shown and '<option value="yes" selected>' in shown
    with listed.engine.connect() as conn:
        row = conn.execute(select(audit.c.before, audit.c.after).where(audit.c.what == "user.set")).one()
    assert (row.before["on_call"], row.after["on_call"]) == (False, True)
    assert (row.before["may_export"], row.after["may_export"]) == (None, True)
    browser.submit(path, **fields)
    assert "checked" not in browser.get(path).text
