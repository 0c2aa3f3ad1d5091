"""What people have decided about cards: this customer is that card there. Claimed and bound, nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from connectors.base import RawRecord
from core.errors import RecordError, SverkaError, TransientError
from store.bulk import select_in
from store.engine import reading
from store.queries.customers.outward import CUSTOMER
from store.tables import binding, review
from sync.outbox.desk import Desk
from sync.pull import dead
from sync.push.ask import load_parted
from sync.push.bind import apply_binding, build_card
from sync.push.match import NeedsPerson
from sync.push.merge import load_row
from sync.room.writing import asking, writing

MOST = 500


def carry_out(desk: Desk) -> None:
    """Bind customers to the cards that people have chosen for them and that nobody has bound yet.

    Raises:
        TransientError: the CRM did not answer; the decision stands and is carried out later.
    """
    if desk.card.entity != CUSTOMER:
        return
    chosen = _load_chosen(desk)
    if not chosen:
        return
    present = {raw.external_id: raw for raw in desk.fetch_cards([_card_of(row) for row in chosen])}
    for row in chosen:
        if _card_of(row) in present:
            _bind(desk, row, present[_card_of(row)])


def _card_of(row: Mapping[str, Any]) -> str:
    return str(row["decision"].get("external_id") or "")


def _load_chosen(desk: Desk) -> list[Mapping[str, Any]]:
    """Decisions to link whose customer has no living card there; of each customer the last word.

    Not those about cards that the CRM itself has said are gone: they are asked for no more, however many they are. Nor
    those that a person has taken back since (`sverka unlink`).
    """
    alive = and_(
        binding.c.connection == desk.name, binding.c.entity == CUSTOMER,
        binding.c.entity_id == review.c.entity_id, binding.c.deleted.is_(False),
    )  # fmt: skip
    mine = (review.c.connection == desk.name, review.c.entity == CUSTOMER, review.c.state == "linked")
    columns = (review.c.number, review.c.entity_id, review.c.decision, review.c.decided_by)
    query = select(*columns).select_from(review.outerjoin(binding, alive)).where(*mine, binding.c.entity_id.is_(None))
    with reading(desk.ctx.app.engine) as conn:
        rows = conn.execute(query.order_by(review.c.number).limit(MOST)).mappings().all()
        found: dict[UUID, Mapping[str, Any]] = {row["entity_id"]: dict(row) for row in rows if row["decision"]}
        cards, here = [_card_of(row) for row in found.values()], {"connection": desk.name, "entity": CUSTOMER}
        column = binding.c.external_id
        gone = {row.external_id for row in select_in(conn, binding, (column,), column, cards, deleted=True, **here)}
        parted = load_parted(conn, desk.name, cards)
    return [row for key, row in found.items() if _card_of(row) not in gone and (key, _card_of(row)) not in parted]


def _bind(desk: Desk, row: Mapping[str, Any], raw: RawRecord) -> None:
    key = str(row["entity_id"])
    with asking(desk.ctx, "claim-card"):
        result = desk.target.claim_card(desk.card.name, raw.external_id, key)
    if isinstance(result.error, TransientError):
        raise result.error
    error: SverkaError | None = result.error
    with writing(desk.ctx, "outbox-link") as conn:
        contact = load_row(conn, row["entity_id"])
        if error is None and contact is not None:
            try:
                card = build_card(desk.ctx, raw)
                apply_binding(conn, desk.ctx, contact, card, who=str(row["decided_by"]), chosen=True)
            except NeedsPerson as doubt:
                error = doubt
        if error is not None:
            told = RecordError(error.message, next_step=f"sverka review show {row['number']}")
            dead.record(
                conn, desk.ctx, entity=CUSTOMER, external_id=key, stage="send", error=told, direction="out",
                source=desk.card.name,
            )  # fmt: skip
    if error is None:
        line = desk.ctx.count(CUSTOMER, "out")
        line.read += 1
        line.add("linked")
