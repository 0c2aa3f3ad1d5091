"""Drafts over `bp30`, published and carried over: what the tests of changing mappings share."""

from typing import Any

from sqlalchemy import select

from mapping.rules import Mapping, parse_mapping
from store import versions
from store.entities import entity_tables, line_tables
from store.tables import reapply
from sync.context import Order
from sync.cycle import RunResult, run_cycle
from sync.mappings.ordering import order_reapply
from sync.mappings.preview import Preview, preview
from tests.integration.sync_pull.world import World, rows

DRAFT = """
extends = "bp30"
[entities.counterparty.fields]
name = { from = "Description", steps = ["trim", "upper"] }
industry = "НаименованиеПолное"
comment = false
region = { value = "север", when = "starts(Code, '00-00000')" }
[entities.order.fields]
manager = false
comment = { formula = "'№ ' + text(Number)" }
[entities.shipment.lines.lines.fields]
description = { formula = "'строка ' + text(LineNumber)" }
"""


def draft(text: str = DRAFT) -> Mapping:
    return parse_mapping(text, "own.toml")


def publish(world: World, mapping: Mapping) -> None:
    versions.save_draft(world.engine, "bp30", mapping.text, "Анна", version=mapping.version, clock=world.clock)
    versions.publish(world.engine, "bp30", mapping.version, "Анна", clock=world.clock)


def look(world: World, mapping: Mapping, **how: Any) -> Preview:
    return preview(world.app, "accounting", mapping, **how)


def carry_over(world: World) -> dict[str, Any]:
    """Order a re-apply and run slices until it is done; its numbers."""
    order_reapply(world.app, "accounting", "Анна")
    for _ in range(200):
        result = run_slice(world)
        assert result.status in ("ok", "partial"), (result.status, result.message)
        if last_order(world)["state"] != "running":
            break
    done = last_order(world)
    assert done["state"] == "done", done
    return dict(done["counters"])


def run_slice(world: World) -> RunResult:
    return run_cycle(world.app, "accounting", Order(kind="reapply"))


def last_order(world: World) -> dict[str, Any]:
    return max(rows(world, reapply), key=lambda row: (row["created_at"], str(row["id"])))


def tables_of(world: World) -> dict[str, list[str]]:
    """Every row of every entity table and of their lines, whole but for the moment of the last change."""
    found = {}
    with world.engine.connect() as conn:
        for table in (*entity_tables.values(), *line_tables.values()):
            columns = [column for column in table.c if column.name != "updated_at"]
            found[table.name] = sorted(repr(tuple(row)) for row in conn.execute(select(*columns)))
    return found


def requests_of(world: World) -> int:
    return len(world.server.requests)
