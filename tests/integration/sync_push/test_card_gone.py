"""Accounting marks or deletes a card: the contact stays, and no second card is made without a person."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from store.tables import binding
from sync.pull.records import apply_tombstones
from sync.push import reviews
from sync.push.contacts import set_contact
from tests.integration.sync_push.world import INN, World


def pushed(world: World) -> tuple[dict[str, Any], str]:
    """A contact with a card in accounting, and the card's key."""
    contact = world.add(tax_id=INN)
    assert world.push() == {"created": 1}
    return contact, str(world.cards()[0]["Ref_Key"])


def delete_card(world: World, key: str) -> None:
    """The card is deleted in accounting, and the next run learns of it."""
    world.base.delete(PARTIES, key)
    ctx = world.context()
    apply_tombstones(ctx, "counterparty", [key])
    ctx.connector.close()


def test_a_card_marked_for_deletion_leaves_the_contact(world: World) -> None:
    contact, key = pushed(world)
    world.base.mark(PARTIES, key)
    world.pull(key)
    assert world.state_of(contact) == ("deleted", "its card in accounting is marked for deletion")
    assert world.contact(contact["id"])["external_id"] == key
    assert set_contact(world.app, INN, phones=["+79161234567"])["id"] == contact["id"]
    again = world.add(tax_id=INN)
    assert again["id"] == contact["id"] and again["reused"]
    assert world.push() == {}
    assert len(world.cards()) == 1
    world.base.mark(PARTIES, key, False)
    world.pull(key)
    assert world.state_of(contact)[0] == "in_accounting"


def test_a_deleted_card_leaves_the_contact_and_comes_back_by_a_person_only(world: World) -> None:
    contact, key = pushed(world)
    delete_card(world, key)
    assert world.bound(key)["deleted"]
    assert world.state_of(contact)[0] == "deleted"
    assert world.contact(contact["id"])["external_id"] is None
    assert world.push() == {}
    assert world.add(tax_id=INN)["id"] == contact["id"]
    assert world.push() == {"review": 1}
    assert world.cards() == []
    (review,) = reviews.list_reviews(world.app)
    assert review["kind"] == "approval" and "deleted" in review["reason"]
    reviews.create_review(world.app, review["number"])
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    assert world.contact(contact["id"])["external_id"] == card["Ref_Key"]
    assert world.state_of(contact)[0] == "in_accounting"


def test_leave_to_write_the_first_card_is_none_for_a_second(world: World) -> None:
    world.configure(write="review")
    contact = world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    reviews.create_review(world.app, reviews.list_reviews(world.app)[0]["number"])
    assert world.push() == {"created": 1}
    delete_card(world, str(world.cards()[0]["Ref_Key"]))
    set_contact(world.app, contact["id"], phones=["+79161234567"])
    assert world.push() == {"review": 1}
    assert world.cards() == []


def test_a_pull_writes_neither_the_deletion_nor_the_marks_of_a_contact(world: World) -> None:
    contact, key = pushed(world)
    mine = counterparties.c.id == world.row(contact["id"])["id"]
    with world.app.engine.begin() as conn:
        conn.execute(update(counterparties).where(mine).values(marks={"tax_id": "doubtful"}))
    world.base.change(PARTIES, key, {"НаименованиеПолное": "ООО Другое", "DeletionMark": True})
    world.pull(key)
    row = world.row(contact["id"])
    assert (row["deleted"], row["marks"]) == (False, {"tax_id": "doubtful"})
    assert row["legal_name"] == "ООО Другое"


@pytest.mark.parametrize("how", ["marked", "deleted"])
def test_a_customer_of_accounting_is_deleted_with_the_last_card(world: World, how: str) -> None:
    keys = [world.base.create(PARTIES, {"Description": name, "ИНН": INN}) for name in ("Раз", "Два")]
    kept = world.mirror(keys[0])
    world.mirror(keys[1])
    with world.app.engine.begin() as conn:
        conn.execute(update(binding).where(binding.c.external_id == keys[1]).values(entity_id=kept))
    states = []
    for key in keys:
        if how == "marked":
            world.base.mark(PARTIES, key)
            world.pull(key)
        else:
            delete_card(world, key)
        states.append(world.row(kept)["deleted"])
    assert states == [False, True]
    with world.app.engine.connect() as conn:
        query = select(binding.c.state).where(binding.c.external_id.in_(keys))
        assert set(conn.execute(query).scalars()) == {"deleted"}
