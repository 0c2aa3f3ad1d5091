"""People edit in 1C, in the store and in the portal as they like; when they stop, it comes to rest and all agree.

A cycle is a period in which each connection has one run, whichever comes first. The portal's cards were there before
us, with phones and e-mails of their own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sandbox.bitrix24.fields import COMPANY
from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from sync.push.contacts import add_contact, set_contact
from tests.integration.circle.clients import CODE, add_client, card, parties
from tests.integration.circle.conftest import COMPANIES
from tests.integration.outbox.world import BALANCE, Circle, make_circle
from tests.integration.owners.systems import TAX_IDS

FOUND = (["+74950000000"], ["+74950000001"], ["+74952220002"])
"""Phones of the customers before any edit: accounting knows the first two, the third has come from the portal."""
TITLE = '[cards.company.new]\ntitle = false\n[cards.company.fields]\ntitle = "name"\n'
"""The title on the card is accounting's; phones and e-mails are whose change is newest; the comment is the CRM's."""
FRESH = ("7743013901", "7714698320", "5024002119")
NAMES = ("Ромашка", "ООО «Лютик»", "ВАСИЛЁК и Ко", "Покупатель")
NUMBERS = ("+74951110001", "+74951110002", "8 (495) 111-00-03")
OWN = tuple(replace(one, phone=f"+7495222000{place}", email=f"card{place}@b.ru") for place, one in enumerate(COMPANIES))
AMOUNTS = (100, 250, Decimal("99.99"))

WHO, PICK = st.integers(0, 2), st.integers(0, 2)
EDITS = st.one_of(
    st.tuples(st.just("rename in 1C"), WHO, PICK),
    st.tuples(st.just("ship"), WHO, PICK),
    st.tuples(st.just("phone in 1C"), WHO, PICK),
    st.tuples(st.just("phone more in 1C"), WHO, PICK),
    st.tuples(st.just("phone in the store"), WHO, PICK),
    st.tuples(st.just("phone in the portal"), WHO, PICK),
    st.tuples(st.just("title in the portal"), WHO, PICK),
    st.tuples(st.just("comment in the portal"), WHO, PICK),
    st.tuples(st.just("client in the portal"), WHO, PICK),
    st.tuples(st.just("client in the store"), WHO, PICK),
    st.tuples(st.just("customer in 1C"), WHO, PICK),
    st.tuples(st.just("a cycle"), st.just(0), st.just(0)),
)
ORDERS = st.permutations(("accounting", "crm"))
Names = Sequence[str]


@pytest.mark.timeout(600)
@settings(
    max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(st.lists(EDITS, min_size=4, max_size=12), ORDERS)
@example([("title in the portal", 0, 0), ("phone more in 1C", 1, 0)], ("crm", "accounting"))
@example([("title in the portal", 0, 0), ("phone in 1C", 1, 0)], ("accounting", "crm"))
def test_it_comes_to_rest_and_all_agree(edits: list[tuple[str, int, int]], order: Names) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with make_circle(f"sqlite:///{path / 'store.db'}", path, companies=OWN, mapping=TITLE) as circle:
            circle.sync("accounting")
            circle.set_up()
            _cycle(circle, order, 2)
            for edit in edits:
                _edit(circle, order, *edit)
            _cycle(circle, order, 2)
            before = _sent(circle)
            _cycle(circle, order, 2)
            assert _sent(circle) == before, "two cycles after the last edit nothing is sent any more"
            _check(circle, {who for what, who, _ in edits if what.startswith("phone")})


def _cycle(circle: Circle, order: Names, times: int) -> None:
    """A period: each connection has one run."""
    for _ in range(times):
        circle.sync(*order, status=("ok", "partial"))


def _sent(circle: Circle) -> int:
    assert circle.onec is not None
    return circle.written() + sum(1 for line in circle.onec.requests if line.method != "GET")


def _edit(circle: Circle, order: Names, what: str, who: int, pick: int) -> None:
    circle.clock.sleep(7)
    if what == "a cycle":
        _cycle(circle, order, 1)
    elif what.endswith("in the portal"):
        _edit_portal(circle, what, who, pick)
    elif what == "phone in the store":
        set_contact(circle.app, TAX_IDS[who], phones=[NUMBERS[pick]])
    elif what == "client in the store":
        add_contact(circle.app, name=NAMES[pick], tax_id=FRESH[who], registration_code="770701001", status="client")
    else:
        _edit_accounting(circle, what, who, pick)


def _edit_accounting(circle: Circle, what: str, who: int, pick: int) -> None:
    if what == "customer in 1C":
        if not parties(circle, FRESH[who]):
            fields = {"Description": NAMES[pick], "ИНН": FRESH[who], "КПП": "770701001"}
            circle.base.create(PARTIES, fields | {"ЮридическоеФизическоеЛицо": "ЮридическоеЛицо"})
        return
    key = str(parties(circle, TAX_IDS[who])[0]["Ref_Key"])
    if what == "rename in 1C":
        circle.base.change(PARTIES, key, {"Description": f"{NAMES[pick]} {who}"})
    elif what == "ship":
        order = circle.order(f"З-{next(circle.numbers)}", customer=who, amount=AMOUNTS[pick])
        circle.ship(order, AMOUNTS[pick], customer=who)
    else:
        rows = circle.base.get(PARTIES, key)["КонтактнаяИнформация"]
        if what == "phone in 1C":
            rows = [row for row in rows if row["Тип"] != "Телефон"]
        phone = {"Тип": "Телефон", "Представление": NUMBERS[pick], "НомерТелефона": NUMBERS[pick].strip("+")}
        circle.base.change(PARTIES, key, {"КонтактнаяИнформация": [*rows, phone]})


def _edit_portal(circle: Circle, what: str, who: int, pick: int) -> None:
    number = circle.companies[who]
    if what == "client in the portal":
        if not any(title == f"Новый {who}" for title in _titles(circle)):
            add_client(circle, f"Новый {who}", FRESH[who], "770701001")
        return
    multi = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": NUMBERS[pick]}}
    fields = {
        "phone in the portal": {"fm": multi},
        "title in the portal": {"title": f"{NAMES[pick]} в портале"},
        "comment in the portal": {"comments": NAMES[pick]},
    }[what]
    circle.person_does("update", id=number, fields=fields)


def _titles(circle: Circle) -> list[str]:
    return [str(one["title"]) for one in circle.portal.portal.kinds[COMPANY].items.values()]


def _check(circle: Circle, called: set[int]) -> None:
    """What accounting owns is the same in all three; so is what the CRM owns; nobody is there twice.

    `called`: of whom a phone has changed. Those of the others are as the first link found them, in 1C and here.
    """
    cards = circle.elements().values()
    keys = [one["originId"] for one in cards if one.get("originId")]
    assert len(keys) == len(set(keys))
    for number, tax_id in enumerate(TAX_IDS):
        (party,) = parties(circle, tax_id)
        row, shown = _row(circle, tax_id), card(circle, circle.companies[number])
        assert row["name"] == party["Description"] == shown["title"]
        assert row["comment"] == (shown["comments"] or None) or not shown["comments"]
        assert shown[CODE] == party["Code"]
        assert Decimal(str(shown[BALANCE]).partition("|")[0]) == _owed(circle, str(party["Ref_Key"]))
        if number not in called:
            assert row["phones"] == FOUND[number]
        else:
            theirs = {_digits(entry["value"]) for entry in shown["fm"] if entry["typeId"] == "PHONE"}
            assert {_digits(phone) for phone in row["phones"]} <= theirs
        held = {_digits(str(one["Представление"])) for one in party["КонтактнаяИнформация"] if one["Тип"] == "Телефон"}
        assert {_digits(phone) for phone in row["phones"]} == held
    for tax_id in FRESH:
        known = parties(circle, tax_id)
        assert len(known) <= 1
        if known:
            assert _row(circle, tax_id)["name"]


def _row(circle: Circle, tax_id: str) -> dict[str, Any]:
    with circle.engine.connect() as conn:
        query = select(counterparties).where(counterparties.c.tax_id == tax_id, counterparties.c.deleted.is_(False))
        (found,) = conn.execute(query).mappings().all()
        return dict(found)


def _owed(circle: Circle, key: str) -> Decimal:
    return sum((row["amount"] for row in circle.base.truth_balances() if row["counterparty"] == key), Decimal(0))


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())[-10:]
