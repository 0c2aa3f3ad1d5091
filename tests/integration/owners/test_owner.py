"""Whose value a field has, between the store (where contacts are kept) and one accounting (design §5-9)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.errors import UsageError
from sandbox.onec.schema import PARTIES
from store.engine import reading
from store.tables import review
from sync.owners.conflicts import keep_review, take_review
from sync.push.contacts import set_contact
from sync.push.reviews import create_review, list_reviews
from tests.integration.owners.phones import (
    NEW,
    OLD,
    OTHER,
    changes,
    client,
    overruled,
    own,
    phone_row,
    phones_there,
    set_there,
)
from tests.integration.sync_push.world import INN, World, party

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_change_here_goes_into_the_card_that_is_there_once",
    "test_whoever_changed_it_last_is_right",
    "test_both_changed_it_what_was_read_last_counts_and_the_audit_has_both",
)


def test_a_change_here_goes_into_the_card_that_is_there_once(world: World) -> None:
    contact, key = client(world)
    before = world.base.get(PARTIES, key)
    remarks = set_contact(world.app, contact["id"], phones=[OLD, NEW])["remarks"]
    assert remarks == ["accounting: will be told"]
    assert world.push() == {"updated": 1}
    assert phones_there(world, key) == [OLD, NEW]
    after = world.base.get(PARTIES, key)
    silent = {"DataVersion", "КонтактнаяИнформация"}
    assert {name: value for name, value in after.items() if name not in silent} == {
        name: value for name, value in before.items() if name not in silent
    }
    assert world.push() == {}
    assert world.pull(key) == {"filtered": 1}
    assert world.push() == {}
    assert len(changes(world)) == 1


def test_rows_of_others_stay_as_they_are(world: World) -> None:
    contact, key = client(world)
    address = {"Тип": "Адрес", "Представление": "г. Москва, ул. Ленина, 1"}
    noted = phone_row(OLD) | {"Представление": "8 (495) 123-45-67, спросить Анну"}
    world.base.change(PARTIES, key, {"КонтактнаяИнформация": [noted, address]})
    world.pull(key)
    set_contact(world.app, contact["id"], phones=[NEW, OLD])
    assert world.push() == {"updated": 1}
    rows = world.base.get(PARTIES, key)["КонтактнаяИнформация"]
    assert [row["Представление"] for row in rows] == [address["Представление"], NEW, noted["Представление"]]


def test_a_change_there_comes_here(world: World) -> None:
    contact, key = client(world)
    set_there(world, key, NEW)
    assert world.pull(key) == {"updated": 1}
    assert world.contact(contact["id"])["phones"] == [NEW]
    assert overruled(world) == []
    assert world.push() == {}


def test_whoever_changed_it_last_is_right(world: World) -> None:
    """A record whose other fields change does not take back what was changed here."""
    contact, key = client(world)
    world.configure(write="off")
    set_contact(world.app, contact["id"], phones=[NEW])
    world.base.change(PARTIES, key, {"КПП": "770701002"})
    assert world.pull(key) == {"updated": 1}
    shown = world.contact(contact["id"])
    assert (shown["phones"], shown["kpp"]) == ([NEW], "770701002")
    world.configure(write="on")
    assert world.push() == {"updated": 1}
    assert phones_there(world, key) == [NEW]


def test_both_changed_it_what_was_read_last_counts_and_the_audit_has_both(world: World) -> None:
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    set_there(world, key, OTHER)
    assert world.push() == {"unchanged": 1}
    assert world.contact(contact["id"])["phones"] == [OTHER]
    assert phones_there(world, key) == [OTHER]
    assert overruled(world) == [([NEW], [OTHER])]


def test_both_changed_it_to_the_same_is_no_conflict(world: World) -> None:
    own(world, "review")
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    set_there(world, key, NEW)
    assert world.push() == {"unchanged": 1}
    assert (list_reviews(world.app), overruled(world), changes(world)) == ([], [], [])


def test_the_crm_owns_it(world: World) -> None:
    own(world, "crm")
    contact, key = client(world)
    set_there(world, key, OTHER)
    assert world.pull(key) == {"updated": 1}
    assert world.contact(contact["id"])["phones"] == [OLD]
    assert overruled(world) == [([OTHER], [OLD])]
    assert world.push() == {"updated": 1}
    assert phones_there(world, key) == [OLD]


def test_the_crm_owns_it_and_nothing_is_sent(world: World) -> None:
    own(world, "crm", "in")
    contact, key = client(world)
    set_there(world, key, OTHER)
    world.pull(key)
    set_contact(world.app, contact["id"], phones=[NEW])
    assert world.push() == {}
    assert world.contact(contact["id"])["phones"] == [NEW]
    assert phones_there(world, key) == [OTHER]


def test_accounting_owns_it(world: World) -> None:
    own(world, "accounting", "in")
    contact, key = client(world)
    set_contact(world.app, contact["id"], phones=[NEW])
    assert world.push() == {}
    set_there(world, key, OTHER)
    world.pull(key)
    assert world.contact(contact["id"])["phones"] == [OTHER]
    assert overruled(world) == [([NEW], [OTHER])]


@pytest.mark.parametrize("owner", ["accounting", "crm", "newest", "review"])
def test_emptiness_blanks_nothing(world: World, owner: str) -> None:
    own(world, owner)
    contact, key = client(world)
    set_there(world, key)
    world.pull(key)
    assert world.contact(contact["id"])["phones"] == [OLD]
    set_there(world, key, OLD)
    world.pull(key)
    set_contact(world.app, contact["id"], phones=[])
    world.push()
    assert phones_there(world, key) == [OLD]
    world.base.change(PARTIES, key, {"КПП": "770701002"})
    world.pull(key)
    assert world.contact(contact["id"])["phones"] == [OLD]


def test_a_first_link_changes_nothing_on_either_side(world: World) -> None:
    key = world.base.create(PARTIES, party(КонтактнаяИнформация=[phone_row(OTHER)]))
    contact = world.add(tax_id=INN, phones=[OLD])
    assert world.push() == {"linked": 1}
    for _ in range(2):
        assert world.push() == {}
        world.pull(key)
    assert (phones_there(world, key), world.contact(contact["id"])["phones"]) == ([OTHER], [OLD])
    assert any("phones" in text for one in world.contexts for text in one.notices)
    set_contact(world.app, contact["id"], phones=[NEW])
    assert world.push() == {"updated": 1}
    assert sorted(phones_there(world, key)) == sorted([NEW, OTHER]), "nobody has taken theirs away"
    world.pull(key)
    assert sorted(world.contact(contact["id"])["phones"]) == sorted([NEW, OTHER])
    assert world.push() == {}


class TestAPersonDecides:
    @pytest.fixture
    def conflict(self, world: World) -> tuple[dict[str, Any], str, int]:
        own(world, "review")
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        set_there(world, key, OTHER)
        assert world.push() == {"unchanged": 1}
        (row,) = list_reviews(world.app)
        assert row["kind"] == "conflict"
        assert [(one["field"], one["ours"], one["theirs"]) for one in row["candidates"]] == [("phones", [NEW], [OTHER])]
        assert (phones_there(world, key), world.contact(contact["id"])["phones"]) == ([OTHER], [NEW])
        return contact, key, row["number"]

    def test_ours_is_kept(self, world: World, conflict: tuple[dict[str, Any], str, int]) -> None:
        contact, key, number = conflict
        keep_review(world.app, number, who="анна")
        assert world.push() == {"updated": 1}
        assert (phones_there(world, key), world.contact(contact["id"])["phones"]) == ([NEW], [NEW])
        assert self._decided(world) == [("kept", "анна")]

    def test_ours_is_kept_of_a_field_that_is_not_sent_and_that_is_remembered(self, world: World) -> None:
        own(world, "review", "in")
        contact, key = client(world)
        set_contact(world.app, contact["id"], phones=[NEW])
        set_there(world, key, OTHER)
        world.pull(key)
        (row,) = list_reviews(world.app)
        keep_review(world.app, row["number"], who="анна")
        for code in ("770701002", "770701003"):
            world.base.change(PARTIES, key, {"КПП": code})
            world.pull(key)
            assert list_reviews(world.app) == []
        assert (phones_there(world, key), world.contact(contact["id"])["phones"]) == ([OTHER], [NEW])
        set_there(world, key, OLD)
        world.pull(key)
        assert world.contact(contact["id"])["phones"] == [OLD], "what they change later is news"

    def test_theirs_is_taken(self, world: World, conflict: tuple[dict[str, Any], str, int]) -> None:
        contact, key, number = conflict
        take_review(world.app, number, who="анна")
        assert world.push() == {}
        assert (phones_there(world, key), world.contact(contact["id"])["phones"]) == ([OTHER], [OTHER])
        assert self._decided(world) == [("taken", "анна")]
        world.base.change(PARTIES, key, {"КПП": "770701002"})
        world.pull(key)
        assert list_reviews(world.app) == []

    def test_somebody_mends_it_meanwhile(self, world: World, conflict: tuple[dict[str, Any], str, int]) -> None:
        _, key, number = conflict
        set_there(world, key, NEW)
        world.pull(key)
        assert list_reviews(world.app) == []
        with pytest.raises(UsageError, match="decided already"):
            take_review(world.app, number)

    def test_it_is_asked_once_and_brought_up_to_date(
        self, world: World, conflict: tuple[dict[str, Any], str, int]
    ) -> None:
        contact, key, number = conflict
        set_there(world, key, OLD, OTHER)
        world.pull(key)
        (row,) = list_reviews(world.app)
        assert (row["number"], row["candidates"][0]["theirs"]) == (number, [OLD, OTHER])
        assert world.contact(contact["id"])["phones"] == [NEW]

    def test_linking_and_creating_are_refused(self, world: World, conflict: tuple[dict[str, Any], str, int]) -> None:
        with pytest.raises(UsageError, match="which of two values"):
            create_review(world.app, conflict[2])

    @staticmethod
    def _decided(world: World) -> list[tuple[str, str]]:
        with reading(world.app.engine) as conn:
            return [(row.state, row.decided_by) for row in conn.execute(select(review))]
