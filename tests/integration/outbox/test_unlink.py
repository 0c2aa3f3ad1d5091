"""A wrong link is taken apart: both are kept, nobody joins them again unasked, and a person says who is who."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from cli.main import build_app
from core.errors import LeaseLost, UsageError
from sandbox.bitrix24.build import Customer
from store.tables import audit
from sync.link.unlink import unlink_card
from sync.push.reviews import create_review, link_review
from sync.room.lease import claim_lease
from tests.integration.outbox.world import BALANCE, CRM, Circle, make_circle
from tests.integration.owners.systems import TAX_IDS

WRONG = Customer("Ромашка другая", TAX_IDS[0], "770701001")


@pytest.fixture
def circle(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Circle]:
    """Customer 0 was linked to a card by its INN; it shows his balance, and his order hangs on it."""
    with make_circle(store_url, tmp_path, companies=(WRONG,)) as made:
        made.ship(made.order("З-1", amount=700), 700)
        made.sync()
        made.set_up()
        made.sync(status=("ok", "partial"))
        monkeypatch.chdir(tmp_path)
        yield made


def _ours(circle: Circle) -> UUID:
    (key,) = [key for key, card in circle.bound().items() if card == str(circle.companies[0])]
    return key


def _asked(circle: Circle, key: UUID) -> int:
    (found,) = [one for one in circle.questions() if (one["connection"], one["entity_id"]) == (CRM, key)]
    return int(found["number"])


def _unlink(circle: Circle) -> Result:
    words = ["unlink", CRM, str(circle.companies[0]), "--reason", "another firm of that name"]
    return CliRunner().invoke(build_app(words), words)


def test_both_are_kept_and_stay_apart(circle: Circle) -> None:
    key, (card,), written = _ours(circle), circle.companies, circle.written()
    done = _unlink(circle)
    assert done.exit_code == 0 and f"sverka review show {_asked(circle, key)}" in done.stderr, done.output
    assert circle.written() == written, "nothing is sent"
    for full in (False, True):
        circle.sync(status=("ok", "partial"), full=full)
    holders = {value: holder for holder, value in circle.bound().items()}
    assert holders[str(card)] != key and key not in circle.bound(), "the card is somebody of its own"
    assert _asked(circle, key)
    with circle.engine.connect() as conn:
        mine = (audit.c.subject == str(key), audit.c.what == "contact.unbind")
        assert conn.execute(select(audit.c.after).where(*mine)).scalar_one() == {"why": "another firm of that name"}


def test_he_gets_a_card_of_his_own_when_a_person_says_so(circle: Circle) -> None:
    key, (card,) = _ours(circle), circle.companies
    _unlink(circle)
    circle.sync(status=("ok", "partial"))
    create_review(circle.app, _asked(circle, key), force=True)
    for _ in range(2):
        circle.sync(status=("ok", "partial"))
    number = int(circle.bound()[key])
    assert number != card and circle.elements()[number][BALANCE] == "700.00|RUB"
    (order,) = [one for one in circle.smart("Заказы 1С").values() if one["title"].startswith("З-1")]
    assert order["companyId"] == number
    written = circle.written()
    circle.sync(status=("ok", "partial"))
    assert circle.written() == written


def test_it_may_be_linked_again(circle: Circle) -> None:
    key, (card,) = _ours(circle), circle.companies
    _unlink(circle)
    circle.sync(status=("ok", "partial"))
    link_review(circle.app, _asked(circle, key), str(card))
    for _ in range(2):
        circle.sync(status=("ok", "partial"))
    assert circle.bound()[circle.customer_id()] == str(card), "one customer of that INN, by whichever of the two ids"
    assert circle.elements()[card][BALANCE] == "700.00|RUB"


def test_what_cannot_be_taken_apart_is_said(circle: Circle) -> None:
    alone = circle.add_company("Никому не известная")
    circle.sync(status=("ok", "partial"))
    for card, reason, told in (("777", "x", "No customer"), (str(alone), "x", "alone"), ("1", " ", "Say why")):
        with pytest.raises(UsageError, match=told):
            unlink_card(circle.app, CRM, card, reason, who="anna")
    with pytest.raises(UsageError, match="no CRM"):
        unlink_card(circle.app, "accounting", "1", "x", who="anna")


def test_a_cycle_that_was_under_way_writes_nothing_over_it(circle: Circle) -> None:
    frozen = claim_lease(circle.app, CRM)
    assert frozen is not None
    assert _unlink(circle).exit_code == 0, "it waits until the lease is over"
    with circle.engine.begin() as conn, pytest.raises(LeaseLost):
        frozen.check(conn)
