"""A client that a person makes in the portal, and what both sides hold of him."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.fields import COMPANY
from sandbox.onec.schema import PARTIES
from tests.integration.deals.world import INVOICE
from tests.integration.outbox.world import Circle

INN, KPP = "7743013901", "774301001"
CODE, STANDING = "ufCrmSverkaCode", "ufCrmSverkaStanding"


def add_client(circle: Circle, title: str = "Ромашка", inn: str = INN, kpp: str = KPP, **more: str) -> int:
    """A company of the portal that is a client from the start; its number."""
    return circle.add_company(title, inn, kpp, **more)


def card(circle: Circle, number: int) -> dict[str, Any]:
    """The company as the portal holds it."""
    return circle.portal.portal.kinds[COMPANY].items[number]


def parties(circle: Circle, inn: str = INN) -> list[dict[str, Any]]:
    """The counterparties of 1C with this tax id."""
    return [row for row in circle.base.truth_documents(PARTIES) if row.get("ИНН") == inn]


def order_of(circle: Circle, inn: str, amount: int = 500) -> str:
    """An invoice to whoever has this tax id, posted."""
    (party,) = parties(circle, inn)
    key = circle.order("З-9", amount=amount)
    circle.base.change(INVOICE, key, {"Контрагент_Key": party["Ref_Key"]})
    return key


def turn(circle: Circle, times: int = 1) -> None:
    """The whole way round: the portal is read, 1C is told and read, the portal is told."""
    for _ in range(times):
        circle.sync("crm", "accounting", "crm", status=("ok", "partial"))
