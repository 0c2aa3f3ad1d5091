"""The review queue as pages show it: paged in the database, each question beside what is known of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, func, select

from store.entities import counterparties, entity_tables
from store.queries.shapes import Record
from store.tables import binding, review

SHOWN = 50
MOST_SCANNED = 2000
"""So many questions are looked through for sure-looking ones of one page; the next page goes on from there."""
_OURS = (
    "name", "legal_name", "tax_id", "registration_code", "code", "phones", "emails", "addresses", "region", "home",
)  # fmt: skip
_FAIR = ("same INN ", "same KPP", "same tax id ", "KPP not known on both sides")
"""Reasons that speak for a card and not against it begin so (`sync.push.match`, `sync.link.judge`)."""


def count_reviews(conn: Connection) -> list[Record]:
    """How many questions are open, by connection and kind."""
    query = (
        select(review.c.connection, review.c.kind, func.count().label("number"))
        .where(review.c.state == "open")
        .group_by(review.c.connection, review.c.kind)
        .order_by(review.c.connection, review.c.kind)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def load_reviews(
    conn: Connection, *, after: int = 0, kind: str = "", connection: str = "", sure: bool = False, limit: int = SHOWN
) -> tuple[list[Record], int | None]:
    """One page of open questions, the oldest first, and the number that the next page begins after (None: no more).

    Args:
        conn: a connection that reads.
        after: the last number of the page before.
        kind: only questions of this kind.
        connection: only those about this outside system.
        sure: only those that look sure (see `looks_sure`).
        limit: so many lines.
    """
    found: list[Record] = []
    scanned, last = 0, after
    while scanned < MOST_SCANNED:
        rows = conn.execute(_open(last, kind, connection).limit(limit + 1)).all()
        read = rows[:limit]
        for row in _with_sureness(conn, read):
            last, scanned = row["number"], scanned + 1
            if row["sure"] or not sure:
                found.append(row)
            if len(found) == limit:
                break
        more = bool(rows) and rows[-1].number > last
        if not more:
            return found, None
        if len(found) == limit:
            break
    return found, last


def _open(after: int, kind: str, connection: str) -> Any:
    query = _query().where(review.c.state == "open", review.c.number > after).order_by(review.c.number)
    if kind:
        query = query.where(review.c.kind == kind)
    return query.where(review.c.connection == connection) if connection else query


def _query() -> Any:
    ours = [counterparties.c[name].label(f"our_{name}") for name in _OURS]
    mine = and_(counterparties.c.id == review.c.entity_id, review.c.entity == "counterparty")
    return select(review, *ours).outerjoin(counterparties, mine)


def _with_sureness(conn: Connection, rows: Sequence[Row[Any]]) -> list[Record]:
    """Rows with whether they look sure: by themselves, and because nobody else of ours could be that card."""
    likely = [row for row in rows if row.kind == "match" and looks_sure(row.our_tax_id, row.candidates)]
    rivals = _load_rivals(conn, likely) if likely else {}
    return [
        dict(row._mapping) | {"sure": row in likely and not rivals[row.our_tax_id] - {row.entity_id}} for row in rows
    ]


def _load_rivals(conn: Connection, rows: Sequence[Row[Any]]) -> dict[str, set[UUID]]:
    """Tax id -> all of ours who have it; copies mirrored from the very cards in question are nobody else."""
    columns = (counterparties.c.id, counterparties.c.tax_id)
    alive = (counterparties.c.deleted.is_(False), counterparties.c.tax_id.in_({row.our_tax_id for row in rows}))
    cards = {str(row.candidates[0]["external_id"]) for row in rows}
    here = (binding.c.entity == "counterparty", binding.c.connection.in_({row.connection for row in rows}))
    copies = set(conn.execute(select(binding.c.entity_id).where(*here, binding.c.external_id.in_(cards))).scalars())
    found: dict[str, set[UUID]] = {row.our_tax_id: set() for row in rows}
    for row in conn.execute(select(*columns).where(*alive)):
        found[row.tax_id] |= {row.id} - copies
    return found


def looks_sure(tax_id: str | None, candidates: Sequence[dict[str, Any]]) -> bool:
    """Whether a question names one card only, with the customer's own tax id, and nothing in it speaks against it."""
    if len(candidates) != 1 or not tax_id:
        return False
    only = candidates[0]
    fair = all(str(reason).startswith(_FAIR) for reason in only.get("reasons") or ())
    return only.get("strength") == "same" and only.get("tax_id") == tax_id and fair


def find_next_review(conn: Connection, after: int, *, kind: str = "", connection: str = "") -> int | None:
    """The next open question, beginning anew behind the last one; None when none is left."""
    for start in (after, 0):
        row = conn.execute(_open(start, kind, connection).limit(1)).first()
        if row is not None and row.number != after:
            return int(row.number)
    return None


def load_compared(conn: Connection, number: int) -> Record | None:
    """One question whole, decided or not: the customer, or the order, and what the store knows of every candidate.

    A candidate that is mirrored here is filled up from its own row: phones, e-mails, addresses.
    """
    row = conn.execute(_query().where(review.c.number == number)).first()
    if row is None:
        return None
    found = dict(row._mapping)
    found["ours"] = {name: found.pop(f"our_{name}") for name in _OURS}
    if found["entity"] == "order":
        found["order"] = _load_order(conn, found)
    mirrored = _load_mirrored(conn, found)
    blank: Record = dict.fromkeys(_OURS)
    known = [mirrored.get(str(one.get("external_id")), {}) for one in found["candidates"]]
    told = [{name: value for name, value in one.items() if value not in ("", None)} for one in found["candidates"]]
    found["candidates"] = [blank | more | one for more, one in zip(known, told, strict=True)]
    return found


def _load_order(conn: Connection, found: Record) -> Record:
    orders = entity_tables["order"]
    columns = (orders.c.number, orders.c.date, orders.c.amount, counterparties.c.name.label("counterparty"))
    query = select(*columns).outerjoin(counterparties, counterparties.c.id == orders.c.counterparty_id)
    row = conn.execute(query.where(orders.c.id == found["entity_id"])).mappings().first()
    return dict(row) if row else {}


def _load_mirrored(conn: Connection, found: Record) -> dict[str, Record]:
    keys = [str(one.get("external_id")) for one in found["candidates"]]
    if found["entity"] != "counterparty" or not keys:
        return {}
    same = and_(binding.c.entity == "counterparty", binding.c.entity_id == counterparties.c.id)
    columns = [counterparties.c[name] for name in _OURS]
    query = select(binding.c.external_id, *columns).join(binding, same)
    where = (binding.c.connection == found["connection"], binding.c.external_id.in_(keys))
    rows = conn.execute(query.where(*where)).mappings()
    return {row["external_id"]: {name: row[name] for name in _OURS} for row in rows}
