"""The stand-in of 1C as a stand: its own books are the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from connectors.base import BalanceSpec, Connector, SourceSet, Window, Write
from connectors.onec_odata import records
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.connector import OnecODataConnector
from connectors.registry import open_connector
from core.clock import ManualClock
from core.settings import ConnectionSettings
from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from tests.contract.stands import PASSWORD

ZONE = ZoneInfo("Europe/Moscow")
PARTIES = SourceSet("counterparty", "Catalog_Контрагенты", filter="IsFolder eq false")
CONTRACTS = SourceSet("contract", "Catalog_ДоговорыКонтрагентов", filter="IsFolder eq false", counterparty="Owner")
SHIPMENTS = SourceSet(
    "shipment", "Document_РеализацияТоваровУслуг", posted="Posted", date="Date", counterparty="Контрагент"
)
PAYMENTS = SourceSet(
    "payment", "Document_ПоступлениеНаРасчетныйСчет", posted="Posted", date="Date", counterparty="Контрагент"
)
SPEC = BalanceSpec(
    "AccountingRegister_Хозрасчетный",
    "ChartOfAccounts_Хозрасчетный",
    ("62.01", "62.02", "62.21", "62.22", "62.31", "62.32"),
    currency_accounts=("62.21", "62.22", "62.31", "62.32"),
)
ERRORS = {
    "maintenance",
    "no_licence",
    "pool",
    "too_many",
    "refused",
    "locked",
    "internal",
    "crash",
    "bad_gateway",
    "unavailable",
    "control_char",
    "unauthorized",
}


def settings(url: str, **options: object) -> ConnectionSettings:
    given = {"url": url, "user": "Обмен", "password": PASSWORD, "retry_seconds": 0.0, "read_timeout": 5.0} | options
    chosen = OnecODataOptions.model_validate(given)
    return ConnectionSettings(name="accounting", connector="onec_odata", options=chosen, timezone="Europe/Moscow")


class OnecStand:
    """A small company's books behind real HTTP."""

    def __init__(self, base: Base, server: OnecServer) -> None:
        self.sources = [PARTIES, CONTRACTS, SHIPMENTS, PAYMENTS]
        self.balances: BalanceSpec | None = SPEC
        self.nobody, self.secret = "ffffffff-ffff-4fff-8fff-ffffffffffff", PASSWORD
        self.base, self.server = base, server
        self.opened: list[Connector] = []

    def wrong(self) -> dict[str, object]:
        return {"password": "wrong-one"}

    def far(self) -> dict[str, object]:
        return {"url": "http://127.0.0.1:9/base", "attempts": 1}

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(records, "SWEEP_PAGE", 10)

    def connect(self, **options: object) -> Connector:
        connector = open_connector(settings(str(options.pop("url", self.server.url)), **options), ManualClock())
        self.opened.append(connector)
        return connector

    def keys(self, source: SourceSet) -> set[str]:
        entity = self.base.entity(source.name)
        rows = (self.base.row(source.name, key) for key in self.base.keys(entity.name))
        return {row.key for row in rows if not row.get("IsFolder", False)}

    def middle(self, source: SourceSet) -> tuple[Window, set[str]] | None:
        if source.date is None:
            return None
        dates = {key: str(self.base.row(source.name, key).get("Date")) for key in self.base.keys(source.name)}
        edge = sorted(dates.values())[len(dates) // 2]
        naive = datetime.fromisoformat(edge)
        moved = max(dates, key=dates.__getitem__)
        dates[moved] = (naive - timedelta(seconds=1)).isoformat()
        self.base.change(source.name, moved, {"Date": dates[moved]})
        before = {key for key, moment in dates.items() if moment < edge}
        return Window(None, naive.replace(tzinfo=ZONE).astimezone(UTC)), before

    def change_behind(self, source: SourceSet, pages: int) -> None:
        def move(base: Base, _: int) -> None:
            nonlocal pages
            if pages > 0:
                pages -= 1
                base.delete(source.name, sorted(self.keys(source))[0])

        self.server.before_page = move

    def true_balances(self) -> dict[tuple[str, str, str, str], object]:
        names = ("counterparty", "contract", "organisation", "currency")
        return {
            (str(line[names[0]]), str(line[names[1]]), str(line[names[2]]), str(line[names[3]])): line["amount"]
            for line in self.base.truth_balances()
            if line["amount"]
        }

    def currency(self, external_id: str | None) -> str:
        return "643" if external_id is None else str(self.base.get("Catalog_Валюты", external_id)["Code"]).strip()

    def example(self, key: str) -> Write:
        return Write("create", PARTIES.name, key, {"Description": "Ромашка", "ИНН": "7707083893"})

    def refusal(self, key: str) -> Write:
        self.spoil("refused", method="POST", times=1)
        return self.example(key)

    def count(self, write: Write) -> int:
        rows = (self.base.row(write.set, key) for key in self.base.keys(write.set))
        return sum(row.get("ИНН") == write.body["ИНН"] for row in rows)

    def spoil(self, how: str, *, method: str = ".*", times: int | None = None) -> None:
        if how in ERRORS:
            self.server.faults.add("error", error=how, method=method, times=times)
        else:
            self.server.faults.add(how, method=method, times=times)

    def mend(self) -> None:
        self.server.faults.clear()

    def written(self) -> int:
        return sum(request.method != "GET" for request in self.server.requests)


@contextmanager
def open_stand(**server: object) -> Iterator[OnecStand]:
    """A company of 300 documents; `server` are options of the stand-in."""
    company = build_company(seed=1, documents=300, today=date(2026, 1, 14))
    with company as base, OnecServer(base, password=PASSWORD, **server) as served:  # type: ignore[arg-type]
        stand = OnecStand(base, served)
        try:
            yield stand
        finally:
            stand.mend()
            for connector in stand.opened:
                connector.close()


PLAN = "ExchangePlan_СверкаОбмен"


def connect(stand: OnecStand, **options: object) -> OnecODataConnector:
    """The stand's connector as what it is."""
    return cast("OnecODataConnector", stand.connect(**options))


def keys(connector: OnecODataConnector, source: SourceSet) -> set[str]:
    """All keys by a sweep."""
    return {row.external_id for page in connector.fetch_keys(source, Window()) for row in page}


def node_of(stand: OnecStand) -> str:
    """The node of the exchange plan that is not the base's own."""
    return next(key for key in stand.base.keys(PLAN) if not stand.base.get(PLAN, key).get("ThisNode"))
