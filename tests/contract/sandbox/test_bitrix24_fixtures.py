"""The stand-in portal against documented and captured answers: same members, same JSON types, same refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.build import Customer
from sandbox.bitrix24.errors import SYSTEM
from tests.contract.sandbox.bitrix_client import Client, Refused

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "bitrix24"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the captured answers (../shared/fixtures) are not here")


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def client() -> Any:
    customers = [Customer("Ромашка", "7743013901", "774301001", "8 (495) 123-45-67", "office@romashka.example")]
    with BitrixServer(build_portal(customers=customers)) as server:
        server.portal.limits.cap = server.portal.limits.drain = 1e9
        client = Client(server)
        client.call("crm.item.add", entityTypeId=2, fields={"title": "Сделка", "companyId": 2})
        client.call("crm.company.userfield.add", fields={"FIELD_NAME": "DEBT", "USER_TYPE_ID": "money"})
        client.call("crm.type.add", fields={"title": "Заказы", "isClientEnabled": "Y"})
        yield client
        assert server.shell.crashes == []


SYSTEM_ERRORS = sorted(FOLDER.glob("error.*.json")) if FOLDER.is_dir() else []


@pytest.mark.parametrize("path", SYSTEM_ERRORS, ids=lambda path: path.stem)
def test_system_errors_have_their_status_and_text(path: Path) -> None:
    _, status, code = path.stem.split(".", 2)
    body = json.loads(path.read_text("utf-8"))
    assert SYSTEM[code] == (int(status), body["error_description"])


ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "crm.item.get.json": ("crm.item.get", {"entityTypeId": 2, "id": 1}),
    "crm.item.list.json": ("crm.item.list", {"entityTypeId": 2, "select": ["title", "opportunity", "stageId"]}),
    "crm.item.update.json": ("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": {"title": "Иначе"}}),
    "crm.company.get.json": ("crm.company.get", {"id": 2}),
    "crm.company.list.json": (
        "crm.company.list",
        {"select": ["TITLE", "ASSIGNED_BY_ID", "PHONE"], "filter": {"ID": 2}},
    ),
    "crm.requisite.get.json": ("crm.requisite.get", {"id": 3}),
    "crm.requisite.preset.list.json": ("crm.requisite.preset.list", {}),
    "crm.status.list.json": ("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}}),
    "crm.category.list.json": ("crm.category.list", {"entityTypeId": 2}),
    "crm.stagehistory.list.json": ("crm.stagehistory.list", {"entityTypeId": 2}),
    "crm.type.list.json": ("crm.type.list", {}),
    "crm.duplicate.findbycomm.json": ("crm.duplicate.findbycomm", {"type": "PHONE", "values": ["+74951234567"]}),
    "crm.company.userfield.list.json": ("crm.company.userfield.list", {"filter": {"LANG": "ru"}}),
}
NOT_IN_FIXTURE = {"crm.item.get.json", "crm.item.list.json"}
"""Shown there for a lead: only the members that deals have as well can be compared."""


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_have_the_members_and_types_of_the_documented_ones(client: Client, name: str) -> None:
    method, params = ANSWERS[name]
    documented, ours = load(name), client.whole(method, **params)
    assert {"result", "time"} <= set(ours)
    compare(documented["result"], ours["result"], name, strict=name not in NOT_IN_FIXTURE)


def compare(documented: Any, ours: Any, place: str, *, strict: bool) -> None:
    if isinstance(documented, dict) and isinstance(ours, dict):
        extra = {name for name in set(ours) - set(documented) if not name.lower().startswith("uf") and name != "FM"}
        known = {"PHONE", "EMAIL", "COMPANY"}  # there the example has none of these
        assert not strict or extra <= known, f"{place}: {extra} is nowhere documented"
        for name in set(documented) & set(ours):
            compare(documented[name], ours[name], f"{place}.{name}", strict=strict)
    elif isinstance(documented, list) and isinstance(ours, list):
        if documented and ours:
            compare(documented[0], ours[0], f"{place}[0]", strict=strict)
    elif documented not in (None, "", False) and ours not in (None, ""):
        same = isinstance(ours, type(documented)) or {type(documented), type(ours)} <= {int, float}
        assert same, f"{place}: {type(ours).__name__} where {type(documented).__name__} is documented"


REFUSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "crm.item.add.error.json": ("crm.item.add", {"entityTypeId": 9998, "fields": {}}),
    "crm.item.get.error.json": ("crm.item.get", {"entityTypeId": 2, "id": 999}),
    "crm.item.list.error.json": ("crm.item.list", {"entityTypeId": 2, "filter": {"FIELD": 1}}),
    "crm.company.add.error.json": ("crm.company.add", {}),
    "crm.company.get.error.json": ("crm.company.get", {"id": 999}),
    "crm.contact.get.error.json": ("crm.contact.get", {}),
    "crm.company.userfield.add.error.json": ("crm.company.userfield.add", {"fields": {"FIELD_NAME": "X"}}),
    "crm.company.userfield.list.error.json": ("crm.company.userfield.list", {"filter": "x"}),
    "crm.requisite.add.error.json": ("crm.requisite.add", {"fields": {"NAME": "x"}}),
    "crm.requisite.get.error.json": ("crm.requisite.get", {"id": 27}),
    "crm.requisite.preset.field.list.error.json": ("crm.requisite.preset.field.list", {"preset": {"ID": 27}}),
    "crm.contact.company.items.get.error.json": ("crm.contact.company.items.get", {}),
    "crm.duplicate.findbycomm.error.json": ("crm.duplicate.findbycomm", {"values": ["x"]}),
    "crm.type.add.error.json": ("crm.type.add", {"fields": {"title": "x", "entityTypeId": 5}}),
    "crm.timeline.comment.add.error.json": ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": 0}}),
    "crm.item.productrow.set.error.json": ("crm.item.productrow.set", {"ownerType": "D", "ownerId": 999}),
    "userfieldconfig.add.error.json": ("userfieldconfig.add", {"field": {"entityId": "CRM_COMPANY"}}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_worded_as_documented(client: Client, name: str) -> None:
    method, params = REFUSALS[name]
    with pytest.raises(Refused) as caught:
        client.call(method, **params)
    documented = load(name)
    assert (caught.value.code, caught.value.text) == (documented["error"], documented["error_description"])
    assert caught.value.status == 400
