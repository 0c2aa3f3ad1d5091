"""A limit that the head sets is on the customer's card in the CRM with the next tick."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sync.owners.terms import set_terms
from sync.room.dispatch import run_work, tick
from tests.integration.outbox.world import CRM, Circle, make_circle

LEFT = "ufCrmSverkaCreditLeft"


def run_requests(circle: Circle) -> list[str]:
    """The next tick does what was asked for; the schedule's own slots stay away."""
    circle.clock.sleep(2)
    found = [item for item in tick(circle.app) if item.kind == "request"]
    results = [run_work(circle.app, item.to_message()) for item in found]
    return [f"{item.connection} {result.status}" for item, result in zip(found, results, strict=True) if result]


def left_of(circle: Circle) -> Decimal | None:
    text = str(circle.company().get(LEFT) or "")
    return Decimal(text.partition("|")[0]) if text else None


def test_credit_left_is_on_the_card_with_the_next_tick(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync()
        circle.set_up()
        circle.show()
        customer = circle.customer_id()
        assert left_of(circle) is None
        assert set_terms(circle.app, "head", customer, customer, {"credit_limit": Decimal("1000.50")})
        assert run_requests(circle) == [f"{CRM} ok"]
        assert left_of(circle) == Decimal("300.50")
        assert set_terms(circle.app, "head", customer, customer, {"credit_limit": None})
        assert run_requests(circle) == [f"{CRM} ok"]
        assert left_of(circle) is None


def test_new_days_to_pay_reach_the_card_too(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync()
        circle.set_up()
        circle.clock.sleep(3 * 86400)
        circle.sync("accounting", CRM, status=("ok", "partial"))
        assert Decimal(str(circle.company()["ufCrmSverkaOverdue"]).partition("|")[0]) == 700
        customer = circle.customer_id()
        assert set_terms(circle.app, "head", customer, customer, {"payment_days": 30})
        ran = run_requests(circle) + run_requests(circle)
        assert set(ran) == {"accounting ok", f"{CRM} ok"}
        assert Decimal(str(circle.company().get("ufCrmSverkaOverdue") or "0").partition("|")[0]) == 0
