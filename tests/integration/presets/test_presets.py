"""Every configuration end to end over HTTP: first load, a user's edits, balances to the kopeck, a client made known."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from sync.push.contacts import add_contact, list_contacts
from tests.integration.presets.world import CONFIGURATIONS, DOCUMENTS, PresetWorld, open_preset_world
from tests.integration.sync_balances.world import NAME

CLIENT = {"tax_id": "7707083893", "phones": ["+79161234567"], "emails": ["info@romashka.example"]}
CLIENT_IN_UKRAINE = {"tax_id": "14360570", "phones": ["+380671234567"], "emails": ["info@romashka.example"]}
KINDS = {"company", "person", "sole_trader"}
NO_SOLE_TRADERS = {"upp13"}
"""A card there says no more than whether it is a natural person."""


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
    expected = KINDS - {"sole_trader"} if world.mapping.name in NO_SOLE_TRADERS else KINDS
    assert {card["kind"] for card in cards} >= expected
    contracts = world.export("contracts")
    assert all(deal["counterparty"] for deal in contracts)
    assert {"customer"} <= {deal["kind"] for deal in contracts} <= {"customer", "supplier"}


# Configurations differ in their rules and their register, of which there are these kinds; the tables are the same.
@pytest.mark.on_postgresql(
    *(f"test_first_load_edits_and_reconciliation[{name}-postgresql]" for name in ("bp30", "ut11", "utp_ua"))
)
def test_first_load_edits_and_reconciliation(world: PresetWorld) -> None:
    agree(world)
    customers_are_known(world)
    assert min(len(world.mirrored(entity)) for entity in ("order", "shipment", "payment")) > 20
    assert len(world.ours()) > 15
    done = world.base.random_edits(25, seed=11)
    world.cycle()
    agree(world)
    assert len(done) == 25


@pytest.mark.on_postgresql("test_a_client_is_made_known_and_counted_once[ut11-postgresql]")
def test_a_client_is_made_known_and_counted_once(world: PresetWorld) -> None:
    details = CLIENT_IN_UKRAINE if world.mapping.country == "UA" else CLIENT
    contact = add_contact(world.app, name="ООО Ромашка", status="client", **details)  # type: ignore[arg-type]
    world.cycle()
    (shown,) = [row for row in list_contacts(world.app) if row["id"] == contact["id"]]
    assert shown["standing"] == "in_accounting", shown
    outbound = world.mapping.outbound["counterparty"]
    tax_id, number = outbound.match.tax_id, details["tax_id"]

    def cards() -> list[str]:
        held = world.base.truth_documents(outbound.match.source.name)
        return [row["Ref_Key"] for row in held if row[tax_id] == number]

    (card,) = cards()
    assert shown["external_id"] == card
    assert world.base.unfilled == []
    writes = [item.path for item in world.server.requests if item.method != "GET"]
    assert [path.rpartition("/")[2] for path in writes] == [program.set for program in outbound.programs]
    world.cycle()
    assert cards() == [card]
    (mirrored,) = [row for row in world.export("counterparties") if row["tax_id"] == number]
    assert (mirrored["phones"], mirrored["emails"]) == (details["phones"], details["emails"])
    assert mirrored["external_ids"][NAME] == card
    agree(world)
    assert sum(world.ours().values(), Decimal(0)) != 0
