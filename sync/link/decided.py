"""What people have said of a customer and a card of a CRM is carried out: bound as they say, whatever the rules think.

A stage of every run of a CRM that sends. It costs one question where nothing is left to be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, select

from connectors.base import RawRecord, RecordSource
from connectors.cards import CardLister
from core.errors import ConflictError
from mapping.model import SourceSet
from store.engine import reading
from store.entities import counterparties
from store.tables import binding, match_decision
from sync.context import RunContext
from sync.link.agreed import LINKED_AT
from sync.link.book import Kept
from sync.link.ours import ENTITY
from sync.link.writing import Link, apply_links, claim
from sync.push.ask import SAME, open_review
from sync.room.writing import asking, writing

AT_ONCE = 200
SAID = "a person has said so"


def carry_out_decisions(ctx: RunContext) -> None:
    """Bind what people have said belongs together, and put our key on cards that stand under none.

    The customer whom the card had here, if it was a mirrored one, becomes one with the customer who was meant. A card
    that is not there any more is asked about again.

    Raises:
        TransientError: the CRM did not answer; it is tried in the next run. LeaseLost: another worker has taken over.
    """
    if not isinstance(ctx.connector, CardLister) or not isinstance(ctx.connector, RecordSource) or ctx.order.dry_run:
        return
    with reading(ctx.app.engine) as conn:
        said = _load_said(conn, ctx.name)
    if not said:
        return
    ctx.next_fetch()
    cards = _fetch(ctx, [row.external_id for row in said])
    links = [
        Link(
            row.entity_id, row.external_id, cards[row.external_id].source, True, "a person has said so", row.decided_by
        )
        for row in said
        if row.external_id in cards
    ]
    may_write = ctx.settings.write == "on" or bool(ctx.state.facts.get(LINKED_AT))  # else `sverka link` puts the keys
    for key, told in (claim(ctx, links) if may_write else {}).items():
        if isinstance(told.error, ConflictError):
            ctx.notice(f"{ctx.name}: the card {key} is linked as a person said, and keeps the key of another there")
        elif told.error is not None:
            ctx.leave(f"{ENTITY} out: {told.error}")
    apply_links(ctx, {key: Kept(raw.source, raw.version, raw.raw) for key, raw in cards.items()}, links)
    line = ctx.count(ENTITY, "out")
    line.read += len(links)
    line.add("linked", len(links))
    _ask_again(ctx, [row for row in said if row.external_id not in cards])


def _load_said(conn: Connection, name: str) -> Sequence[Any]:
    """Pairs that a person has called the same and that are not bound so yet; of one card the last word counts."""
    bound = and_(
        binding.c.connection == name, binding.c.entity == ENTITY,
        binding.c.external_id == match_decision.c.external_id, binding.c.entity_id == match_decision.c.entity_id,
        binding.c.deleted.is_(False),
    )  # fmt: skip
    mine = (match_decision.c.connection == name, match_decision.c.entity == ENTITY, match_decision.c.verdict == SAME)
    there = counterparties.c.id == match_decision.c.entity_id
    query = select(match_decision).join(counterparties, there).where(*mine, ~exists().where(bound))
    rows = conn.execute(query.order_by(match_decision.c.decided_at, match_decision.c.external_id).limit(AT_ONCE)).all()
    return list({row.external_id: row for row in rows}.values())


def _fetch(ctx: RunContext, ids: Sequence[str]) -> dict[str, RawRecord]:
    """These cards as they are now, whatever their type."""
    entity = ctx.mapping.entities.get(ENTITY)
    read = [source.name for source in entity.sources] if entity is not None else []
    kinds = dict.fromkeys((*read, *(name for name, card in ctx.mapping.cards.items() if card.entity == ENTITY)))
    found: dict[str, RawRecord] = {}
    for kind in kinds:
        missing = [key for key in ids if key not in found]
        with asking(ctx, "fetch-records"):
            raws = ctx.connector.fetch_records(SourceSet(ENTITY, kind), missing)  # type: ignore[attr-defined]
        found |= {raw.external_id: raw for raw in raws}
    return found


def _ask_again(ctx: RunContext, rows: Sequence[Any]) -> None:
    """The card that was chosen is gone: whoever chose it is asked anew, and his word does not stand in the way."""
    if not rows:
        return
    with writing(ctx, "link-ask") as conn:
        for row in rows:
            same = (match_decision.c.entity == ENTITY, match_decision.c.entity_id == row.entity_id)
            where = (match_decision.c.connection == ctx.name, *same, match_decision.c.external_id == row.external_id)
            conn.execute(delete(match_decision).where(*where))
            why = f"The card {row.external_id} that was chosen is not in {ctx.name} any more."
            open_review(conn, ctx.app.clock.now(), ctx.name, row.entity_id, "match", why, candidates=[], intent_id=None)
