"""Status and metrics: what is fresh, what waits, what is paused; one count of each."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, Table, insert

from core.ids import new_id
from store import tables
from store.queries.work.queues import QUEUES, count_waiting, load_queues
from store.queries.work.status import load_metrics, load_status
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW

EARLIER = NOW - timedelta(minutes=10)


@pytest.fixture
def put(engine: Engine) -> Iterator[Any]:
    def put(table: Table, **values: Any) -> dict[str, Any]:
        row = {"id": new_id(), "connection": "accounting"} if "id" in table.c else {}
        row |= values
        with engine.begin() as conn:
            conn.execute(insert(table), [row])
        return row

    yield put


def intent(state: str, next_attempt_at: datetime | None = None, **other: Any) -> dict[str, Any]:
    return {
        "entity": "counterparty",
        "entity_id": new_id(),
        "action": "create",
        "state": state,
        "client_key": "k",
        "steps": [],
        "next_attempt_at": next_attempt_at,
        "created_at": NOW,
        "updated_at": NOW,
    } | other


def letter(number: int, state: str, **other: Any) -> dict[str, Any]:
    return {
        "number": number,
        "entity": "order",
        "external_id": str(number),
        "direction": "in",
        "stage": "map",
        "error_class": "RecordError",
        "reason": "r",
        "next_step": "n",
        "fingerprint": "f",
        "state": state,
        "first_at": NOW,
        "last_at": NOW,
    } | other


def run(**values: Any) -> dict[str, Any]:
    return {"kind": "schedule", "status": "ok", "owner": "o", "fence": 1, "started_at": EARLIER} | values


@pytest.fixture
def queued(put: Any) -> None:
    """Something of everything, in every state."""
    for state, at in (("due", None), ("due", NOW), ("due", NOW + timedelta(seconds=1)), ("waiting", EARLIER)):
        put(tables.intent, **intent(state, at))
    for state in ("sending", "uncertain", "uncertain", "done", "dead", "discarded", "review"):
        put(tables.intent, **intent(state))
    for number, state in enumerate(("open", "retrying", "resolved", "discarded"), start=1):
        put(tables.dead_letter, **letter(number, state))
    put(tables.dead_letter, **letter(9, "open", connection="second"))
    put(tables.request, kind="sync", arguments={}, created_at=NOW)
    put(tables.request, kind="sync", arguments={}, created_at=NOW, done_at=NOW)
    for number, state in enumerate(("open", "linked"), start=1):
        put(
            tables.review,
            number=number,
            entity="counterparty",
            kind="match",
            reason="r",
            candidates=[],
            state=state,
            created_at=NOW,
        )
    put(
        tables.parked,
        connection="second",
        entity="order",
        external_id="1",
        source="s",
        needs_entity="contract",
        needs_id="c",
        reason="r",
        since=NOW,
    )


def test_queues(engine: Engine, queued: None) -> None:
    with engine.connect() as conn:
        queues = load_queues(conn, NOW)
        assert queues["accounting"] == {
            "requests": 1,
            "due": 2,
            "waiting": 2,
            "sending": 1,
            "uncertain": 2,
            "parked": 0,
            "dead": 2,
            "review": 1,
        }
        assert queues["second"] == dict.fromkeys(QUEUES, 0) | {"parked": 1, "dead": 1}
        assert [count_waiting(conn, NOW, name) for name in QUEUES] == [
            sum(one[name] for one in queues.values()) for name in QUEUES
        ]
        assert count_waiting(conn, NOW, "dead") == 3


@pytest.fixture
def busy(put: Any) -> dict[str, Any]:
    """A base that was read, a second one that is paused."""
    put(tables.cursor, connection="accounting", entity="order", state={}, updated_at=NOW, fresh_at=EARLIER)
    put(tables.cursor, connection="accounting", entity="payment", state={}, updated_at=NOW)
    put(tables.run, **run(started_at=EARLIER - timedelta(minutes=5), status="failed", notices=["old"]))
    last = put(tables.run, **run(status="partial", seconds=1.5, requests=7, notices=["set X is not published"]))
    put(tables.run, **run(started_at=NOW, status="skipped"))
    put(tables.run_counter, run_id=last["id"], entity="order", direction="in", read=3, created=2, dead=1)
    put(tables.connection, name="second", paused_reason="password is wrong", paused_at=EARLIER, breaker="open")
    put(tables.connection, name="accounting", last_ok_at=EARLIER, paused_entities={"product": "field gone"})
    for minutes, state in ((5, "done"), (10, "skipped_overlap"), (15, "skipped_overlap"), (3000, "skipped_overlap")):
        put(tables.slot, connection="accounting", start=NOW - timedelta(minutes=minutes), state=state)
    put(tables.tick, name="worker", at=NOW - timedelta(seconds=2), host="h")
    return {"last": last}


def test_status(engine: Engine, busy: dict[str, Any]) -> None:
    with engine.connect() as conn:
        status = load_status(conn, NOW, names=["third", "accounting"])
    msgspec.json.encode(status)
    third, accounting, second = status["connections"]
    assert [row["connection"] for row in status["connections"]] == ["third", "accounting", "second"]
    assert (accounting["last_run"], accounting["ok_age_seconds"], accounting["paused"]) == ("partial", 600, None)
    assert accounting["paused_entities"] == {"product": "field gone"}
    assert (second["paused"], second["breaker"], second["last_run"]) == ("password is wrong", "open", None)
    assert (third["breaker"], third["dead"]) == ("closed", 0)
    assert [(row["entity"], row["age_seconds"]) for row in status["freshness"]] == [("order", 600), ("payment", None)]
    (last,) = status["runs"]
    assert (last["run"], last["status"], last["requests"]) == (str(busy["last"]["id"]), "partial", 7)
    assert [(row["entity"], row["read"], row["dead"]) for row in status["counters"]] == [("order", 3, 1)]
    assert status["notices"] == [{"connection": "accounting", "notice": "set X is not published"}]
    assert status["slots_skipped"] == [{"connection": "accounting", "state": "skipped_overlap", "number": 2}]
    assert status["alive"] == [{"name": "worker", "host": "h", "at": "2026-11-21T11:59:58+00:00", "age_seconds": 2}]


def test_drafts_younger_than_the_published_version_are_told(engine: Engine, put: Any) -> None:
    for number, state in enumerate(("draft", "published", "draft", "retired")):
        put(
            tables.mapping_version,
            hash=f"h{number}",
            name="bp30",
            state=state,
            text="t",
            author="a",
            created_at=NOW + timedelta(hours=number),
        )
    with engine.connect() as conn:
        (row,) = load_status(conn, NOW)["mappings"]
    assert (row["mapping"], row["published"], row["newer_drafts"]) == ("bp30", "h1", 1)


def test_a_fresh_store_has_a_status_too(engine: Engine, count_queries: CountQueries) -> None:
    with count_queries(engine) as queries, engine.connect() as conn:
        status = load_status(conn, NOW)
        assert load_metrics(conn, NOW) == []
    assert all(rows == [] for rows in status.values())
    assert len(queries) <= 2 * 19


def test_metrics(engine: Engine, busy: dict[str, Any]) -> None:
    with engine.connect() as conn:
        metrics = {(name, *labels.values()): value for name, labels, value in load_metrics(conn, NOW)}
    assert metrics["age_seconds", "accounting", "order"] == 600
    assert ("age_seconds", "accounting", "payment") not in metrics
    assert (metrics["paused", "second"], metrics["paused", "accounting"]) == (1, 0)
    assert metrics["breaker_open", "second"] == 1
    assert metrics["queue", "accounting", "dead"] == 0
    assert metrics["run_status", "accounting", "partial"] == 1
    assert metrics["slots_skipped", "accounting", "skipped_overlap"] == 2
    assert metrics["alive_age_seconds", "worker"] == 2
