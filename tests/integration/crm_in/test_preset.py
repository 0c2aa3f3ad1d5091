"""The preset that is shipped, over both stand-ins: what arrives, and what it leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.onec.schema import PARTIES
from tests.integration.crm_in.world import INN, OTHER_INN, PERSON_INN, make_world

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_the_shipped_preset_brings_clients_into_accounting")


def test_the_shipped_preset_brings_clients_into_accounting(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        known = world.base.create(PARTIES, {"Description": "Лютик", "ИНН": OTHER_INN, "КПП": "773601001"})
        world.settle()
        company = world.add_company(phone="+7 495 123-45-67")
        lead = world.add_company("Василёк", "", client=False)
        joined = world.add_company("Лютик в портале", OTHER_INN, "773601001")
        employee = world.add_person(company=company)
        world.add_person(inn=PERSON_INN)
        waits = world.add_company("Без ИНН", "")
        world.settle()
        (card,) = world.cards()
        assert world.row(company)["code"] == card["Code"]
        assert world.row(joined)["id"] == world.row(known, "accounting")["id"]
        assert len(world.cards(PERSON_INN)) == 1
        assert world.row(lead)["status"] == "lead"
        assert world.standing(waits).startswith("waits for the INN")
        assert employee.startswith("contact:")
        assert len([one for one in world.intents() if one["action"] == "create"]) == 3
        sent = world.written()
        world.settle()
        assert world.written() == sent


def test_a_new_name_of_a_client_in_the_portal_alone_is_his_name(store_url: str, tmp_path: Path) -> None:
    """Who owns a name matters once a second side has one."""
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        company = world.add_company("Ромашка", "", client=False)
        world.run("crm")
        world.person_does("update", number=int(company), title="Ромашка Плюс")
        world.run("crm")
        assert world.row(company)["name"] == "Ромашка Плюс"
        world.person_does("update", number=int(company), typeId="CUSTOMER", title="Ромашка Ещё")
        world.add_requisite(company, INN)
        world.settle()
        (card,) = world.cards()
        assert card["Description"] == "Ромашка Ещё"


def test_an_unchanged_cycle_of_the_preset_is_a_handful_of_requests(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, mapping="bitrix24") as world:
        for number in range(60):
            world.add_company(f"Компания {number}", "")
        world.run("crm")
        world.run("crm", pause=3600)
        world.crm.requests.clear()
        world.run("crm", pause=600, kind="schedule")
        assert len(world.asked()) <= 16, world.asked()
