"""What a push costs where nothing is to be done, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from sandbox.onec.schema import PARTIES
from store.engine import reading
from store.tables import dead_letter
from sync import letters
from sync.context import Order
from sync.room.due import load_due
from tests.integration.store.counting import counting
from tests.integration.sync_push.world import INN, World


def test_what_waits_is_looked_at_with_as_few_questions_whatever_their_number(world: World) -> None:
    asked = []
    for number in (3, 30):
        for index in range(number):
            world.add(f"ООО Ждущее {number} {index}")
        with counting(world.app.engine) as queries:
            assert world.push() == {}
        asked.append(len(queries))
    assert asked[0] == asked[1], asked


def test_a_letter_rests_where_nothing_can_be_sent(world: World) -> None:
    """The mapping no longer says how a customer is written: the letter is not due at every tick for ever."""
    world.server.faults.add("error", error="refused", method="POST", path=PARTIES, times=1)
    world.add(tax_id=INN)
    assert world.push() == {"dead": 1}
    world.mapping = replace(world.mapping, outbound={})
    letters.retry_letters(world.app)
    assert world.push(order=Order(kind="retry")) == {}
    with reading(world.app.engine) as conn:
        assert load_due(conn, world.clock.now()) == {}
        (row,) = conn.execute(select(dead_letter)).mappings().all()
    assert (row["state"], row["attempts"], row["next_attempt_at"] > world.clock.now()) == ("open", 1, True)
