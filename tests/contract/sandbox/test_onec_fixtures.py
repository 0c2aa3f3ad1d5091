"""The stand-in against captured answers of real bases: same members, same JSON types (``../shared/fixtures/odata``)."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from sandbox.onec.faults import ERRORS

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "odata"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"captured answers are not there: {FOLDER}")

CASES = {
    "bp30-shipments.collection.json": ("Document_РеализацияТоваровУслуг", ""),
    "bp30-contracts.collection.json": ("Catalog_ДоговорыКонтрагентов", ""),
    "bp30-products.collection.json": ("Catalog_Номенклатура", "IsFolder eq false"),
    "bp30-counterparty.item.json": ("Catalog_Контрагенты", "IsFolder eq false"),
    "bp30-bank_account.item.json": ("Catalog_БанковскиеСчета", ""),
    "bp30-currency.item.json": ("Catalog_Валюты", ""),
}


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8-sig"))


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def shape(record: dict[str, Any]) -> dict[str, str]:
    return {name: kind(value) for name, value in record.items() if "@" not in name and not name.startswith("odata.")}


@pytest.mark.parametrize("name", sorted(CASES))
def test_members_and_types_are_those_of_real_answers(onec_shared, name):
    set_name, condition = CASES[name]
    real = load(name)
    extra = f"&$filter={condition}" if condition else ""
    ours = json.loads(onec_shared.get(f"/{set_name}?$top=50{extra}").text)["value"]
    for record in real.get("value", [real]):
        expected = shape(record)
        found = shape(ours[0])
        assert {item: found.get(item) for item in expected} == expected
        for section, rows in record.items():
            mine = [row for item in ours for row in item.get(section, ())] if isinstance(rows, list) else []
            if rows and mine:
                assert {item: shape(mine[0]).get(item) for item in shape(rows[0])} == shape(rows[0])


def test_envelopes(onec_shared):
    real = load("bp30-contracts.collection.json")
    ours = onec_shared.get("/Catalog_ДоговорыКонтрагентов?$top=1").json
    assert list(ours) == list(real)
    assert ours["odata.metadata"].endswith("/odata/standard.odata/$metadata#Catalog_ДоговорыКонтрагентов")
    assert real["odata.metadata"].endswith("/odata/standard.odata/$metadata#Catalog_ДоговорыКонтрагентов")


def test_links_are_spelt_alike(onec_shared):
    sale = load("bp30-shipments.collection.json")["value"][0]
    links = {name: text.replace(sale["Ref_Key"], "K") for name, text in sale.items() if "navigationLinkUrl" in name}
    ours = onec_shared.values("/Document_РеализацияТоваровУслуг?$top=1")[0]
    mine = {name: text.replace(ours["Ref_Key"], "K") for name, text in ours.items() if "navigationLinkUrl" in name}
    assert {name: links[name] for name in set(links) & set(mine)} == {
        name: mine[name] for name in set(links) & set(mine)
    }
    assert len(set(links) & set(mine)) >= 4


def skeleton(element: ET.Element, depth: int) -> Any:
    return (element.tag, [skeleton(child, depth - 1) for child in element]) if depth else element.tag


def test_atom_entry_has_the_same_skeleton(onec_shared):
    real = ET.fromstring((FOLDER / "custom-counterparty.element.atom.xml").read_bytes())
    key = onec_shared.server.base.keys("Catalog_Контрагенты")[0]
    ours = ET.fromstring(onec_shared.get(f"/Catalog_Контрагенты(guid'{key}')?$format=atom").body)
    names = [child.tag for child in real if not child.tag.endswith("link")]
    assert [child.tag for child in ours if not child.tag.endswith("link")] == names
    content = "{http://www.w3.org/2005/Atom}content"
    assert [child.tag for child in ours.find(content) or ()] == [child.tag for child in real.find(content) or ()]


def test_metadata_has_the_same_element_names(onec_shared):
    real = ET.fromstring((FOLDER / "custom-metadata.edmx.xml").read_bytes())
    ours = ET.fromstring(onec_shared.get("/$metadata").body)
    assert {item.tag for item in real.iter()} <= {item.tag for item in ours.iter()}


def test_error_bodies(onec_shared):
    real = {item["id"]: item for item in load("errors.json")}
    unknown = onec_shared.get("/CatalogПоставщики")
    assert (unknown.status, unknown.json) == (404, real["odata-entity-set-unknown"]["body"])
    missing = onec_shared.get("/Catalog_Валюты(guid'11111111-1111-1111-1111-111111111111')")
    assert (missing.status, missing.json) == (404, real["odata-instance-not-found"]["body"])
    segment = onec_shared.get("/Catalog_Валюты?$select=Owner2")
    assert (segment.status, segment.json) == (400, real["odata-path-segment"]["body"])
    method = onec_shared.get("/Catalog_Валюты/Balance()")
    assert (method.status, method.json) == (400, real["odata-method-not-found"]["body"])
    broken = onec_shared.get("/Catalog_Валюты?$filter=Code eq")
    assert (broken.status, broken.json) == (400, real["odata-filter-parse"]["body"])
    option = onec_shared.get("/Catalog_Валюты?$expan=X")
    assert option.json == real["odata-option-unknown"]["body"]
    guid = onec_shared.get("/Catalog_Валюты(guid'ZZP8')")
    assert guid.json == real["odata-bad-guid-literal"]["body"]
    compare = onec_shared.get(
        "/Catalog_Валюты?$filter=Ref_Key gt guid'11111111-1111-1111-1111-111111111111'&$format=atom"
    )
    assert (compare.status, compare.text) == (500, real["odata-guid-compare-atom"]["body_text"])
    assert (
        json.loads(ERRORS["maintenance"][2].lstrip("\ufeff"))["#exception"]
        == real["platform-session-forbidden"]["body"]["#exception"]
    )
    assert json.loads(ERRORS["no_licence"][2]) == real["platform-no-licence"]["body"]
    assert ERRORS["pool"][2] == real["platform-session-wait-timeout"]["body_text"]
    assert ERRORS["crash"][2] == real["platform-html"]["body_text"]
