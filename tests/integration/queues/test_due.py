"""A tick takes up what is due between two slots: one worker a connection, never where a cycle could not run."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sandbox.onec.schema import PARTIES
from store.tables import connection, dead_letter, intent, lease, parked, request, run, slot
from sync import letters
from sync.context import Order
from sync.pull import dead
from sync.push import reviews
from sync.push.contacts import add_contact
from sync.room import breaker, dispatch
from sync.room.dispatch import WorkItem
from sync.room.lease import claim_lease
from tests.integration.store.counting import counting
from tests.integration.sync_pull.test_letters import SALE, poison, sales
from tests.integration.sync_pull.world import World, rows, states

INN = "7707083893"


def due_of(world: World) -> list[WorkItem]:
    """What a tick finds besides slots and requests; the slots are carried out."""
    found = dispatch.tick(world.app)
    for item in found:
        if item.kind != "due":
            dispatch.run_work(world.app, item.to_message())
    return [item for item in found if item.kind == "due"]


def run_due(world: World) -> list[str]:
    """One tick with all its work done; the kinds of the runs that were due."""
    return [
        str(dispatch.run_work(world.app, item.to_message())) and item.token.partition("@")[0] for item in due_of(world)
    ]


def with_a_letter(world: World) -> str:
    world.sync(kind="schedule")
    due_of(world)
    bad = sales(world)[0]
    poison(world, [bad])
    world.sync(status="partial", entity="shipment")
    return bad


def make_due(world: World) -> None:
    with world.engine.begin() as conn:
        conn.execute(update(dead_letter).values(next_attempt_at=world.clock.now()))


def test_a_letter_is_tried_again_when_its_time_has_come(build: Callable[..., World]) -> None:
    world = build(documents=30)
    bad = with_a_letter(world)
    amount = 100
    (letter,) = letters.list_letters(world.app)
    assert letter["next_attempt_at"] == world.clock.now() + dead.FIRST_RETRY
    assert due_of(world) == []
    world.base.change(SALE, bad, {"СуммаДокумента": amount}, repost=False)
    world.tick(dead.FIRST_RETRY.total_seconds() - 300)
    due_of(world)
    with world.engine.begin() as conn:  # the slot in between has not seen the change: only the letter leads to it
        conn.execute(update(dead_letter).values(state="open", next_attempt_at=world.clock.now()))
    world.tick(2)
    items = due_of(world)
    assert [item.token.partition("@")[0] for item in items] == ["retry"]
    assert due_of(world) == [], "one at a time"
    assert dispatch.run_work(world.app, items[0].to_message()).status == "ok"  # type: ignore[union-attr]
    assert dispatch.run_work(world.app, items[0].to_message()) is None, "a second delivery"
    assert states(world, "shipment")[bad] == "bound"
    assert [row["kind"] for row in rows(world, run, kind="retry")] == ["retry"]
    assert rows(world, dead_letter)[0]["state"] == "resolved"
    assert due_of(world) == []


def test_growing_pauses_and_then_only_a_person_or_the_source(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    bad = with_a_letter(world)
    pauses = []
    for _ in range(dead.MOST_ATTEMPTS - 1):
        (letter,) = letters.list_letters(world.app)
        pauses.append(letter["next_attempt_at"] - letter["last_at"])
        world.clock.move(pauses[-1] + timedelta(seconds=1))
        world.sync(status="partial", kind="retry")
    assert pauses == sorted(pauses) and pauses[0] == dead.FIRST_RETRY and pauses[-1] == dead.LONGEST_RETRY
    (letter,) = letters.list_letters(world.app)
    assert (letter["attempts"], letter["next_attempt_at"]) == (dead.MOST_ATTEMPTS, None)
    world.clock.move(timedelta(days=30))
    assert world.sync(kind="retry").lines == []
    letters.retry_letters(world.app, number=letter["number"])
    assert world.sync(status="partial", kind="retry").lines[0].counts == {"dead": 1}
    world.base.change(SALE, bad, {"СуммаДокумента": 5}, repost=False)
    world.sync(kind="schedule", entity="shipment")
    assert letters.list_letters(world.app) == []


def test_an_idle_tick_is_cheap(build: Callable[..., World]) -> None:
    world = build(documents=12)
    due_of(world)
    due_of(world)
    world.tick(40)
    with counting(world.engine) as queries:
        assert dispatch.tick(world.app) == []
    assert len([query for query in queries if "UNION ALL" in query]) == 1, "what is due is asked once for all"
    assert len(queries) <= 8, queries  # the tick, what is due anywhere; slot, requests and night of the connection


def hold(world: World) -> None:
    assert claim_lease(world.app, "accounting") is not None


def fail_often(world: World) -> None:
    for _ in range(breaker.THRESHOLD):
        breaker.record_failure(world.app, "accounting", None)


def be_quiet(world: World) -> None:
    one = world.settings.connections["accounting"].model_copy(update={"quiet": ("00:00-23:59",)})
    world.settings = world.settings.model_copy(update={"connections": {"accounting": one}})


@pytest.mark.parametrize(
    "obstacle",
    [
        hold,
        fail_often,
        be_quiet,
        lambda world: breaker.pause_connection(world.app, "accounting", "wrong password"),
    ],
)
def test_nothing_is_sent_on_where_no_cycle_could_run(
    build_sqlite: Callable[..., World], obstacle: Callable[[World], None]
) -> None:
    world = build_sqlite(documents=20)
    with_a_letter(world)
    obstacle(world)
    make_due(world)
    assert due_of(world) == []
    assert rows(world, run, kind="retry") == []


def test_what_cannot_even_be_tried_makes_no_storm(build_sqlite: Callable[..., World]) -> None:
    """The set of the letter is read by no mapping any more: it rests, and is no attempt."""
    world = build_sqlite(documents=20)
    with_a_letter(world)
    with world.engine.begin() as conn:
        late = {"source": "Document_Прежний", "next_attempt_at": world.clock.now()}
        conn.execute(update(dead_letter).values(late))
    assert run_due(world) == ["retry"]
    for _ in range(100):
        world.tick(2)
        assert run_due(world) == []
    (letter,) = letters.list_letters(world.app)
    assert (letter["attempts"], letter["state"]) == (1, "open")


def test_a_run_that_moves_nothing_lets_the_connection_rest(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=20)
    with_a_letter(world)
    make_due(world)
    world.server.faults.add("error", error="unavailable")
    assert run_due(world) == ["retry"]
    before = len(rows(world, run))
    for _ in range(20):
        world.tick(2)
        assert due_of(world) == []
    assert len(rows(world, run)) == before


def test_a_person_in_another_process_is_obeyed_by_the_next_tick(build: Callable[..., World]) -> None:
    world = build(documents=20)
    bad = with_a_letter(world)
    world.base.change(SALE, bad, {"СуммаДокумента": 5}, repost=False)
    letters.retry_letters(world.app, who="anna")
    letters.retry_letters(world.app, who="anna")
    assert len(rows(world, request)) == 1, "one word is enough"
    items = dispatch.tick(world.app)
    assert [item.kind for item in items] == ["request"]
    dispatch.run_work(world.app, items[0].to_message())
    assert states(world, "shipment")[bad] == "bound"
    assert rows(world, request)[0]["result"]["status"] == "ok"


def test_a_client_whose_answer_is_lost_is_settled_between_two_slots(build: Callable[..., World]) -> None:
    world = build(documents=12, write="on")
    due_of(world)
    world.server.faults.add("drop_after", method="POST", path=PARTIES, times=1)
    world.server.faults.add("error", error="unavailable", method="GET", path=PARTIES, times=20)
    add_contact(world.app, name="ООО Ромашка", tax_id=INN, status="client")
    due_of(world)
    world.server.faults.clear()
    began = world.clock.now()
    while rows(world, intent)[0]["state"] != "done" and world.clock.now() - began < timedelta(minutes=4):
        world.tick(2)
        run_due(world)
    assert rows(world, intent)[0]["state"] == "done"
    cards = [row for row in world.base.truth_documents(PARTIES) if row["ИНН"] == INN]
    assert len(cards) == 1


def test_a_decision_of_a_review_is_carried_out_by_the_next_tick(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12, write="review")
    due_of(world)
    add_contact(world.app, name="ООО Ромашка", tax_id=INN, status="client")
    due_of(world)
    (review,) = reviews.list_reviews(world.app)
    reviews.create_review(world.app, review["number"], who="anna")
    world.tick(2)
    due_of(world)
    assert rows(world, intent)[0]["state"] == "done"


def test_parked_records_wake_when_they_are_due_and_end_as_letters(build: Callable[..., World]) -> None:
    world = build(documents=20)
    world.sync(kind="schedule")
    due_of(world)
    party = world.base.create(PARTIES, {"Description": "ООО Позже", "ИНН": INN})
    order = "Document_СчетНаОплатуПокупателю"
    old = next(key for key in states(world, "order") if world.base.exists(order, key))
    world.server.faults.add("error", error="internal", path=PARTIES)
    world.base.change(order, old, {"Контрагент_Key": party}, repost=False)
    world.sync(entity="order", status="partial")
    seen: list[Any] = []
    while rows(world, parked):
        (row,) = rows(world, parked)
        seen.append(row["attempts"])
        world.clock.move(row["next_attempt_at"] - world.clock.now() + timedelta(seconds=1))
        world.sync(kind="retry", status=None)
    assert seen == list(range(1, 21))
    (letter,) = [one for one in letters.list_letters(world.app) if one["external_id"] == old]
    assert letter["stage"] == "references" and "could not be fetched for a long time" in letter["reason"]
    world.server.faults.clear()
    letters.retry_letters(world.app)
    world.sync(kind="retry")
    assert states(world, "order")[old] == "bound" and letters.list_letters(world.app) == []


def test_a_slot_that_meets_a_brief_run_is_not_skipped(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    due_of(world)
    world.tick(300)

    def meanwhile(ctx: Any) -> None:
        assert [item for item in dispatch.tick(world.app) if item.kind == "slot"] == []

    from sync.cycle import run_stages

    run_stages(world.app, "accounting", Order(kind="retry"), [meanwhile])
    assert [item.kind for item in dispatch.tick(world.app)] == ["slot"]
    assert {row["state"] for row in rows(world, slot)} <= {"done", "claimed"}
    assert rows(world, connection)[0]["breaker"] == "closed"
    assert all(row["owner"] is None for row in rows(world, lease))
