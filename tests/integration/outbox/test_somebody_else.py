"""A person has said that a customer is none of the cards that are there: he gets his own, and nobody asks again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from core.errors import UsageError
from sandbox.bitrix24.build import Customer
from store.entities import counterparties
from store.tables import review
from sync.push.reviews import create_review
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import CRM, Circle, counted, from_start, make_circle, order_after_the_link
from tests.integration.owners.systems import TAX_IDS

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_branch_asked_about_by_the_link")

OTHER_CODE = "781301001"
BRANCH = Customer("Ромашка, филиал", TAX_IDS[0], OTHER_CODE)


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    """An agreed link of an empty portal; customer 0 has ordered something, and companies come behind our back."""
    with from_start("ordered after the link", starts, stores, empty_store, tmp_path, order_after_the_link) as made:
        yield made


def _ours(circle: Circle) -> UUID:
    """Customer 0 as accounting has him; the portal's branch may be mirrored with the same tax id."""
    where = (counterparties.c.tax_id == TAX_IDS[0], counterparties.c.registration_code != OTHER_CODE)
    with circle.engine.connect() as conn:
        found: UUID = conn.execute(select(counterparties.c.id).where(*where)).scalar_one()
        return found


def _asked(circle: Circle) -> int:
    """The one question about him and the portal's cards."""
    mine = [one for one in circle.questions() if (one["connection"], one["entity_id"]) == (CRM, _ours(circle))]
    (found,) = mine
    return int(found["number"])


def _gets_his_own_card(circle: Circle, branch: int, *, twins: bool = False) -> None:
    """One new card under his key; nothing is asked about him any more, and the next cycle writes nothing.

    Nor is anything asked about the branch, which accounting is told of; a client with the very same INN and KPP
    (`twins`) is a question to accounting all the same: a second card of 1C is not made on a word about the portal.
    """
    key = _ours(circle)
    circle.sync(status=("ok", "partial"))
    (fresh,) = [one for one in circle.elements().values() if one.get("originId") == str(key)]
    assert fresh["id"] != branch and not circle.elements()[branch].get("originId")
    assert circle.bound()[key] == str(fresh["id"])
    circle.sync(status=("ok", "partial"))
    written, asked = circle.written(), _count_asked(circle, key)
    circle.sync(status=("ok", "partial"))
    assert circle.written() == written
    assert _count_asked(circle, key) == asked == 1
    assert twins or circle.questions() == []
    assert [one for one in circle.questions() if one["connection"] == CRM] == []


def _count_asked(circle: Circle, key: UUID) -> int:
    with circle.engine.connect() as conn:
        return len(conn.execute(select(review.c.id).where(review.c.entity_id == key)).all())


def test_a_branch_asked_about_before_the_card_is_made(circle: Circle) -> None:
    branch = circle.add_company(BRANCH.title, BRANCH.inn, BRANCH.kpp)
    assert counted(circle.show(kind="push"))["review"] == 1
    create_review(circle.app, _asked(circle))
    _gets_his_own_card(circle, branch)


def test_a_branch_asked_about_by_the_link(store_url: str, tmp_path: Path) -> None:
    with make_circle(store_url, tmp_path, companies=(BRANCH,)) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync("accounting")
        circle.set_up()
        create_review(circle.app, _asked(circle))
        _gets_his_own_card(circle, circle.companies[0])


def test_a_branch_asked_about_by_the_reading(store_url: str, tmp_path: Path) -> None:
    """The portal is read first: accounting's customer comes upon its card."""
    with make_circle(store_url, tmp_path, companies=(BRANCH,)) as circle:
        circle.ship(circle.order("З-1", amount=700), 700)
        circle.sync("crm", "accounting", status=("ok", "partial"))
        create_review(circle.app, _asked(circle))
        circle.set_up()
        _gets_his_own_card(circle, circle.companies[0])


def test_the_answer_holds_for_that_branch_alone(circle: Circle) -> None:
    """Somebody gives the card his registration code before his own is made: no rule links what a person has parted."""
    branch = circle.add_company(BRANCH.title, BRANCH.inn, BRANCH.kpp)
    circle.show(kind="push")
    create_review(circle.app, _asked(circle))
    requisites = circle.portal.portal.requisites.values()
    legal = next(one for one in requisites if int(one["ENTITY_ID"]) == branch)
    legal["RQ_KPP"] = "770701001"
    assert counted(circle.show(kind="push"))["review"] == 1
    assert not circle.elements()[branch].get("originId")
    with pytest.raises(UsageError) as refused:
        create_review(circle.app, _asked(circle))
    assert "--force" in str(refused.value.next_step)


def test_whoever_insists_on_a_twin_is_told_how(circle: Circle) -> None:
    cards = [circle.add_company(title, TAX_IDS[0], "770701001") for title in ("Ромашка", "Ромашка (старая)")]
    circle.show(kind="push")
    number = _asked(circle)
    with pytest.raises(UsageError) as refused:
        create_review(circle.app, number)
    assert refused.value.message.startswith(f"{CRM} has 2 cards with the same INN")
    assert f"sverka review create {number} --force" in str(refused.value.next_step)
    create_review(circle.app, number, force=True)
    _gets_his_own_card(circle, cards[0], twins=True)
