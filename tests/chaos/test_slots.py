"""What the campaigns have taught about slots and requests, each with a real cycle against the stand-in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from core.ids import new_id
from store.engine import reading
from store.tables import lease, request, slot
from sync.room.dispatch import WorkItem, run_work, tick
from sync.room.slots import take_up
from tests.integration.sync_pull.world import World, make_world


def states(world: World) -> list[str]:
    with reading(world.engine) as conn:
        return list(conn.execute(select(slot.c.state).order_by(slot.c.start)).scalars())


def due(world: World) -> WorkItem:
    (item,) = [one for one in tick(world.app) if one.kind == "slot"]
    return item


def test_a_slot_that_nobody_took_up_is_missed_and_its_late_message_finds_nothing(
    store_url: str, tmp_path: Path
) -> None:
    with make_world(store_url, tmp_path, documents=12) as world:
        lost = due(world)
        world.tick(300)
        assert run_work(world.app, due(world).to_message()) is not None
        assert states(world) == ["missed", "done"]
        assert run_work(world.app, lost.to_message()) is None


def test_a_slot_whose_worker_died_is_abandoned_by_the_next_run(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, documents=12) as world:
        item = due(world)
        with world.engine.begin() as conn:
            start = conn.execute(select(slot.c.start)).scalar_one()
            assert take_up(conn, item.connection, start)
            conn.execute(update(lease).values(owner="dead", until=world.clock.now() + timedelta(seconds=1)))
        world.tick(300)
        assert run_work(world.app, due(world).to_message()) is not None
        assert states(world) == ["abandoned", "done"]


def test_a_cycle_answers_who_asked_for_a_push_before_it_began_and_nobody_else(store_url: str, tmp_path: Path) -> None:
    with make_world(store_url, tmp_path, documents=12) as world:
        now, early, late = world.clock.now(), new_id(), new_id()
        rows = [(early, now), (late, now + timedelta(hours=1))]
        with world.engine.begin() as conn:
            for key, moment in rows:
                row = {"id": key, "kind": "push", "connection": "accounting", "arguments": {}, "created_at": moment}
                conn.execute(insert(request).values(row))
        assert run_work(world.app, due(world).to_message()) is not None
        with reading(world.engine) as conn:
            open_ones = list(conn.execute(select(request.c.id).where(request.c.done_at.is_(None))).scalars())
            result = conn.execute(select(request.c.result).where(request.c.id == early)).scalar_one()
        assert (open_ones, result["status"]) == ([late], "ok")
