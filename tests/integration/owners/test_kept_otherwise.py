"""A list that accounting keeps otherwise than it was sent: what is taken away later stays away, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sync.push.contacts import set_contact
from tests.integration.owners.phones import NEW, OLD, OTHER, changes, client, phones_there, set_there
from tests.integration.sync_push.world import World

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql("test_a_number_that_is_taken_away_here_stays_away")

Rows = list[dict[str, Any]]


def _drop(rows: Rows) -> Rows:
    """No more than two phones."""
    return rows[:2]


def _spell(rows: Rows) -> Rows:
    """The first phone in words of its own, which are read as another number."""
    return [row | {"Представление": f"{OLD};ext=9"} if row["Представление"] == OLD else row for row in rows]


def _tidy(world: World, how: Callable[[Rows], Rows]) -> None:
    """An event handler of the base that changes what comes from outside as it is written."""
    change = world.base.change

    def changed(set_name: str, key: str, fields: dict[str, Any], **options: Any) -> Any:
        rows = fields.get("КонтактнаяИнформация")
        if options.get("lenient") and rows is not None:
            phones = [row for row in rows if row["Тип"] == "Телефон"]
            others = [row for row in rows if row["Тип"] != "Телефон"]
            fields = fields | {"КонтактнаяИнформация": others + how(phones)}
        return change(set_name, key, fields, **options)

    world.base.change = changed  # type: ignore[method-assign, assignment]


def _written(world: World, how: Callable[[Rows], Rows], *numbers: str) -> tuple[str, str]:
    """A client whose phones were changed here to these and are kept otherwise there."""
    contact, key = client(world)
    _tidy(world, how)
    set_contact(world.app, contact["id"], phones=list(numbers))
    assert world.push() == {"updated": 1}
    assert set(phones_there(world, key)) != set(numbers)
    assert world.contact(contact["id"])["phones"] == list(numbers)
    assert world.push() == {}
    return contact["id"], key


@pytest.mark.parametrize("how", [_drop, _spell])
def test_a_number_that_is_taken_away_here_stays_away(world: World, how: Callable[[Rows], Rows]) -> None:
    contact, key = _written(world, how, OLD, NEW, OTHER)
    set_contact(world.app, contact, phones=[NEW, OTHER])
    assert world.push() == {"updated": 1}
    assert sorted(phones_there(world, key)) == sorted([NEW, OTHER])
    assert world.contact(contact)["phones"] == [NEW, OTHER]
    assert world.push() == {}


def test_a_number_that_is_spelt_otherwise_there_is_not_taken_for_a_second_one(world: World) -> None:
    contact, key = _written(world, _spell, OLD, NEW)
    set_contact(world.app, contact, phones=[OLD, NEW, OTHER])
    assert world.push() == {"updated": 1}
    assert sorted(phones_there(world, key)) == sorted([f"{OLD};ext=9", NEW, OTHER])
    assert world.contact(contact)["phones"] == [OLD, NEW, OTHER]


def test_what_was_not_kept_there_stays_here_when_its_people_change_the_list(world: World) -> None:
    """Taken away there is gone here; what was never kept there was taken away by nobody, and is not sent once more."""
    contact, key = _written(world, _drop, OLD, NEW, OTHER)
    set_there(world, key, NEW)
    world.pull(key)
    sent = len(changes(world))
    assert world.contact(contact)["phones"] == [NEW, OTHER]
    assert world.push() == {}
    assert (len(changes(world)), phones_there(world, key)) == (sent, [NEW])


def test_when_both_have_changed_it_nothing_is_lost(world: World) -> None:
    contact, key = _written(world, _drop, OLD, NEW, OTHER)
    more = "+73431234567"
    set_there(world, key, OLD, more)
    set_contact(world.app, contact, phones=[OLD, NEW, OTHER, "+73832223344"])
    world.push()
    assert set(world.contact(contact)["phones"]) == {OLD, NEW, OTHER, more, "+73832223344"}
    assert world.push() == {}
