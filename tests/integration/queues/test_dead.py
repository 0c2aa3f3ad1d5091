"""Scenario 6 and what people do with letters: grouped by cause, mended by hand, given up, opened anew."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.errors import SverkaError, UsageError
from sandbox.onec.schema import PARTIES
from store.entities import counterparties, entity_tables, line_tables
from store.tables import audit, binding, dead_letter, intent
from sync import letters
from sync.push.contacts import add_contact, set_contact
from tests.integration.sync_pull.test_letters import ABSURD, SALE, sales
from tests.integration.sync_pull.world import World, line, rows, states

INN = "7707083893"


def break_one(world: World, **fields: Any) -> tuple[str, int]:
    """A shipment that cannot be read; its key and its letter."""
    world.sync(kind="schedule")
    key = next(one for one in sales(world) if states(world, "shipment")[one] == "bound")
    world.base.change(SALE, key, fields or {"СуммаДокумента": ABSURD}, repost=False)
    world.tick(60)
    world.sync(status="partial", kind="schedule")
    return key, letters.list_letters(world.app)[0]["number"]


def shipment(world: World, key: str) -> dict[str, Any]:
    (bound,) = rows(world, binding, entity="shipment", external_id=key)
    return rows(world, entity_tables["shipment"], id=bound["entity_id"])[0]


def said(world: World, what: str) -> list[dict[str, Any]]:
    return rows(world, audit, what=what)


def test_one_percent_poison_of_several_causes(build: Callable[..., World]) -> None:
    """The other 99 % are applied; each cause is one group, whatever the numbers, keys and words in its reasons."""
    world = build(documents=400)
    world.sync()
    keys = [key for key in sales(world) if states(world, "shipment")[key] == "bound"]
    good = {key: world.base.get(SALE, key) for key in keys}
    causes: list[dict[str, Any]] = [
        {"СуммаДокумента": ABSURD + 1}, {"СуммаДокумента": ABSURD * 7},
        {"Date": "0001-01-01T00:00:00"}, {"Date": "0001-01-01T00:00:00"},
    ]  # fmt: skip
    bad = dict(zip(keys, causes, strict=False))
    for key, fields in bad.items():
        world.base.change(SALE, key, fields, repost=False)
    for key in keys[len(bad) :]:
        world.base.change(SALE, key, {"Комментарий": "проверено"}, repost=False)
    world.tick()
    counted = line(world.sync(status="partial", entity="shipment"), "shipment")
    assert counted["dead"] == len(bad)
    comments = {row["comment"] for row in rows(world, entity_tables["shipment"]) if row["comment"]}
    assert "проверено" in comments and counted["updated"] >= len(keys) - len(bad)
    groups = letters.list_groups(world.app)
    assert [group["letters"] for group in groups] == [2, 2]
    assert len({group["group"] for group in groups}) == 2
    for letter in letters.list_letters(world.app, group=groups[0]["group"]):
        assert letter["group"] == groups[0]["group"] and letter["reason"] and letter["next_step"]
    for key in bad:
        fields = {name: good[key][name] for name in ("СуммаДокумента", "Date")}
        world.base.change(SALE, key, fields, repost=False)
    world.tick()
    world.sync()
    assert letters.list_groups(world.app) == []
    assert {row["state"] for row in rows(world, dead_letter)} == {"resolved"}


def test_a_letter_holds_all_that_a_person_needs(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    key, number = break_one(world)
    letter = letters.load_letter(world.app, number)
    assert (letter["entity"], letter["external_id"], letter["direction"]) == ("shipment", key, "in")
    assert (letter["stage"], letter["error_class"], letter["attempts"]) == ("map", "RecordError", 1)
    assert "believable" in letter["reason"] and "sverka" in letter["next_step"]
    assert key in letter["payload"]["raw"] and letter["mapping_version"] and letter["run_id"]
    assert letter["first_at"] == letter["last_at"] and len(letter["group"]) == letters.GROUP_DIGITS
    assert letter["fingerprint"].startswith(letter["group"])
    for group in ("", "zz"):
        with pytest.raises(UsageError, match="no group"):
            letters.list_letters(world.app, group=group)


def test_edited_is_applied_as_edited_and_stays_until_the_source_changes(build: Callable[..., World]) -> None:
    world = build(documents=30)
    key, number = break_one(world)
    edited = letters.edit_letter(world.app, number, {"amount": "1200.50", "date": "2025-05-06T07:08:09"}, who="anna")
    assert edited["edited"]["by"] == "anna" and edited["state"] == "retrying"
    assert str(ABSURD) in edited["payload"]["raw"], "the original stays"
    world.sync(kind="retry")
    row = shipment(world, key)
    assert row["amount"] == Decimal("1200.50")
    assert row["date"] == datetime(2025, 5, 6, 4, 8, 9, tzinfo=UTC), "the wall clock of Moscow"
    assert row["marks"]["edited"] == f"amount, date set by hand, letter {number}"
    assert letters.load_letter(world.app, number)["state"] == "resolved"
    assert [one["who"] for one in said(world, "dead.edit")] == ["anna"]

    world.base.touch(SALE, key)
    world.tick()
    world.sync(kind="schedule")
    assert shipment(world, key)["amount"] == Decimal("1200.50"), "the same content is the same record"
    assert letters.list_letters(world.app) == []

    world.base.change(SALE, key, {"СуммаДокумента": 77}, repost=False)
    world.tick()
    world.sync(kind="schedule")
    assert (shipment(world, key)["amount"], shipment(world, key)["marks"]) == (Decimal(77), None)
    (over,) = said(world, "dead.edit-superseded")
    assert over["before"]["edited"]["amount"] == "1200.50" and "changed at the source" in over["after"]["reason"]


def test_rows_references_and_emptiness_can_be_given(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    key, number = break_one(world)
    product = next(iter(states(world, "product")))
    items = [{"description": "по договорённости", "quantity": "2", "amount": "10.10", "product": product}]
    letters.edit_letter(world.app, number, {"amount": 10, "comment": "", "contract": None, "lines": items})
    letters.edit_letter(world.app, number, {"amount": "10.10"})
    world.sync(kind="retry")
    row = shipment(world, key)
    assert (row["amount"], row["comment"], row["contract_id"]) == (Decimal("10.10"), None, None)
    (first,) = rows(world, line_tables["shipment", "lines"], shipment_id=row["id"])
    assert (first["quantity"], first["amount"], first["description"]) == (2, Decimal("10.10"), "по договорённости")
    assert first["product_id"] is not None


def test_a_record_is_tried_once_a_run_also_where_another_refers_to_it(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=30)
    key, number = break_one(world)
    nameless = world.base.create("Catalog_Номенклатура", {"Description": ""})
    world.tick(60)
    assert line(world.sync(status="partial", kind="schedule"), "product")["dead"] == 1
    items = [{"quantity": "1", "amount": "10.10", "product": nameless}]
    letters.edit_letter(world.app, number, {"amount": "10.10", "lines": items})
    letters.retry_letters(world.app)
    counted = world.sync(status="partial")
    product = line(counted, "product")
    assert (product["read"], product["dead"]) == (1, 1)
    (letter,) = letters.list_letters(world.app)
    assert (letter["external_id"], letter["attempts"]) == (nameless, 2)
    assert shipment(world, key)["amount"] == Decimal("10.10")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"amount": "много", "date": "вчера"}, ["amount: ", "date: "]),
        ({"amount": ""}, ["every record of its kind must have it"]),
        ({"summa": "1"}, ["there is no field summa", "A shipment has: number, date"]),
        ({"lines": "1"}, ["list of rows"]),
        ({"lines": [{"quantity": "два"}]}, ["lines, row 1: quantity: "]),
        ({"counterparty": 5}, ["key of the record there"]),
        ({}, ["what is to be changed"]),
    ],
)
def test_values_that_do_not_fit_are_refused_all_at_once(
    build_sqlite: Callable[..., World], values: dict[str, Any], told: list[str]
) -> None:
    world = build_sqlite(documents=20)
    _, number = break_one(world)
    with pytest.raises(UsageError) as caught:
        letters.edit_letter(world.app, number, values)
    assert all(text in caught.value.message for text in told), caught.value.message
    assert rows(world, dead_letter)[0]["edited"] is None and said(world, "dead.edit") == []


def test_given_up_stays_given_up_until_the_record_changes(build: Callable[..., World]) -> None:
    world = build(documents=30)
    key, number = break_one(world)
    with pytest.raises(UsageError, match="Say why"):
        letters.discard_letter(world.app, number, "  ")
    letters.discard_letter(world.app, number, "a test document", who="anna")
    letter = letters.load_letter(world.app, number)
    assert (letter["state"], letter["note"], letter["decided_by"]) == ("discarded", "a test document", "anna")
    assert letter["decided_at"] == world.clock.now() and said(world, "dead.discard")
    world.base.touch(SALE, key)
    world.tick()
    assert line(world.sync(kind="schedule"), "shipment") == {"read": 1, "filtered": 1}
    assert letters.list_letters(world.app) == []
    for repeat in (letters.retry_letters, lambda app, number: letters.edit_letter(app, number, {"amount": "1"})):
        with pytest.raises(UsageError):
            repeat(world.app, number=number)
    world.base.change(SALE, key, {"СуммаДокумента": ABSURD * 2}, repost=False)
    world.tick()
    assert line(world.sync(status="partial", kind="schedule"), "shipment") == {"read": 1, "dead": 1}
    (anew,) = letters.list_letters(world.app)
    assert anew["number"] != number and letters.load_letter(world.app, number)["state"] == "discarded"


def test_two_people_settle_one_letter_at_once(build: Callable[..., World]) -> None:
    world = build(documents=20)
    _, number = break_one(world)
    gate, outcomes = threading.Barrier(2), list[str]()

    def give_up(who: str) -> None:
        gate.wait()
        try:
            letters.discard_letter(world.app, number, f"says {who}", who=who)
            outcomes.append("done")
        except SverkaError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=give_up, args=(who,)) for who in ("anna", "boris")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == 1 and len(said(world, "dead.discard")) == 1


def refused(world: World) -> int:
    """A client whose card accounting refuses for its short name; the letter."""
    world.base.refusals.append(
        lambda name, fields: (
            f"Наименование {fields['Description']!r} занято"
            if name == PARTIES and fields["Description"] in ("ООО Ромашка", "ООО Василёк")
            else None
        )
    )
    add_contact(world.app, name="ООО Ромашка", tax_id=INN, status="client")
    world.sync(status="partial", kind="push")
    return int(letters.list_letters(world.app)[0]["number"])


def test_a_write_is_mended_by_hand_and_sent_as_mended(build: Callable[..., World]) -> None:
    world = build(documents=12, write="on")
    world.sync()
    number = refused(world)
    with pytest.raises(UsageError, match="is no list of rows"):
        letters.edit_letter(world.app, number, {"Description": ["x"]})
    letters.edit_letter(world.app, number, {"Description": "Ромашка (Тверь)", "Комментарий": "по письму"}, who="anna")
    letter = letters.load_letter(world.app, number)
    assert "ООО Ромашка" in letter["payload"]["raw"] and letter["edited"]["values"]["Description"] == "Ромашка (Тверь)"
    world.sync(kind="retry")
    (card,) = [row for row in world.base.truth_documents(PARTIES) if row["ИНН"] == INN]
    assert card["Description"] == "Ромашка (Тверь)"
    assert card["Комментарий"].startswith("по письму [sverka:"), "our mark stays, or a lost answer could not be found"
    assert letters.load_letter(world.app, number)["state"] == "resolved"
    assert rows(world, counterparties, tax_id=INN)[0]["name"] == "ООО Ромашка"


def test_a_contact_changed_since_is_sent_as_it_is_now(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12, write="on")
    world.sync()
    number = refused(world)
    letters.edit_letter(world.app, number, {"Description": "Ромашка (Тверь)"})
    set_contact(world.app, INN, name="ООО Лютик")
    world.sync(kind="retry")
    (card,) = [row for row in world.base.truth_documents(PARTIES) if row["ИНН"] == INN]
    assert card["Description"] == "ООО Лютик"
    (over,) = said(world, "dead.edit-superseded")
    assert "contact was changed" in over["after"]["reason"]


def test_a_refused_write_is_given_up_with_its_letter(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12, write="on")
    world.sync()
    number = refused(world)
    letters.discard_letter(world.app, number, "not ours")
    assert rows(world, intent)[0]["state"] == "discarded"
    with pytest.raises(UsageError):
        letters.retry_letters(world.app, number=number)
    assert world.sync(kind="retry").lines == []
    set_contact(world.app, INN, status="client")
    world.sync(status="partial", kind="push")
    assert len(letters.list_letters(world.app)) == 1, "made client anew: a new decision, and a new letter"


def test_a_refused_write_that_nobody_wants_any_more_closes_its_letter(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12, write="on")
    world.sync()
    number = refused(world)
    set_contact(world.app, INN, status="former")
    letters.retry_letters(world.app, number=number)
    world.sync(kind="retry")
    assert letters.load_letter(world.app, number)["state"] == "resolved"
    assert rows(world, intent)[0]["state"] == "discarded"


def test_a_refused_write_is_tried_again_by_itself(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12, write="on")
    world.sync()
    number = refused(world)
    world.base.refusals.clear()
    assert world.sync(kind="retry").lines == [], "not before its time"
    world.clock.move(letters.load_letter(world.app, number)["next_attempt_at"] - world.clock.now())
    world.sync(kind="retry")
    assert letters.load_letter(world.app, number)["state"] == "resolved"
    assert len([row for row in world.base.truth_documents(PARTIES) if row["ИНН"] == INN]) == 1
