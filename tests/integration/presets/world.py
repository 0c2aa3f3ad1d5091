"""A stand-in base of any configuration, a store and a connection by the preset of that configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.clock import ManualClock, SystemClock
from mapping.rules import Mapping, load_mapping
from sandbox.onec.company import build_company
from sandbox.onec.configurations import names
from sandbox.onec.schema import Layout
from sandbox.onec.server import OnecServer
from store.engine import open_engine, reading
from store.entities import entity_tables
from store.queries.export import iter_export
from store.tables import binding
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle
from tests.integration.sync_balances.world import NAME, TODAY, World, settings_of

CONFIGURATIONS = names()
DOCUMENTS = ("order", "shipment", "return", "payment")


class PresetWorld(World):
    """Documents of both sides beside the balances."""

    def cycle(self, order: Order | None = None) -> RunResult:
        """One cycle as the schedule runs it, some minutes later."""
        self.app.clock.sleep(300)
        self.result = run_cycle(self.app, NAME, order or Order(kind="schedule"))
        return self.result

    @property
    def mapping(self) -> Mapping:
        """The preset."""
        return load_mapping(self.settings.connections[NAME].mapping or "")

    def mirrored(self, entity: str) -> dict[str, tuple[Any, ...]]:
        """Our documents by their key in accounting: number, amount, whether they are deleted."""
        table = entity_tables[entity]
        query = select(binding.c.external_id, table.c.number, table.c.amount, table.c.deleted).join(
            table, table.c.id == binding.c.entity_id
        )
        with reading(self.engine) as conn:
            rows = conn.execute(query.where(binding.c.entity == entity, binding.c.deleted.is_(False)))
            return {row[0]: tuple(row[1:]) for row in rows}

    def held(self, entity: str) -> dict[str, tuple[Any, ...]]:
        """The same of the stand-in, by what the mapping takes of it."""
        found: dict[str, tuple[Any, ...]] = {}
        rules, zone = self.mapping.entities[entity], self.settings.connections[NAME].zone
        for source in rules.sources:
            for raw in self.base.truth_documents(source.name):
                record = rules.build(source.name, dict(raw), zone)
                if record is not None:
                    key = raw["Ref_Key"]
                    found[key] = (str(raw["Number"]).strip(), abs(record.fields["amount"]), bool(raw["DeletionMark"]))  # type: ignore[arg-type]
        return found

    def named(self, source: str, name: str) -> list[dict[str, Any]]:
        """The base's objects of this name."""
        return [row for row in self.base.truth_documents(source) if row["Description"] == name]

    def export(self, name: str) -> list[dict[str, Any]]:
        """All records of one kind as `sverka export` gives them."""
        with reading(self.engine) as conn:
            return list(iter_export(conn, name))


@contextmanager
def open_preset_world(
    store_url: str,
    configuration: str,
    *,
    write: str = "off",
    documents: int = 200,
    layout: Layout | None = None,
    by_plan: bool = False,
) -> Iterator[PresetWorld]:
    """A company of this configuration behind a server, and an empty store."""
    clock = ManualClock(TODAY)
    base = build_company(
        5, documents, 30, today=TODAY.date(), clock=lambda: clock.now().replace(tzinfo=None), layout=layout,
        configuration=configuration,
    )  # fmt: skip
    with base, OnecServer(base) as server, tempfile.TemporaryDirectory() as folder:
        plan = f'changes = "exchange_plan"\nexchange_plan = "СверкаОбмен"\nnode = "{base.nodes[0]}"' if by_plan else ""
        settings = settings_of(store_url, server.url, configuration, Path(folder), f'write = "{write}"\n{plan}')
        engine = open_engine(store_url)
        upgrade(engine)
        yield PresetWorld(base, server, App(settings, engine, clock, "test"), settings)
        engine.dispose()
        assert server.app.crashes == []


def cycle_of(store_url: str, base_url: str, configuration: str) -> None:
    """One cycle as a worker runs it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(store_url, base_url, configuration, Path(folder), 'write = "on"')
        run_cycle(App(settings, open_engine(store_url), SystemClock(), "victim"), NAME, Order())
