"""The stand-in portal does what the fact sheet says a portal does, the awkward things above all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.build import Customer
from sandbox.bitrix24.fields import camel_user_field
from tests.contract.sandbox.bitrix_client import Client, Refused, command

CUSTOMERS = (
    Customer("Ромашка", "7743013901", "774301001", "8 (495) 123-45-67", "office@romashka.example"),
    Customer("ИП Лютиков", "500100732259", "", "+7 916 000-11-22"),
)
ROMASHKA = 2


@pytest.fixture
def server() -> Iterator[BitrixServer]:
    with BitrixServer(build_portal(customers=CUSTOMERS)) as server:
        server.portal.limits.cap = server.portal.limits.drain = 1e9
        yield server
        assert server.shell.crashes == []


@pytest.fixture
def client(server: BitrixServer) -> Client:
    return Client(server)


def add_company(client: Client, **fields: Any) -> int:
    return int(client.call("crm.item.add", entityTypeId=4, fields={"title": "x"} | fields)["item"]["id"])


def test_pages_of_fifty_by_key_without_counting(client: Client) -> None:
    for number in range(60):
        add_company(client, title=f"Компания {number}")
    last, seen = 0, []
    while True:
        body = client.whole(
            "crm.item.list", entityTypeId=4, select=["id"], order={"id": "ASC"}, filter={">id": last}, start=-1
        )
        assert "next" not in body
        assert body["total"] == 0
        rows = [row["id"] for row in body["result"]["items"]]
        seen += rows
        if len(rows) < 50:
            break
        last = rows[-1]
    assert seen == list(range(1, 64))
    counted = client.whole("crm.item.list", entityTypeId=4, start=0)
    assert (counted["total"], counted["next"], len(counted["result"]["items"])) == (63, 50, 50)


def test_two_adds_make_two(client: Client) -> None:
    first, second = (add_company(client, originatorId="sverka", originId="a") for _ in range(2))
    assert first != second
    found = client.call("crm.item.list", entityTypeId=4, filter={"=originatorId": "sverka", "=originId": "a"})
    assert [row["id"] for row in found["items"]] == [first, second]


def test_equal_values_are_no_change(server: BitrixServer, client: Client) -> None:
    before = client.call("crm.item.get", entityTypeId=4, id=ROMASHKA)["item"]
    server.portal.shift += type(server.portal.shift)(seconds=90)
    same = client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"title": before["title"]})["item"]
    assert same["updatedTime"] == before["updatedTime"]
    other = client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"title": "Ромашка плюс"})["item"]
    assert other["updatedTime"] > before["updatedTime"]


def test_unknown_names_are_passed_over_but_not_in_a_filter(client: Client) -> None:
    assert client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"nosuch": 1})["item"]["id"] == ROMASHKA
    refusal = client.refused("crm.item.list", entityTypeId=4, filter={"nosuch": 1})
    assert (refusal.status, refusal.code) == (400, "INVALID_ARG_VALUE")


def test_multifields(client: Client) -> None:
    (phone, mail) = client.call("crm.item.get", entityTypeId=4, id=ROMASHKA)["item"]["fm"]
    fields = {"n0": {"typeId": "PHONE", "valueType": "MOBILE", "value": "+79160001122"}, "n1": {"value": "+7000"}}
    fm = client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"fm": fields})["item"]["fm"]
    assert [one["value"] for one in fm] == [phone["value"], mail["value"], "+79160001122"]
    gone = {str(phone["id"]): {"typeId": "PHONE", "value": ""}}
    fm = client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"fm": gone})["item"]["fm"]
    assert [one["value"] for one in fm] == [mail["value"], "+79160001122"]
    listed = client.call("crm.item.list", entityTypeId=4, filter={"id": ROMASHKA})["items"][0]
    assert "fm" not in listed
    starred = client.call("crm.item.list", entityTypeId=4, filter={"id": ROMASHKA}, select=["*"])["items"][0]
    assert len(starred["fm"]) == 2


def test_requisites_find_a_company_by_its_tax_id(client: Client) -> None:
    (row,) = client.call("crm.requisite.list", filter={"RQ_INN": "7743013901", "ENTITY_TYPE_ID": 4})
    assert (row["ENTITY_ID"], row["DATE_MODIFY"]) == ("2", "")
    client.call("crm.requisite.update", id=row["ID"], fields={"RQ_KPP": "774301002"})
    assert client.call("crm.requisite.get", id=row["ID"])["DATE_MODIFY"]
    refusal = client.refused("crm.requisite.add", fields={"ENTITY_ID": 2, "NAME": "x", "PRESET_ID": 1})
    assert refusal.text == "ENTITY_TYPE_ID is not defined or invalid."


@pytest.mark.parametrize(
    ("original", "camel"),
    [
        ("UF_CRM_1720697698689", "ufCrm_1720697698689"),
        ("UF_CRM_3_DIGIT", "ufCrm3Digit"),
        ("UF_CRM_3_1747000000", "ufCrm3_1747000000"),
        ("UF_CRM_3_DIGIT10", "ufCrm_3_DIGIT10"),
        ("UF_CRM_ONEC_DEBT", "ufCrmOnecDebt"),
    ],
)
def test_names_of_user_fields(original: str, camel: str) -> None:
    assert camel_user_field(original) == camel


def test_a_user_field_is_a_field(client: Client) -> None:
    client.call("crm.company.userfield.add", fields={"FIELD_NAME": "ONEC_DEBT", "USER_TYPE_ID": "money"})
    known = client.call("crm.item.fields", entityTypeId=4)["fields"]["ufCrmOnecDebt"]
    assert (known["type"], known["upperName"], known["isDynamic"]) == ("money", "UF_CRM_ONEC_DEBT", True)
    update = {"entityTypeId": 4, "id": ROMASHKA, "useOriginalUfNames": "Y"}
    item = client.call("crm.item.update", **update, fields={"UF_CRM_ONEC_DEBT": "10.50|RUB"})["item"]
    assert item["UF_CRM_ONEC_DEBT"] == "10.50|RUB"
    assert client.refused("crm.item.update", **update, fields={"UF_CRM_ONEC_DEBT": "10.50"}).code == "INVALID_ARG_VALUE"
    again = client.refused("crm.company.userfield.add", fields={"FIELD_NAME": "ONEC_DEBT", "USER_TYPE_ID": "money"})
    assert "уже существует" in again.text
    listed = client.call("crm.item.list", entityTypeId=4, useOriginalUfNames="Y", select=["title"])["items"]
    assert listed[0] == {}


def test_smart_processes_are_limited_by_the_plan(server: BitrixServer, client: Client) -> None:
    server.portal.plan_types = 1
    made = client.call("crm.type.add", fields={"title": "Заказы 1С", "isClientEnabled": "Y", "isStagesEnabled": "Y"})
    number = made["type"]["entityTypeId"]
    item = client.call("crm.item.add", entityTypeId=number, fields={"companyId": ROMASHKA, "xmlId": "guid"})["item"]
    assert (item["companyId"], item["xmlId"], item["stageId"].split(":")[0][:2]) == (ROMASHKA, "guid", "DT")
    assert client.refused("crm.type.add", fields={"title": "Ещё"}).code == "CREATE_DYNAMIC_TYPE_RESTRICTED"


def test_a_stage_belongs_to_its_pipeline(client: Client) -> None:
    (opt,) = [one for one in client.call("crm.category.list", entityTypeId=2)["categories"] if one["name"] == "Опт"]
    deal = client.call("crm.item.add", entityTypeId=2, fields={"title": "Сделка"})["item"]
    assert (deal["stageId"], deal["stageSemanticId"]) == ("NEW", "P")
    wrong = client.refused("crm.item.update", entityTypeId=2, id=deal["id"], fields={"stageId": f"C{opt['id']}:WON"})
    assert wrong.code == "INVALID_ARG_VALUE"
    won = client.call("crm.item.update", entityTypeId=2, id=deal["id"], fields={"stageId": "WON"})["item"]
    assert (won["stageSemanticId"], won["closed"]) == ("S", "Y")
    history = client.call("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": deal["id"]})["items"]
    assert [(row["TYPE_ID"], row["STAGE_ID"]) for row in history] == [(1, "NEW"), (3, "WON")]


def test_a_batch_tells_each_command_its_own(client: Client) -> None:
    found = client.batch(
        c00001=command("crm.item.add", entityTypeId=4, **{"fields[title]": "Новая"}),
        c00002=command("crm.requisite.add", **{
            "fields[ENTITY_TYPE_ID]": 4, "fields[ENTITY_ID]": "$result[c00001][item][id]", "fields[PRESET_ID]": 1,
            "fields[NAME]": "Новая", "fields[RQ_INN]": "7707083893",
        }),
        c00003=command("crm.item.get", entityTypeId=4, id=999),
    )  # fmt: skip
    number = found["result"]["c00001"]["item"]["id"]
    assert found["result_error"] == {"c00003": {"error": "NOT_FOUND", "error_description": "Элемент не найден"}}
    (row,) = client.call("crm.requisite.list", filter={"RQ_INN": "7707083893"})
    assert row["ENTITY_ID"] == str(number)


def test_a_batch_with_numbers_for_names_loses_them(client: Client) -> None:
    found = client.call("batch", cmd={"7": command("crm.item.get", entityTypeId=4, id=999)})
    assert (found["result"], found["result_error"]) == (
        [], [{"error": "NOT_FOUND", "error_description": "Элемент не найден"}],
    )  # fmt: skip


def test_a_batch_has_limits(client: Client) -> None:
    assert client.refused("batch", cmd={f"c{n}": "scope" for n in range(51)}).code == "ERROR_BATCH_LENGTH_EXCEEDED"
    found = client.batch(c1="batch?x=1", c2="scope")
    assert found["result_error"]["c1"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert "crm" in found["result"]["c2"]
    halted = client.batch(1, c1=command("crm.item.get", entityTypeId=4, id=999), c2="scope")
    assert halted["result"] == []


def test_the_bucket_runs_over(server: BitrixServer, client: Client) -> None:
    limits = server.portal.limits
    limits.cap, limits.drain, limits.level = 5.0, 0.0, 0.0
    for _ in range(5):
        client.call("scope")
    refusal = client.refused("scope")
    assert (refusal.status, refusal.code) == (503, "QUERY_LIMIT_EXCEEDED")


def test_run_time_of_a_method_is_limited(server: BitrixServer, client: Client) -> None:
    moment = [1000.0]
    limits = server.portal.limits
    limits.moment, limits.operating, limits.cost = lambda: moment[0], 10.0, {"crm.item.list": 4.0}
    used = [client.whole("crm.item.list", entityTypeId=4)["time"]["operating"] for _ in range(3)]
    assert used == [4.0, 8.0, 12.0]
    refusal = client.refused("crm.item.list", entityTypeId=4)
    assert (refusal.status, refusal.code) == (429, "OPERATION_TIME_LIMIT")
    assert client.call("crm.item.get", entityTypeId=4, id=ROMASHKA)
    moment[0] += 600
    assert client.call("crm.item.list", entityTypeId=4)


def application(server: BitrixServer) -> tuple[dict[str, str], Client, str]:
    made = server.portal.tokens.add_application()
    who = {"client_id": made.client_id, "client_secret": made.client_secret}
    answer = Client(server).token_call(
        grant_type="authorization_code", code=server.portal.tokens.authorize(made.client_id), **who
    )
    return who, Client(server, answer["access_token"]), answer["refresh_token"]


def test_a_refresh_token_works_once(server: BitrixServer) -> None:
    who, client, fresh = application(server)
    assert client.call("scope")
    answer = client.token_call(grant_type="refresh_token", refresh_token=fresh, **who)
    assert answer["refresh_token"] != fresh
    with pytest.raises(Refused, match="invalid_grant"):
        client.token_call(grant_type="refresh_token", refresh_token=fresh, **who)
    server.portal.shift += type(server.portal.shift)(hours=2)
    assert client.refused("scope").code == "expired_token"


def test_only_an_application_has_events(server: BitrixServer, client: Client) -> None:
    assert client.refused("event.offline.get").status == 403
    _, app, _ = application(server)
    app.call("event.bind", event="onCrmCompanyUpdate", event_type="offline", auth_connector="sverka")
    for title in ("Раз", "Два"):
        client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"title": title})
    app.call("crm.item.update", entityTypeId=4, id=3, fields={"title": "свой"}, auth_connector="sverka")
    mine = {"auth_connector": "sverka"}
    assert app.call("event.offline.get", clear=0)["events"] == [], "a queue is its source's own"
    first = app.call("event.offline.get", clear=0, **mine)
    assert [event["EVENT_DATA"]["FIELDS"]["ID"] for event in first["events"]] == ["2"]
    assert app.call("event.offline.get", clear=0, **mine)["events"] == []
    app.call("event.offline.clear", process_id=first["process_id"], **mine)
    assert server.portal.events.queue == []


def test_dates_with_a_zone_do_not_filter(client: Client) -> None:
    future = "2099-01-01"
    ignored = client.call("crm.item.list", entityTypeId=4, filter={">=updatedTime": f"{future}T00:00:00+03:00"})
    assert len(ignored["items"]) == 3
    assert client.call("crm.item.list", entityTypeId=4, filter={">=updatedTime": f"{future} 00:00:00"})["items"] == []


def test_a_company_field_is_emptied_only_the_old_way(client: Client) -> None:
    client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"comments": "важный"})
    kept = client.call("crm.item.update", entityTypeId=4, id=ROMASHKA, fields={"comments": ""})["item"]
    assert kept["comments"] == "важный"
    client.call("crm.company.update", id=ROMASHKA, fields={"COMMENTS": ""})
    assert client.call("crm.company.get", id=ROMASHKA)["COMMENTS"] is None


def test_a_lost_answer_leaves_the_work_done(server: BitrixServer, client: Client) -> None:
    server.faults.add("drop_after", path="crm.item.add", times=1)
    with pytest.raises(OSError, match=r"."):
        add_company(client, originatorId="sverka", originId="z")
    found = client.call("crm.item.list", entityTypeId=4, filter={"=originId": "z"})
    assert len(found["items"]) == 1


def test_either_of_two_conditions(client: Client) -> None:
    wanted = {"logic": "OR", "0": {"=title": "Ромашка"}, "1": {"%title": "лютик"}}
    found = client.call("crm.item.list", entityTypeId=4, filter=wanted)
    assert [row["title"] for row in found["items"]] == ["Ромашка", "ИП Лютиков"]


def test_many_at_once_get_numbers_of_their_own(server: BitrixServer, client: Client) -> None:
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(add_company(client))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(made)) == 16
