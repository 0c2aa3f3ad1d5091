"""What we have written onto a card comes back as no change of its people's, also where it had numbers of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.bitrix24.cards import CardWriter
from connectors.cards import Card, CardResult
from sandbox.bitrix24.build import Customer
from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from store.tables import audit, intent
from sync.push.contacts import set_contact
from tests.integration.circle.clients import card, parties
from tests.integration.circle.conftest import _link_and_show
from tests.integration.outbox.start import Start, Stores
from tests.integration.outbox.world import CRM, Circle, from_start, make_circle
from tests.integration.owners.systems import TAX_IDS, contact_row

INN = TAX_IDS[0]
ACCOUNTINGS, CARDS = "+74950000000", "+74952220000"
SECOND, THIRD, TYPED = "+74951110001", "+74951110002", "+74951110003"
COMPANIES = (Customer("Покупатель 0", INN, "770701001", phone=CARDS, email="card@b.ru"),)


@pytest.fixture
def circle(stores: Stores, starts: dict[str, Start], empty_store: str, tmp_path: Path) -> Iterator[Circle]:
    how: dict[str, Any] = {"companies": COMPANIES, "customers": 1}
    with from_start("own numbers", starts, stores, empty_store, tmp_path, _link_and_show, **how) as made:
        period(made)
        yield made


def period(circle: Circle, times: int = 1) -> None:
    """Each connection has one run."""
    for _ in range(times):
        circle.sync("accounting", "crm", status=("ok", "partial"))


def sent(circle: Circle) -> tuple[int, int]:
    """How much was written into the portal and into 1C so far."""
    assert circle.onec is not None
    return circle.written(), sum(1 for line in circle.onec.requests if line.method != "GET")


def phones(circle: Circle) -> tuple[set[str], set[str], set[str]]:
    """What 1C, the store and the card hold."""
    (party,) = parties(circle, INN)
    held = {str(row["Представление"]) for row in party["КонтактнаяИнформация"] if row["Тип"] == "Телефон"}
    with circle.engine.connect() as conn:
        ours = conn.execute(select(counterparties.c.phones).where(counterparties.c.tax_id == INN)).scalar_one()
    shown = {str(one["value"]) for one in card(circle, circle.companies[0])["fm"] if one["typeId"] == "PHONE"}
    return held, set(ours), shown


def set_there(circle: Circle, *numbers: str) -> None:
    """Accounting's people write these numbers in the place of those that are there."""
    (party,) = parties(circle, INN)
    rows = [row for row in party["КонтактнаяИнформация"] if row["Тип"] != "Телефон"]
    rows += [contact_row("phones", number) for number in numbers]
    circle.base.change(PARTIES, str(party["Ref_Key"]), {"КонтактнаяИнформация": rows})


def type_into_card(circle: Circle, number: str) -> None:
    multi = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": number}}
    circle.person_does("update", id=circle.companies[0], fields={"fm": multi})


def test_a_title_that_is_put_right_takes_no_number_anywhere(circle: Circle) -> None:
    assert phones(circle) == ({ACCOUNTINGS}, {ACCOUNTINGS}, {CARDS})
    before = sent(circle)
    circle.person_does("update", id=circle.companies[0], fields={"title": "Иначе"})
    period(circle)
    assert card(circle, circle.companies[0])["title"] == "Покупатель 0"
    after = sent(circle)
    assert after[0] > before[0] and after[1] == before[1]
    period(circle, 2)
    assert sent(circle) == after
    assert phones(circle) == ({ACCOUNTINGS}, {ACCOUNTINGS}, {ACCOUNTINGS, CARDS})


def test_a_number_that_was_taken_away_does_not_come_back_with_the_next_one(circle: Circle) -> None:
    """Cards are only added to: what accounting has taken away stands there still, and is nobody's news."""
    set_there(circle, ACCOUNTINGS, SECOND)
    period(circle, 2)
    set_there(circle, ACCOUNTINGS)
    period(circle, 2)
    set_there(circle, ACCOUNTINGS, THIRD)
    period(circle)
    after = sent(circle)
    period(circle, 2)
    assert sent(circle) == after
    here = {ACCOUNTINGS, THIRD}
    assert phones(circle) == (here, here, {ACCOUNTINGS, SECOND, THIRD, CARDS})


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_number_that_is_typed_while_we_write_is_news(
    circle: Circle, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """After the card was read, and before or after it is written: it goes on to the store and accounting."""
    _meddle(monkeypatch, when, lambda: type_into_card(circle, TYPED))
    set_there(circle, ACCOUNTINGS, SECOND)
    period(circle, 3)
    everything = {ACCOUNTINGS, SECOND, TYPED, CARDS}
    assert phones(circle) == (everything, everything, everything)


def _meddle(monkeypatch: pytest.MonkeyPatch, when: str, do: Callable[[], None]) -> None:
    """A person does something right before or after the first cards are written."""
    write, left = CardWriter.write, [do]

    def wrapped(writer: CardWriter, cards: Sequence[Card]) -> list[CardResult]:
        if when == "before" and left:
            left.pop()()
        results = write(writer, cards)
        if left:
            left.pop()()
        return results

    monkeypatch.setattr(CardWriter, "write", wrapped)


def test_a_number_that_is_taken_off_the_card_afterwards_is_taken_away(circle: Circle) -> None:
    set_there(circle, ACCOUNTINGS, SECOND)
    period(circle)
    (mine,) = [one for one in card(circle, circle.companies[0])["fm"] if one["value"] == SECOND]
    gone = {str(mine["id"]): {"typeId": "PHONE", "valueType": "WORK", "value": ""}}
    circle.person_does("update", id=circle.companies[0], fields={"fm": gone})
    period(circle, 2)
    left = {ACCOUNTINGS, CARDS}
    assert phones(circle) == (left, left, left)


def test_a_crm_that_is_only_read_has_nothing_waiting(circle: Circle) -> None:
    """Changed here while the card has news of something else: cards show it, no change of ours waits to be sent."""
    set_contact(circle.app, INN, phones=[ACCOUNTINGS, SECOND])
    circle.person_does("update", id=circle.companies[0], fields={"comments": "перезвонить"})
    period(circle, 2)
    with circle.engine.connect() as conn:
        assert conn.execute(select(intent.c.id).where(intent.c.connection == CRM)).all() == []


def test_our_own_numbers_are_no_overruled_change(sqlite_url: str, tmp_path: Path) -> None:
    """Phones that accounting owns: what stands on the card after we have written is nobody's word against it."""
    mine = '[settings]\ncontacts_owner = "accounting"\n'
    with make_circle(sqlite_url, tmp_path, companies=COMPANIES, customers=1, mapping=mine) as circle:
        _link_and_show(circle)
        period(circle)
        set_there(circle, ACCOUNTINGS, SECOND)
        period(circle)
        after = sent(circle)
        period(circle, 2)
        assert sent(circle) == after
        with circle.engine.connect() as conn:
            told = conn.execute(select(audit.c.after).where(audit.c.what == "field.overruled")).scalars()
            assert [after for after in told if after.keys() & {"phones", "emails"}] == []


def write_to(circle: Circle, address: str) -> None:
    """Somebody changes the e-mail in 1C: phones and e-mails go out together."""
    (party,) = parties(circle, INN)
    rows = [row for row in party["КонтактнаяИнформация"] if row["Тип"] == "Телефон"] + [contact_row("emails", address)]
    assert circle.base is not None
    circle.base.change(PARTIES, str(party["Ref_Key"]), {"КонтактнаяИнформация": rows})


@pytest.mark.parametrize(("ours", "typed"), [("123-45-67", "1234567"), ("+380441234567", "(044) 123-45-67")])
def test_a_number_that_stands_there_in_other_writing_is_not_lost(tmp_path: Path, ours: str, typed: str) -> None:
    """The CRM is not given what it has already; its own writing of it takes ours away nowhere."""
    how: dict[str, Any] = {"companies": COMPANIES, "customers": 1}
    with make_circle(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, **how) as circle:
        circle.sync("accounting")
        set_there(circle, ours)
        type_into_card(circle, typed)
        _link_and_show(circle)
        period(circle, 2)
        write_to(circle, "new@b.ru")
        period(circle, 3)
        held, here, _ = phones(circle)
        assert ours in held
        assert ours in here
