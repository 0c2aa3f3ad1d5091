"""The review queue as pages show it: paged in the database, each question beside what is known of both sides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Table, Text, and_, cast, func, or_, select

from mapping.model import ENTITIES
from store.bulk import select_in
from store.entities import counterparties, entity_tables
from store.queries.shapes import Record
from store.tables import binding, deal_order, review

SHOWN = 50
MOST_SCANNED = 2000
"""So many questions are looked through for sure-looking ones of one page; the next page goes on from there."""
_OURS = (
    "name", "legal_name", "tax_id", "registration_code", "code", "phones", "emails", "addresses", "region", "home",
)  # fmt: skip
DEAL = entity_tables["deal"]
_CARD = re.compile(r"\bcard (\S+)")
"""How the engine's reasons name a card, by its id there (`sync.link`)."""
_OUR_ID = re.compile(r" \(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)")
"""Our own id of somebody, behind his name in a reason (`sync.push.match`)."""
_EVIDENCE = ("phone", "e-mail", "email", "name")
_POINTS_TO = re.compile(rf"(?:same|similar) ({'|'.join(_EVIDENCE)})\b")
"""What points to a card, as the engine words it (`sync.push.match`, `sync.link.stage`); anything else is a doubt."""


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
    """Rows with whether they look sure: by themselves, and because no other question names the same card."""
    likely = [row for row in rows if row.kind == "match" and looks_sure(row.our_tax_id, row.candidates)]
    named = _count_named(conn, likely) if likely else {}
    return [dict(row._mapping) | {"sure": row in likely and named[_card(row)] == 1} for row in rows]


def _card(row: Row[Any]) -> tuple[str, str]:
    return row.connection, str(row.candidates[0]["external_id"])


def _count_named(conn: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
    """How many open questions name each of these cards: one question to the store for all of them."""
    counts = dict.fromkeys(map(_card, rows), 0)
    text = cast(review.c.candidates, Text)
    wanted = or_(*(text.contains(card, autoescape=True) for _, card in counts))
    query = select(review.c.connection, review.c.candidates).where(review.c.state == "open", wanted)
    for row in conn.execute(query):
        for card in {str(one.get("external_id")) for one in row.candidates}:
            if (row.connection, card) in counts:
                counts[row.connection, card] += 1
    return counts


def looks_sure(tax_id: str | None, candidates: Sequence[dict[str, Any]]) -> bool:
    """Whether a person may answer a question at a glance: one card only, and two things of different kinds point to it.

    Phone and name, e-mail and phone: each alone is shared by many. A tax id that is another's, or any word of doubt
    (the card is somebody's already, stands under another key, has a doubtful tax id), makes it unsure. It is never
    linked without a person.
    """
    if len(candidates) != 1:
        return False
    only = candidates[0]
    points = [_POINTS_TO.match(str(reason)) for reason in only.get("reasons") or ()]
    another = tax_id and only.get("tax_id") and only["tax_id"] != tax_id
    kinds = {found[1].replace("-", "") for found in points if found is not None}
    return not another and None not in points and len(kinds) > 1


def find_next_review(conn: Connection, after: int, *, kind: str = "", connection: str = "") -> int | None:
    """The next open question, beginning anew behind the last one; None when none is left."""
    for start in (after, 0):
        row = conn.execute(_open(start, kind, connection).limit(1)).first()
        if row is not None and row.number != after:
            return int(row.number)
    return None


def load_compared(conn: Connection, number: int) -> Record | None:
    """One question whole, decided or not: the customer, or the order, and what the store knows of every candidate.

    A candidate that is mirrored here is filled up from its own row (phones, e-mails, addresses), with our id of it as
    `here`; a deal with its `title` and `link`. What a reason or a value names by id alone has its name there, and
    `others` are the customers of ours whom the reason names, with their ids.
    """
    row = conn.execute(_query().where(review.c.number == number)).first()
    if row is None:
        return None
    found = dict(row._mapping)
    found["ours"] = {name: found.pop(f"our_{name}") for name in _OURS}
    if found["entity"] == "order":
        found["order"] = _load_order(conn, found)
    mirrored = _load_deals(conn, found) if found["entity"] == "order" else _load_mirrored(conn, found)
    found["reason"] = _name_cards(found["reason"], {key: one.get("name") for key, one in mirrored.items()})
    blank: Record = dict.fromkeys((*_OURS, "here", "title", "link"))
    known = [mirrored.get(str(one.get("external_id")), {}) for one in found["candidates"]]
    told = [{name: value for name, value in one.items() if value not in ("", None)} for one in found["candidates"]]
    found["others"] = _load_others(conn, found["reason"])
    found["reason"] = without_ids(found["reason"])
    found["candidates"] = [blank | more | one for more, one in zip(known, told, strict=True)]
    _name_values(conn, found)
    return found


def _load_order(conn: Connection, found: Record) -> Record:
    """The order that a question is about, with the deal that it belongs to now."""
    orders = entity_tables["order"]
    columns = (
        orders.c.number, orders.c.date, orders.c.amount, orders.c.counterparty_id,
        counterparties.c.name.label("counterparty"), DEAL.c.name.label("deal"), DEAL.c.link.label("deal_link"),
    )  # fmt: skip
    query = select(*columns).outerjoin(counterparties, counterparties.c.id == orders.c.counterparty_id)
    query = query.outerjoin(deal_order, deal_order.c.order_id == orders.c.id)
    query = query.outerjoin(DEAL, DEAL.c.id == deal_order.c.deal_id)
    row = conn.execute(query.where(orders.c.id == found["entity_id"])).mappings().first()
    return dict(row) if row else {}


def _load_deals(conn: Connection, found: Record) -> dict[str, Record]:
    """The deals among the candidates, by their id there."""
    return _load_bound(conn, found, DEAL, "deal", {"title": DEAL.c.name, "link": DEAL.c.link}, _keys_of(found))


def _load_mirrored(conn: Connection, found: Record) -> dict[str, Record]:
    """The customers here whose cards are candidates or are named in the reason, by their id there."""
    if found["entity"] != "counterparty":
        return {}
    columns = {"here": counterparties.c.id} | {name: counterparties.c[name] for name in _OURS}
    keys = _keys_of(found) | set(_CARD.findall(found["reason"]))
    return _load_bound(conn, found, counterparties, "counterparty", columns, keys)


def _keys_of(found: Record) -> set[str]:
    return {str(one["external_id"]) for one in found["candidates"] if one.get("external_id")}


def _load_bound(
    conn: Connection, found: Record, table: Table, entity: str, columns: dict[str, Any], keys: set[str]
) -> dict[str, Record]:
    if not keys:
        return {}
    same = and_(binding.c.entity == entity, binding.c.entity_id == table.c.id)
    named = [column.label(name) for name, column in columns.items()]
    query = select(binding.c.external_id, *named).join(binding, same)
    where = (binding.c.connection == found["connection"], binding.c.external_id.in_(sorted(keys)))
    rows = conn.execute(query.where(*where)).mappings()
    return {row["external_id"]: {name: row[name] for name in columns} for row in rows}


def _name_cards(reason: str, names: Mapping[str, Any]) -> str:
    """The reason with the names of cards that are known here instead of their ids."""
    return _CARD.sub(lambda met: f"card {names.get(met[1]) or met[1]}", reason)


def without_ids(reason: str) -> str:
    """A reason without our ids behind the names in it, which are for commands."""
    return _OUR_ID.sub("", reason)


def _load_others(conn: Connection, reason: str) -> list[Record]:
    ids = {UUID(text) for text in _OUR_ID.findall(reason)}
    columns = (counterparties.c.id, counterparties.c.name)
    return [dict(row._mapping) for row in sorted(select_in(conn, counterparties, columns, columns[0], ids))]


def _name_values(conn: Connection, found: Record) -> None:
    """Put names in the place of ids where the values of a field that refers to another record are compared."""
    refs = ENTITIES["counterparty"].refs
    for one in found["candidates"] if found["entity"] == "counterparty" else ():
        if one.get("field") in refs:
            table = entity_tables[refs[one["field"]].entity]
            keys = set(_uuids((one.get("ours"), one.get("theirs"))))
            named = select_in(conn, table, (table.c.id, table.c.name), table.c.id, keys)
            names = {str(row.id): row.name for row in named}
            one |= {side: names.get(one.get(side), one.get(side)) for side in ("ours", "theirs")}


def _uuids(values: Iterable[Any]) -> Iterable[UUID]:
    for value in values:
        with suppress(ValueError):
            yield UUID(str(value))
