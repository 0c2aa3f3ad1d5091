"""An accounting and a portal, both real stand-ins behind HTTP, with the same customers and a store between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import edit_as_person
from sandbox.bitrix24.build import Customer, add_customer
from sandbox.bitrix24.fields import DEAL
from sandbox.onec import OnecServer, build_company
from sandbox.onec.base import Base
from sandbox.onec.schema import PARTIES
from store.engine import open_engine
from store.entities import entity_tables
from store.tables import binding, deal_order, outbox
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from tests.integration.owners.systems import TAX_IDS, same_customer
from tests.integration.sync_pull.world import ZONE, onec_clock

INVOICE, SHIPMENT, PAYMENT = (
    "Document_СчетНаОплатуПокупателю", "Document_РеализацияТоваровУслуг", "Document_ПоступлениеНаРасчетныйСчет",
)  # fmt: skip
NUMBER = 'number = { from = "comment", pattern = "сделка № {number}" }\n'
MOVES = """owner = "accounting"
[deals.moves."*"]
shipped = "EXECUTING"
paid = "Финальный счёт"
paid_and_shipped = "WON"
"""


@dataclass
class Deals:
    """Everything that a test touches."""

    base: Base
    portal: BitrixServer
    companies: list[int]
    """The portal's numbers of the customers, in the order of `TAX_IDS`."""
    settings: Settings
    engine: Engine
    clock: ManualClock
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def app(self) -> App:
        return App(self.settings, self.engine, self.clock, "test", chance=lambda: 1.0)

    def sync(self, *names: str, status: tuple[str, ...] = ("ok",), pause: float = 300, **order: Any) -> list[RunResult]:
        """One period: each connection has its run."""
        self.clock.sleep(pause)
        given = Order(**({"kind": "schedule"} | order))
        found = [run_cycle(self.app, name, given) for name in names or ("accounting", "crm")]
        for result in found:
            assert result.status in status, (result.status, result.message, result.notices)
        return found

    def _head(self, customer: int, number: str, amount: object, days: float) -> dict[str, Any]:
        party = next(row for row in self.base.truth_documents(PARTIES) if row.get("ИНН") == TAX_IDS[customer])
        moment = (self.clock.now() + timedelta(days=days)).astimezone(ZONE).replace(tzinfo=None, microsecond=0)
        organisation = self.base.keys("Catalog_Организации")[0]
        rouble = next(row for row in self.base.truth_documents("Catalog_Валюты") if row["Code"] == "643")
        return {
            "Number": number, "Date": moment.isoformat(), "Контрагент_Key": party["Ref_Key"],
            "Организация_Key": organisation, "ВалютаДокумента_Key": rouble["Ref_Key"],
            "СуммаДокумента": Decimal(str(amount)),
        }  # fmt: skip

    def _document(self, set_name: str, fields: dict[str, Any]) -> str:
        key = self.base.create(set_name, fields, lenient=True)
        self.base.post(set_name, key)
        return key

    def order(
        self, number: str, *, customer: int = 0, amount: object = 1000, comment: str = "", days: float = 0
    ) -> str:
        """An invoice to a buyer, posted."""
        head = self._head(customer, number, amount, days) | {"Комментарий": comment}
        return self._document(INVOICE, head)

    def comment(self, order: str, text: str) -> None:
        """Somebody writes into an order."""
        self.base.change(INVOICE, order, {"Комментарий": text})

    def ship(self, order: str, amount: object, *, customer: int = 0) -> str:
        head = self._head(customer, f"Р{next(self.numbers):05}", amount, 0) | {"СчетНаОплатуПокупателю_Key": order}
        return self._document(SHIPMENT, head)

    def pay(self, amounts: dict[str, object], *, customer: int = 0) -> str:
        """One payment for several orders."""
        rows = [
            {"LineNumber": str(place), "СуммаПлатежа": one, "СуммаВзаиморасчетов": one, "СчетНаОплату_Key": key}
            for place, (key, one) in enumerate(amounts.items(), 1)
        ]
        total = sum(Decimal(str(one)) for one in amounts.values())
        head = self._head(customer, f"П{next(self.numbers):05}", total, 0)
        party = {"Контрагент": head.pop("Контрагент_Key"), "Контрагент_Type": f"StandardODATA.{PARTIES}"}
        return self._document(PAYMENT, head | party | {"ВидОперации": "ОплатаПокупателя", "РасшифровкаПлатежа": rows})

    def deal(self, *, customer: int | None = 0, stage: str = "", category: int = 0, **fields: Any) -> str:
        """A deal that a person makes in the portal; its number."""
        given: dict[str, Any] = {"title": "Сделка", "categoryId": category, **fields}
        given |= {"companyId": self.companies[customer]} if customer is not None else {}
        given |= {"stageId": stage} if stage else {}
        return str(self._person("add", fields=given)["item"]["id"])

    def edit(self, deal: str, **fields: Any) -> None:
        """A person's edit of a deal."""
        self._person("update", id=int(deal), fields=fields)

    def _person(self, op: str, **order: Any) -> Any:
        return edit_as_person(self.portal.portal, {"op": op, "entityTypeId": DEAL, **order})

    def remove(self, deal: str) -> None:
        """A person deletes a deal."""
        self._person("delete", id=int(deal))

    def stage(self, deal: str) -> str:
        """Where the portal has it."""
        return str(self.portal.portal.kind(DEAL).items[int(deal)]["stageId"])

    def updates(self) -> int:
        """How many updates of deals we have ever sent."""
        deals = self.portal.portal.stage_history
        return sum(1 for row in deals if row["TYPE_ID"] != 1)

    def assigned(self) -> dict[str, tuple[str, str]]:
        """Order number -> (deal's number in the portal, rule)."""
        orders = entity_tables["order"]
        query = (
            select(orders.c.number, binding.c.external_id, deal_order.c.rule)
            .join(orders, orders.c.id == deal_order.c.order_id)
            .join(binding, (binding.c.entity == "deal") & (binding.c.entity_id == deal_order.c.deal_id))
        )
        with self.engine.connect() as conn:
            return {row[0]: (row[1], row[2]) for row in conn.execute(query)}

    def known(self) -> set[str]:
        """Numbers of the deals that the store has read."""
        with self.engine.connect() as conn:
            return set(conn.execute(select(binding.c.external_id).where(binding.c.entity == "deal")).scalars())

    def moves(self) -> list[dict[str, Any]]:
        """Rows of moves."""
        with self.engine.connect() as conn:
            query = select(outbox).where(outbox.c.card == "deal_stage")
            return [dict(row) for row in conn.execute(query).mappings()]


@contextlib.contextmanager
def make_deals(url: str, folder: Path, rules: str = NUMBER, *, customers: int = 3) -> Iterator[Deals]:
    """A base with next to no documents, a portal with the same customers, a mapping of deals by these rules."""
    clock = ManualClock(datetime.fromisoformat("2026-01-15T09:00:00+00:00"))
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(
            build_company(seed=3, documents=5, counterparties=12, today=clock.now().date(), clock=onec_clock(clock))
        )
        for number in range(customers):
            base.create(PARTIES, same_customer(number))
        portal = build_portal(now=clock.now)
        companies = [
            add_customer(portal, Customer(f"Покупатель {number}", TAX_IDS[number], "770701001"))
            for number in range(customers)
        ]
        portal.limits.drain = portal.limits.cap = 10_000
        onec, bitrix = stack.enter_context(OnecServer(base)), stack.enter_context(BitrixServer(portal))
        (folder / "crm.toml").write_text(_rules(rules), encoding="utf-8")
        (folder / "settings.toml").write_text(_settings(folder, url, onec.url, bitrix.webhook), encoding="utf-8")
        settings = load_settings(folder / "settings.toml", environ={}, connectors=option_models())
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield Deals(base, bitrix, companies, settings, engine, clock)
        finally:
            engine.dispose()


def _rules(rules: str) -> str:
    return f"""extends = "bitrix24"
[cards]
company = false
contact = false
order = false
shipment = false
payment = false
[deals]
{rules}"""


def _settings(folder: Path, store: str, base: str, webhook: str) -> str:
    return f"""[store]
url = "{store}"
cache = "{folder / "cache"}"
[connections.accounting]
connector = "onec_odata"
url = "{base}"
user = "Обмен"
password = "secret"
mapping = "bp30"
write = "off"
[connections.crm]
connector = "bitrix24"
webhook = "{webhook}"
allow_http = true
mapping = "crm.toml"
role = "crm"
write = "on"
timezone = "Europe/Moscow"
"""
