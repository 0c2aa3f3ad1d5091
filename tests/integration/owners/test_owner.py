"""Whose value a field has, between the store (where contacts are kept) and one accounting (design §5-9)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.errors import UsageError
from mapping.rules import parse_mapping
from sandbox.onec.schema import PARTIES
from store.engine import reading
from store.tables import audit, review
from store.versions import ensure_published
from sync.context import Order
from sync.letters import list_letters
from sync.owners.conflicts import keep_review, take_review
from sync.push.contacts import set_contact
from sync.push.reviews import create_review, list_reviews
from tests.integration.sync_push.world import INN, World, party

OLD, NEW, OTHER = "+74951234567", "+79161112233", "+78127654321"


def own(world: World, owner: str, direction: str = "both") -> None:
    """The base's mapping with phones of another owner."""
    rule = (
        '{ from = "КонтактнаяИнформация[Тип=Телефон].Представление|НомерТелефона", '
        f'steps = [{{ do = "phones", country = "@country" }}], owner = "{owner}", direction = "{direction}" }}'
    )
    text = f'extends = "bp30"\n[parts.contacts.fields]\nphones = {rule}\n'
    world.mapping = parse_mapping(text, "own.toml")
    ensure_published(world.app.engine, "own", world.mapping.text, "test", version=world.mapping.version)
    world.configure(mapping="own")


def phone_row(number: str, note: str = "") -> dict[str, Any]:
    return {"Тип": "Телефон", "Представление": number, "НомерТелефона": number.strip("+")} | (
        {"ВидДляСписка_Key": note} if note else {}
    )


def client(world: World, **fields: Any) -> tuple[dict[str, Any], str]:
    """A client who is in accounting; the contact and his card's key."""
    contact = world.add(tax_id=INN, **({"phones": [OLD]} | fields))
    assert world.push() == {"created": 1}
    return contact, str(world.contact(contact["id"])["external_id"])


def phones_there(world: World, key: str) -> list[str]:
    rows = world.base.get(PARTIES, key).get("КонтактнаяИнформация") or []
    return [str(row["Представление"]) for row in rows if row["Тип"] == "Телефон"]


def set_there(world: World, key: str, *numbers: str) -> None:
    rows = [row for row in world.base.get(PARTIES, key).get("КонтактнаяИнформация") or [] if row["Тип"] != "Телефон"]
    world.base.change(PARTIES, key, {"КонтактнаяИнформация": rows + [phone_row(number) for number in numbers]})


def overruled(world: World) -> list[tuple[Any, Any]]:
    with reading(world.app.engine) as conn:
        rows = conn.execute(select(audit).where(audit.c.what == "field.overruled").order_by(audit.c.id)).mappings()
        return [(row["before"].get("phones"), row["after"].get("phones")) for row in rows]


def changes(world: World) -> list[str]:
    return [f"{item.method} {item.path}" for item in world.server.requests if item.method == "PATCH"]


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
    assert phones_there(world, key) == [NEW]


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
