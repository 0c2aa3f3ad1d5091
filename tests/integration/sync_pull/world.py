"""A base behind HTTP, a store, and the comparing of both: what the tests of the pulling side share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Table, select

from connectors.registry import option_models
from core.clock import Clock, ManualClock, local_from_utc
from core.settings import Settings, load_settings
from mapping.rules import load_mapping
from sandbox.onec import OnecServer, build_company
from sandbox.onec.base import Base
from store.engine import open_engine
from store.entities import balances, entity_tables, line_tables
from store.tables import binding, metadata
from store.upgrade import upgrade
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle

ZONE = ZoneInfo("Europe/Moscow")
QUIET_TABLES = {"run", "run_counter", "cursor", "slot", "tick", "lease", "connection"}
"""What a cycle without changes may write: its own run, cursors and freshness."""


@dataclass
class World:
    """One stand-in base, one store, one connection `accounting` between them."""

    base: Base
    server: OnecServer
    settings: Settings
    engine: Engine
    clock: ManualClock

    @property
    def app(self) -> App:
        return App(self.settings, self.engine, self.clock, "test", chance=lambda: 1.0)

    def sync(self, *, status: str | None = "ok", **order: Any) -> RunResult:
        result = run_cycle(self.app, "accounting", Order(**order))
        if status is not None:
            assert result.status == status, (result.status, result.message, result.notices)
        return result

    def tick(self, seconds: float = 300) -> None:
        self.clock.sleep(seconds)


def onec_clock(clock: Clock) -> Any:
    """The base's wall clock shows the same moment as ours."""
    return lambda: local_from_utc(clock.now(), ZONE)


@contextlib.contextmanager
def make_world(
    url: str,
    folder: Path,
    *,
    seed: int = 1,
    documents: int = 60,
    since: str = "2023-06-01",
    settings: str = "",
    plan: bool = False,
    write: str = "off",
    start: datetime | None = None,
    **server: Any,
) -> Iterator[World]:
    clock = ManualClock(start or datetime.fromisoformat("2026-01-15T09:00:00+00:00"))
    with (
        build_company(seed=seed, documents=documents, today=clock.now().date(), clock=onec_clock(clock)) as base,
        OnecServer(base, **server) as onec,
    ):
        lines = [
            f'write = "{write}"',
            settings,
            f"since = {since}" if since else "",
            plan_settings(base) if plan else "",
        ]
        chosen = write_settings(folder, url, onec.url, "\n".join(lines))
        engine = open_engine(url)
        upgrade(engine)
        try:
            yield World(base, onec, chosen, engine, clock)
        finally:
            engine.dispose()


def write_settings(folder: Path, store: str, base: str, more: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(
        f"""
[store]
url = "{store}"
cache = "{folder / "cache"}"
[connections.accounting]
connector = "onec_odata"
url = "{base}"
user = "Обмен"
password = "secret"
mapping = "bp30"
{more}
""",
        encoding="utf-8",
    )
    return load_settings(path, environ={}, connectors=option_models())


def plan_settings(base: Base) -> str:
    node = next(str(row["Ref_Key"]) for row in load_nodes_of(base) if not row.get("ThisNode"))
    return f'changes = "exchange_plan"\nexchange_plan = "{base.schema.layout.exchange_plan}"\nnode = "{node}"'


def load_nodes_of(base: Base) -> list[dict[str, Any]]:
    name = base.schema.layout.exchange_plan
    return [base.get(name, key) for key in base.keys(name)]


def dump(engine: Engine, skip: set[str] = QUIET_TABLES) -> dict[str, list[str]]:
    """Every row of every table except those named."""
    with engine.connect() as conn:
        return {
            table.name: sorted(repr(tuple(row)) for row in conn.execute(select(table)))
            for table in metadata.sorted_tables
            if table.name not in skip
        }


def truth(world: World, entity: str) -> dict[str, tuple[Any, ...]]:
    """What accounting holds of an entity and the mapping wants: key -> (posted, deleted, amount, date)."""
    settings = world.settings.connections["accounting"]
    mapped = load_mapping(settings.mapping).entities[entity]
    found = {}
    for source in mapped.sources:
        if source.name not in world.base.schema.sets:
            continue
        for row in world.base.truth_documents(source.name):
            if settings.since and str(row["Date"])[:10] < settings.since.isoformat():
                continue
            whole = world.base.get(source.name, str(row["Ref_Key"]))
            plain = json.loads(json.dumps(whole, default=str), parse_float=Decimal)
            if mapped.build(source.name, plain, ZONE) is not None:
                found[str(row["Ref_Key"])] = _document(row)
    return found


def _document(row: dict[str, Any]) -> tuple[Any, ...]:
    moment = datetime.fromisoformat(str(row["Date"])).replace(tzinfo=ZONE).astimezone(UTC)
    return bool(row["Posted"]), bool(row["DeletionMark"]), Decimal(str(row["СуммаДокумента"])), moment


def mirrored(world: World, entity: str) -> dict[str, tuple[Any, ...]]:
    """What the store holds of an entity, in the same shape; records gone at the other side are left out."""
    table = entity_tables[entity]
    query = (
        select(binding.c.external_id, table.c.posted, table.c.deleted, table.c.amount, table.c.date)
        .join(table, table.c.id == binding.c.entity_id)
        .where(binding.c.entity == entity, binding.c.state != "filtered", binding.c.deleted.is_(False))
    )
    with world.engine.connect() as conn:
        return {row[0]: tuple(row[1:]) for row in conn.execute(query)}


def assert_level(world: World, *entities: str) -> None:
    """The store equals the truth, document by document, to the kopeck."""
    for entity in entities or ("order", "shipment", "return", "payment"):
        theirs, ours = truth(world, entity), mirrored(world, entity)
        assert ours.keys() == theirs.keys(), (entity, ours.keys() ^ theirs.keys())
        assert {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]} == {}


def assert_balances(world: World) -> None:
    """The balance of every counterparty × contract × organisation, in each of its currencies, to the kopeck."""
    with world.engine.connect() as conn:
        stored = conn.execute(select(balances).where(balances.c.connection == "accounting")).mappings().all()
    names = ("counterparty_key", "contract_key", "organisation_key")
    theirs = _standing(world.base.truth_balances(), ("counterparty", "contract", "organisation"))
    ours = _standing(stored, names)
    assert {key: (ours.get(key), theirs.get(key)) for key in ours | theirs if ours.get(key) != theirs.get(key)} == {}


def _standing(rows: Iterable[Any], names: tuple[str, ...]) -> dict[tuple[str, ...], list[Decimal]]:
    found: dict[tuple[str, ...], list[Decimal]] = {}
    for row in rows:
        if row["receivable"] or row["advance"]:
            found.setdefault(tuple(row[name] for name in names), []).append(row["amount"])
    return {key: sorted(amounts) for key, amounts in found.items()}


def states(world: World, entity: str) -> dict[str, str]:
    """External id -> state of its binding."""
    with world.engine.connect() as conn:
        query = select(binding.c.external_id, binding.c.state).where(binding.c.entity == entity)
        return {row[0]: row[1] for row in conn.execute(query)}


def rows(world: World, table: Table, **equal: Any) -> list[dict[str, Any]]:
    with world.engine.connect() as conn:
        query = select(table).where(*(table.c[name] == value for name, value in equal.items()))
        return [dict(row) for row in conn.execute(query).mappings()]


def line(result: RunResult, entity: str, direction: str = "in") -> dict[str, int]:
    """What a run counted of an entity; empty where it has no line."""
    found = [one for one in result.lines if (one.entity, one.direction) == (entity, direction)]
    assert all(one.adds_up() for one in result.lines)
    return {"read": found[0].read, **found[0].counts} if found else {}


def line_sums(world: World, entity: str, group: str) -> dict[Any, Decimal]:
    table = line_tables[entity, group]
    owner = table.c[f"{entity}_id"]
    with world.engine.connect() as conn:
        sums: dict[Any, Decimal] = {}
        for row in conn.execute(select(owner, table.c.amount)):
            sums[row[0]] = sums.get(row[0], Decimal(0)) + (row[1] or Decimal(0))
        return sums
