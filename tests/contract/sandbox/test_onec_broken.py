"""Every broken twin must fail a check that the whole server passes: else the check proves nothing."""

from __future__ import annotations

import re

import pytest

from sandbox.onec import OnecServer, build_company
from sandbox.onec.broken import DEFECTS, broken_server
from tests.contract.sandbox.onec_client import Client

PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"
REGISTER = "AccountingRegister_Хозрасчетный"
KEY = "aaaaaaaa-0000-4000-8000-00000000000f"


def pages(client):
    found, skip = [], 0
    while page := client.values(f"/{SALES}?$select=Ref_Key&$orderby=Ref_Key&$top=5&$skip={skip}"):
        found += [item["Ref_Key"] for item in page]
        skip += 5
    return found == client.server.base.keys(SALES)


def balance_sums_to_nothing(client):
    return sum(row["СуммаBalance"] for row in client.values(f"/{REGISTER}/Balance()")) == 0


def balance_is_exclusive(client):
    moves = client.server.base.truth_movements()
    first = min(move["period"] for move in moves)
    return client.values(f"/{REGISTER}/Balance(Period=datetime'{first}')") == []


def amounts_are_numbers(client):
    return re.search(r'"СуммаДокумента":\d', client.get(f"/{SALES}?$top=1").text) is not None


def dates_are_wall_clock(client):
    key = client.server.base.keys(SALES)[0]
    return client.get(f"/{SALES}(guid'{key}')").json["Date"] == client.server.base.get(SALES, key)["Date"]


def keys_are_as_stored(client):
    return {item["Ref_Key"] for item in client.values(f"/{SALES}")} == set(client.server.base.keys(SALES))


def filter_filters(client):
    return all(item["Posted"] is False for item in client.values(f"/{SALES}?$filter=Posted eq false"))


def marked_are_there(client):
    base = client.server.base
    base.mark(SALES, base.keys(SALES)[0])
    return len(client.values(f"/{SALES}")) == len(base.keys(SALES))


def second_post_is_refused(client):
    fields = {"Description": "Раз", "Ref_Key": KEY}
    return [client.post(f"/{PARTIES}", fields).status for _ in range(2)] == [201, 400]


def patch_is_kept(client):
    key = client.server.base.keys(PARTIES)[0]
    client.patch(f"/{PARTIES}(guid'{key}')", {"Description": "Изменён"})
    return client.get(f"/{PARTIES}(guid'{key}')").json["Description"] == "Изменён"


def plus_is_refused(client):
    return (
        client.send(
            "GET", "/base/odata/standard.odata/Catalog_%D0%92%D0%B0%D0%BB%D1%8E%D1%82%D1%8B?$filter=Code+eq+'643'"
        ).status
        == 400
    )


def versions_move(client):
    path = f"/{PARTIES}(guid'{client.server.base.keys(PARTIES)[0]}')"
    before = client.get(path).json["DataVersion"]
    return client.patch(path, {}).json["DataVersion"] != before


def changes(client, name):
    point = f"{client.server.url}/ExchangePlan_СверкаОбмен(guid'{client.server.base.nodes[0]}')"
    return client.post(f"/{name}?DataExchangePoint='{point}'&MessageNo=1").text


def deletions_are_told(client):
    base = client.server.base
    base.delete(PARTIES, base.create(PARTIES, {"Description": "Раз"}))
    return "deleted-entry ref" in changes(client, "SelectChanges")


def unsent_survives(client):
    base = client.server.base
    base.create(PARTIES, {"Description": "Раз"})
    changes(client, "SelectChanges")
    late = base.create(PARTIES, {"Description": "Два"})
    changes(client, "NotifyChangesReceived")
    return late in changes(client, "SelectChanges")


CHECKS = {
    "balance_cut": balance_sums_to_nothing, "balance_inclusive": balance_is_exclusive,
    "float_strings": amounts_are_numbers,
    "utc_dates": dates_are_wall_clock, "upper_keys": keys_are_as_stored, "forgets_tombstones": deletions_are_told,
    "confirms_all": unsent_survives, "loses_row": pages, "doubles_row": pages, "ignores_filter": filter_filters,
    "hides_deleted": marked_are_there, "repeated_post": second_post_is_refused, "lost_write": patch_is_kept,
    "plus_is_space": plus_is_refused, "stale_versions": versions_move,
}  # fmt: skip


def test_every_defect_has_a_check():
    assert set(CHECKS) == set(DEFECTS)


@pytest.mark.parametrize("defect", sorted(CHECKS))
def test_the_check_tells_the_twins_apart(defect):
    with build_company(4, 60) as base, OnecServer(base) as server:
        assert CHECKS[defect](Client(server)), "the whole server must pass"
    with build_company(4, 60) as base, broken_server(base, defect) as server:
        assert not CHECKS[defect](Client(server)), "the broken twin must fail"
