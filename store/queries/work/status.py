"""How everything stands: freshness, runs, queues, pauses; for `sverka status`, pages and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, select

from store.queries.shapes import Record, View
from store.queries.work.alerts import count_open_alerts, load_open_alerts
from store.queries.work.freshness import age, load_freshness
from store.queries.work.queues import QUEUES, load_queues
from store.queries.work.reapplies import load_reapplies
from store.tables import PULL_COUNTERS, PUSH_COUNTERS, connection, mapping_version, run, run_counter, slot, tick

LOOK_BACK = timedelta(days=1)
"""Skipped slots are counted over so long."""
COUNTERS = ("read", *dict.fromkeys(PULL_COUNTERS + PUSH_COUNTERS))
Metric = tuple[str, dict[str, str], float]


def load_status(
    conn: Connection, now: datetime, view: View | None = None, *, names: Iterable[str] = ()
) -> dict[str, list[Record]]:
    """Everything that a person who looks after the service wants to know, in sections, each a list of flat rows.

    Args:
        conn: a connection that reads.
        now: the present moment, for ages and for what is due.
        view: how moments are written.
        names: connections of the settings, shown even when nothing is known of them yet.
    """
    chosen = view or View()
    runs = _load_last_runs(conn, now, chosen)
    return {
        "connections": _load_connections(conn, now, chosen, names, runs),
        "freshness": load_freshness(conn, now, chosen),
        "runs": [{key: value for key, value in row.items() if key != "notices"} for row in runs],
        "counters": _load_counters(conn, [row["run"] for row in runs]),
        "notices": [
            {"connection": row["connection"], "notice": notice} for row in runs for notice in row["notices"] or ()
        ],
        "slots_skipped": _load_skipped(conn, now),
        "alerts": load_open_alerts(conn, now, chosen),
        "mappings": _load_drafts(conn, chosen),
        "reapplies": load_reapplies(conn, chosen),
        "alive": [
            {"name": row.name, "host": row.host, "at": chosen.moment(row.at), "age_seconds": age(row.at, now)}
            for row in conn.execute(select(tick).order_by(tick.c.name))
        ],
    }


def load_metrics(conn: Connection, now: datetime, *, names: Iterable[str] = ()) -> list[Metric]:
    """The same numbers for a metrics endpoint: (name, labels, value); `names` as in `load_status`."""
    status = load_status(conn, now, names=names)
    metrics: list[Metric] = []
    for row in status["connections"]:
        labels = {"connection": row["connection"]}
        metrics += [("queue", labels | {"queue": name}, float(row[name])) for name in QUEUES]
        metrics.append(("paused", labels, float(row["paused"] is not None)))
        metrics.append(("breaker_open", labels, float(row["breaker"] != "closed")))
        if row["ok_age_seconds"] is not None:
            metrics.append(("last_ok_age_seconds", labels, float(row["ok_age_seconds"])))
    for row in status["freshness"]:
        if row["age_seconds"] is not None:
            labels = {"connection": row["connection"], "entity": row["entity"]}
            metrics.append(("age_seconds", labels, float(row["age_seconds"])))
    for row in status["runs"]:
        labels = {"connection": row["connection"]}
        metrics += [(f"run_{name}", labels, float(row[name])) for name in ("seconds", "requests", "writes")]
        metrics.append(("run_status", labels | {"status": row["status"]}, 1.0))
    for row in status["slots_skipped"]:
        metrics.append(
            ("slots_skipped", {"connection": row["connection"], "reason": row["state"]}, float(row["number"]))
        )
    metrics += [("alerts_open", {"kind": kind}, float(number)) for kind, number in count_open_alerts(conn).items()]
    metrics += [("alive_age_seconds", {"name": row["name"]}, float(row["age_seconds"])) for row in status["alive"]]
    return metrics


def load_connections(
    conn: Connection, now: datetime, view: View | None = None, *, names: Iterable[str] = ()
) -> list[Record]:
    """The section "connections" of `load_status` alone; names as there."""
    chosen = view or View()
    return _load_connections(conn, now, chosen, names, _load_last_runs(conn, now, chosen))


def _load_connections(
    conn: Connection, now: datetime, view: View, names: Iterable[str], runs: list[Record]
) -> list[Record]:
    queues = load_queues(conn, now)
    known = {row["name"]: row for row in conn.execute(select(connection)).mappings()}
    last = {row["connection"]: row for row in runs}
    everyone = dict.fromkeys([*names, *sorted({*known, *queues, *last})])
    return [
        {
            "connection": name,
            **_build_state(known.get(name, {}), now, view),
            "last_run": last.get(name, {}).get("status"),
            **queues.get(name, dict.fromkeys(QUEUES, 0)),
        }
        for name in everyone
    ]


def _build_state(row: Any, now: datetime, view: View) -> Record:
    """Paused, breaker, and the last time that all went well."""
    return {
        "paused": row.get("paused_reason"),
        "paused_at": view.moment(row.get("paused_at")),
        "paused_by": row.get("paused_by"),
        "paused_entities": row.get("paused_entities") or {},
        "breaker": row.get("breaker", "closed"),
        "breaker_until": view.moment(row.get("breaker_until")),
        "breaker_since": view.moment(row.get("breaker_since")),
        "breaker_reason": row.get("breaker_reason"),
        "failures": row.get("failures", 0),
        "ok_at": view.moment(row.get("last_ok_at")),
        "ok_age_seconds": age(row.get("last_ok_at"), now),
    }


def _load_last_runs(conn: Connection, now: datetime, view: View) -> list[Record]:
    """The newest run of every connection; one that was skipped tells nothing, and re-applies have their own section."""
    told = and_(run.c.status != "skipped", run.c.kind != "reapply")
    newest = select(run.c.connection, func.max(run.c.started_at).label("at")).where(told).group_by(run.c.connection)
    latest = newest.subquery()
    same = and_(run.c.connection == latest.c.connection, run.c.started_at == latest.c.at)
    rows = conn.execute(select(run).join(latest, same).where(told).order_by(run.c.connection, run.c.id)).mappings()
    by_connection = {row["connection"]: row for row in rows}
    return [_build_run(row, now, view) for row in by_connection.values()]


def _build_run(row: Any, now: datetime, view: View) -> Record:
    return {
        "run": str(row["id"]),
        "connection": row["connection"],
        "kind": row["kind"],
        "status": row["status"],
        "started_at": view.moment(row["started_at"]),
        "finished_at": view.moment(row["finished_at"]),
        "age_seconds": age(row["started_at"], now),
        **{name: row[name] for name in ("seconds", "requests", "writes", "message", "notices")},
    }


def _load_counters(conn: Connection, runs: list[str]) -> list[Record]:
    columns = [
        run_counter.c[name] for name in ("entity", "direction", "status", *COUNTERS, "requests", "seconds", "message")
    ]
    query = (
        select(run.c.connection, run_counter.c.run_id, *columns)
        .join(run, run.c.id == run_counter.c.run_id)
        .where(run_counter.c.run_id.in_([UUID(key) for key in runs]))
        .order_by(run.c.connection, run_counter.c.direction, run_counter.c.entity)
    )
    return [dict(row) | {"run_id": str(row["run_id"])} for row in conn.execute(query).mappings()]


def _load_skipped(conn: Connection, now: datetime) -> list[Record]:
    query = (
        select(slot.c.connection, slot.c.state, func.count().label("number"))
        .where(slot.c.start >= now - LOOK_BACK, slot.c.state.like("skipped%"))
        .group_by(slot.c.connection, slot.c.state)
        .order_by(slot.c.connection, slot.c.state)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _load_drafts(conn: Connection, view: View) -> list[Record]:
    """The version that rules of each mapping, and how many drafts are younger than it."""
    rows = conn.execute(
        select(*(mapping_version.c[name] for name in ("name", "hash", "state", "created_at", "published_at")))
    ).all()
    ruling = [row for row in rows if row.state == "published"]
    return [
        {
            "mapping": row.name,
            "published": row.hash,
            "published_at": view.moment(row.published_at),
            "newer_drafts": sum(
                other.name == row.name and other.state == "draft" and other.created_at >= row.created_at
                for other in rows
            ),
        }
        for row in sorted(ruling, key=lambda row: row.name)
    ]
