"""Scenario 9: an answer is lost; accounting is asked, never told again blindly. And workers that die anywhere."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import LeaseLost
from sandbox.onec.schema import CONTRACTS, PARTIES
from sync.context import Order
from sync.letters import list_letters
from sync.push import reviews
from sync.push.run import push_connection
from sync.push.silence import SETTLED
from tests.integration.sync_push.world import INN, OTHER_INN, World

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_accounting_creates_and_drops_the_connection",
    "test_killed_at_every_point_and_run_again",
    "test_who_has_lost_the_lease_writes_nothing_more",
)

POST_CARD = {"method": "POST", "path": "Catalog_Контрагенты"}


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.mark.parametrize("ignores", [False, True])
def test_accounting_creates_and_drops_the_connection(world: World, ignores: bool) -> None:
    world.base.ignores_ref_key = ignores
    world.server.faults.add("drop_after", times=1, **POST_CARD)
    contact = world.add(tax_id=INN)
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    assert world.contact(contact["id"])["external_id"] == card["Ref_Key"]
    assert len(world.contracts(card["Ref_Key"])) == 1
    assert world.push() == {}


@pytest.mark.parametrize("ignores", [False, True])
def test_no_question_can_be_asked_either_until_later(world: World, ignores: bool) -> None:
    world.base.ignores_ref_key = ignores
    world.server.faults.add("drop_after", times=1, **POST_CARD)
    world.server.faults.add("drop_before", method="GET", path="Catalog_Контрагенты", nth=4, times=3)
    contact = world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    assert world.state_of(contact)[0] == "uncertain"
    world.server.faults.clear()
    assert world.push(order=Order(kind="order")) == {"created": 1}
    assert len(world.cards()) == 1
    assert world.state_of(contact)[0] == "in_accounting"


def test_a_request_that_never_arrived_is_sent_again(world: World) -> None:
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    contact = world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    assert world.push(order=Order(kind="schedule")) == {}
    world.clock.sleep(5)
    before = world.clock.now()
    assert world.push(order=Order(kind="order")) == {"created": 1}, "a person waits for what may still come"
    assert world.clock.now() - before >= SETTLED - timedelta(seconds=5)
    assert world.state_of(contact)[0] == "in_accounting"
    assert len(world.cards()) == 1


def test_a_base_that_takes_keys_is_sent_to_again_at_once(world: World) -> None:
    world.add("ООО Лютик", tax_id=OTHER_INN)
    assert world.push() == {"created": 1}
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    assert world.push(order=Order(kind="order")) == {"created": 1}
    assert len(world.cards()) == 1


def test_a_base_that_takes_the_card_s_key_is_sent_the_contract_again_at_once(world: World) -> None:
    world.server.faults.add("drop_before", method="POST", path=CONTRACTS, times=1)
    world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    assert world.push(order=Order(kind="order")) == {"created": 1}
    assert len(world.contracts(world.cards()[0]["Ref_Key"])) == 1


@pytest.mark.parametrize("ignores", [False, True])
def test_what_accounting_commits_after_it_was_asked_is_found_and_made_once(world: World, ignores: bool) -> None:
    """The very first write: the answer is lost, the object is not there when asked, and appears while we wait."""
    world.base.ignores_ref_key = ignores
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    contact = world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    (row,) = world.intents()
    marked = {"ИНН": INN, "Комментарий": f"[sverka:{row['entity_id']}]", "Ref_Key": row["client_key"]}
    keys: list[str] = []
    world.clock.on_sleep = lambda seconds: keys.append(world.base.create(PARTIES, marked))
    assert world.push(order=Order(kind="order")) == {"created": 1}
    assert [card["Ref_Key"] for card in world.cards()] == keys
    assert world.contact(contact["id"])["external_id"] == keys[0]


def test_a_question_that_fails_says_nothing_of_the_write(world: World) -> None:
    """Accounting has the card and cannot put it into an answer: that is no refusal of what was sent."""
    world.server.faults.add("drop_after", times=1, **POST_CARD)
    world.server.faults.add("drop_before", method="GET", path="Catalog_Контрагенты", nth=4, times=3)
    contact = world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    world.server.faults.clear()
    world.server.faults.add("error", error="control_char", method="GET", path="Catalog_Контрагенты")
    assert world.push(order=Order(kind="order")) == {"uncertain": 1}
    assert world.contexts[-1].partial
    (row,) = world.intents()
    assert (row["state"], row["steps"][0]["state"]) == ("uncertain", "sending")
    assert list_letters(world.app) == []
    world.server.faults.clear()
    assert world.push(order=Order(kind="order")) == {"created": 1}
    assert len(world.cards()) == 1
    assert world.state_of(contact)[0] == "in_accounting"


def test_what_is_never_answered_ends_before_a_person(world: World) -> None:
    world.server.faults.add("drop_before", **POST_CARD)
    world.add(tax_id=INN)
    counts = []
    for _ in range(6):
        counts.append(world.push(order=Order(kind="order")))
        world.clock.sleep(SETTLED.total_seconds())
    assert counts == [{"uncertain": 1}] * 5 + [{"review": 1}]
    (review,) = reviews.list_reviews(world.app)
    assert review["kind"] == "uncertain"
    world.server.faults.clear()
    reviews.create_review(world.app, review["number"])
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1


@pytest.mark.parametrize("ignores", [False, True])
def test_the_contract_s_answer_is_lost(world: World, ignores: bool) -> None:
    world.base.ignores_ref_key = ignores
    world.server.faults.add("drop_after", method="POST", path=CONTRACTS, times=1)
    world.add(tax_id=INN)
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    assert len(world.contracts(card["Ref_Key"])) == 1


PASSED = (
    ("push-wake", 1),
    ("push-claim", 1),
    ("push-sending", 1),
    ("push-step", 1),
    ("push-sending", 2),
    ("push-step", 2),
)
COMMITS = [(f"{name}.{side}", nth, True) for name, nth in PASSED for side in ("before", "after")]
CALLS = [(f"send.{side}", nth, ignores) for side in ("before", "after") for nth in (1, 2) for ignores in (False, True)]


@pytest.mark.parametrize(("point", "nth", "ignores"), COMMITS + CALLS)
def test_killed_at_every_point_and_run_again(world: World, point: str, nth: int, ignores: bool) -> None:
    world.base.ignores_ref_key = ignores
    contact = world.add(tax_id=INN)
    hits = 0

    def fault(name: str) -> None:
        nonlocal hits
        hits += name == point
        if name == point and hits == nth:
            raise Killed

    with pytest.raises(Killed):
        world.push(fault=fault)
    world.clock.sleep(31)  # the dead worker's lease and claims lapse
    if world.push(order=Order(kind="order")) == {"uncertain": 1}:
        world.clock.sleep(SETTLED.total_seconds())
        world.push(order=Order(kind="order"))
    (card,) = world.cards()
    assert world.contact(contact["id"])["external_id"] == card["Ref_Key"]
    assert world.state_of(contact)[0] == "in_accounting"
    assert len(world.contracts(card["Ref_Key"])) == 1
    assert world.push(order=Order(kind="order")) == {}


def test_who_has_lost_the_lease_writes_nothing_more(world: World) -> None:
    contact = world.add(tax_id=INN)
    ctx = world.context()

    class Lost:
        checks = 0

        def check(self, conn: object) -> None:
            self.checks += 1
            if self.checks > 3:
                raise LeaseLost("Another worker has taken over.")

    ctx.fence = Lost()
    with pytest.raises(LeaseLost):
        push_connection(ctx)
    ctx.connector.close()
    assert len(world.cards()) == 1
    assert world.contact(contact["id"])["external_id"] is None
    world.clock.sleep(31)
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1


def test_a_base_that_ignores_keys_gets_time_to_finish(world: World) -> None:
    world.base.ignores_ref_key = True
    world.add("ООО Лютик", tax_id=OTHER_INN)
    world.push()
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    assert world.cards() == []
    world.clock.sleep(SETTLED.total_seconds())
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1


def test_the_longer_we_waited_for_the_answer_the_longer_it_may_still_come(world: World) -> None:
    """1C goes on with what it has begun when a client stops waiting: the card appears minutes after the time-out."""
    world.base.ignores_ref_key = True
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    contact = world.add(tax_id=INN)

    def wait_long(point: str) -> None:
        if point == "send.before":
            world.clock.sleep(180)

    assert world.push(fault=wait_long) == {"uncertain": 1}
    world.clock.sleep(100)
    before = world.clock.now()
    assert world.push(order=Order(kind="order")) == {"uncertain": 1}
    assert world.clock.now() - before < SETTLED, "a person does not wait for minutes"
    assert any("not appeared by" in text for text in world.contexts[-1].partial)
    (row,) = world.intents()
    world.base.create(PARTIES, {"ИНН": INN, "Комментарий": f"[sverka:{row['entity_id']}]"})
    world.clock.sleep(100)
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1
    assert world.state_of(contact)[0] == "in_accounting"


def test_a_write_whose_sender_died_long_ago_is_not_waited_for(world: World) -> None:
    world.base.ignores_ref_key = True
    world.add(tax_id=INN)

    def die(point: str) -> None:
        if point == "send.before":
            raise Killed

    with pytest.raises(Killed):
        world.push(fault=die)
    world.clock.sleep(24 * 3600)
    assert world.push(order=Order(kind="schedule")) == {"created": 1}
    assert len(world.cards()) == 1
