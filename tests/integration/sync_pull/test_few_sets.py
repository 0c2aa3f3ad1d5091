"""A base that publishes a few sets only, on purpose: what it shows is read, and nothing is wrong (design §5-5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sandbox.onec.schema import REGISTER
from store.entities import balances
from store.tables import connection
from sync.context import NoProgress, Order
from sync.cycle import run_stages
from sync.reconcile.compare import reconcile
from sync.settle.customer import pull_customer
from sync.setup.look import look
from tests.integration.sync_pull.world import World, make_world, states

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_what_a_base_never_had_is_a_notice_and_the_run_is_ok")
ORDERS, PARTIES, CONTRACTS = "Document_СчетНаОплатуПокупателю", "Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов"


@contextmanager
def few_sets(store_url: str, folder: Path, **more: Any) -> Iterator[World]:
    with make_world(store_url, folder, **more) as world:
        sets, kept = world.base.schema.sets, {ORDERS, PARTIES, CONTRACTS}
        shown = {name for name, one in sets.items() if name in kept or one.parent in kept}
        world.base.schema.unpublished |= ({*sets} | {REGISTER}) - shown
        yield world


def paused(world: World) -> dict[str, str]:
    with world.engine.connect() as conn:
        return dict(conn.execute(select(connection.c.paused_entities)).scalar_one() or {})


@pytest.mark.parametrize("metadata", [True, False])
def test_what_a_base_never_had_is_a_notice_and_the_run_is_ok(store_url: str, tmp_path: Path, metadata: bool) -> None:
    with few_sets(store_url, tmp_path) as world:
        if not metadata:
            world.server.faults.add("error", path=r"\$metadata", status=403, body="<html>no</html>")
        result = world.sync()
        assert states(world, "counterparty")
        assert states(world, "order")
        told = [text for text in result.notices if REGISTER in text]
        assert told == [f"balance: {REGISTER} is not published in this base; nothing is read from it."]
        assert paused(world) == {}
        customer = next(iter(states(world, "counterparty")))
        done = run_stages(world.app, "accounting", Order(kind="repair"), [lambda ctx: pull_customer(ctx, customer)])
        assert done.status == "ok", done.message


def test_a_register_that_is_ticked_later_is_read_and_one_that_goes_pauses(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path) as world:
        world.base.schema.unpublished.add(REGISTER)
        world.sync()
        world.base.schema.unpublished.remove(REGISTER)
        world.base.schema.revision += 1
        world.tick()
        world.sync()
        with world.engine.connect() as conn:
            assert conn.execute(select(balances.c.id)).first() is not None
        world.base.schema.unpublished.add(REGISTER)
        world.base.schema.revision += 1
        world.tick()
        assert "balance is paused" in world.sync(status="partial").message
        assert set(paused(world)) == {"balance"}


def test_books_without_a_register_are_compared_without_it(store_url: str, tmp_path: Path) -> None:
    with few_sets(store_url, tmp_path) as world:
        world.sync()
        result = reconcile(world.app, "accounting")
        assert result.failure == ""
        assert any(REGISTER in text for text in result.notices)
        compared = {line.entity: line for line in result.entities}
        assert compared["order"].theirs == compared["order"].ours > 0


def test_an_audit_names_the_register_that_is_missing(store_url: str, tmp_path: Path) -> None:
    with few_sets(store_url, tmp_path) as world:
        report = look(world.app, "accounting", NoProgress())
        assert report.counterparties
        missing = {(row["entity"], row["set"]) for row in report.sections["unpublished sets"]}
        assert ("balance", REGISTER) in missing
        assert ("shipment", "Document_РеализацияТоваровУслуг") in missing


def asked_for_metadata(world: World) -> int:
    return sum(line.path.endswith("$metadata") for line in world.server.requests)


def test_what_a_base_never_had_costs_no_reading_of_its_metadata(store_url: str, tmp_path: Path) -> None:
    """A real one is 17 MB and takes 23 seconds; what is published one day is read in the next cycle all the same."""
    with few_sets(store_url, tmp_path) as world:
        world.sync(kind="schedule")
        world.server.requests.clear()
        for _ in range(3):
            world.tick()
            world.sync(kind="schedule")
        assert asked_for_metadata(world) == 0
        world.base.schema.unpublished.discard("Catalog_Организации")
        world.tick()
        world.sync(kind="schedule")
        assert asked_for_metadata(world) == 1
        assert states(world, "organisation")
