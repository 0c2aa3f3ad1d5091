"""Corners of the pulling side: cursors by hand, one record that 1C cannot give, waiting too long, a new mapping."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from core.errors import TransientError
from mapping.rules import load_mapping
from store import versions
from store.tables import binding, dead_letter, landing, parked, request, run, slot
from sync.pull import cursors
from sync.room import dispatch
from sync.room.lease import claim_lease
from tests.integration.sync_pull.world import World, assert_level, line, rows, states

ORDER, SALE, PARTIES = "Document_СчетНаОплатуПокупателю", "Document_РеализацияТоваровУслуг", "Catalog_Контрагенты"


def test_reset_reads_everything_anew_and_changes_nothing(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    assert cursors.reset(world.app, "accounting", "order") == 1
    world.tick()
    counted = line(world.sync(), "order")
    assert counted["unchanged"] == counted["read"] > 0
    assert_level(world)


def test_rewind_reads_documents_from_a_day_on_again(build: Callable[..., World]) -> None:
    world = build(documents=40)
    world.sync()
    orders = sorted(row["date"] for row in rows(world, binding) if row["entity"] == "order" and row["date"])
    day = orders[len(orders) // 2]
    before = cursors.list_cursors(world.app, "accounting")
    assert cursors.rewind(world.app, "accounting", None, day) == len(before)
    world.tick()
    counted = line(world.sync(kind="schedule"), "order")
    assert counted["read"] == counted["unchanged"] == len([date for date in orders if date >= day]) < len(orders)
    assert {row["entity"] for row in cursors.list_cursors(world.app)} == {row["entity"] for row in before}
    world.tick()
    assert line(world.sync(kind="schedule"), "order")["read"] == 0


@pytest.mark.parametrize("change", ["reset", "rewind"])
def test_cursors_are_not_changed_under_a_running_cycle(
    build: Callable[..., World], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    world = build(documents=10)
    world.sync()
    before = cursors.list_cursors(world.app, "accounting")
    arguments = [None] if change == "reset" else [None, world.clock.now()]
    running = claim_lease(world.app, "accounting")
    assert running is not None
    with monkeypatch.context() as patch:
        patch.setattr(cursors, "wait_limit", lambda app: 0.0)
        with pytest.raises(TransientError, match="running"):
            getattr(cursors, change)(world.app, "accounting", *arguments)
    assert cursors.list_cursors(world.app, "accounting") == before
    monkeypatch.setattr(world.clock, "sleep", lambda seconds: running.release())
    assert getattr(cursors, change)(world.app, "accounting", *arguments) == len(before)
    again = claim_lease(world.app, "accounting")
    assert again is not None, "it is given back"
    again.release()


def test_one_record_that_1c_cannot_give_stops_neither_load_nor_cycle(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=60)
    key = sorted(world.base.keys(ORDER))[0]
    world.server.faults.add("error", error="control_char", path=ORDER + r".*\$top")
    world.server.faults.add("error", error="control_char", path=ORDER + ".*" + key)
    world.server.faults.rules[0].path = ORDER + r"\?(?!.*select=Ref_Key,DataVersion).*\$top"
    first = world.sync(status="partial")
    counted = line(first, "order")
    assert counted["dead"] == 1 and counted["created"] == counted["read"] - 1
    assert rows(world, dead_letter)[0]["stage"] == "fetch"
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert_level(world)
    assert {row["state"] for row in rows(world, dead_letter)} == {"resolved"}


def test_what_has_waited_too_often_becomes_a_letter(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=40)
    world.sync()
    key = next(key for key in states(world, "order") if world.base.exists(ORDER, key))
    party = world.base.create(PARTIES, {"Description": "ООО Никогда"})
    world.base.change(ORDER, key, {"Контрагент_Key": party}, repost=False)
    world.server.faults.add("error", error="internal", path=PARTIES)
    world.tick()
    world.sync(entity="order", status="partial")
    with world.engine.begin() as conn:
        conn.execute(update(parked).values(attempts=20))
    world.tick()
    world.sync(entity="order", status="partial")
    assert rows(world, parked) == []
    assert rows(world, dead_letter)[0]["stage"] == "references"
    assert states(world, "order")[key] == "dead"
    world.server.faults.clear()
    world.tick()
    world.sync()
    assert_level(world)


def test_a_published_mapping_takes_over_and_looks_again_at_what_was_left_out(
    build_sqlite: Callable[..., World],
) -> None:
    world = build_sqlite(documents=60)
    world.sync()
    left_out = {key for key, state in states(world, "payment").items() if state == "filtered"}
    assert left_out
    text = load_mapping("bp30").text + "\n# another version\n"
    draft = versions.save_draft(world.engine, "bp30", text, "admin", version="f" * 40)
    versions.publish(world.engine, "bp30", draft.hash, "admin")
    world.tick()
    result = world.sync()
    assert line(result, "payment")["filtered"] == len(left_out)
    world.tick()
    assert line(world.sync(), "payment")["read"] in (0, len(left_out))


def test_slots_and_requests_run_the_real_cycle(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    for item in dispatch.tick(world.app):
        result = dispatch.run_work(world.app, item.to_message())
        assert result is not None and result.status == "ok"
    assert rows(world, slot)[0]["state"] == "done"
    assert (rows(world, run)[0]["kind"], rows(world, run)[0]["slot"]) == ("schedule", rows(world, slot)[0]["start"])
    party = next(iter(states(world, "counterparty")))
    with world.engine.begin() as conn:
        for kind, arguments in (
            ("sync", {"entity": "order"}),
            ("push", {}),
            ("pull_customer", {"counterparty": party}),
        ):
            from core.ids import new_id

            row = {"id": new_id(), "kind": kind, "connection": "accounting", "arguments": arguments}
            conn.execute(request.insert().values(row | {"created_at": world.clock.now()}))
    for item in dispatch.tick(world.app):
        dispatch.run_work(world.app, item.to_message())
    assert [row["result"]["status"] for row in rows(world, request)] == ["ok"] * 3


def test_landing_keeps_the_record_as_received(build_sqlite: Callable[..., World]) -> None:
    from store.landing import load

    world = build_sqlite(documents=12)
    world.sync()
    key = rows(world, landing, entity="counterparty")[0]["external_id"]
    with world.engine.connect() as conn:
        landed = load(conn, "accounting", "counterparty", [key])[key]
    assert str(world.base.get(PARTIES, key)["Description"]).strip() in landed.raw.decode()
    bound = rows(world, binding, entity="counterparty", external_id=key)[0]
    assert (landed.hash, landed.version) == (bound["hash"], bound["version"])


@pytest.mark.parametrize("kind", ["schedule", "order"])
def test_the_far_past_is_swept_in_portions(
    build_sqlite: Callable[..., World], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a budget of a few keys a pass takes several cycles; no edit is missed when it is complete."""
    monkeypatch.setattr("sync.pull.sweep.BUDGET", {"schedule": 5})
    monkeypatch.setattr("sync.pull.sweep.ORDERED_BUDGET", 5)
    world = build_sqlite(documents=80)
    world.sync()
    oldest = min(
        (key for key in world.base.keys(ORDER) if states(world, "order").get(key) == "bound"),
        key=lambda key: str(world.base.get(ORDER, key)["Date"]),
    )
    world.base.change(ORDER, oldest, {"Комментарий": "правка в закрытом месяце"}, repost=False)
    reads: list[int] = []
    while sum(reads) == 0 and len(reads) < 20:
        world.tick()
        reads.append(line(world.sync(kind=kind), "order")["read"])
    assert reads[-1] == 1 and len(reads) > 1
