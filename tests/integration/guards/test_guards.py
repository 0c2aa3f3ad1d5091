"""Each guard of docs/guards.md: what it holds off, and that just this goes wrong when it alone is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24.build import Customer
from sandbox.onec.schema import PARTIES
from store.entities import counterparties
from sync import cycle
from sync.context import App, Order
from sync.cycle import run_cycle
from sync.outbox import record
from sync.owners import recording, settling
from sync.owners.rules import Settled
from sync.pull import decide, guard, sweep
from sync.push import contacts
from sync.room.lease import Lease
from sync.room.opening import open_for
from sync.settle import balances as balance_stage
from tests.integration.circle.clients import parties
from tests.integration.outbox.world import make_circle
from tests.integration.owners.systems import NAMES, TAX_IDS, Systems, make_systems
from tests.integration.sync_pull.world import (
    World,
    assert_balances,
    dump,
    line,
    make_world,
    mirrored,
    rows,
    states,
)

SALE = "Document_РеализацияТоваровУслуг"
BOTH = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "taken-away"])


@pytest.fixture
def worlds(sqlite_url: str, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(make_world(sqlite_url, tmp_path, documents=30, **how))


@pytest.fixture
def systems(sqlite_url: str, tmp_path: Path) -> Iterator[Systems]:
    owners = {name: {"name": "newest", "phones": "crm"} for name in NAMES}
    with make_systems(sqlite_url, tmp_path, owners, customers=1) as made:
        made.cycle()
        yield made


@BOTH
def test_deletion_guard(worlds: Any, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """Somebody empties a set by mistake: nobody is deleted here until a person says so."""
    world: World = worlds(settings="deletion_guard_records = 3\ndeletion_guard_share = 0.05")
    world.sync()
    before = len(mirrored(world, "shipment"))
    gone = [key for key in states(world, "shipment") if world.base.exists(SALE, key)][:6]
    for key in gone:
        world.base.delete(SALE, key)
    if not guarded:
        for user in (guard, sweep):
            monkeypatch.setattr(user, "deletion_limit", lambda *_: 10**9)
    world.tick()
    world.sync(status=None, full=True)
    assert len(mirrored(world, "shipment")) == (before if guarded else before - len(gone))


@BOTH
def test_empty_answer_guard(worlds: Any, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """The register answers 200 with nothing: nobody's debt becomes zero."""
    world: World = worlds()
    world.sync()
    assert_balances(world)
    if not guarded:
        monkeypatch.setattr(balance_stage, "find_doubt", lambda *_: None)
    world.server.faults.add("empty", path=r"/Balance\(")
    world.tick()
    result = world.sync(status=None)
    if guarded:
        assert result.status == "partial"
        assert_balances(world)
    else:
        with pytest.raises(AssertionError):
            assert_balances(world)


@BOTH
def test_hash_guard(worlds: Any, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """A new version with the same content writes nothing but the version."""
    world: World = worlds()
    world.sync()
    key = next(key for key in states(world, "shipment") if world.base.exists(SALE, key))
    before = dump(world.engine)
    world.base.touch(SALE, key)
    if not guarded:
        monkeypatch.setattr(decide, "is_same", lambda *_: False)
    world.tick()
    counted = line(world.sync(), "shipment")
    after = dump(world.engine)
    changed = {table for table in before if before[table] != after[table]}
    if guarded:
        assert (counted["unchanged"], changed) == (1, {"binding"})
    else:
        assert counted["updated"] == 1
        assert "shipments" in changed


@BOTH
def test_fetch_sequence_guard(worlds: Any, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """What was fetched earlier and arrives later does not overwrite what was fetched later."""
    world: World = worlds()
    world.sync()
    key = next(key for key in states(world, "counterparty") if world.base.exists(PARTIES, key))
    world.base.change(PARTIES, key, {"НаименованиеПолное": "Старое"})
    real = open_for
    held: list[Any] = []

    def opened(*args: Any, **options: Any) -> Any:
        connector: Any = real(*args, **options)
        fetch = connector.fetch_records

        def fetch_late(source: Any, keys: Any) -> Any:
            found = fetch(source, keys)
            if source.name == PARTIES and not held:
                held.append(found)
                world.base.change(PARTIES, key, {"НаименованиеПолное": "Новое"})
                _overtake(world)
            return found

        connector.fetch_records = fetch_late
        return connector

    monkeypatch.setattr(cycle, "open_for", opened)
    monkeypatch.setattr(Lease, "check", lambda *_: None)  # the fence would stop the late one before it comes to that
    if not guarded:
        monkeypatch.setattr(decide, "is_stale", lambda *_: False)
    world.tick()
    world.sync(status=None)
    assert held
    (row,) = [row for row in rows(world, counterparties) if row["legal_name"] in ("Старое", "Новое")]
    assert row["legal_name"] == ("Новое" if guarded else "Старое")


def _overtake(world: World) -> None:
    """Another worker takes over the lease of one that sleeps, and has a whole cycle."""
    world.clock.sleep(40)
    heir = App(world.settings, world.engine, world.clock, "heir")
    assert run_cycle(heir, "accounting", Order()).status in ("ok", "partial")


@BOTH
def test_fence(worlds: Any, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """A worker frozen past its lease wakes up with old balances in its hands: it can no longer write them."""
    world: World = worlds()
    world.sync()
    met: list[str] = []
    written: list[bool] = []
    key = next(key for key in states(world, "shipment") if _is_posted(world, key))
    world.base.unpost(SALE, key)

    def freeze(point: str) -> None:
        if point == "fetch-balances.after" and not met:
            met.append(point)
            world.base.post(SALE, key)
            _overtake(world)
            assert_balances(world)
            met.append("awake")
        elif point == "balance.after" and met[-1:] == ["awake"]:
            written.append(_are_balances_right(world))

    monkeypatch.setattr(cycle, "fault_from_environment", lambda: freeze)
    if not guarded:
        monkeypatch.setattr(Lease, "check", lambda *_: None)
    world.tick()
    result = world.sync(status=None)
    assert met
    if guarded:
        assert (result.status, "taken over" in result.message, written) == ("failed", True, [])
    else:
        assert False in written
    assert _are_balances_right(world) or not guarded


def _are_balances_right(world: World) -> bool:
    try:
        assert_balances(world)
    except AssertionError:
        return False
    return True


def _is_posted(world: World, key: str) -> bool:
    return world.base.exists(SALE, key) and bool(world.base.get(SALE, key)["Posted"])


@BOTH
def test_owner_guard(systems: Systems, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """A field that the CRM owns is not overwritten by accounting."""
    if not guarded:
        monkeypatch.setattr(settling, "settle", lambda rule, who, ours, theirs, seen: Settled(theirs))
    systems.edit("accounting", TAX_IDS[0], "phones", ["+79990000000"])
    systems.cycle("accounting")
    assert systems.row(TAX_IDS[0])["phones"] == (["+74950000000"] if guarded else ["+79990000000"])


@BOTH
def test_echo_guard(systems: Systems, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """Each system adds something of its own to a name that it is given: with the guard that comes to rest, else not."""
    for name in NAMES:
        _tidy(systems, name)
    if not guarded:
        monkeypatch.setattr(recording, "remember_written", lambda done, seen: {"seen": dict(seen)})
    contacts.set_contact(systems.app, systems.row(TAX_IDS[0])["id"], name="Новое Имя")
    sent = []
    for _ in range(6):
        before = systems.writes()
        systems.cycle()
        sent.append(systems.writes() - before)
    assert (sent[2:] == [0, 0, 0, 0]) is guarded
    assert guarded or sum(sent) > len(NAMES), sent


def _tidy(systems: Systems, name: str) -> None:
    """An event handler of the base that changes what comes from outside as it is written."""
    base, numbers = systems.bases[name], count(1)
    change = base.change

    def changed(set_name: str, key: str, fields: dict[str, Any], **options: Any) -> Any:
        if options.get("lenient") and "Description" in fields:
            fields = fields | {"Description": f"{fields['Description']} ({name} {next(numbers)})"[-60:]}
        return change(set_name, key, fields, **options)

    base.change = changed  # type: ignore[method-assign, assignment]


@BOTH
def test_card_echo_guard(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guarded: bool) -> None:
    """A phone that the card had before us goes nowhere because we have written ours beside it."""
    if not guarded:
        monkeypatch.setattr(record, "remember_added", lambda *_: None)
    known = Customer("Покупатель 0", TAX_IDS[0], "770701001", phone="+74952220000")
    with make_circle(sqlite_url, tmp_path, companies=(known,), customers=1) as circle:
        circle.sync("accounting")
        circle.set_up()
        circle.sync("accounting", "crm", status=("ok", "partial"))
        circle.person_does("update", id=circle.companies[0], fields={"title": "Иначе"})
        for _ in range(4):
            circle.sync("accounting", "crm", status=("ok", "partial"))
        (party,) = parties(circle, TAX_IDS[0])
        assert ("+74952220000" in str(party["КонтактнаяИнформация"])) is not guarded
