"""The stand-in portal as a stand: what it keeps is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import BalanceSpec, Connector, SourceSet, Window
from connectors.bitrix24 import wire
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.types import STANDARD, external_id
from connectors.registry import open_connector
from core.clock import SystemClock
from core.settings import ConnectionSettings
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.build import Customer
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.portal import Caller

SECRET = "canary-b24-9d41c7"
COMPANIES = SourceSet("counterparty", "company", key="id", version="updatedTime", filter="isMyCompany ne 'Y'")
CONTACTS = SourceSet("person", "contact", key="id", version="updatedTime")
DEALS = SourceSet("deal", "deal", key="id", version="updatedTime", date="createdTime", counterparty="companyId")
BUSY = {"too_many", "pool"}
BROKEN = {"crash", "bad_gateway", "unavailable", "maintenance", "no_licence", "locked"}
CUT = {"half_json", "gzip_lie"}
WRITES = (".add", ".update", ".set", ".delete", ".import")


def settings(webhook: str, **options: object) -> ConnectionSettings:
    given = {"webhook": webhook, "allow_http": True, "attempts": 2, "retry_seconds": 0.0, "read_timeout": 5.0} | options
    chosen = Bitrix24Options.model_validate(given)
    return ConnectionSettings(name="crm", connector="bitrix24", role="crm", options=chosen, timezone="Europe/Moscow")


class BitrixStand:
    """A portal with 120 customers behind real HTTP."""

    def __init__(self, server: BitrixServer) -> None:
        self.sources = [COMPANIES, CONTACTS, DEALS]
        self.balances: BalanceSpec | None = None
        self.nobody, self.secret = "999999", SECRET
        self.server, self.portal = server, server.portal
        self.opened: list[Connector] = []

    def wrong(self) -> dict[str, object]:
        return {"webhook": self.server.webhook.replace(SECRET, "wrong-one")}

    def far(self) -> dict[str, object]:
        return {"webhook": f"http://127.0.0.1:9/rest/1/{SECRET}/", "attempts": 1}

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wire, "LONGEST_BATCH", 1)  # fifty rows are the portal's own page; ask for one at a time

    def connect(self, **options: object) -> Connector:
        connector = open_connector(settings(str(options.pop("webhook", self.server.webhook)), **options), SystemClock())
        self.opened.append(connector)
        return connector

    def keys(self, source: SourceSet) -> set[str]:
        number = STANDARD[source.name]
        rows = self.portal.kinds[number].items.values()
        return {external_id(number, row["id"]) for row in rows if row.get("isMyCompany") != "Y"}

    def middle(self, source: SourceSet) -> tuple[Window, set[str]] | None:
        if source.date is None:
            return None
        start, before = datetime(2026, 1, 1, tzinfo=UTC), set()
        edge = start + timedelta(seconds=60)
        for place, row in enumerate(self.portal.kinds[STANDARD[source.name]].items.values()):
            moment = start + timedelta(seconds=place)
            row[source.date] = moment.astimezone(self.portal.zone).isoformat()
            if moment < edge:
                before.add(str(row["id"]))
        return Window(None, edge), before

    def change_behind(self, source: SourceSet, pages: int) -> None:
        rest, kind = self.server.shell.rest, self.portal.kinds[STANDARD[source.name]]
        asked = rest.methods["crm.item.list"]

        def move(params: dict[str, Any], caller: Caller) -> Any:
            nonlocal pages
            if pages > 0:
                pages -= 1
                del kind.items[min(kind.items)]
                Items(self.portal).add({"entityTypeId": kind.entity_type_id, "fields": {"title": "новая"}}, PERSON)
            return asked(params, caller)

        rest.methods["crm.item.list"] = move

    def spoil(self, how: str, *, method: str = ".*", times: int | None = None) -> None:
        if how in BUSY:
            self.server.faults.add("error", error="QUERY_LIMIT_EXCEEDED", times=times)
        elif how in BROKEN:
            self.server.faults.add("error", error="INTERNAL_SERVER_ERROR", times=times)
        else:
            self.server.faults.add("half" if how in CUT else how, times=times)

    def mend(self) -> None:
        self.server.faults.clear()

    def written(self) -> int:
        return sum(name.endswith(WRITES) for name, _ in self.server.shell.rest.calls)


@contextmanager
def open_stand() -> Iterator[BitrixStand]:
    """A portal of 120 customers, each with a contact and most with requisites and a deal."""
    customers = [
        Customer(f"Компания {number}", f"{7700000000 + number}" if number % 3 else "", "770001001", f"+7495{number:07}")
        for number in range(120)
    ]
    portal = build_portal(customers=customers)
    for number in range(2, 122):
        Items(portal).add({"entityTypeId": 2, "fields": {"title": f"Сделка {number}", "companyId": number}}, PERSON)
    portal.limits.cap = portal.limits.drain = 1e9
    with BitrixServer(portal, secret=SECRET) as server:
        stand = BitrixStand(server)
        try:
            yield stand
        finally:
            stand.mend()
            for connector in stand.opened:
                connector.close()
            assert server.shell.crashes == []
