"""Change tracking (fact sheet §7)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from sandbox.onec import OnecServer, build_company, exchange
from tests.contract.sandbox.onec_client import Client

PLAN = "ExchangePlan_СверкаОбмен"
PARTIES = "Catalog_Контрагенты"
ATOM = "{http://www.w3.org/2005/Atom}"
TOMB = "{http://purl.org/atompub/tombstones/1.0}"


@pytest.fixture
def node(onec):
    return onec.server.base.nodes[0]


def call(client, name, node, message, extra=""):
    point = f"{client.server.url}/{PLAN}(guid'{node}')"
    return client.post(f"/{name}?DataExchangePoint='{point}'&MessageNo={message}{extra}")


def select(client, node, message):
    answer = call(client, "SelectChanges", node, message)
    assert answer.status == 200, answer.text
    root = ET.fromstring(answer.body)
    ids = (item.findtext(f"{ATOM}id", "") for item in root.iter(f"{ATOM}entry"))
    entries = [re.sub(r".*guid'(.+)'.*", r"\1", text) for text in ids]
    return entries, [item.get("ref") for item in root.iter(f"{TOMB}deleted-entry")]


def test_a_registration_is_a_set_and_atom(onec, node):
    base = onec.server.base
    assert select(onec, node, 1) == ([], [])
    key = base.create(PARTIES, {"Description": "Раз"})
    for _ in range(3):
        base.touch(PARTIES, key)
    assert select(onec, node, 1) == ([key], [])
    assert select(onec, node, 1) == ([key], [])
    other = base.create(PARTIES, {"Description": "Два"})
    assert set(select(onec, node, 1)[0]) == {key, other}
    assert call(onec, "NotifyChangesReceived", node, 1).status == 200
    assert select(onec, node, 2) == ([], [])


def test_an_edit_after_sending_survives_the_confirmation(onec, node):
    base = onec.server.base
    key = base.create(PARTIES, {"Description": "Раз"})
    select(onec, node, 1)
    base.change(PARTIES, key, {"Description": "Два"})
    call(onec, "NotifyChangesReceived", node, 1)
    assert select(onec, node, 2) == ([key], [])


def test_what_was_sent_with_another_number_is_not_given_again(onec, node):
    key = onec.server.base.create(PARTIES, {"Description": "Раз"})
    assert select(onec, node, 1) == ([key], [])
    assert select(onec, node, 2) == ([], [])
    call(onec, "NotifyChangesReceived", node, 2)
    assert exchange.pending(onec.server.base, node) == []


def test_tombstones_and_counters(onec, node):
    base = onec.server.base
    key = base.create(PARTIES, {"Description": "Раз"})
    base.delete(PARTIES, key)
    entries, deleted = select(onec, node, 5)
    assert entries == []
    assert deleted == [f"{onec.server.url}/{PARTIES}(guid'{key}')"]
    call(onec, "NotifyChangesReceived", node, 5)
    state = onec.get(f"/{PLAN}(guid'{node}')").json
    assert (state["SentNo"], state["ReceivedNo"]) == ("5", "5")
    assert [item["ThisNode"] for item in onec.values(f"/{PLAN}")].count(True) == 1


def test_own_write_comes_back_and_options_are_ignored(onec, node):
    onec.post(f"/{PARTIES}", {"Description": "Раз"})
    onec.post(f"/{PARTIES}", {"Description": "Два"})
    answer = call(onec, "SelectChanges", node, 1, "&$top=1")
    assert answer.text.count("<entry") == 2
    assert answer.header("content-type").startswith("application/atom+xml")


def test_calls_that_are_wrong(onec, node):
    assert onec.get("/SelectChanges?DataExchangePoint='x'&MessageNo=1").status == 405
    assert onec.post("/SelectChanges?MessageNo=1").status == 400
    assert call(onec, "SelectChanges", "11111111-1111-1111-1111-111111111111", 1).code == "9"


def test_unpublished_objects_are_skipped_and_json_is_an_option():
    with (
        build_company(3, 30) as base,
        OnecServer(base, unpublished={"Catalog_Пользователи"}, json_changes=True) as server,
    ):
        client, node = Client(server), base.nodes[0]
        base.touch("Catalog_Пользователи", base.keys("Catalog_Пользователи")[0])
        key = base.create(PARTIES, {"Description": "Раз"})
        base.delete(PARTIES, base.create(PARTIES, {"Description": "Два"}))
        values = call(client, "SelectChanges", node, 1).json["value"]
        assert [item.get("Ref_Key") for item in values if "odata.type" in item] == [key]
        assert len(values) == 2


def test_register_sets_travel_when_the_plan_has_them(onec, node):
    base = onec.server.base
    base.exchange_registers = True
    move = base.truth_movements()[-1]
    base.unpost(move["set"], move["recorder"])
    text = call(onec, "SelectChanges", node, 1).text
    assert 'RecordSet m:type="Collection(StandardODATA.AccountingRegister_Хозрасчетный_RowType)"/>' in text


def test_a_control_character_breaks_the_packet(onec, node):
    base = onec.server.base
    key = base.create(PARTIES, {"Description": "плохой \x02 символ"})
    assert call(onec, "SelectChanges", node, 1).status == 400
    assert onec.get(f"/{PARTIES}(guid'{key}')").json["Description"] == "плохой \x02 символ"
    base.change(PARTIES, key, {"Description": "хороший"})
    assert select(onec, node, 1) == ([key], [])
