"""Writes: what 1C takes, cuts, ignores and refuses (fact sheet §6)."""

from __future__ import annotations

import pytest

from sandbox.onec import OnecServer, build_company
from tests.contract.sandbox.onec_client import Client

PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"
KEY = "aaaaaaaa-0000-4000-8000-000000000001"


def element(name, key):
    return f"/{name}(guid'{key}')"


def test_create_answers_whole_object_and_raw_location(onec):
    answer = onec.post(f"/{PARTIES}", {"Description": "Новый", "ИНН": "7707083893", "КПП": "770701001"})
    assert answer.status == 201
    made = answer.json
    assert made["Code"].startswith("00-0000")
    assert made["ИНН"] == "7707083893"
    assert made["КонтактнаяИнформация"] == []
    location = answer.header("location").encode("latin-1").decode("utf-8")
    assert location.endswith(f"/{PARTIES}(guid'{made['Ref_Key']}')")
    assert onec.get(element(PARTIES, made["Ref_Key"])).json["DataVersion"] == made["DataVersion"]


def test_chosen_key_is_taken_once(onec):
    assert onec.post(f"/{PARTIES}", {"Ref_Key": KEY, "Description": "Раз"}).json["Ref_Key"] == KEY
    again = onec.post(f"/{PARTIES}", {"Ref_Key": KEY, "Description": "Два"})
    assert (again.status, again.code) == (400, "15")
    assert onec.get(element(PARTIES, KEY)).json["Description"] == "Раз"


def test_a_base_may_ignore_the_chosen_key():
    with build_company(3, 12) as base, OnecServer(base, ignores_ref_key=True) as server:
        answer = Client(server).post(f"/{PARTIES}", {"Ref_Key": KEY, "Description": "Раз"})
        assert answer.status == 201
        assert answer.json["Ref_Key"] != KEY


def test_patch_echoes_and_bumps_the_version(onec):
    made = onec.post(f"/{PARTIES}", {"Ref_Key": KEY, "Description": "Раз"}).json
    same = onec.patch(element(PARTIES, KEY), {"Description": "Раз"})
    assert same.status == 200
    assert same.json["DataVersion"] != made["DataVersion"]
    moved = onec.patch(element(PARTIES, KEY), {"Ref_Key": "bbbbbbbb-0000-4000-8000-000000000001"}).json
    assert moved["Ref_Key"] == KEY
    assert onec.call("PATCH", element(PARTIES, KEY), {}, {"If-Match": "wrong"}).status == 200


def test_what_is_ignored_and_cut(onec):
    fields = {
        "Description": "Я" * 238,
        "НетТакогоПоля": 1,
        "Ref_Key": KEY,
        "Ответственный_Key": KEY,
        "ИННВведенКорректно": True,
    }
    made = onec.post(f"/{PARTIES}", fields).json
    assert made["Description"] == "Я" * 100
    assert "НетТакогоПоля" not in made
    assert made["Ответственный_Key"] == KEY
    contract = onec.post("/Catalog_ДоговорыКонтрагентов", {"Owner_Key": KEY, "СрокОплаты": "30"}).json
    assert contract["СрокОплаты"] == "0"
    assert onec.post("/Catalog_ДоговорыКонтрагентов", {"Owner_Key": KEY, "СрокОплаты": 30}).json["СрокОплаты"] == "30"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"Parent_Key": "ZZP8"}, 400, "1"),
        ({"ДатаСоздания": "вчера"}, 400, "1"),
        ({"ИНН": ["1"]}, 500, "-1"),
        ({"КонтактнаяИнформация": [{"Представление": "1"}]}, 500, "-1"),
        ({"КонтактнаяИнформация": [{"LineNumber": 2, "Представление": "1"}]}, 400, "4"),
        ({"КонтактнаяИнформация": [{"LineNumber": 1}, {"LineNumber": 3}]}, 400, "4"),
    ],
)
def test_refused_values(onec, fields, status, code):
    before = len(onec.server.base.keys(PARTIES))
    answer = onec.post(f"/{PARTIES}", {"Description": "Х", **fields})
    assert (answer.status, answer.code) == (status, code)
    assert len(onec.server.base.keys(PARTIES)) == before


def test_sections_are_replaced_whole(onec):
    rows = [{"LineNumber": i, "Тип": "Телефон", "Представление": f"+7 {i}", "НомерТелефона": str(i)} for i in (1, 2)]
    onec.post(
        f"/{PARTIES}",
        {"Ref_Key": KEY, "Description": "Раз", "КонтактнаяИнформация": rows, "КонтактнаяИнформация@odata.type": "x"},
    )
    assert len(onec.get(element(PARTIES, KEY)).json["КонтактнаяИнформация"]) == 2
    changed = onec.patch(element(PARTIES, KEY), {"КонтактнаяИнформация": rows[:1]}).json
    assert [row["LineNumber"] for row in changed["КонтактнаяИнформация"]] == ["1"]
    assert (onec.post(f"/{PARTIES}_КонтактнаяИнформация", rows[0]).code) == "13"


def test_delete_is_physical_and_mark_is_not(onec):
    onec.post(f"/{PARTIES}", {"Ref_Key": KEY, "Description": "Раз"})
    assert onec.patch(element(PARTIES, KEY), {"DeletionMark": True}).json["DeletionMark"] is True
    assert onec.call("DELETE", element(PARTIES, KEY)).status == 204
    assert onec.get(element(PARTIES, KEY)).code == "9"
    assert onec.patch(element(PARTIES, KEY), {}).code == "9"


def test_post_and_unpost_move_the_books(onec):
    base = onec.server.base
    [sale] = onec.values(f"/{SALES}?$top=1&$filter=Posted eq true and СуммаДокумента gt 1000&$orderby=Date desc")
    path, before = element(SALES, sale["Ref_Key"]), base.truth_balances()
    assert onec.post(f"{path}/Unpost").status == 200
    assert onec.get(path).json["Posted"] is False
    assert base.truth_balances() != before
    assert onec.post(f"{path}/Post?PostingModeOperational=false").status == 200
    assert base.truth_balances() == before
    late = onec.post(f"{path}/Post?PostingModeOperational=true")
    assert (late.status, late.code) == (500, "-1")
    assert onec.get(f"{path}/Post").status in (400, 405)
    assert onec.post(f"/{PARTIES}(guid'{sale['Контрагент_Key']}')/Post").code == "6"


def test_marking_takes_out_of_the_books(onec):
    [sale] = onec.values(f"/{SALES}?$top=1&$filter=Posted eq true and СуммаДокумента gt 1000&$orderby=Date desc")
    onec.patch(element(SALES, sale["Ref_Key"]), {"DeletionMark": True})
    assert onec.get(element(SALES, sale["Ref_Key"])).json["Posted"] is False
    assert sale["Ref_Key"] not in {move["recorder"] for move in onec.server.base.truth_movements()}


def test_patched_document_keeps_its_old_movements(onec):
    base = onec.server.base
    [sale] = onec.values(f"/{SALES}?$top=1&$filter=Posted eq true and СуммаДокумента gt 1000&$orderby=Date desc")
    before = base.truth_balances()
    onec.patch(element(SALES, sale["Ref_Key"]), {"СуммаДокумента": 1.25})
    assert onec.get(element(SALES, sale["Ref_Key"])).text.count('"СуммаДокумента":1.25') == 1
    assert base.truth_balances() == before


def test_business_refusal_and_methods(onec):
    onec.server.base.refusals.append(lambda name, fields: "ИНН занят" if fields.get("ИНН") == "1" else None)
    refused = onec.post(f"/{PARTIES}", {"Description": "Х", "ИНН": "1"})
    assert (refused.status, refused.code) == (500, "-1")
    assert "ИНН занят" in refused.text
    assert onec.post(f"/{PARTIES}", {"Description": "Х"}).status == 201
    assert onec.call("DELETE", f"/{PARTIES}").status == 405
    assert onec.send("POST", "/base/odata/standard.odata/Catalog_X?$format=json").status == 404


def test_register_records_are_not_overwritten(onec):
    [rate] = onec.values("/InformationRegister_КурсыВалют?$top=1")
    fields = {"Period": "2030-01-01T00:00:00", "Валюта_Key": rate["Валюта_Key"], "Курс": 99.5, "Кратность": 1}
    assert onec.post("/InformationRegister_КурсыВалют", fields).status == 200
    assert onec.post("/InformationRegister_КурсыВалют", fields).code == "15"


def test_amounts_stay_exact(onec):
    [sale] = onec.values(f"/{SALES}?$top=1")
    path = element(SALES, sale["Ref_Key"])
    onec.server.base.change(SALES, sale["Ref_Key"], {"СуммаДокумента": "90071992547409.93"}, repost=False)
    assert '"СуммаДокумента":90071992547409.93' in onec.get(path).text
