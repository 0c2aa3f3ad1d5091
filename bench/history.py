"""A month of runs with their counters and slots: what the pages of the service are measured on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from core.ids import new_id
from store import bulk
from store.tables import run, run_counter, slot
from tests.integration.store.filling import NOW

CONNECTIONS = ("accounting", "crm")
PERIOD, DAYS = timedelta(minutes=5), 30
ENTITIES = ("counterparty", "contract", "order", "shipment", "return", "payment", "balance")
ODD = {50: "partial", 400: "failed"}
"""Every so many runs one ended otherwise than well."""


def fill_runs(engine: Engine) -> UUID:
    """One run a slot and connection; the id of the newest."""
    runs = [_run(name, number) for number in range(timedelta(days=DAYS) // PERIOD, 0, -1) for name in CONNECTIONS]
    with engine.begin() as conn:
        bulk.insert(conn, run, runs)
        bulk.insert(conn, run_counter, [_counter(row["id"], entity) for row in runs for entity in ENTITIES])
        states = [{"start": row["slot"], "state": "done", "run_id": row["id"]} for row in runs]
        rows = [state | {"connection": row["connection"]} for state, row in zip(states, runs, strict=True)]
        bulk.insert(conn, slot, rows)
    newest: UUID = runs[-1]["id"]
    return newest


def _run(connection: str, back: int) -> dict[str, Any]:
    began = NOW - PERIOD * back
    status = next((word for every, word in sorted(ODD.items(), reverse=True) if back % every == 0), "ok")
    named = {"id": new_id(), "connection": connection, "kind": "schedule", "status": status, "owner": "bench"}
    moments = {"slot": began, "started_at": began, "finished_at": began + timedelta(seconds=9)}
    return named | moments | {"fence": 1_000_000 - back, "requests": 40, "seconds": 9.0}


def _counter(key: UUID, entity: str) -> dict[str, Any]:
    return {"run_id": key, "entity": entity, "direction": "in", "read": 200, "unchanged": 197, "updated": 3}
