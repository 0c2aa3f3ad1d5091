"""A customer with several living cards of one type in a CRM: everything goes to one, and a person says which one stays.

Two customers were made one by a person, or he was linked to a second card. What a person has said last counts, else the
card that we have shown things on before, else the first; the others stay as they are, and are his in every reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from store.bulk import select_in
from store.engine import reading
from store.queries.customers.outward import CUSTOMER, load_bound_cards
from store.tables import outbox, review
from sync.context import RunContext
from sync.push.ask import open_review
from sync.room.writing import writing

MARK = "everything is shown on one of them"
"""By these words the question is known again."""
Cards = Mapping[UUID, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A customer's cards in a CRM, as `load_bound_cards` tells them: living ones, one of each type; those gone.

    `several`: there is more than one living card of some type.
    """

    living: Sequence[Any] = ()
    gone: Sequence[Any] = ()
    several: bool = False


def load_chosen_cards(conn: Connection, connection: str, customers: Sequence[UUID]) -> dict[UUID, Bound]:
    """The cards on which these customers are shown; whoever has none is left out.

    Asks nothing more where nobody has two of one type.
    """
    bound = load_bound_cards(conn, connection, customers)
    living = {key: _living(rows) for key, rows in bound.items()}
    several = {key: rows for key, rows in living.items() if _has_several(rows)}
    if several:
        living |= _choose(conn, connection, several)
    return {
        key: Bound(living[key], [row for row in rows if row.deleted], key in several) for key, rows in bound.items()
    }


def _living(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if not row.deleted and row.state == "bound"]


def _has_several(rows: Sequence[Any]) -> bool:
    return any(count > 1 for count in Counter(row.source for row in rows).values())


def _choose(conn: Connection, connection: str, several: Cards) -> dict[UUID, list[Any]]:
    said, cards = _load_said(conn, connection, several), [row.external_id for rows in several.values() for row in rows]
    before = select_in(conn, outbox, (outbox.c.external_id,), outbox.c.external_id, cards, connection=connection)
    shown = {row.external_id for row in before}  # also as the card of whom he was made one with
    found: dict[UUID, list[Any]] = {}
    for key, rows in several.items():
        chosen, first = said.get(key), dict[str, Any]()
        for row in sorted(rows, key=lambda one: (one.external_id != chosen, one.external_id not in shown)):
            first.setdefault(row.source, row)
        found[key] = list(first.values())
    return found


def _load_said(conn: Connection, connection: str, customers: Cards) -> dict[UUID, str]:
    """The card that a person has last given to each of them."""
    columns = (review.c.entity_id, review.c.number, review.c.decision)
    where = {"connection": connection, "entity": CUSTOMER, "kind": "match", "state": "linked"}
    rows = select_in(conn, review, columns, review.c.entity_id, customers, **where)
    return {
        row.entity_id: str(row.decision["external_id"])
        for row in sorted(rows, key=lambda one: int(one.number))
        if (row.decision or {}).get("external_id")
    }


def ask_which_stay(ctx: RunContext, card: str, customers: Sequence[UUID]) -> None:
    """Ask about those of these customers who have several living cards of a type, unless a person has answered.

    An answer holds as long as there is no card that he was not asked about.
    """
    with reading(ctx.app.engine) as conn:
        bound = load_bound_cards(conn, ctx.name, customers)
        several = {key: _of_type(rows, card) for key, rows in bound.items() if len(_of_type(rows, card)) > 1}
        answered = _load_asked_about(conn, ctx.name, several) if several else {}
    fresh = {
        key: rows
        for key, rows in several.items()
        if not any(asked >= {row.external_id for row in rows} for asked in answered.get(key, []))
    }
    if not fresh:
        return
    with writing(ctx, "outbox-refresh") as conn:
        for key, rows in fresh.items():
            _ask(conn, ctx, key, rows)


def _of_type(rows: Sequence[Any], card: str) -> list[Any]:
    return [row for row in _living(rows) if row.source == card]


def _load_asked_about(conn: Connection, connection: str, customers: Cards) -> dict[UUID, list[set[str]]]:
    """The cards of each question of this kind that is open, or that a person has answered."""
    columns = (review.c.entity_id, review.c.state, review.c.decision, review.c.reason, review.c.candidates)
    where = {"connection": connection, "entity": CUSTOMER, "kind": "match"}
    found: dict[UUID, list[set[str]]] = {}
    for row in select_in(conn, review, columns, review.c.entity_id, customers, **where):
        if MARK in row.reason and (row.state == "open" or row.decision):
            found.setdefault(row.entity_id, []).append({one["external_id"] for one in row.candidates})
    return found


def _ask(conn: Connection, ctx: RunContext, key: UUID, rows: Sequence[Any]) -> None:
    reason = f"{len(rows)} cards of one type in {ctx.name} are his; {MARK}: say which one stays."
    candidates = [
        {
            "external_id": row.external_id, "name": "", "tax_id": "", "registration_code": "", "code": row.code or "",
            "strength": "same", "reasons": ["bound to him"],
        }
        for row in rows
    ]  # fmt: skip
    number = open_review(
        conn, ctx.app.clock.now(), ctx.name, key, "match", reason, candidates=candidates, intent_id=None
    )
    ctx.notice(f"{ctx.name}: a customer has {len(rows)} cards of one type: sverka review show {number}")


def close_answered(ctx: RunContext) -> None:
    """Questions about cards of which only one is left have answered themselves."""
    asked = (review.c.connection == ctx.name, review.c.entity == CUSTOMER, review.c.kind == "match")
    mine = (*asked, review.c.state == "open", review.c.reason.contains(MARK, autoescape=True))
    with reading(ctx.app.engine) as conn:
        rows = conn.execute(select(review.c.id, review.c.entity_id).where(*mine)).all()
        bound = load_bound_cards(conn, ctx.name, [row.entity_id for row in rows]) if rows else {}
    over = [row.id for row in rows if not _has_several(_living(bound.get(row.entity_id, [])))]
    if over:
        closed = {"state": "dismissed", "decided_at": ctx.app.clock.now(), "decided_by": "sverka"}
        with writing(ctx, "outbox-refresh") as conn:
            for one in over:
                conn.execute(update(review).where(review.c.id == one, review.c.state == "open").values(closed))


def is_which_stays(reason: str) -> bool:
    """Whether a question is one of these."""
    return MARK in reason
