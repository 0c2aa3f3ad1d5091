"""Writing is a decision: off, review, on. What waits, what is refused, what two workers do, what comes back."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from sqlalchemy import select, update

from core.errors import TransientError, UsageError
from sandbox.onec.schema import CONTRACTS, PARTIES
from store.engine import open_engine
from store.tables import dead_letter, request
from sync import letters
from sync.context import App, Order
from sync.push import intents, reviews
from sync.push.contacts import add_contact, set_contact
from tests.integration.sync_push.world import INN, OTHER_INN, World, party

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_review_puts_every_intent_before_a_person",
    "test_the_contract_is_refused_and_resumed_without_a_second_card",
    "test_a_dry_run_sends_nothing_and_writes_nothing",
    "test_two_people_add_the_same_inn_at_once",
    "test_two_workers_at_once_make_one_counterparty",
    "test_own_write_and_a_link_come_back_as_echo",
    "test_a_letter_is_not_discarded_while_its_write_may_have_arrived",
)


def test_off_sends_nothing_but_reads(world: World) -> None:
    world.configure(write="off")
    contact = world.add(tax_id=INN)
    assert world.state_of(contact)[0] == "waiting"
    assert world.push() == {}
    assert "write = off" in world.state_of(contact)[1]
    assert world.writes() == []
    world.configure(write="on")
    assert world.push() == {"created": 1}


def test_review_puts_every_intent_before_a_person(world: World) -> None:
    world.configure(write="review")
    contact = world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    assert world.push() == {}
    assert world.writes() == []
    (review,) = reviews.list_reviews(world.app)
    assert (review["kind"], review["name"], review["inn"]) == ("approval", "ООО Ромашка", INN)
    decided = reviews.create_review(world.app, review["number"], who="anna")
    assert (decided["state"], decided["decided_by"]) == ("created", "anna")
    assert world.push() == {"created": 1}
    assert world.state_of(contact)[0] == "in_accounting"
    assert reviews.list_reviews(world.app) == []


def test_review_shows_whom_it_would_link_to(world: World) -> None:
    world.configure(write="review")
    key = world.base.create(PARTIES, party())
    world.add(tax_id=INN)
    assert world.push() == {"review": 1}
    (review,) = reviews.list_reviews(world.app)
    assert [item["external_id"] for item in review["candidates"]] == [key]
    reviews.link_review(world.app, review["number"])
    assert world.push() == {"linked": 1}
    assert world.writes() == []
    with pytest.raises(UsageError, match="decided already"):
        reviews.link_review(world.app, review["number"])


def test_a_twin_that_appeared_after_approval_is_refused(world: World) -> None:
    world.configure(write="review")
    world.add(tax_id=INN)
    world.push()
    (review,) = reviews.list_reviews(world.app)
    reviews.create_review(world.app, review["number"])
    world.base.create(PARTIES, party())
    assert world.push() == {"review": 1}
    assert len(world.cards()) == 1
    (again,) = reviews.list_reviews(world.app)
    reviews.create_review(world.app, again["number"], force=True)
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 2


def test_a_dismissed_contact_is_left_alone_until_made_client_anew(world: World) -> None:
    world.configure(write="review")
    contact = world.add(tax_id=INN)
    world.push()
    (review,) = reviews.list_reviews(world.app)
    reviews.dismiss_review(world.app, review["number"], "not ours")
    assert world.push() == {}
    assert world.state_of(contact)[0] == "client"
    set_contact(world.app, contact["id"], status="client")
    assert world.push() == {"review": 1}


def test_a_chosen_card_that_is_not_there_is_asked_again(world: World) -> None:
    world.configure(write="review")
    world.add(tax_id=INN)
    world.push()
    (review,) = reviews.list_reviews(world.app)
    reviews.link_review(world.app, review["number"], "11111111-1111-1111-1111-111111111111")
    assert world.push() == {"review": 1}
    (again,) = reviews.list_reviews(world.app)
    assert "not in accounting" in again["reason"]
    reviews.create_review(world.app, again["number"])
    assert world.push() == {"created": 1}


def test_waits_for_the_inn_then_gets_it(world: World) -> None:
    contact = world.add()
    assert world.state_of(contact) == ("waiting", "waits for the INN (10 digits)")
    assert world.push() == {}
    with world.app.engine.connect() as conn:
        assert conn.execute(select(request)).all() == []
    changed = set_contact(world.app, contact["id"], tax_id=INN)
    assert changed["standing"] == "due"
    with world.app.engine.connect() as conn:
        (row,) = conn.execute(select(request)).all()
    assert (row.kind, row.connection, row.done_at) == ("push", "accounting", None)
    assert world.push() == {"created": 1}


def test_a_lead_is_not_written_and_a_former_client_is_withdrawn(world: World) -> None:
    lead = world.add(tax_id=INN, status="lead")
    assert (world.push(), world.state_of(lead)[0]) == ({}, "lead")
    set_contact(world.app, INN, status="client")
    set_contact(world.app, INN, status="former")
    assert world.push() == {}
    assert world.cards() == []


def test_refused_is_a_letter_and_is_tried_again_when_asked(world: World) -> None:
    world.base.refusals.append(lambda name, fields: "Дата запрета изменения" if name == PARTIES else None)
    contact = world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    assert world.push() == {}
    (letter,) = letters.list_letters(world.app)
    assert (letter["direction"], letter["external_id"]) == ("out", contact["id"])
    assert "Дата запрета" in letter["reason"]
    assert world.state_of(contact)[0] == "refused"
    letters.retry_letters(world.app, number=letter["number"])
    assert world.push() == {"dead": 1}
    world.base.refusals.clear()
    letters.retry_letters(world.app, number=letter["number"])
    assert world.push() == {"created": 1}
    assert letters.list_letters(world.app) == []


def test_the_contract_is_refused_and_resumed_without_a_second_card(world: World) -> None:
    world.base.refusals.append(lambda name, fields: "Договоры запрещены" if name == CONTRACTS else None)
    contact = world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    (card,) = world.cards()
    assert world.contact(contact["id"])["external_id"] == card["Ref_Key"]
    assert world.state_of(contact)[0] == "refused"
    world.base.refusals.clear()
    letters.retry_letters(world.app)
    assert world.push() == {"created": 1}
    assert len(world.cards()) == 1
    assert len(world.contracts(card["Ref_Key"])) == 1
    assert letters.list_letters(world.app) == []


def test_a_busy_accounting_is_tried_later_and_one_bad_record_stops_nobody(world: World) -> None:
    world.server.faults.add("error", error="locked", method="POST", path=PARTIES, times=1)
    world.add(tax_id=INN)
    world.add("ООО Лютик", tax_id=OTHER_INN)
    assert world.push() == {"created": 1}
    assert world.contexts[-1].partial
    assert world.push(order=Order(kind="schedule")) == {}
    world.clock.sleep(3600)
    assert world.push() == {"created": 1}
    assert world.push() == {}


def test_a_silent_accounting_stops_the_run(world: World) -> None:
    world.server.faults.add("error", error="unavailable")
    for number in range(4):
        add_contact(world.app, name=f"Клиент {number}", phones=[f"+7495123456{number}"], kind="person", status="client")
    with pytest.raises(TransientError):
        world.push()
    assert Counter(row["state"] for row in world.intents()) == {"due": 4}
    assert sum(row["attempts"] for row in world.intents()) == 3


def test_a_dry_run_sends_nothing_and_writes_nothing(world: World) -> None:
    world.add(tax_id=INN)
    before = world.intents()
    assert world.push(order=Order(dry_run=True)) == {}
    assert world.intents() == before
    assert world.writes() == []
    assert any("would create" in notice for notice in world.notices)


def test_what_accounting_cut_is_said(world: World) -> None:
    world.add(tax_id=INN, registration_code="770701001-филиал")
    assert world.push() == {"created": 1}
    (card,) = world.cards()
    assert len(card["КПП"]) == 9
    assert any("otherwise than it was sent: КПП" in notice for notice in world.notices)
    (intent,) = world.intents()
    assert "КПП" in intent["reason"]


def test_a_card_marked_for_deletion_is_told(world: World) -> None:
    contact = world.add(tax_id=INN)
    world.push()
    key = world.contact(contact["id"])["external_id"]
    world.base.mark(PARTIES, key)
    assert world.pull(key) == {"deleted": 1}
    assert world.state_of(contact) == ("deleted", "its card in accounting is marked for deletion")


def test_two_people_add_the_same_inn_at_once(world: World) -> None:
    gate = threading.Barrier(2)
    added: list[str] = []

    def add(name: str) -> None:
        gate.wait()
        added.append(add_contact(world.app, name=name, tax_id=INN, status="client")["id"])

    threads = [threading.Thread(target=add, args=(name,)) for name in ("Ромашка", "ООО Ромашка")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 2
    assert len(set(added)) == 1
    assert len(world.intents()) == 1


def test_two_workers_at_once_make_one_counterparty(world: World) -> None:
    world.add(tax_id=INN)
    engine = open_engine(world.app.engine.url.render_as_string(hide_password=False))
    other = App(world.app.settings, engine, world.clock, "other")
    gate = threading.Barrier(2)
    counts: list[dict[str, int]] = []

    def start(app: App) -> None:
        gate.wait()
        counts.append(world.push(app=app))

    threads = [threading.Thread(target=start, args=(app,)) for app in (world.app, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert sorted(counts, key=len) == [{}, {"created": 1}]
    assert len(world.cards()) == 1


def test_own_write_and_a_link_come_back_as_echo(world: World) -> None:
    contact = world.add(tax_id=INN, phones=["+74951234567"])
    world.push()
    key = world.contact(contact["id"])["external_id"]
    assert world.pull(key) == {"filtered": 1}
    world.base.touch(PARTIES, key)
    assert world.pull(key) == {"filtered": 1}
    world.base.change(PARTIES, key, {"Description": "Ромашка по-новому"})
    assert world.pull(key) == {"updated": 1}
    assert world.row(contact["id"])["name"] == "Ромашка по-новому"
    world.base.change(PARTIES, key, {"Description": "ООО Ромашка"})
    assert world.pull(key) == {"updated": 1}
    assert world.row(contact["id"])["name"] == "ООО Ромашка"


def test_a_contact_already_in_accounting_is_unchanged(world: World) -> None:
    contact = world.add(tax_id=INN)
    world.push()
    entity_id = world.row(contact["id"])["id"]
    with world.app.engine.begin() as conn:
        intents.add(conn, world.clock.now(), "accounting", entity_id, state="due")
    assert world.push() == {"unchanged": 1}
    changed = set_contact(world.app, contact["id"], name="Ромашка и сыновья")
    assert changed["remarks"] == ["Accounting keeps its own values: what it holds already is not changed from here."]
    assert world.push() == {}


def test_a_letter_that_was_discarded_is_not_revived(world: World) -> None:
    world.base.refusals.append(lambda name, fields: "нет" if name == PARTIES else None)
    world.add(tax_id=INN)
    world.push()
    with world.app.engine.begin() as conn:
        conn.execute(update(dead_letter).values(state="discarded"))
    assert world.push() == {}


@pytest.mark.parametrize("state", ["waiting", "review", "due"])
def test_a_letter_that_is_discarded_takes_its_write_along(world: World, state: str) -> None:
    """Tried again, the write got no farther than this; the letter is still open, and a person gives it up."""
    world.server.faults.add("error", error="refused", method="POST", path=PARTIES, times=1)
    contact = world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    if state == "due":
        world.server.faults.add("error", error="locked", method="POST", path=PARTIES, times=1)
    else:
        world.configure(write={"waiting": "off", "review": "review"}[state])
    letters.retry_letters(world.app)
    world.push()
    assert world.intents()[-1]["state"] == state
    (letter,) = letters.list_letters(world.app)
    letters.discard_letter(world.app, letter["number"], "not a customer after all")
    assert world.intents()[-1]["state"] == "discarded"
    assert reviews.list_reviews(world.app) == []
    world.configure(write="on")
    assert world.push() == {}
    assert (world.cards(), world.contact(contact["id"])["external_id"]) == ([], None)


def test_a_letter_is_not_discarded_while_its_write_may_have_arrived(world: World) -> None:
    world.server.faults.add("error", error="refused", method="POST", path=PARTIES, times=1)
    world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    world.server.faults.add("drop_before", method="POST", path=PARTIES, times=1)
    letters.retry_letters(world.app)
    assert world.push() == {"uncertain": 1}
    (letter,) = letters.list_letters(world.app)
    with pytest.raises(UsageError, match="not answered"):
        letters.discard_letter(world.app, letter["number"], "away with it")
    assert (len(letters.list_letters(world.app)), world.intents()[-1]["state"]) == (1, "uncertain")
