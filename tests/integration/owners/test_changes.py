"""A change of ours on its way into a card: leave, lost answers, refusals, and what happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.onec.schema import CONTRACTS, PARTIES
from sync.context import Order
from sync.letters import discard_letter, list_letters, retry_letters
from sync.push import intents
from sync.push.contacts import set_contact
from sync.push.reviews import create_review, list_reviews
from tests.integration.owners.phones import NEW, OLD, OTHER, changes, client, phone_row, phones_there
from tests.integration.sync_push.world import INN, World, party


class TestLinked:
    """A contact that was linked to a card which accounting had, with a number of its own."""

    def link(self, world: World, write: str = "on") -> tuple[str, str]:
        key = world.base.create(PARTIES, party(КонтактнаяИнформация=[phone_row(OTHER)]))
        contact = world.add(tax_id=INN, phones=[OLD])
        assert world.push() == {"linked": 1}
        assert phones_there(world, key) == [OTHER]
        world.configure(write=write)
        return contact["id"], key

    def test_a_number_that_accounting_alone_has_is_kept(self, world: World) -> None:
        contact, key = self.link(world)
        set_contact(world.app, contact, phones=[OLD, NEW])
        assert world.push() == {"updated": 1}
        assert sorted(phones_there(world, key)) == sorted([OLD, NEW, OTHER])
        assert world.contact(contact)["phones"] == [OLD, NEW, OTHER]
        assert world.push() == {}
        set_contact(world.app, contact, phones=[NEW])  # both have had the same by now: what is taken away is gone
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]

    def test_a_person_is_asked_about_what_would_be_there(self, world: World) -> None:
        contact, key = self.link(world, write="review")
        set_contact(world.app, contact, phones=[OLD, NEW])
        assert world.push() == {"review": 1}
        (row,) = list_reviews(world.app)
        told = row["candidates"][0]
        assert (told["ours"], told["theirs"]) == ([OLD, NEW, OTHER], [OTHER])
        create_review(world.app, row["number"])
        assert world.push() == {"updated": 1}
        assert sorted(phones_there(world, key)) == sorted([OLD, NEW, OTHER])

    def test_a_lost_answer_changes_nothing_of_it(self, world: World) -> None:
        contact, key = self.link(world)
        set_contact(world.app, contact, phones=[OLD, NEW])
        world.server.faults.add("drop_after", method="PATCH", times=1)
        assert world.push() == {"uncertain": 1}
        world.push()
        assert sorted(phones_there(world, key)) == sorted([OLD, NEW, OTHER])
        assert set(world.contact(contact)["phones"]) == {OLD, NEW, OTHER}
        assert world.push() == {}
        assert len(changes(world)) == 1


class TestModes:
    def test_off_sends_nothing_but_reads(self, world: World) -> None:
        contact, key = client(world)
        world.configure(write="off")
        world.server.requests.clear()
        remarks = set_contact(world.app, contact["id"], phones=[NEW])["remarks"]
        assert remarks == ["accounting: waits: writing into accounting is switched off (write = off)"]
        assert world.push() == {}
        assert world.writes() == []
        world.configure(write="on")
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]

    def test_review_shows_a_person_what_would_be_sent(self, world: World) -> None:
        contact, key = client(world)
        world.configure(write="review")
        set_contact(world.app, contact["id"], phones=[NEW])
        assert world.push() == {"review": 1}
        (row,) = list_reviews(world.app)
        assert (row["kind"], row["candidates"][0]["ours"], row["candidates"][0]["theirs"]) == ("change", [NEW], [OLD])
        assert world.contact(contact["id"])["standing"] == "review"
        create_review(world.app, row["number"])
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]
        assert list_reviews(world.app) == []
        assert world.contact(contact["id"])["standing"] == "in_accounting"

    def test_leave_is_for_these_values_only(self, world: World) -> None:
        contact, key = client(world)
        world.configure(write="review")
        set_contact(world.app, contact["id"], phones=[NEW])
        world.push()
        (row,) = list_reviews(world.app)
        set_contact(world.app, contact["id"], phones=[OTHER])
        create_review(world.app, row["number"])
        assert world.push() == {"review": 1}
        assert list_reviews(world.app)[0]["candidates"][0]["ours"] == [OTHER]
        assert phones_there(world, key) == [OLD]

    def test_a_dry_run_tells_and_sends_nothing(self, world: World) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.push(order=Order(dry_run=True))
        assert any(NEW in text and "would change" in text for text in world.notices)
        assert phones_there(world, key) == [OLD]


class TestNoAnswer:
    def test_a_lost_answer_is_settled_by_asking(self, world: World) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.server.faults.add("drop_after", method="PATCH", times=1)
        assert world.push() == {"uncertain": 1}
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]
        assert len(changes(world)) == 1

    def test_what_never_arrived_is_sent_again(self, world: World) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.server.faults.add("drop_before", method="PATCH", times=1)
        assert world.push() == {"uncertain": 1}
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]

    def test_what_never_arrived_is_not_sent_again_once_writing_is_off(self, world: World) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.server.faults.add("drop_before", method="PATCH", times=1)
        assert world.push() == {"uncertain": 1}
        world.configure(write="off")
        world.clock.sleep(60)
        world.server.requests.clear()
        assert world.push() == {}
        assert world.writes() == []
        assert world.contact(contact["id"])["standing_text"].endswith("is switched off (write = off)")
        world.configure(write="on")
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]

    def test_a_refusal_is_a_letter(self, world: World) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.server.faults.add("error", method="PATCH", error="refused", times=1)
        assert world.push() == {"dead": 1}
        assert world.contact(contact["id"])["standing"] == "refused"
        set_contact(world.app, contact["id"], phones=[OTHER])
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [OTHER]

    @pytest.mark.parametrize("how", ["nothing to change any more", "the card is gone"])
    def test_the_letter_closes_when_nothing_is_to_be_sent_any_more(self, world: World, how: str) -> None:
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        world.server.faults.add("error", method="PATCH", error="refused", times=1)
        assert world.push() == {"dead": 1}
        assert [letter["direction"] for letter in list_letters(world.app)] == ["out"]
        if how == "the card is gone":
            world.base.delete(PARTIES, key)
        set_contact(world.app, contact["id"], phones=[OTHER] if how == "the card is gone" else [OLD])
        assert world.push() == ({} if how == "the card is gone" else {"unchanged": 1})
        assert list_letters(world.app) == []


class TestACardRefusedInParts:
    """The card is there, its contract was refused; then the customer is changed here."""

    @pytest.fixture
    def half(self, world: World) -> dict[str, Any]:
        world.base.refusals.append(lambda name, fields: "нет" if name == CONTRACTS else None)
        contact = world.add(tax_id=INN, phones=[OLD])
        assert world.push() == {"dead": 1}
        set_contact(world.app, contact["id"], phones=[NEW])
        assert world.push() == {}
        assert len(list_letters(world.app)) == 1
        assert world.contact(contact["id"])["standing"] == "refused"
        return contact

    def test_the_letter_leads_to_the_rest_and_then_the_change_goes_out(
        self, world: World, half: dict[str, Any]
    ) -> None:
        key = world.contact(half["id"])["external_id"]
        world.base.refusals.clear()
        retry_letters(world.app)
        assert world.push() == {"created": 1}
        assert len(world.contracts(key)) == 1
        assert list_letters(world.app) == []
        assert world.push() == {"updated": 1}
        assert phones_there(world, key) == [NEW]
        assert world.contact(half["id"])["standing"] == "in_accounting"

    def test_given_up_the_change_goes_out_without_the_rest(self, world: World, half: dict[str, Any]) -> None:
        key = world.contact(half["id"])["external_id"]
        (letter,) = list_letters(world.app)
        discard_letter(world.app, letter["number"], "no contract for him")
        assert world.push() == {"updated": 1}
        assert (phones_there(world, key), world.contracts(key)) == ([NEW], [])

    def test_a_change_that_was_planned_before_settles_nothing(self, world: World, half: dict[str, Any]) -> None:
        """As a store that an earlier version has left behind."""
        with world.app.engine.begin() as conn:
            row = world.row(half["id"])
            intents.add(conn, world.clock.now(), "accounting", row["id"], state="due", action="update")
        assert world.push() == {}
        assert changes(world) == []
        assert len(list_letters(world.app)) == 1
        assert world.contact(half["id"])["standing"] == "refused"
        world.base.refusals.clear()
        with world.app.engine.begin() as conn:
            intents.add(conn, world.clock.now(), "accounting", row["id"], state="waiting", action="update")
        retry_letters(world.app)
        assert world.push() == {"created": 1}
        assert world.push() == {"updated": 1}


def test_news_there_is_not_lost_when_we_write(world: World) -> None:
    """The card was changed there and not read yet: our own write must not make that an echo."""
    contact, key = client(world)
    world.base.change(PARTIES, key, {"КПП": "770701002"})
    set_contact(world.app, contact["id"], phones=[NEW])
    assert world.push() == {"updated": 1}
    assert (phones_there(world, key), world.contact(contact["id"])["kpp"]) == ([NEW], "770701002")


def test_it_is_changed_there_while_we_write(world: World) -> None:
    """The version that the change was decided on is not the one that is there: looked at again."""
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    met: list[str] = []

    def meddle(point: str) -> None:
        if point == "send.before" and not met:
            met.append(point)
            world.base.change(PARTIES, key, {"КПП": "770701003"})

    assert world.push(fault=meddle) == {"updated": 1}
    assert met
    assert (world.base.get(PARTIES, key)["КПП"], world.contact(contact["id"])["kpp"]) == ("770701003", "770701003")
    assert phones_there(world, key) == [NEW]
    assert len(changes(world)) == 1


def test_a_card_that_is_changed_all_the_time_waits_with_nothing_sent(world: World) -> None:
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    codes = iter(range(770701003, 770701100))

    def meddle(point: str) -> None:
        if point == "send.before":
            world.base.change(PARTIES, key, {"КПП": str(next(codes))})

    assert world.push(fault=meddle) == {}
    row = world.intents()[-1]
    assert (row["state"], [step["state"] for step in row["steps"]]) == ("due", ["new"])
    assert changes(world) == []


def test_a_change_here_while_we_write_goes_out_too(world: World) -> None:
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    met: list[str] = []

    def meddle(point: str) -> None:
        if point == "send.after" and not met:
            met.append(point)
            set_contact(world.app, contact["id"], phones=[OTHER], emails=["a@b.ru"])

    assert world.push(fault=meddle) == {"updated": 1}
    assert world.push() == {"updated": 1}
    assert phones_there(world, key) == [OTHER]
    assert world.push() == {}


def test_a_change_here_while_the_card_is_made_goes_out_too(world: World) -> None:
    contact = world.add(tax_id=INN, phones=[OLD])
    met: list[str] = []

    def meddle(point: str) -> None:
        if point == "send.after" and not met:
            met.append(point)
            set_contact(world.app, contact["id"], phones=[NEW])

    assert world.push(fault=meddle) == {"created": 1}
    assert world.push() == {"updated": 1}
    assert phones_there(world, str(world.contact(contact["id"])["external_id"])) == [NEW]
