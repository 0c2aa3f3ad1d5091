"""What is done in part, or whose answer is known in part, is kept: nothing is made twice, nothing half shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from sandbox.bitrix24.errors import RestError, system
from store.entities import counterparties
from store.tables import binding, outbox
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import CRM, Circle, counted, from_start, look_at_everybody
from tests.integration.owners.systems import TAX_IDS

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_card_given_to_another_customer_is_his_alone")


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    with from_start("one order", starts, stores, empty_store, tmp_path, look_at_everybody) as made:
        yield made


def refusing(circle: Circle, name: str, refusal: RestError, when: Callable[[Any], bool] = lambda given: True) -> Any:
    """From now on the portal refuses a method; call what is returned to have it work again."""
    methods = circle.portal.shell.rest.methods
    real = methods[name]

    def refuse(params: Any, caller: Any) -> Any:
        if when(params):
            raise refusal
        return real(params, caller)

    methods[name] = refuse
    return lambda: methods.__setitem__(name, real)


def test_a_card_that_was_made_without_its_requisites_is_bound_all_the_same(circle: Circle) -> None:
    mend = refusing(circle, "crm.requisite.add", RestError("ERROR_CORE", "no such preset"))
    result = circle.show()
    assert counted(result)["dead"] > 0
    number = circle.company()["id"]
    assert circle.bound().get(circle.customer_id()) == str(number)
    mend()


def test_what_a_batch_came_to_is_kept_when_the_portal_falls_silent_behind_it(circle: Circle) -> None:
    """One card is refused; whether it is still there cannot be asked any more; the other's answer has come."""
    circle.show()
    circle.ship(circle.order("З-2", amount=50), 50)
    circle.ship(circle.order("З-3", amount=40, customer=1), 40, customer=1)
    circle.sync("accounting")
    first = circle.company()["id"]
    refusing(circle, "crm.item.update", RestError("ERROR_CORE", "no"), lambda given: int(given["id"]) == first)
    refusing(circle, "crm.item.list", system("INTERNAL_SERVER_ERROR"), lambda given: "@id" in given.get("filter", {}))
    result = circle.show(kind="push", status=("ok", "partial", "failed"))
    assert counted(result)["dead"] == 1 and counted(result)["created"] == 1
    assert circle.row(1)["state"] == "done" and circle.row(0)["state"] == "dead"


def test_a_link_that_came_to_nothing_leaves_no_half_card(circle: Circle) -> None:
    """The claim fails; then somebody deletes the card: the one that is made has a title and all the rest."""
    number = circle.add_company("Была", TAX_IDS[0], "770701001")
    mend = refusing(circle, "crm.item.update", system("INTERNAL_SERVER_ERROR"))
    circle.show(kind="push", status=("ok", "partial", "failed"))
    assert circle.row()["known"]["kept"], "what is to be left alone was written down before the claim"
    mend()
    circle.person_does("delete", id=number)
    circle.show(kind="push", pause=7200, status=("ok", "partial", "failed"))
    assert circle.company()["title"] == "Покупатель 0"


def test_a_card_given_to_another_customer_is_his_alone(circle: Circle) -> None:
    """Both are looked at in one page: who had the card before, and whose it has become."""
    circle.show()
    number, loser, winner = str(circle.company()["id"]), circle.customer_id(0), circle.customer_id(1)
    with circle.engine.begin() as conn:
        mine = (binding.c.connection == CRM, binding.c.entity == "counterparty")
        conn.execute(update(binding).where(*mine, binding.c.entity_id == winner).values(deleted=True, state="deleted"))
        conn.execute(update(binding).where(*mine, binding.c.external_id == number).values(entity_id=winner))
        now = circle.clock.now()
        conn.execute(update(counterparties).where(counterparties.c.id.in_([loser, winner])).values(updated_at=now))
    circle.ship(circle.order("З-2", amount=50), 50)
    circle.sync("accounting")
    result = circle.show(kind="push", status=("ok", "partial"), pause=3700)
    with circle.engine.connect() as conn:
        rows = {row.entity_id: row for row in conn.execute(select(outbox).where(outbox.c.card == "company"))}
    told = (result.status, result.message, result.lines)
    assert rows[winner].external_id == number and rows[loser].external_id != number, told


def test_a_question_that_is_refused_keeps_no_known_card_from_being_sent(circle: Circle) -> None:
    circle.ship(circle.order("З-2", amount=50, customer=1), 50, customer=1)
    mend = refusing(circle, "crm.duplicate.findbycomm", RestError("ERROR_CORE", "strange value"))
    circle.add_company("Ромашка", TAX_IDS[0], "770701001")
    circle.show()
    assert circle.row(0)["state"] == "done", "known by its tax id"
    circle.ship(circle.order("З-3", amount=40), 40)
    circle.sync("accounting")
    result = circle.show(kind="push")
    assert result.status == "partial" and counted(result)["updated"] == 1
    mend()
    circle.show(kind="push", pause=7200)
    assert {row["state"] for row in circle.rows()} == {"done"}
