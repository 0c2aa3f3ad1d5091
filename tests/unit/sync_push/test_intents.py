"""The states of an intent: only allowed steps, one claimer, delays that grow under a cap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from core.errors import ConflictError
from store.engine import open_engine
from store.tables import metadata
from sync.push import intents

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = open_engine("sqlite://")
    with engine.begin() as conn:
        metadata.create_all(conn)
        yield conn
    engine.dispose()


def add(conn: Connection, state: str = "due") -> intents.Intent:
    return intents.add(conn, NOW, "accounting", uuid4(), state=state)


@pytest.mark.parametrize("to", sorted(intents.ALLOWED))
@pytest.mark.parametrize("state", sorted(intents.ALLOWED))
def test_only_allowed_steps(conn: Connection, state: str, to: str) -> None:
    intent = add(conn, state)
    if to in intents.ALLOWED[state]:
        intents.move(conn, intent, to, NOW)
        found = intents.load(conn, intent.id)
        assert found is not None
        assert found.state == intent.state == to
    else:
        with pytest.raises(ValueError, match="never goes"):
            intents.move(conn, intent, to, NOW)


def test_done_and_discarded_are_the_end() -> None:
    assert not intents.ALLOWED["done"] | intents.ALLOWED["discarded"]
    assert set(intents.ALLOWED) - {"done", "discarded", "dead"} == intents.OPEN


def test_one_claims_the_other_does_not(conn: Connection) -> None:
    intent = add(conn)
    first = intents.claim(conn, intent.id, "one", NOW, LEASE)
    assert first is not None
    assert (first.state, first.attempts) == ("sending", 1)
    assert intents.claim(conn, intent.id, "two", NOW, LEASE) is None
    assert intents.load_ready(conn, "accounting", NOW) == []
    later = NOW + LEASE
    assert intents.load_ready(conn, "accounting", later) == [intent.id]
    second = intents.claim(conn, intent.id, "two", later, LEASE)
    assert second is not None
    with pytest.raises(ConflictError):
        intents.move(conn, first, "done", later)
    intents.move(conn, second, "done", later)
    assert (second.owner, second.until) == (None, None)


def test_the_database_allows_one_open_intent(conn: Connection) -> None:
    intent = add(conn)
    with pytest.raises(IntegrityError), conn.begin_nested():
        intents.add(conn, NOW, "accounting", intent.entity_id, state="waiting")
    intents.move(conn, intent, "discarded", NOW)
    intents.add(conn, NOW, "accounting", intent.entity_id, state="waiting")


def test_who_moved_on_is_noticed(conn: Connection) -> None:
    intent = add(conn)
    stale = intents.load(conn, intent.id)
    assert stale is not None
    intents.move(conn, intent, "waiting", NOW)
    with pytest.raises(ConflictError):
        intents.move(conn, stale, "review", NOW)


def test_the_order_and_the_time(conn: Connection) -> None:
    tired, fresh = add(conn), add(conn)
    intents.move(conn, tired, "waiting", NOW)
    intents.move(conn, tired, "due", NOW, next_attempt_at=NOW + timedelta(minutes=1))
    assert intents.load_ready(conn, "accounting", NOW) == [fresh.id]
    assert intents.load_ready(conn, "accounting", NOW, whatever_the_time=True) == [fresh.id, tired.id]


def test_a_refused_intent_is_revived_once(conn: Connection) -> None:
    intent = add(conn)
    claimed = intents.claim(conn, intent.id, "one", NOW, LEASE)
    assert claimed is not None
    intents.move(conn, claimed, "dead", NOW, reason="no")
    assert intents.revive(conn, "accounting", intent.entity_id, NOW)
    assert not intents.revive(conn, "accounting", intent.entity_id, NOW)
    assert not intents.revive(conn, "accounting", uuid4(), NOW)


def test_delays_double_under_a_cap_with_full_jitter() -> None:
    assert intents.build_delay(1, chance=lambda: 1.0) == timedelta(minutes=1)
    assert intents.build_delay(3, chance=lambda: 0.5) == timedelta(minutes=2)
    assert intents.build_delay(50, chance=lambda: 1.0) == intents.LONGEST_DELAY
    assert intents.build_delay(5, chance=lambda: 0.0) == timedelta(0)


def test_keys_of_steps_are_ours_and_stay(conn: Connection) -> None:
    intent = add(conn)
    assert intent.key_of(0, card=True) == intent.key_of(1, card=True) == intent.client_key
    assert intent.key_of(1, card=False) == intent.key_of(1, card=False) != intent.key_of(2, card=False)
    assert intent.key_of(0, card=False) != intent.client_key
