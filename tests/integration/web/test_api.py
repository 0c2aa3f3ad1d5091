"""The JSON API: pages of lists, ETags, problems, tokens taken back, and hostile words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from store.customers import write_lists, write_words
from store.entities import counterparties
from store.tables import api_token
from tests.integration.store.filling import NOW
from tests.integration.web.world import SECRET_AMOUNT, SECRET_NAME, Browser, World
from web.people.sessions import revoke_token
from web.people.users import set_active


def machine(world: World, login: str) -> Browser:
    made = world.browser()
    made.headers["authorization"] = f"Bearer {world.api_key(login)}"
    return made


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


def test_each_sees_his_own_customers(world: World) -> None:
    assert names(machine(world, "manager").get("/api/v1/customers")) == ["Ромашка ООО"]
    assert names(machine(world, "other").get("/api/v1/customers")) == [SECRET_NAME]
    assert names(machine(world, "north").get("/api/v1/customers")) == ["Ромашка ООО"]
    assert names(machine(world, "head").get("/api/v1/customers")) == ["Ничей ООО", "Ромашка ООО", SECRET_NAME]
    assert machine(world, "ops").get("/api/v1/customers").status_code == 403


def test_pages_of_a_list_have_everybody_once(world: World) -> None:
    for name in ("Б", "Б", "А", "Я", "А"):
        world.filling.add("counterparty", name=name, manager_id=world.managers["Анна"])
    asker, found, after = machine(world, "manager"), [], None
    for _ in range(10):
        page = asker.get("/api/v1/customers", params={"limit": 2} | ({"after": after} if after else {})).json()
        found += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(found) == len(set(found)) == 6
    assert asker.get("/api/v1/customers", params={"after": "nonsense"}).status_code == 200


def test_card_with_its_etag(world: World) -> None:
    asker, path = machine(world, "manager"), f"/api/v1/customers/{world.customers['mine']}"
    first = asker.get(path)
    assert first.json()["totals"][0]["amount"] == "1500.50"
    world.clock.move(timedelta(seconds=20))
    again = asker.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.filling.balance(world.customers["mine"], "c-mine", contract_key="x", receivable=SECRET_AMOUNT)
    assert asker.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_search_is_asked_among_ones_own(world: World) -> None:
    assert names(machine(world, "manager").get("/api/v1/customers", params={"q": "ромашка"})) == ["Ромашка ООО"]
    assert names(machine(world, "manager").get("/api/v1/customers", params={"q": SECRET_NAME})) == []
    assert names(machine(world, "admin").get("/api/v1/customers", params={"q": "7707083891"})) == [SECRET_NAME]


def test_search_knows_what_the_pages_know(world: World) -> None:
    """Ends of a document's number and words with typos, among one's own."""
    key = world.customers["mine"]
    world.filling.add("order", {"accounting": "o"}, number="УТ-000777", counterparty_id=key, date=NOW)
    with world.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(name="Северный поток"))
        write_lists(conn, [key])
    for typed in ("УТ-777", "00777", "сверный птоок", "ctdthysq"):
        assert names(machine(world, "manager").get("/api/v1/customers", params={"q": typed})) == ["Северный поток"]
        assert names(machine(world, "other").get("/api/v1/customers", params={"q": typed})) == []


def test_a_call_tells_money_of_ones_own_customers_only(world: World) -> None:
    with world.engine.begin() as conn:
        write_words(conn, list(world.customers.values()))  # as a run leaves them
    asker = machine(world, "manager")
    mine = asker.get("/api/v1/lookup", params={"phone": "8 (495) 123 45 60"}).json()["items"]
    assert [(one["name"], one["yours"], one["balances"][0]["amount"]) for one in mine] == [
        ("Ромашка ООО", True, "1500.50")
    ]
    other = asker.get("/api/v1/lookup", params={"phone": "+74951234561"})
    assert other.json()["items"] == [
        {
            "id": None,
            "name": SECRET_NAME,
            "person": None,
            "manager": {"id": str(world.managers["Пётр"]), "name": "Пётр"},
            "yours": False,
            "balances": None,
        }
    ]
    assert asker.get("/api/v1/lookup", params={"phone": "not a number"}).json() == {"items": []}
    assert asker.get("/api/v1/lookup", params={"phone": "+7 495 999 99 99"}).json() == {"items": []}


def test_problems_say_what_to_do(world: World) -> None:
    asker = machine(world, "manager")
    for path, status in (
        ("/customers/nonsense", 422),
        (f"/customers/{uuid4()}", 404),
        ("/nothing", 404),
        ("/lookup", 422),
    ):
        answer = asker.get(f"/api/v1{path}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status and answer.json()["title"] and answer.json()["next"]
    assert asker.post("/api/v1/customers").status_code == 405
    without = world.browser().get("/api/v1/customers")
    assert (without.status_code, without.headers["www-authenticate"]) == (401, 'Bearer realm="sverka"')


def test_a_session_of_a_browser_is_no_token(world: World) -> None:
    """So that no page of another site can ask the API in somebody's name."""
    assert world.browser("admin").get("/api/v1/customers").status_code == 401


def test_token_that_is_taken_back_or_whose_user_is_shut_out(world: World) -> None:
    asker, another = machine(world, "manager"), machine(world, "other")
    with world.engine.begin() as conn:
        key = conn.execute(select(api_token.c.id).where(api_token.c.user_id == world.users["manager"])).scalar_one()
        assert not revoke_token(conn, world.clock.now(), "test", world.users["other"], key)
        assert revoke_token(conn, world.clock.now(), "test", world.users["manager"], key)
    set_active(world.site.app, "test", "other", active=False)
    assert asker.get("/api/v1/customers").status_code == 401
    assert another.get("/api/v1/customers").status_code == 401


@pytest.mark.parametrize("hostile", ["%00", "%ED%A0%80", "%FF", "a" * 300, "%25_%5C", "' OR 1=1 --"])
def test_hostile_words_do_no_harm(world: World, hostile: str) -> None:
    asker = machine(world, "manager")
    for path in (
        f"/customers?q={hostile}",
        f"/customers?after={hostile}",
        f"/lookup?phone={hostile}",
        f"/customers/{hostile}",
    ):
        assert asker.get(f"/api/v1{path}").status_code in (200, 404, 422), path
