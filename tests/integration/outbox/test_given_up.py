"""A customer whom accounting marks for deletion is deleted here too, whoever shows him, until the mark is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from sync.mappings.ordering import order_reapply
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import Circle, from_start, look_at_everybody
from tests.integration.owners.systems import TAX_IDS


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


def test_accountings_mark_counts_whoever_shows_him(circle: Circle) -> None:
    """Once marked he stays so, also when a mapping is carried over to him and when his card in the CRM is read."""
    circle.show()
    assert circle.bound(), "he has a card in the CRM, and that one is alive"
    mark(circle, deleted=True)
    assert is_deleted(circle)
    order_reapply(circle.app, "accounting", "admin")
    circle.sync("accounting", kind="reapply")
    assert is_deleted(circle)
    circle.person_does("update", id=circle.company()["id"], fields={"comments": "звонил"})
    circle.show(kind="schedule")
    assert is_deleted(circle)
    mark(circle, deleted=False)
    assert not is_deleted(circle)


def test_a_card_deleted_in_the_crm_deletes_nobody_whom_accounting_has(circle: Circle) -> None:
    circle.show()
    circle.person_does("delete", id=circle.company()["id"])
    circle.show(kind="schedule", full=True)
    assert not is_deleted(circle) and circle.customer_id() not in circle.bound()
