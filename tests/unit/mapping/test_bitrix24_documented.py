"""The preset bitrix24 against documented answers of the REST: each name that it reads or writes is one of theirs."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mapping.rules import Mapping, load_mapping

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "bitrix24"
ZONE = ZoneInfo("Europe/Moscow")
OLD_NAMES = {
    "typeId": {"company": "COMPANY_TYPE", "contact": "TYPE_ID"},
    "fm": {"company": "PHONE", "contact": "PHONE"},
}
OLD_NAMES |= {"updatedTime": dict.fromkeys(("company", "contact"), "DATE_MODIFY")}


@pytest.fixture(scope="module")
def preset() -> Mapping:
    return load_mapping("bitrix24")


def answer(name: str) -> Any:
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"the documented answers are not there: {path}")
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["result"]


def upper(kind: str, name: str) -> str:
    """A field's name in older methods: `assignedById` -> `ASSIGNED_BY_ID`."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name).upper()
    return OLD_NAMES.get(name, {}).get(kind, plain)


def read_by(preset: Mapping, entity: str, source: str) -> set[str]:
    return {need.path.head for need in preset.entities[entity].needs(source)} - {"requisites"}


@pytest.mark.parametrize(
    ("entity", "kind"), [("counterparty", "company"), ("counterparty", "contact"), ("person", "contact")]
)
def test_what_is_read_of_companies_and_contacts_is_there(preset: Mapping, entity: str, kind: str) -> None:
    known = answer(f"crm.{kind}.fields.json")
    lacking = {name for name in read_by(preset, entity, kind) if upper(kind, name) not in known}
    assert lacking == set()


@pytest.mark.parametrize("kind", ["company", "contact"])
def test_what_is_written_to_their_cards_is_there(preset: Mapping, kind: str) -> None:
    known, card = answer(f"crm.{kind}.fields.json"), preset.cards[kind]
    written = {name for group in ("fields", "new") for name, _ in card.programs[group] if not name.startswith("@")}
    assert {name for name in written if upper(kind, name) not in known} == set()
    assert not any(known[upper(kind, name)]["isReadOnly"] for name in written)


def test_requisites_are_those_of_the_portal(preset: Mapping) -> None:
    known = answer("crm.requisite.get.json")
    leaves = {
        leaf
        for source in ("company", "contact")
        for need in preset.entities["counterparty"].needs(source)
        if need.path.head == "requisites"
        for leaf in need.path.leaves
    }
    sent = {name for kind in ("company", "contact") for name, _ in preset.cards[kind].programs["requisites"]}
    assert leaves | sent <= known.keys()
    assert {"RQ_INN", "RQ_KPP", "RQ_EDRPOU"} <= leaves & sent


def test_a_documented_deal_is_read(preset: Mapping) -> None:
    item = answer("crm.item.add.json")["item"]
    assert read_by(preset, "deal", "deal") <= item.keys()
    record = preset.entities["deal"].build("deal", item, ZONE)
    assert record is not None
    assert record.marks == {}
    assert record.fields["amount"] == Decimal(item["opportunity"]).quantize(Decimal("0.0001"))
    assert record.fields["outcome"] in ("open", "won", "lost")
    assert record.refs["manager"] == str(item["assignedById"])


@pytest.mark.parametrize("name", ["order", "shipment", "payment"])
def test_a_smart_process_has_the_fields_that_are_filled(preset: Mapping, name: str) -> None:
    known, card = answer("crm.item.fields.json")["fields"], preset.cards[name]
    written = {field for field, _ in card.programs["fields"] if not field.startswith("@")}
    assert written | set(card.parents.values()) | ({card.deal_field} - {""}) <= known.keys()
    assert not any(known[field]["isReadOnly"] for field in written)


def test_clients_are_those_of_the_documented_dictionary(preset: Mapping) -> None:
    (row,) = answer("made.crm.status.list.CONTACT_TYPE.json")
    contact = {"id": 1, "name": "Иван", "typeId": row["STATUS_ID"], "companyId": 0}
    record = preset.entities["counterparty"].build("contact", contact, ZONE)
    assert record is not None
    assert record.fields["status"] == "client"
