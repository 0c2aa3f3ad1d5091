"""A CRM that is built on 1C and an accounting, both real bases behind HTTP, with the store between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from sandbox.onec import OnecServer, build_company
from sandbox.onec.base import Base
from sandbox.onec.schema import PARTIES
from store.engine import open_engine
from store.entities import counterparties
from store.tables import audit, binding
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from tests.integration.sync_pull.world import onec_clock

NAMES = ("accounting", "crm")
PHONES = '{ from = "КонтактнаяИнформация[Тип=Телефон].Представление|НомерТелефона", steps = [{ do = "phones", country = "@country" }], owner = "%s", direction = "both" }'  # noqa: E501
EMAILS = '{ from = "КонтактнаяИнформация[Тип=АдресЭлектроннойПочты].АдресЭП|Представление", steps = ["emails"], owner = "%s", direction = "both" }'  # noqa: E501
NAME = '{ from = ["Description", "НаименованиеПолное"], steps = ["trim"], owner = "%s", direction = "both" }'
LEGAL = '{ from = "НаименованиеПолное", owner = "%s", direction = "both" }'
KINDS = {"phones": "Телефон", "emails": "АдресЭлектроннойПочты"}


@dataclass
class Systems:
    """Two bases that hold the same customers, one store."""

    bases: dict[str, Base]
    servers: dict[str, OnecServer]
    settings: Settings
    engine: Engine
    clock: ManualClock

    @property
    def app(self) -> App:
        return App(self.settings, self.engine, self.clock, "test")

    def cycle(self, *names: str) -> dict[str, RunResult]:
        """One period: each connection has its run."""
        self.clock.sleep(300)
        found = {name: run_cycle(self.app, name, Order()) for name in names or NAMES}
        for name, result in found.items():
            assert result.status in ("ok", "partial"), (name, result.message, result.notices)
        return found

    def writes(self) -> int:
        """How much has been sent into both bases so far."""
        return sum(1 for server in self.servers.values() for item in server.requests if item.method != "GET")

    def card(self, name: str, tax_id: str) -> dict[str, Any]:
        base = self.bases[name]
        return next(row for row in base.truth_documents(PARTIES) if row.get("ИНН") == tax_id)

    def value(self, name: str, tax_id: str, field: str) -> Any:
        """What a base holds of a field."""
        card = self.bases[name].get(PARTIES, str(self.card(name, tax_id)["Ref_Key"]))
        if field in KINDS:
            rows = card.get("КонтактнаяИнформация") or []
            return sorted(str(row["Представление"]) for row in rows if row["Тип"] == KINDS[field])
        return card[{"name": "Description", "legal_name": "НаименованиеПолное"}[field]]

    def edit(self, name: str, tax_id: str, field: str, value: Any) -> None:
        """A user's edit in a base."""
        base, key = self.bases[name], str(self.card(name, tax_id)["Ref_Key"])
        if field not in KINDS:
            attribute = {"name": "Description", "legal_name": "НаименованиеПолное"}[field]
            base.change(PARTIES, key, {attribute: value})
            return
        rows = base.get(PARTIES, key).get("КонтактнаяИнформация") or []
        others = [row for row in rows if row["Тип"] != KINDS[field]]
        base.change(PARTIES, key, {"КонтактнаяИнформация": others + [contact_row(field, one) for one in value]})

    def row(self, tax_id: str) -> dict[str, Any]:
        with self.engine.connect() as conn:
            query = select(counterparties).where(counterparties.c.tax_id == tax_id)
            return dict(conn.execute(query).mappings().one())

    def audited(self, what: str) -> list[dict[str, Any]]:
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(select(audit).where(audit.c.what == what)).mappings()]

    def bound(self, tax_id: str) -> set[str]:
        with self.engine.connect() as conn:
            where = (binding.c.entity == "counterparty", binding.c.entity_id == self.row(tax_id)["id"])
            return set(conn.execute(select(binding.c.connection).where(*where)).scalars())


def contact_row(field: str, value: str) -> dict[str, Any]:
    digits = {"НомерТелефона": value.strip("+")} if field == "phones" else {"АдресЭП": value}
    return {"Тип": KINDS[field], "Представление": value} | digits


def write_mapping(folder: Path, name: str, owners: dict[str, str]) -> Path:
    """A mapping that extends bp30 and gives these fields these owners, both ways."""
    rules = {"phones": PHONES, "emails": EMAILS, "name": NAME, "legal_name": LEGAL}
    parts = [f"{field} = {rules[field] % owner}" for field, owner in owners.items() if field in KINDS]
    fields = [f"{field} = {rules[field] % owner}" for field, owner in owners.items() if field not in KINDS]
    path = folder / f"{name}.toml"
    text = ['extends = "bp30"', "[parts.contacts.fields]", *parts, "[entities.counterparty.fields]", *fields]
    path.write_text("\n".join(text), encoding="utf-8")
    return path


@contextlib.contextmanager
def make_systems(
    url: str, folder: Path, owners: dict[str, dict[str, str]], *, customers: int = 3, write: str = "on"
) -> Iterator[Systems]:
    """Two bases with next to no documents and the same customers; `owners`: connection -> field -> owner."""
    clock = ManualClock(datetime.fromisoformat("2026-01-15T09:00:00+00:00"))
    with contextlib.ExitStack() as stack:
        made = {
            name: stack.enter_context(
                build_company(
                    seed=seed, documents=5, counterparties=12, today=clock.now().date(), clock=onec_clock(clock)
                )
            )
            for seed, name in enumerate(NAMES, 3)
        }
        for number in range(customers):
            for base in made.values():
                base.create(PARTIES, same_customer(number))
        servers = {name: stack.enter_context(OnecServer(base)) for name, base in made.items()}
        lines = [f'[store]\nurl = "{url}"\ncache = "{folder / "cache"}"']
        for name, server in servers.items():
            mapping = write_mapping(folder, name, owners.get(name, {}))
            lines.append(
                f'[connections.{name}]\nconnector = "onec_odata"\nurl = "{server.url}"\nuser = "Обмен"\n'
                f'password = "secret"\nmapping = "{mapping.name}"\nrole = "{name}"\nwrite = "{write}"\n'
            )
        path = folder / "settings.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        settings = load_settings(path, environ={}, connectors=option_models())
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield Systems(made, servers, settings, engine, clock)
        finally:
            engine.dispose()


TAX_IDS = ("7707083893", "7736050003", "7728168971")


def same_customer(number: int) -> dict[str, Any]:
    return {
        "Description": f"Покупатель {number}", "НаименованиеПолное": f"ООО Покупатель {number}",
        "ИНН": TAX_IDS[number], "КПП": "770701001", "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
        "КонтактнаяИнформация": [
            contact_row("phones", f"+7495000000{number}"), contact_row("emails", f"a{number}@b.ru"),
        ],
    }  # fmt: skip
