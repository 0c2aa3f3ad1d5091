"""Finding a customer by what somebody types: name, tax id, code, phone in any writing, e-mail, an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, case, exists, or_, select

from store.bulk import select_in
from store.entities import counterparties
from store.queries.customers.found import find_by_code, find_ids
from store.queries.customers.rights import Viewer, narrow_customers
from store.queries.references import NOT_BOUND, load_external_ids
from store.queries.shapes import Record, View
from store.search import REGION, Query, read_query
from store.tables import binding

LIMIT = 50
LONGEST = 500
"""Letters of what somebody types; beyond tens of thousands a database refuses to look for a part of anything."""
_FOUND = ("name", "legal_name", "kind", "tax_id", "registration_code", "phones", "emails", "status", "home", "deleted")


def find_customers(
    conn: Connection,
    text: str,
    view: View | None = None,
    *,
    limit: int = LIMIT,
    region: str = REGION,
    viewer: Viewer | None = None,
    guess: bool = True,
) -> list[Record]:
    """The customers that the text may mean, the surest first.

    A whole name, tax id, code (with its leading zeros or not), phone, e-mail or id stands before the beginning of a
    name, that before a part of one, that before all words in any order; of equals those that are not deleted first,
    then by name.
    When anything whole fits, only what fits whole is returned: a tax id is one customer, not everybody who mentions it.
    A code of one or two figures hides nobody whose name has them.
    When nothing does, first come those whom the pages' search finds: by a document's number, by words with typos; not
    without `guess`, where one who is found must be the one who was meant.
    With a `viewer` it is asked among the customers that he may see; without one, among all.
    """
    text = text[:LONGEST].encode(errors="replace").decode()
    query = read_query(text, region=region)
    if not query.exact:
        return []
    coded = [key for key, whole in find_by_code(conn, text, viewer).items() if whole]
    rank = _rank(query, text, coded)
    columns = [counterparties.c.id, *(counterparties.c[name] for name in _FOUND), rank.label("rank")]
    surest = (rank, counterparties.c.deleted, counterparties.c.name, counterparties.c.id)
    wanted = select(*columns).where(rank < _NOTHING).order_by(*surest).limit(limit)
    found = conn.execute(wanted if viewer is None else narrow_customers(wanted, viewer)).mappings()
    rows = [dict(row) for row in found]
    if rows and rows[0]["rank"] == _WHOLE:
        rows = [row for row in rows if row["rank"] == _WHOLE]
    elif guess:
        rows = _typed_first(conn, find_ids(conn, text, viewer, limit=limit, region=region), rows)[:limit]
    bound = load_external_ids(conn, view or View(), "counterparty", [row["id"] for row in rows])
    return [
        {"id": str(row["id"]), **bound.get(row["id"], NOT_BOUND), **{name: row[name] for name in _FOUND}}
        for row in rows
    ]


def _typed_first(conn: Connection, ids: list[UUID], rows: Sequence[Record]) -> list[Record]:
    """Those found as on the pages (a document's number, a typo, the other keyboard), then the others."""
    columns = [counterparties.c[name] for name in ("id", *_FOUND)]
    typed = {row.id: dict(row._mapping) for row in select_in(conn, counterparties, columns, counterparties.c.id, ids)}
    return [typed[key] for key in ids if key in typed] + [row for row in rows if row["id"] not in typed]


_WHOLE, _BEGINNING, _PART, _WORDS, _NOTHING = range(5)
_SUREST_CODE = 3
"""A shorter number is a code with its zeros left off, and as well a part of a name: it is not sure alone."""


def _rank(query: Query, text: str, coded: Sequence[UUID]) -> ColumnElement[int]:
    search = counterparties.c.search
    whole = [search.contains(f"\n{entry}\n", autoescape=True) for entry in query.exact]
    by_code = counterparties.c.id.in_(coded)
    sure = len(text.strip()) >= _SUREST_CODE
    rules: list[tuple[ColumnElement[bool], int]] = [(or_(*whole, *_by_id(text), *([by_code] if sure else [])), _WHOLE)]
    rules += [] if sure else [(by_code, _BEGINNING)]
    if query.part:
        rules += [
            (search.contains(f"\n{query.part}", autoescape=True), _BEGINNING),
            (search.contains(query.part, autoescape=True), _PART),
        ]
    if query.digits:
        rules.append((search.contains(query.digits, autoescape=True), _PART))
    if query.words:
        rules.append((and_(*(search.contains(word, autoescape=True) for word in query.words)), _WORDS))
    return case(*rules, else_=_NOTHING)


def _by_id(text: str) -> list[Any]:
    """Our own id, or the id in any outside system; only asked for what looks like one."""
    word = text.strip().lower()
    try:
        own = UUID(word)
    except ValueError:
        return []
    bound = exists().where(
        binding.c.entity == "counterparty",
        binding.c.external_id == word,
        binding.c.entity_id == counterparties.c.id,
    )
    return [counterparties.c.id == own, bound]
