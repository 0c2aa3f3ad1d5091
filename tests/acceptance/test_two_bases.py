"""Two accountings feed one store, and some customers are in both: one card, money kept apart and summed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.schema import PARTIES
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation
from tests.acceptance.truth import Balances, true_balances

SHIPMENTS = ("Document_РеализацияТоваровУслуг", "Document_АктОбОказанииПроизводственныхУслуг")
NAMES = ("accounting", "retail")


class Both:
    """Two bases behind HTTP, one installation, and who is in both: key there -> key here."""

    def __init__(self, folder: Path, store_url: str) -> None:
        self.bases = {
            "accounting": build_company(seed=5, documents=60),
            "retail": build_company(seed=8, documents=60),
        }
        self.shared = share_customers(*self.bases.values())
        self.servers = {name: OnecServer(base) for name, base in self.bases.items()}
        for server in self.servers.values():
            server.__enter__()
        second = (
            f'[connections.retail]\nconnector = "onec_odata"\nurl = "{self.servers["retail"].url}"\nuser = "Обмен"\n'
            'password = { env = "ACCOUNTING_PASSWORD" }\nmapping = "bp30"\ntimezone = "Asia/Yekaterinburg"\n'
        )
        self.installed = Installation(folder, store_url, self.servers["accounting"].url, connection=second)

    def close(self) -> None:
        for server in self.servers.values():
            server.__exit__(None, None, None)

    def customers(self) -> dict[str, dict[str, Any]]:
        """Exported customers by our id."""
        return {row["id"]: row for row in self.installed.lines("export", "counterparties")}

    def true_sums(self) -> dict[tuple[str, str], Decimal]:
        """(our id, currency) -> what both books say together."""
        ids = {(name, key): one for one, row in self.customers().items() for name, key in row["external_ids"].items()}
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for name, base in self.bases.items():
            for (key, currency), amount in true_balances(base).items():
                sums[ids[name, key], currency] += amount
        return {key: amount for key, amount in sums.items() if amount}

    def our_sums(self) -> Balances:
        rows = self.installed.lines("balances", "--json")
        return {(row["counterparty"]["id"], row["currency"]): Decimal(row["amount"]) for row in rows}


def share_customers(here: Base, there: Base) -> dict[str, str]:
    """Three customers of one base are customers of the other as well: two surely, one as another branch."""
    mine, theirs = companies(here), companies(there)
    shared = dict(zip(theirs[:3], mine[:3], strict=True))
    for number, (their, my) in enumerate(shared.items()):
        card = here.get(PARTIES, my)
        code = "997750001" if number == 2 else card["КПП"]
        there.change(PARTIES, their, {"ИНН": card["ИНН"], "КПП": code})
    return dict(list(shared.items())[:2])


def companies(base: Base) -> list[str]:
    """Living customers who are owed or owe, with an INN and a KPP that nobody else has."""
    cards = [base.get(PARTIES, key) for key in sorted({key for key, _ in true_balances(base)})]
    every = [base.get(PARTIES, key).get("ИНН") for key in base.keys(PARTIES)]
    return [
        str(card["Ref_Key"])
        for card in cards
        if card["КПП"] and every.count(card["ИНН"]) == 1 and not card["DeletionMark"]
    ]


@pytest.fixture
def both(tmp_path: Path, bare_url: str) -> Iterator[Both]:
    made = Both(tmp_path, bare_url)
    yield made
    made.close()


@pytest.mark.timeout(400)
def test_one_customer_two_books(both: Both) -> None:
    both.installed.run("sync", "--json", check=None)
    customers = both.customers()
    joined = {row["external_ids"]["retail"]: row["external_ids"]["accounting"] for row in customers.values()
              if set(row["external_ids"]) == set(NAMES)}  # fmt: skip
    assert joined == both.shared
    assert sum(len(row["external_ids"]) for row in customers.values()) == sum(
        1 for base in both.bases.values() for key in base.keys(PARTIES) if not base.get(PARTIES, key).get("IsFolder")
    )
    assert both.our_sums() == both.true_sums()
    _check_branch(both)
    _check_card(both)
    again = both.installed.lines("sync", "--json", check=None)
    assert {(line["created"], line["updated"], line["deleted"]) for line in again} == {(0, 0, 0)}
    _check_down(both)
    _check_deletion(both)


def _check_branch(both: Both) -> None:
    """The same INN with another KPP is a customer of its own, and a question."""
    rows = both.installed.lines("review", "list", "--json")
    assert [(row["kind"], row["connection"]) for row in rows] == [("match", "accounting")]
    assert "another KPP" in rows[0]["reason"]


def _check_card(both: Both) -> None:
    """Documents of both on one card; what he owes is told by organisation and summed."""
    their, my = next(iter(both.shared.items()))
    inn = both.bases["accounting"].get(PARTIES, my)["ИНН"]
    (card,) = both.installed.lines("card", str(inn), "--json")
    assert card["customer"]["external_ids"] == {"accounting": my, "retail": their}
    truth = {
        str(row["Ref_Key"])
        for name, key in (("accounting", my), ("retail", their))
        for kind in SHIPMENTS
        for row in both.bases[name].truth_documents(kind)
        if row["Контрагент_Key"] == key
    }
    assert {row["external_id"] for row in card["documents"] if row["entity"] == "shipment"} == truth
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for (one, currency), amount in both.true_sums().items():
        if one == card["customer"]["id"]:
            sums[currency] += amount
    assert {row["currency"]: Decimal(row["amount"]) for row in card["totals"] if Decimal(row["amount"])} == sums


def _check_down(both: Both) -> None:
    """One base that does not answer does not stop the other, and its figures stay."""
    before = both.our_sums()
    both.servers["retail"].faults.add("error", error="maintenance")
    base = both.bases["accounting"]
    key = base.create(PARTIES, {"Description": "Новый покупатель"})
    assert both.installed.run("sync", check=1).stdout
    assert key in {row["external_ids"].get("accounting") for row in both.customers().values()}
    assert both.our_sums() == before
    both.servers["retail"].faults.clear()


def _check_deletion(both: Both) -> None:
    """A card deleted in one base takes nobody away who lives on in the other."""
    their, my = next(iter(both.shared.items()))
    both.bases["accounting"].mark(PARTIES, my)
    both.installed.run("sync", "--full", check=None)
    (row,) = [row for row in both.customers().values() if row["external_ids"].get("retail") == their]
    assert row["deleted"] is False
    both.bases["retail"].mark(PARTIES, their)
    both.installed.run("sync", "--full", check=None)
    (row,) = [row for row in both.customers().values() if row["external_ids"].get("retail") == their]
    assert row["deleted"] is True
