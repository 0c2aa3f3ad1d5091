"""Scenario 8: a contact becomes client; one counterparty in accounting, bound, its code back in the CRM."""

from __future__ import annotations

from tests.integration.sync_push.world import INN, World


def test_a_client_becomes_one_counterparty_with_contract_and_contacts(world: World) -> None:
    added = world.add(
        tax_id=INN, registration_code="770701001", phones=["8 (495) 123-45-67"], emails=["Info@Romashka.ru"]
    )
    assert added["standing"] == "due"
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    assert card["Description"] == "ООО Ромашка"
    assert [row["LineNumber"] for row in card["КонтактнаяИнформация"]] in ([1, 2], ["1", "2"])
    assert len(world.contracts(card["Ref_Key"])) == 1
    contact = world.contact(added["id"])
    assert contact["external_ids"] == {"accounting": card["Ref_Key"]}
    assert contact["standing"] == "in_accounting"
    assert contact["code"] == card["Code"].strip()
    assert world.notices == []


def test_run_again_nothing_happens(world: World) -> None:
    world.add(tax_id=INN)
    world.push()
    sent = len(world.writes())
    assert world.push() == {}
    assert len(world.writes()) == sent
    assert len(world.cards()) == 1
