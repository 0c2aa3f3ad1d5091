"""Customers of an accounting in the store, and a stand-in portal over real HTTP that knows some of them too."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert, select

from connectors.registry import option_models
from core.clock import SystemClock
from core.ids import new_id
from core.settings import Settings, load_settings
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.build import Customer, add_customer
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.requisites import Requisites
from store.engine import open_engine, reading
from store.entities import counterparties
from store.search import search_text
from store.tables import binding, review
from store.upgrade import upgrade
from sync.context import App, NoProgress
from sync.cycle import RunResult
from sync.link.report import GROUPS, Report
from sync.link.stage import link_cards
from sync.setup.cards import set_up_cards

CRM = "crm"
COMPANY, CONTACT = 4, 3
OWN_KEY = ("originatorId", "originId", "updatedTime", "updatedBy", "DATE_MODIFY", "MODIFY_BY_ID")
"""What a claim changes of a card, or what any write of ours does."""


@dataclass
class World:
    """A store and a portal."""

    portal: Portal
    server: BitrixServer
    settings: Settings
    engine: Engine
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    requests: int = 0

    @property
    def app(self) -> App:
        return App(self.settings, self.engine, SystemClock(), "test")

    def customer(self, name: str, inn: str | None = None, kpp: str | None = None, **more: Any) -> UUID:
        """One customer as accounting's mirror holds him, or (`bound=False`) as a contact of the store."""
        key, now = new_id(), SystemClock().now()
        bound = more.pop("bound", True)
        row = {"name": name, "tax_id": inn, "registration_code": kpp, "phones": [], "emails": []} | more
        row |= {"id": key, "home": "accounting" if bound else "crm", "created_at": now, "updated_at": now}
        row["search"] = search_text(row)
        with self.engine.begin() as conn:
            conn.execute(insert(counterparties).values(row | {"deleted": False}))
            if bound:
                card = {"connection": "accounting", "entity": "counterparty", "external_id": f"acc-{key}"}
                conn.execute(insert(binding).values(card | {"entity_id": key, "state": "bound"}))
        return key

    def company(self, title: str, inn: str = "", kpp: str = "", **more: str) -> str:
        """One company in the portal; its number."""
        return str(add_customer(self.portal, Customer(title, inn, kpp, **more)))

    def edit(self, number: str, **fields: Any) -> None:
        order = {"entityTypeId": COMPANY, "id": int(number), "fields": fields}
        Items(self.portal).update(order, PERSON)

    def legal(self, fields: dict[str, Any]) -> None:
        """A person gives a card its requisites."""
        Requisites(self.portal).add({"fields": fields}, PERSON)

    def set_up(self) -> None:
        """What `sverka crm setup` makes in the portal."""
        assert list(set_up_cards(self.app, self.settings.connection(CRM), "admin", dry_run=False))
        self.server.shell.rest.calls.clear()

    def link(self, *, dry_run: bool = False) -> RunResult:
        """One link; its lines are kept by group."""
        report = Report()
        try:
            result = link_cards(self.app, CRM, report, NoProgress(), dry_run=dry_run, who="admin")
            self.lines = {group: list(report.lines(group)) for group in GROUPS}
            self.requests = report.requests
            assert {group: len(lines) for group, lines in self.lines.items() if lines} == dict(report.counts)
        finally:
            report.close()
        return result

    def group_of(self, customer: UUID) -> str:
        """In which group of the last link a customer stands."""
        (found,) = [group for group, lines in self.lines.items() for line in lines if line.get("id") == str(customer)]
        return found

    def line_of(self, customer: UUID) -> dict[str, Any]:
        (found,) = [line for lines in self.lines.values() for line in lines if line.get("id") == str(customer)]
        return found

    def bound(self) -> dict[UUID, str]:
        """Customer -> his card in the portal."""
        with reading(self.engine) as conn:
            mine = (binding.c.connection == CRM, binding.c.entity == "counterparty", binding.c.deleted.is_(False))
            rows = conn.execute(select(binding).where(*mine)).all()
        return {row.entity_id: row.external_id for row in rows if row.entity_id is not None}

    def card(self, number: str) -> dict[str, Any]:
        return self.portal.kinds[COMPANY].items[int(number)]

    def reviews(self, state: str = "open") -> list[dict[str, Any]]:
        with reading(self.engine) as conn:
            query = select(review).where(review.c.state == state).order_by(review.c.number)
            return [dict(row._mapping) for row in conn.execute(query)]

    def writes(self) -> list[str]:
        """Methods that change something, as the portal was called."""
        return [name for name, _ in self.server.shell.rest.calls if name.endswith((".add", ".update", ".set"))]

    def snapshot(self) -> dict[str, Any]:
        """All that both sides hold, but for what a claim may change."""
        cards = {
            (number, key): {name: value for name, value in row.items() if name not in OWN_KEY}
            for number, kind in self.portal.kinds.items()
            for key, row in kind.items.items()
        }
        legal = {key: dict(row) for key, row in self.portal.requisites.items()}
        with reading(self.engine) as conn:
            ours = [dict(row._mapping) for row in conn.execute(select(counterparties).order_by(counterparties.c.id))]
        return copy.deepcopy({"cards": cards, "requisites": legal, "customers": ours})


@contextmanager
def open_world(url: str, folder: Path, *, write: str = "on", mapping: str = "bitrix24") -> Iterator[World]:
    """A portal without customers and an empty store; the accounting is known by name alone and never asked."""
    portal = build_portal(deals=False)
    portal.limits.cap = portal.limits.drain = 1e9
    with BitrixServer(portal) as server:
        path = folder / "settings.toml"
        path.write_text(
            f"""[store]
url = "{url}"
[connections.accounting]
connector = "onec_odata"
url = "http://127.0.0.1:9/base/odata/standard.odata"
user = "u"
password = "p"
mapping = "bp30"
[connections.{CRM}]
connector = "bitrix24"
role = "crm"
webhook = "{server.webhook}"
allow_http = true
mapping = "{mapping}"
write = "{write}"
rate = "10000/s"
burst = 100000
""",
            encoding="utf-8",
        )
        settings = load_settings(path, environ={}, connectors=option_models())
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield World(portal, server, settings, engine)
        finally:
            engine.dispose()
        assert server.shell.crashes == []
