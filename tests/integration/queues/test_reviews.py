"""The review queue: decisions are remembered by pair and settled once; what was lost, and what stays silent."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.errors import SverkaError, UsageError
from sandbox.onec.schema import PARTIES
from store.tables import audit, binding, intent, match_decision, review
from sync.context import Order
from sync.push import reviews
from sync.push.contacts import add_contact, set_contact
from sync.push.silence import MOST_QUESTIONS
from tests.integration.sync_push.world import INN, OTHER_INN, World, party, world

__all__ = ["world"]

POST_CARD = {"method": "POST", "path": PARTIES}


def kept(world: World) -> dict[str, str]:
    with world.app.engine.connect() as conn:
        return {row.external_id: row.verdict for row in conn.execute(select(match_decision))}


def alike(world: World) -> tuple[str, int]:
    """A card that only its name points to, and the review that asks about it."""
    key = world.base.create(PARTIES, {"Description": "ООО Ромашка"})
    world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    (row,) = reviews.list_reviews(world.app)
    assert [item["external_id"] for item in row["candidates"]] == [key] and row["candidates"][0]["reasons"]
    return key, row["number"]


def again(world: World) -> dict[str, int]:
    """The same contact comes before the matching once more."""
    with world.app.engine.begin() as conn:
        conn.execute(update(binding).values(entity_id=None).where(binding.c.entity == "counterparty"))
        conn.execute(update(intent).values(state="discarded"))
    set_contact(world.app, INN, status="client")
    return world.push()


def test_same_is_remembered_and_never_asked_again(world: World) -> None:
    key, number = alike(world)
    reviews.link_review(world.app, number, who="anna")
    assert kept(world) == {key: "same"}
    assert world.push() == {"linked": 1}
    world.configure(write="review")
    assert again(world) == {"linked": 1}
    assert reviews.list_reviews(world.app) == [] and world.writes() == []


def test_different_is_remembered_and_never_asked_again(world: World) -> None:
    key, number = alike(world)
    reviews.create_review(world.app, number, who="anna")
    assert kept(world) == {key: "different"}
    assert world.push() == {"created": 1}
    with world.app.engine.connect() as conn:
        lines = conn.execute(select(audit).where(audit.c.what == "review.create")).all()
    assert [line.who for line in lines] == ["anna"]


def test_a_card_said_to_be_his_that_is_gone_is_looked_for_anew(world: World) -> None:
    key, number = alike(world)
    reviews.link_review(world.app, number)
    world.push()
    world.base.delete(PARTIES, key)
    assert again(world) == {"created": 1}


@pytest.mark.parametrize("second", ["link", "create", "dismiss"])
def test_two_people_decide_at_once_and_one_wins(world: World, second: str) -> None:
    _, number = alike(world)
    gate, outcomes = threading.Barrier(2), list[str]()
    acts: dict[str, Callable[[], object]] = {
        "anna": lambda: reviews.link_review(world.app, number, who="anna"),
        "boris": {
            "link": lambda: reviews.link_review(world.app, number, who="boris"),
            "create": lambda: reviews.create_review(world.app, number, who="boris"),
            "dismiss": lambda: reviews.dismiss_review(world.app, number, "no", who="boris"),
        }[second],
    }

    def decide(who: str) -> None:
        gate.wait()
        try:
            acts[who]()
            outcomes.append(who)
        except SverkaError as error:
            assert "decided" in error.message and error.next_step

    threads = [threading.Thread(target=decide, args=(who,)) for who in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = outcomes
    assert reviews.load_review(world.app, number)["decided_by"] == winner
    with pytest.raises(UsageError, match=f"decided already: .* by {winner}"):
        reviews.link_review(world.app, number)
    assert len(kept(world)) <= 1


def test_what_asks_about_values_is_not_answered_by_linking(world: World) -> None:
    _, number = alike(world)
    with world.app.engine.begin() as conn:
        conn.execute(update(review).values(kind="conflict"))
    for act in (reviews.link_review, reviews.create_review):
        with pytest.raises(UsageError, match="which of two values"):
            act(world.app, number)
    assert kept(world) == {}


def lose_answer(world: World) -> None:
    """Sent; and then accounting says nothing at all for a long time."""
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    world.server.faults.add("error", error="unavailable")


def ask_silently(world: World) -> None:
    for _ in range(MOST_QUESTIONS):
        world.clock.sleep(timedelta(hours=7).total_seconds())
        world.push(order=Order(kind="schedule"))


def test_a_base_that_stays_silent_is_a_question_and_is_asked_on(world: World) -> None:
    lose_answer(world)
    ask_silently(world)
    (row,) = reviews.list_reviews(world.app)
    assert row["kind"] == "uncertain" and "has not answered since" in row["reason"] and "create him" in row["reason"]
    assert [one["state"] for one in world.intents()] == ["uncertain"]
    ask_silently(world)
    assert len(reviews.list_reviews(world.app)) == 1
    world.server.faults.clear()
    world.clock.sleep(timedelta(hours=7).total_seconds())
    assert world.push(order=Order(kind="schedule")) == {"created": 1}
    assert reviews.list_reviews(world.app) == [], "it has answered itself"
    assert len(world.cards()) == 1


def test_a_person_who_knows_settles_what_is_silent(world: World) -> None:
    key = world.base.create(PARTIES, party(Description="Совсем иначе", НаименованиеПолное="Иначе", ИНН=OTHER_INN))
    lose_answer(world)
    ask_silently(world)
    (row,) = reviews.list_reviews(world.app)
    reviews.link_review(world.app, row["number"], key)
    world.server.faults.clear()
    assert world.push(order=Order(kind="push")) == {"linked": 1}
    assert world.cards() == [] and kept(world) == {key: "same"}


def test_dismissing_what_is_uncertain_gives_it_up(world: World) -> None:
    lose_answer(world)
    ask_silently(world)
    (row,) = reviews.list_reviews(world.app)
    reviews.dismiss_review(world.app, row["number"], "made by hand")
    world.server.faults.clear()
    assert world.push(order=Order(kind="push")) == {}
    assert [one["state"] for one in world.intents()] == ["discarded"]


def test_several_cards_with_our_mark_are_candidates(world: World) -> None:
    world.base.ignores_ref_key = True
    world.server.faults.add("drop_before", times=1, **POST_CARD)
    world.add(tax_id=INN)
    assert world.push() == {"uncertain": 1}
    (row,) = world.intents()
    marked = {"Description": "ООО Ромашка", "ИНН": INN, "Комментарий": f"[sverka:{row['entity_id']}]"}
    keys = {world.base.create(PARTIES, marked), world.base.create(PARTIES, marked)}
    world.clock.sleep(90)
    assert world.push(order=Order(kind="schedule")) == {"review": 1}
    (asked,) = reviews.list_reviews(world.app)
    assert asked["kind"] == "uncertain"
    assert {item["external_id"] for item in asked["candidates"]} == keys
    assert all("our mark" in item["reasons"][0] for item in asked["candidates"])
    with pytest.raises(UsageError, match="twin"):
        reviews.create_review(world.app, asked["number"])
    with pytest.raises(UsageError, match="Say which card"):
        reviews.link_review(world.app, asked["number"])
    chosen = sorted(keys)[0]
    reviews.link_review(world.app, asked["number"], chosen)
    assert world.push() == {"linked": 1}
    assert world.bound(chosen)["entity_id"] == row["entity_id"]
    assert len(world.cards()) == 2


def test_a_lead_with_two_namesakes_waits_for_a_person(world: World) -> None:
    one, other = (world.base.create(PARTIES, party()) for _ in range(2))
    world.mirror(one), world.mirror(other)
    add_contact(world.app, name="ООО Ромашка", tax_id=INN)
    (row,) = reviews.list_reviews(world.app)
    reviews.link_review(world.app, row["number"], one)
    assert kept(world) == {one: "same"}
    assert world.push() == {"linked": 1}
