"""Records that a run has touched last, and one record: as received, whom it is bound to, what waits because of it.

A binding remembers the fetch by which it was written, and the numbers of a run's fetches begin with its fencing token:
so each record stands with the last run that wrote something of it. What a later run wrote stands with that one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, and_, or_, select

from core.clock import on_wall_clock
from mapping.model import ENTITIES
from store import landing
from store.bulk import select_in
from store.entities import entity_tables
from store.queries.customers.rights import Viewer
from store.queries.references import SHOWN as TITLE_COLUMNS
from store.queries.shapes import Record, StoredRow, View
from store.queries.work.queues import DEAD_OPEN
from store.tables import binding, dead_letter, parked, review, run
from store.tables.records import BEFORE_SINCE, FETCH_BITS, OUTSIDE

SHOWN = 50
OPEN_ENTITIES = frozenset({"organisation", "currency", "product"})
"""They say nothing of any customer or person: whoever looks after the service may read them."""
STATES = ("bound", "filtered", "parked", "dead", "deleted")
Place = tuple[int, str, str]
"""Where a page of a run's records ends: fetch, entity, external id."""


def may_read(viewer: Viewer, entity: str) -> bool:
    """Whether the contents of such records are his to read: those of customers only for those who see all of them."""
    return viewer.sees_all or entity in OPEN_ENTITIES


def list_touched(
    conn: Connection, view: View, viewer: Viewer, of: Record, *, entity: str = "", state: str = "",
    after: Place | None = None, limit: int = SHOWN,
) -> tuple[list[Record], Place | None]:  # fmt: skip
    """One page of the records that a run touched last, in the order in which it did, and what comes after it.

    Args:
        conn: a connection that reads.
        view: how moments are shown.
        viewer: who looks; titles are told of those records only that he may read.
        of: the run, as `load_run` tells of it.
        entity: only records of this entity.
        state: only those whose binding is in this state.
        after: what the page before ended with.
        limit: so many.
    """
    rows = conn.execute(_touched(of, entity, state, after).limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    told = _load_told(conn, shown)
    began = datetime.fromisoformat(of["started_at"])
    records = [_build_touched(row, told.get(row["entity_id"]), view, viewer, began) for row in shown]
    last = shown[-1] if len(rows) > limit else None
    return records, None if last is None else (last["fetch_seq"], last["entity"], last["external_id"])


def _touched(of: Record, entity: str, state: str, after: Place | None) -> Select[Any]:
    first = of["fence"] << FETCH_BITS
    conditions: list[Any] = [binding.c.connection == of["connection"]]
    conditions += [binding.c.fetch_seq >= first, binding.c.fetch_seq < first + (1 << FETCH_BITS)]
    if entity:
        conditions.append(binding.c.entity == entity)
    if state:
        conditions.append(binding.c.state == state)
    if after is not None:
        seq, name, key = after
        later = or_(binding.c.entity > name, and_(binding.c.entity == name, binding.c.external_id > key))
        conditions += [binding.c.fetch_seq >= seq, or_(binding.c.fetch_seq > seq, later)]
    return select(binding).where(*conditions).order_by(binding.c.fetch_seq, binding.c.entity, binding.c.external_id)


def _load_told(conn: Connection, rows: Sequence[StoredRow]) -> dict[UUID, StoredRow]:
    """Our records, by id: one question an entity."""
    ids: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        if row["entity_id"] is not None:
            ids[row["entity"]].append(row["entity_id"])
    found: dict[UUID, StoredRow] = {}
    for entity, keys in ids.items():
        table = entity_tables[entity]
        columns = [table.c[name] for name in ("id", "created_at", "updated_at", *TITLE_COLUMNS.get(entity, ()))]
        found |= {row.id: row._mapping for row in select_in(conn, table, columns, table.c.id, keys)}
    return found


def _build_touched(row: StoredRow, ours: StoredRow | None, view: View, viewer: Viewer, began: datetime) -> Record:
    return {
        "entity": row["entity"],
        "external_id": row["external_id"],
        "became": _became(row, ours, began),
        "title": _title(row["entity"], ours, view) if may_read(viewer, row["entity"]) else "",
    }


def _became(row: StoredRow, ours: StoredRow | None, began: datetime) -> str:
    """What became of it: the state of a binding, and of a bound one whether it was new, changed, or said the same."""
    if row["state"] != "bound" or ours is None:
        return "deleted" if row["deleted"] else str(row["state"])
    if row["deleted"]:
        return "deleted"
    if ours["created_at"] >= began:
        return "created"
    return "updated" if ours["updated_at"] >= began else "unchanged"


def _title(entity: str, ours: StoredRow | None, view: View) -> str:
    if ours is None:
        return ""
    values = [ours[name] for name in TITLE_COLUMNS.get(entity, ()) if name != "date"]
    if "date" in TITLE_COLUMNS.get(entity, ()) and ours["date"] is not None:
        values.append(on_wall_clock(ours["date"], view.zone).date().isoformat())
    return " · ".join(str(value) for value in values if value)


def load_record(conn: Connection, view: View, connection: str, entity: str, external_id: str) -> Record | None:
    """One record of an outside system: its binding and all others of the same record, what waits; None: unknown here.

    `received` is the record as it came (`store.landing.Landed`), or None where nothing was kept.
    """
    mine = (binding.c.connection == connection, binding.c.entity == entity, binding.c.external_id == external_id)
    row = conn.execute(select(binding).where(*mine)).mappings().first()
    received = landing.load(conn, connection, entity, [external_id]).get(external_id)
    if entity not in ENTITIES or (row is None and received is None):
        return None
    ours = None if row is None else row["entity_id"]
    return {
        "connection": connection,
        "entity": entity,
        "external_id": external_id,
        "received": received,
        "binding": None if row is None else _build_binding(row),
        "others": _load_others(conn, entity, ours, connection, external_id),
        "run": None if row is None else _load_run_of(conn, connection, row["fetch_seq"]),
        "customer": _load_customer(conn, entity, ours),
        "letters": _load_letters(conn, connection, entity, external_id),
        "reviews": _load_reviews(conn, entity, ours),
        "waits": _load_waiting(conn, view, connection, entity, external_id),
    }


def _build_binding(row: StoredRow) -> Record:
    names = ("connection", "external_id", "source", "state", "deleted", "version", "entity_id")
    rules = row["mapping_version"]
    return {name: row[name] for name in names} | {
        "mapping_version": None if rules in (BEFORE_SINCE, OUTSIDE) else rules
    }


def _load_others(conn: Connection, entity: str, ours: UUID | None, connection: str, external_id: str) -> list[Record]:
    if ours is None:
        return []
    same = select(binding).where(binding.c.entity == entity, binding.c.entity_id == ours)
    rows = conn.execute(same.order_by(binding.c.connection, binding.c.external_id).limit(SHOWN)).mappings()
    found = [_build_binding(row) for row in rows]
    return [one for one in found if (one["connection"], one["external_id"]) != (connection, external_id)]


def _load_run_of(conn: Connection, connection: str, fetch_seq: int) -> str | None:
    """The run that touched it last."""
    mine = (run.c.connection == connection, run.c.fence == fetch_seq >> FETCH_BITS)
    found = conn.execute(select(run.c.id).where(*mine).order_by(run.c.started_at.desc()).limit(1)).scalar_one_or_none()
    return None if found is None else str(found)


def _load_customer(conn: Connection, entity: str, ours: UUID | None) -> str | None:
    """The customer that the record is, or is of."""
    if ours is None:
        return None
    if entity == "counterparty":
        return str(ours)
    table = entity_tables[entity]
    if "counterparty_id" not in table.c:
        return None
    found = conn.execute(select(table.c.counterparty_id).where(table.c.id == ours)).scalar_one_or_none()
    return None if found is None else str(found)


def _load_letters(conn: Connection, connection: str, entity: str, external_id: str) -> list[Record]:
    """Open letters about it, with reason and next step."""
    about = (dead_letter.c.connection == connection, dead_letter.c.entity == entity)
    columns = [dead_letter.c[name] for name in ("number", "direction", "reason", "next_step", "state")]
    query = select(*columns).where(*about, dead_letter.c.external_id == external_id, DEAD_OPEN)
    return [dict(row) for row in conn.execute(query.order_by(dead_letter.c.number)).mappings()]


def _load_reviews(conn: Connection, entity: str, ours: UUID | None) -> list[Record]:
    if ours is None:
        return []
    about = (review.c.entity == entity, review.c.entity_id == ours, review.c.state == "open")
    query = select(review.c.number, review.c.reason).where(*about).order_by(review.c.number).limit(SHOWN)
    return [dict(row) for row in conn.execute(query).mappings()]


def _load_waiting(conn: Connection, view: View, connection: str, entity: str, external_id: str) -> Record | None:
    mine = (parked.c.connection == connection, parked.c.entity == entity, parked.c.external_id == external_id)
    row = conn.execute(select(parked).where(*mine)).mappings().first()
    if row is None:
        return None
    moments = {name: view.moment(row[name]) for name in ("since", "next_attempt_at")}
    return {name: row[name] for name in ("needs_entity", "needs_id", "reason", "attempts")} | moments
