"""A store, a stand-in of 1C with next to nothing in it, and runs of the push against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from connectors.onec_odata.config import OnecODataOptions
from connectors.registry import open_connector
from core.clock import ManualClock
from core.ids import new_id
from core.secrets import read_secret
from core.settings import ConnectionSettings, Settings
from mapping.rules import Mapping, load_mapping
from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.schema import CONTRACTS, PARTIES
from sandbox.onec.server import OnecServer
from store.engine import open_engine, reading
from store.entities import counterparties
from store.tables import binding, intent
from store.versions import ensure_published
from sync.context import App, Order, RunContext
from sync.pull.apply import apply_records
from sync.push.contacts import add_contact, list_contacts
from sync.push.run import push_connection

INN = "7707083893"
OTHER_INN = "7736050003"
PERSON_INN = "500100732259"


class FreeFence:
    """Nobody else works here."""

    def check(self, conn: Connection) -> None:
        """Always ours."""


@dataclass
class World:
    """Everything a test touches."""

    base: Base
    server: OnecServer
    app: App
    clock: ManualClock
    mapping: Mapping
    seq: int = 0
    contexts: list[RunContext] = field(default_factory=list)

    @property
    def settings(self) -> ConnectionSettings:
        return self.app.settings.connections["accounting"]

    def configure(self, **changes: Any) -> None:
        """Change the connection's settings."""
        settings = self.settings.model_copy(update=changes)
        self.app.settings = self.app.settings.model_copy(update={"connections": {"accounting": settings}})

    def context(self, **how: Any) -> RunContext:
        self.seq += 1
        ctx = RunContext(
            app=how.pop("app", self.app),
            settings=self.settings,
            connector=open_connector(self.settings, self.clock),
            mapping=self.mapping,
            order=how.pop("order", Order()),
            run_id=new_id(),
            fence=FreeFence(),
            fetch_seq=self.seq << 32,
            started_at=self.clock.now(),
            **how,
        )
        self.contexts.append(ctx)
        return ctx

    def push(self, **how: Any) -> dict[str, int]:
        """One run; what was counted, checked to add up."""
        ctx = self.context(**how)
        try:
            push_connection(ctx)
        finally:
            ctx.connector.close()
        line = ctx.count("counterparty", "out")
        assert line.adds_up()
        return dict(line.counts)

    @property
    def notices(self) -> list[str]:
        return self.contexts[-1].notices

    def add(self, name: str = "ООО Ромашка", **fields: Any) -> dict[str, Any]:
        return add_contact(self.app, name=name, **({"status": "client"} | fields))

    def contact(self, contact_id: str) -> dict[str, Any]:
        return next(row for row in list_contacts(self.app) if row["id"] == contact_id)

    def cards(self, inn: str = INN) -> list[dict[str, Any]]:
        return [row for row in self.base.truth_documents(PARTIES) if row["ИНН"] == inn]

    def contracts(self, owner: str) -> list[dict[str, Any]]:
        return [row for row in self.base.truth_documents(CONTRACTS) if row["Owner_Key"] == owner]

    def writes(self) -> list[str]:
        return [f"{item.method} {item.path}" for item in self.server.requests if item.method != "GET"]

    def intents(self) -> list[dict[str, Any]]:
        with reading(self.app.engine) as conn:
            return [
                dict(row) for row in conn.execute(select(intent).order_by(intent.c.created_at, intent.c.id)).mappings()
            ]

    def mirror(self, key: str) -> UUID:
        """What a pull does with a card of accounting; the id of its row."""
        self.pull(key)
        found: UUID = self.bound(key)["entity_id"]
        return found

    def pull(self, key: str) -> dict[str, int]:
        """A card is read and applied as a pull does it; what was counted."""
        ctx = self.context()
        source = next(item for item in self.mapping.entities["counterparty"].sources if item.name == PARTIES)
        raw = ctx.connector.fetch_record(source, key)  # type: ignore[attr-defined]
        apply_records(ctx, source, [raw])
        ctx.connector.close()
        return dict(ctx.count("counterparty").counts)

    def bound(self, key: str) -> dict[str, Any]:
        with reading(self.app.engine) as conn:
            query = select(binding).where(binding.c.external_id == key, binding.c.entity == "counterparty")
            return dict(conn.execute(query).mappings().one())

    def rows(self) -> list[dict[str, Any]]:
        with reading(self.app.engine) as conn:
            return [dict(row) for row in conn.execute(select(counterparties)).mappings()]

    def row(self, entity_id: Any) -> dict[str, Any]:
        return next(row for row in self.rows() if str(row["id"]) == str(entity_id))

    def state_of(self, contact: dict[str, Any]) -> tuple[str, str]:
        shown = self.contact(contact["id"])
        return shown["standing"], shown["standing_text"]


def party(**fields: Any) -> dict[str, Any]:
    """A card that somebody wrote in accounting by hand."""
    return {"Description": "Ромашка", "НаименованиеПолное": "ООО Ромашка", "ИНН": INN, "КПП": "770701001"} | fields


@lru_cache(maxsize=1)
def bp30() -> Mapping:
    return load_mapping("bp30")


def publish(app: App) -> Mapping:
    """The preset as the published version of this store; a copy, since a test may change its settings."""
    mapping = bp30()
    ensure_published(app.engine, "bp30", mapping.text, "test", version=mapping.version)
    return replace(mapping, settings=dict(mapping.settings))


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    """A fresh base and a fresh store."""
    with build_company(seed=3, documents=20, counterparties=12) as base, OnecServer(base) as server:
        engine = open_engine(store_url)
        clock = ManualClock()
        secret = read_secret("secret")
        options = OnecODataOptions(url=server.url, user="Обмен", password=secret, attempts=1, retry_seconds=0)
        settings = ConnectionSettings(
            name="accounting", connector="onec_odata", write="on", mapping="bp30", options=options
        )
        app = App(Settings(connections={"accounting": settings}), engine, clock, "tester", chance=lambda: 1.0)
        made = World(base, server, app, clock, publish(app))
        yield made
        engine.dispose()
