"""Every configuration end to end over HTTP: first load, a user's edits, balances to the kopeck, a client made known."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from sync.push.contacts import add_contact, list_contacts
from tests.integration.presets.world import CONFIGURATIONS, DOCUMENTS, PresetWorld, open_preset_world
from tests.integration.sync_balances.world import NAME

INN = "7707083893"


@pytest.fixture(params=CONFIGURATIONS)
def world(store_url: str, request: pytest.FixtureRequest) -> Iterator[PresetWorld]:
    with open_preset_world(store_url, str(request.param), write="on") as opened:
        assert opened.cycle().status == "ok", opened.result
        yield opened


def agree(world: PresetWorld) -> None:
    """Documents, balances and the reconciliation say the same on both sides."""
    for entity in DOCUMENTS:
        assert world.mirrored(entity) == world.held(entity), entity
    assert world.ours() == world.theirs()
    found = world.reconcile()
    assert (found.status, found.unexplained, found.failure) == ("ok", {}, "")
    assert found.notices == []


def customers_are_known(world: PresetWorld) -> None:
    """Cards carry what the base knows of them, wherever it keeps it."""
    cards = world.export("counterparties")
    assert len(cards) > 20
    for name in ("phones", "emails"):
        assert sum(bool(card[name]) for card in cards) > len(cards) // 3, name
    assert sum(bool(card["tax_id"]) for card in cards) > len(cards) // 2
    assert sum(card["manager"] is not None for card in cards) > len(cards) // 3
    assert {card["kind"] for card in cards} >= {"company", "person", "sole_trader"}
    contracts = world.export("contracts")
    assert all(deal["counterparty"] for deal in contracts)
    assert {"customer"} <= {deal["kind"] for deal in contracts} <= {"customer", "supplier"}


def test_first_load_edits_and_reconciliation(world: PresetWorld) -> None:
    agree(world)
    customers_are_known(world)
    assert min(len(world.mirrored(entity)) for entity in ("order", "shipment", "payment")) > 20
    assert len(world.ours()) > 15
    done = world.base.random_edits(25, seed=11)
    world.cycle()
    agree(world)
    assert len(done) == 25


def test_a_client_is_made_known_and_counted_once(world: PresetWorld) -> None:
    details = {"tax_id": INN, "phones": ["+79161234567"], "emails": ["info@romashka.example"]}
    contact = add_contact(world.app, name="ООО Ромашка", status="client", **details)
    world.cycle()
    (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
    assert shown["standing"] == "in_accounting", shown
    source = world.mapping.outbound["counterparty"].match.source.name
    (card,) = [row for row in world.base.truth_documents(source) if row["ИНН"] == INN]
    assert shown["external_id"] == card["Ref_Key"]
    assert world.base.unfilled == []
    writes = [item.path for item in world.server.requests if item.method != "GET"]
    assert len(writes) == len(set(writes)) == len(world.mapping.outbound["counterparty"].programs)
    world.cycle()
    assert [row["Ref_Key"] for row in world.base.truth_documents(source) if row["ИНН"] == INN] == [card["Ref_Key"]]
    (mirrored,) = [row for row in world.export("counterparties") if row["tax_id"] == INN]
    assert (mirrored["phones"], mirrored["emails"]) == (["+79161234567"], ["info@romashka.example"])
    assert mirrored["external_ids"][NAME] == card["Ref_Key"]
    agree(world)
    assert sum(world.ours().values(), Decimal(0)) != 0
