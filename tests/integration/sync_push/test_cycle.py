"""The whole way: pull, push and pull again by cycles, ticks and requests."""

from __future__ import annotations

from sandbox.onec.schema import PARTIES
from sync.context import Order
from sync.cycle import RunResult, run_cycle
from sync.push.contacts import list_contacts
from sync.room.dispatch import run_work, tick
from tests.integration.sync_push.world import INN, World, party


def cycle(world: World, **order: object) -> RunResult:
    return run_cycle(world.app, "accounting", Order(**order))  # type: ignore[arg-type]


def line(result: RunResult, direction: str) -> dict[str, int]:
    return next(item.counts for item in result.lines if (item.entity, item.direction) == ("counterparty", direction))


def test_made_client_while_the_service_runs(world: World) -> None:
    assert cycle(world).status == "ok"
    before = len(world.rows())
    contact = world.add(tax_id=INN, phones=["+74951234567"])
    for item in tick(world.app):
        run_work(world.app, item.to_message())
    assert world.state_of(contact)[0] == "in_accounting"
    again = cycle(world)
    assert again.status == "ok"
    assert len(world.rows()) == before + 1
    assert len(world.cards()) == 1
    full = cycle(world, full=True)
    assert full.status == "ok"
    assert len(world.rows()) == before + 1
    assert "created" not in line(full, "in")


def test_a_contact_whom_accounting_knows_is_read_and_linked_in_one_cycle(world: World) -> None:
    key = world.base.create(PARTIES, party())
    contact = world.add("ООО «Ромашка»", tax_id=INN, emails=["info@romashka.ru"])
    result = cycle(world)
    assert line(result, "out") == {"linked": 1}
    assert world.contact(contact["id"])["external_id"] == key
    assert [row["name"] for row in world.rows() if row["tax_id"] == INN] == ["ООО «Ромашка»"]
    assert world.writes() == []
    assert all(item.direction == "in" for item in cycle(world, full=True).lines)
    assert len(list_contacts(world.app)) == 1


def test_a_dry_cycle_tells_and_writes_nothing(world: World) -> None:
    contact = world.add(tax_id=INN)
    result = cycle(world, dry_run=True)
    assert any("would create" in notice for notice in result.notices)
    assert world.writes() == []
    assert world.state_of(contact)[0] == "due"
