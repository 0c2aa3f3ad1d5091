"""A portal and an accounting, both behind real HTTP, with the store between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.admin import edit_as_person
from sandbox.bitrix24.build import Customer, add_customer
from sandbox.bitrix24.portal import Portal
from sandbox.onec import OnecServer, build_company
from sandbox.onec.base import Base
from sandbox.onec.schema import PARTIES
from store.engine import open_engine
from store.entities import counterparties
from store.tables import binding, intent, review, run_counter
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from sync.push.contacts import list_contacts
from tests.integration.sync_pull.world import onec_clock

COMPANY, CONTACT, DEAL = 4, 3, 2
INN, OTHER_INN, PERSON_INN = "7707083893", "7736050003", "500100732259"
SECRET = "canary-crm-in-77a1"

RULES = """
title = "the portal of the tests"

[settings]
won_deal_makes_client = false

[parts.customer]
key = "id"
version = "updatedTime"
deleted = false
[parts.customer.fields]
tax_id = {{ from = "requisites.RQ_INN", steps = ["inn"] }}
registration_code = {{ from = "requisites.RQ_KPP", steps = ["kpp"] }}
phones = {{ from = "fm[typeId=PHONE].value", steps = [{{ do = "phones", country = "RU" }}], owner = "{phones}" }}
emails = {{ from = "fm[typeId=EMAIL].value", steps = ["emails"], owner = "crm" }}
status = [
    {{ value = "client", when = "one_of(typeId, 'CUSTOMER', 'CLIENT')", owner = "crm" }},
    {{ value = "lead", owner = "crm" }},
]

[entities.counterparty]
parts = ["customer"]
[entities.counterparty.sources.company]
filter = "isMyCompany ne 'Y'"
[entities.counterparty.sources.company.fields]
name = {{ from = "title", owner = "{name}" }}
kind = {{ value = "company" }}
[entities.counterparty.sources.contact]
when = "empty(companyId) or companyId == 0"
[entities.counterparty.sources.contact.fields]
name = {{ formula = "text(lastName) + ' ' + text(name)", steps = ["trim"] }}
kind = {{ value = "person" }}

[entities.person.sources.contact]
key = "id"
version = "updatedTime"
deleted = false
when = "filled(companyId) and companyId != 0"
[entities.person.fields]
name = {{ formula = "text(lastName) + ' ' + text(name)", steps = ["trim"] }}
counterparty = "companyId"

[entities.deal.sources.deal]
key = "id"
version = "updatedTime"
deleted = false
[entities.deal.fields]
name = "title"
outcome = [{{ value = "won", when = "stageSemanticId == 'S'" }}, {{ value = "open" }}]
counterparty = "companyId"
"""
PHONES = (
    'phones = { from = "КонтактнаяИнформация[Тип=Телефон].Представление|НомерТелефона", '
    'steps = [{ do = "phones", country = "@country" }], owner = "crm", direction = "both" }'
)
ACCOUNTING = f'extends = "bp30"\n[parts.contacts.fields]\n{PHONES}\n'


@dataclass
class World:
    """One portal, one base of 1C, one store."""

    portal: Portal
    crm: BitrixServer
    base: Base
    onec: OnecServer
    settings: Settings
    engine: Engine
    clock: ManualClock

    @property
    def app(self) -> App:
        return App(self.settings, self.engine, self.clock, "test", chance=lambda: 1.0)

    def run(self, name: str = "crm", *, pause: float = 300, **order: Any) -> RunResult:
        self.clock.sleep(pause)
        result = run_cycle(self.app, name, Order(**order))
        assert result.status in ("ok", "partial"), (name, result.status, result.message, result.notices)
        return result

    def both(self, **order: Any) -> dict[str, RunResult]:
        return {name: self.run(name, **order) for name in ("crm", "accounting")}

    def settle(self) -> None:
        for _ in range(2):
            self.both()

    # ------------------------------------------------------------ the portal

    def person_does(self, op: str, kind: int = COMPANY, number: int = 0, **fields: Any) -> Any:
        order: dict[str, Any] = {"op": op, "entityTypeId": kind, "id": number, "fields": fields}
        return edit_as_person(self.portal, order)

    def add_company(
        self, title: str = "Ромашка", inn: str = INN, kpp: str = "770701001", *, client: bool = True, phone: str = ""
    ) -> str:
        with self.portal.lock:
            type_id = "CUSTOMER" if client else "OTHER"
            return str(add_customer(self.portal, Customer(title, inn, kpp, phone), type_id=type_id))

    def add_person(self, *, company: str = "", client: bool = True, inn: str = "") -> str:
        fields: dict[str, Any] = {"name": "Иван", "lastName": "Гусев", "typeId": "CLIENT" if client else "OTHER"}
        if inn:
            fields["fm"] = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+79161112233"}}
        if company:
            fields["companyId"] = int(company)
        number = int(self.person_does("add", CONTACT, **fields)["item"]["id"])
        if inn:
            self.add_requisite(str(number), inn, "", kind=CONTACT)
        return f"contact:{number}"

    def add_requisite(self, company: str, inn: str, kpp: str = "770701001", *, kind: int = COMPANY) -> str:
        given: dict[str, Any] = {
            "ENTITY_TYPE_ID": kind, "ENTITY_ID": int(company), "PRESET_ID": 1 if len(inn) == 10 else 3,
            "NAME": "реквизиты", "RQ_INN": inn, "RQ_KPP": kpp,
        }  # fmt: skip
        return str(self.person_does("add_requisite", **given))

    def asked(self) -> list[str]:
        """Methods that the portal was asked for, one a request."""
        return [line.path.rsplit("/", 1)[-1] for line in self.crm.requests]

    def written(self) -> int:
        return sum(line.method != "GET" for line in self.onec.requests)

    # ------------------------------------------------------------ accounting

    def cards(self, inn: str = INN) -> list[dict[str, Any]]:
        return [row for row in self.base.truth_documents(PARTIES) if row["ИНН"] == inn]

    # ------------------------------------------------------------ the store

    def rows(self) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(select(counterparties)).mappings()]

    def row(self, external_id: str, connection: str = "crm") -> dict[str, Any]:
        with self.engine.connect() as conn:
            query = (
                select(counterparties)
                .join(binding, binding.c.entity_id == counterparties.c.id)
                .where(binding.c.connection == connection, binding.c.external_id == external_id)
                .where(binding.c.entity == "counterparty")
            )
            return dict(conn.execute(query).mappings().one())

    def bound(self, external_id: str, connection: str = "crm") -> dict[str, Any]:
        with self.engine.connect() as conn:
            where = (binding.c.connection == connection, binding.c.external_id == external_id)
            found = conn.execute(select(binding).where(*where, binding.c.entity == "counterparty")).mappings().one()
            return dict(found)

    def intents(self) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(select(intent).order_by(intent.c.created_at)).mappings()]

    def reviews(self) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            query = select(review).where(review.c.state == "open").order_by(review.c.number)
            return [dict(row) for row in conn.execute(query).mappings()]

    def counted(self, result: RunResult, entity: str = "counterparty") -> dict[str, int]:
        line = next(one for one in result.lines if (one.entity, one.direction) == (entity, "in"))
        assert line.adds_up()
        return {"read": line.read} | line.counts

    def standing(self, external_id: str) -> str:
        key = str(self.row(external_id)["id"])
        return str(next(one for one in list_contacts(self.app) if one["id"] == key)["standing_text"])

    def counter_lines(self) -> int:
        with self.engine.connect() as conn:
            return int(conn.execute(select(func.count()).select_from(run_counter)).scalar_one())


@contextlib.contextmanager
def make_world(
    url: str, folder: Path, *, write: str = "on", name: str = "crm", phones: str = "crm", application: bool = False,
    accounting: str = ACCOUNTING, mapping: str | None = None, **options: Any,
) -> Iterator[World]:  # fmt: skip
    """A portal of its own firm only, a base with next to nothing in it, and an empty store."""
    clock = ManualClock(datetime.fromisoformat("2026-01-15T09:00:00+00:00"))
    portal = build_portal(now=clock.now)
    portal.limits.cap = portal.limits.drain = 1e9
    (folder / "portal.toml").write_text(RULES.format(name=name, phones=phones), encoding="utf-8")
    (folder / "books.toml").write_text(accounting, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(
            build_company(seed=3, documents=5, counterparties=4, today=clock.now().date(), clock=onec_clock(clock))
        )
        onec = stack.enter_context(OnecServer(base))
        crm = stack.enter_context(BitrixServer(portal, secret=SECRET))
        path = folder / "settings.toml"
        given = {"mapping": mapping or "portal.toml", "attempts": 2, "retry_seconds": 0.0, "drain": 1000.0} | options
        store = f'[store]\nurl = "{url}"\ncache = "{folder / "cache"}"'
        path.write_text(settings_text(store, crm, onec, write, way_in(portal, crm) if application else "", given))
        settings = load_settings(path, environ={}, connectors=option_models())
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield World(portal, crm, base, onec, settings, engine, clock)
        finally:
            engine.dispose()
            assert crm.shell.crashes == []


def way_in(portal: Portal, crm: BitrixServer) -> str:
    """An application that a person has installed."""
    made = portal.tokens.add_application()
    given = portal.tokens.give(made.client_id)
    return (
        f'portal = "{crm.root}"\nclient_id = "{made.client_id}"\nclient_secret = "{made.client_secret}"\n'
        f'refresh_token = "{given["refresh_token"]}"\noauth_server = "{crm.root}/oauth/token/"\n'
    )


def settings_text(
    store: str, crm: BitrixServer, onec: OnecServer, write: str, application: str, given: dict[str, Any]
) -> str:
    lines = [store, '[connections.crm]\nconnector = "bitrix24"\nrole = "crm"\nallow_http = true']
    lines.append(application or f'webhook = "{crm.webhook}"')
    lines += [f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in given.items()]
    lines.append(
        f'[connections.accounting]\nconnector = "onec_odata"\nurl = "{onec.url}"\nuser = "Обмен"\n'
        f'password = "secret"\nmapping = "books.toml"\nwrite = "{write}"\n'
    )
    return "\n".join(lines)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
