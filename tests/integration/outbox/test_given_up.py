"""Customers whom one side has given up: deleted when nobody has them any more, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from store.tables import binding
from sync.mappings.ordering import order_reapply
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import CRM, Circle, from_start, look_at_everybody
from tests.integration.owners.systems import TAX_IDS, same_customer


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    with from_start("one order", starts, stores, empty_store, tmp_path, look_at_everybody) as made:
        yield made


def mark(circle: Circle, *, deleted: bool) -> None:
    rows = circle.base.truth_documents(PARTIES)
    key = next(row["Ref_Key"] for row in rows if row.get("ИНН") == TAX_IDS[0])
    circle.base.change(PARTIES, str(key), {"DeletionMark": deleted})
    circle.sync("accounting")


def is_deleted(circle: Circle) -> bool:
    with circle.engine.connect() as conn:
        query = select(counterparties.c.deleted).where(counterparties.c.tax_id == TAX_IDS[0])
        return bool(conn.execute(query).scalar_one())


def test_a_living_card_elsewhere_holds_him_and_a_new_card_in_accounting_is_his(circle: Circle) -> None:
    """As when duplicates are cleaned up: the old card is marked, a new one has the same tax id and code."""
    circle.show()
    key = circle.customer_id()
    mark(circle, deleted=True)
    assert not is_deleted(circle), "his card in the CRM is alive"
    circle.base.create(PARTIES, same_customer(0))
    circle.sync("accounting", status=("ok", "partial"))
    assert circle.customer_id() == key


def test_rules_that_are_carried_over_take_back_no_deletion(circle: Circle) -> None:
    mark(circle, deleted=True)
    assert is_deleted(circle)
    shown: dict[str, Any] = {"connection": CRM, "entity": "counterparty", "external_id": "77", "source": "company"}
    shown |= {"entity_id": circle.customer_id(), "state": "bound", "deleted": False}
    with circle.engine.begin() as conn:
        conn.execute(
            update(binding).where(binding.c.entity_id == shown["entity_id"]).values(hash="as other rules made it")
        )
        conn.execute(insert(binding).values(**shown))
    order_reapply(circle.app, "accounting", "admin")
    circle.sync("accounting", kind="reapply")
    assert is_deleted(circle)


def test_gone_on_both_sides_and_back_in_accounting_is_told(circle: Circle) -> None:
    circle.show()
    circle.person_does("delete", id=circle.company()["id"])
    mark(circle, deleted=True)
    circle.show(kind="schedule", full=True, status=("ok", "partial"))
    mark(circle, deleted=False)
    circle.ship(circle.order("З-2", amount=900), 900)
    circle.sync("accounting")
    circle.show(kind="schedule", pause=3700, status=("ok", "partial"))
    assert circle.row()["state"] == "gone" and [one["code"] for one in circle.letters()] == ["deleted"]


def test_a_card_deleted_in_the_crm_deletes_nobody_whom_accounting_has(circle: Circle) -> None:
    circle.show()
    circle.person_does("delete", id=circle.company()["id"])
    circle.show(kind="schedule", full=True)
    assert not is_deleted(circle) and circle.customer_id() not in circle.bound()
