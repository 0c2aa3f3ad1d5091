"""Open alerts as status, pages and metrics show them; figures that are old say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert

from core.ids import new_id
from store import tables
from store.queries.shapes import View
from store.queries.work.alerts import load_alerts
from store.queries.work.freshness import load_freshness
from store.queries.work.status import load_metrics, load_status
from tests.integration.store.filling import NOW


def put(engine: Engine, cause: str, state: str = "open", minutes: int = 10) -> UUID:
    row: dict[str, Any] = {"id": new_id(), "cause": cause, "kind": "breaker", "connection": "a", "state": state}
    row |= {"text": "t", "next_step": "n", "opened_at": NOW - timedelta(minutes=minutes), "seen_at": NOW}
    with engine.begin() as conn:
        conn.execute(insert(tables.alert), [row | ({"resolved_at": NOW} if state == "resolved" else {})])
    return UUID(str(row["id"]))


def test_open_alerts_are_in_status_and_metrics(engine: Engine) -> None:
    opened = put(engine, "connection:a")
    put(engine, "connection:b", minutes=20)
    put(engine, "connection:a", "resolved", minutes=60)
    delivery = {"alert_id": opened, "event": "opened", "channel": "email", "state": "due", "reason": "550"}
    with engine.begin() as conn:
        conn.execute(insert(tables.alert_delivery), [delivery])
    with engine.connect() as conn:
        found = load_status(conn, NOW)["alerts"]
        metrics = {(name, *labels.values()): value for name, labels, value in load_metrics(conn, NOW)}
        everything = load_alerts(conn, NOW)
    assert [(row["cause"], row["age_seconds"]) for row in found] == [("connection:b", 1200), ("connection:a", 600)]
    assert (found[1]["text"], found[1]["next"], found[1]["told"][0]["reason"]) == ("t", "n", "550")
    assert metrics["alerts_open", "breaker"] == 2
    assert [row["state"] for row in everything] == ["open", "open", "resolved"]


def test_figures_that_are_old_say_so(engine: Engine) -> None:
    row = {"state": {}, "updated_at": NOW, "entity": "balance", "fresh_at": NOW - timedelta(minutes=15)}
    with engine.begin() as conn:
        conn.execute(insert(tables.cursor), [row | {"connection": name} for name in ("a", "b", "c")])
    view = View(old_after={"a": timedelta(minutes=15), "b": timedelta(minutes=16)})
    with engine.connect() as conn:
        assert [one["old"] for one in load_freshness(conn, NOW, view)] == [True, False, False]
