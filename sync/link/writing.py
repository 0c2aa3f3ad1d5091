"""Writing down whose card is whose: bindings in bulk, our key on their cards, questions where a person decides.

Nothing else changes on either side. What both hold now is remembered, so that only what changes later is a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, update

from connectors.cards import CardLister, CardResult
from core.errors import ConflictError, RecordError
from core.ids import new_id
from mapping.model import ENTITIES, MappedRecord
from store import landing
from store.bulk import insert, select_in, upsert
from store.tables import audit, binding, review
from sync.context import RunContext
from sync.link.book import Found, Kept
from sync.link.ours import ENTITY, Ours, load_holders, select_in_ours
from sync.owners.planning import Remembered, build_mirrored, save_all_seen
from sync.owners.settling import build_baseline
from sync.owners.sides import Side, leads, load_bound, sides_of, take_turns
from sync.pull.bindings import binding_values, load_bindings
from sync.push.merge import apply_merge, load_rows
from sync.room.writing import asking, writing

KEY = ("connection", "entity", "external_id")
_REFS = ENTITIES[ENTITY].refs


@dataclass(slots=True)
class Link:
    """A customer of ours and his card. `who` has said so, where it was a person: then two customers may become one."""

    ours_id: UUID
    external_id: str
    kind: str
    free: bool
    why: str
    who: str = ""


def claim(ctx: RunContext, links: Sequence[Link]) -> dict[str, CardResult]:
    """Put our key on cards that stand under none; by external id what became of each that was asked for.

    Nothing is sent where `write = "off"`. Asked again, a card that has the key already is not written again.
    """
    if ctx.settings.write == "off":
        return {}
    target = cast("CardLister", ctx.connector)
    results: dict[str, CardResult] = {}
    for kind in sorted({link.kind for link in links if link.free}):
        keys = {link.external_id: str(link.ours_id) for link in links if link.free and link.kind == kind}
        with asking(ctx, "claim-cards"):
            told = target.claim_cards(kind, keys)
        results |= dict(zip(keys, told, strict=True))
    return results


def is_refused(result: CardResult | None) -> bool:
    """Whether the CRM has said that the card cannot be ours: it is another's, or gone. Anything else is asked again."""
    return result is not None and isinstance(result.error, ConflictError | RecordError)


def apply_links(ctx: RunContext, kept: Mapping[str, Kept], links: Sequence[Link]) -> set[str]:
    """Bind these customers to their cards as they were read; returns cards that were left: another customer has them.

    In one transaction, and idempotent. Questions about customers who are bound now leave the queue.

    Raises:
        LeaseLost: another worker has taken over; nothing is written.
    """
    cards = {key: _map(ctx, key, one) for key, one in kept.items()}
    with writing(ctx, "link") as conn:
        take_turns(conn)
        taken = load_holders(conn, ctx.name, [link.external_id for link in links])
        lost = {key for link in links if (key := link.external_id) in taken and taken[key][0] != link.ours_id}
        free = [link for link in links if link.external_id in kept and (link.external_id not in lost or link.who)]
        _merge(conn, ctx, {link.external_id: link for link in free if link.external_id in lost}, taken)
        _bind(conn, ctx, free, kept, cards)
    return {link.external_id for link in links} - {link.external_id for link in free}


def _merge(conn: Connection, ctx: RunContext, links: Mapping[str, Link], taken: Mapping[str, tuple[UUID, str]]) -> None:
    """Who is here only because of such a card becomes one with whom a person has meant; others just lose the card."""
    own = {row.id for row in select_in_ours(conn, ctx.name, [taken[key][0] for key in links])}
    for key, link in links.items():
        if taken[key][0] not in own:
            apply_merge(conn, taken[key][0], link.ours_id, ctx.app.clock.now(), link.who)


def _bind(
    conn: Connection, ctx: RunContext, links: Sequence[Link], kept: Mapping[str, Kept],
    cards: Mapping[str, MappedRecord | None],
) -> None:  # fmt: skip
    ids = [link.ours_id for link in links]
    ours, bound = load_rows(conn, ids), load_bound(conn, ids)
    known = load_bindings(conn, ctx.name, ENTITY, [link.external_id for link in links])
    sides, targets = sides_of(ctx), _load_targets(conn, ctx, cards.values())
    rows, remembered = [], list[Remembered]()
    for link in links:
        others = [card for card in bound.get(link.ours_id, []) if card["connection"] != ctx.name]
        leading = leads(sides[ctx.name], sides, others)
        remembered += _seed(sides, ours[link.ours_id], others)
        card, received = cards[link.external_id], kept[link.external_id]
        theirs = _values(card, targets) if card is not None else {}
        seen = build_baseline(sides[ctx.name], ours[link.ours_id], theirs, leading=leading)
        rows.append(
            {"connection": ctx.name, "entity": ENTITY, "external_id": link.external_id}
            | binding_values(
                known.get(link.external_id), entity_id=link.ours_id, source=received.source, version=received.version,
                hash=card.hash if card is not None else "", state="bound", deleted=False, missing_since=None,
                mapping_version=ctx.mapping.version, fetch_seq=ctx.fetch_seq, seen=seen,
            )
        )  # fmt: skip
    upsert(conn, binding, rows, KEY)
    landing.save(conn, (_landed(ctx, link, kept, cards) for link in links))
    save_all_seen(conn, remembered)
    _close_questions(conn, ctx, ids)
    insert(conn, audit, [_audited(ctx, link) for link in links])


def _audited(ctx: RunContext, link: Link) -> dict[str, Any]:
    after = {"connection": ctx.name, "external_id": link.external_id, "why": link.why}
    row = {"id": new_id(), "at": ctx.app.clock.now(), "who": link.who or "sverka", "what": "contact.bind"}
    return row | {"subject": str(link.ours_id), "after": after}


def _map(ctx: RunContext, key: str, card: Kept) -> MappedRecord | None:
    """What the mapping reads of a card; None where it reads none of that kind, or cannot read this one."""
    entity = ctx.mapping.entities.get(ENTITY)
    if entity is None or card.source not in {source.name for source in entity.sources}:
        return None
    try:
        return entity.build(card.source, landing.decode(card.raw), ctx.settings.zone)
    except RecordError as error:
        ctx.notice(f"{ctx.name}: the card {key} was bound but cannot be read: {error.message}")
        return None


def _load_targets(
    conn: Connection, ctx: RunContext, cards: Iterable[MappedRecord | None]
) -> dict[tuple[str, str], UUID | None]:
    """Our ids of what the cards refer to, as far as it is here."""
    wanted: dict[str, set[str]] = {}
    for card in cards:
        for name, key in card.refs.items() if card is not None else ():
            if key:
                wanted.setdefault(_REFS[name].entity, set()).add(key)
    return {
        (entity, key): row["entity_id"]
        for entity, keys in wanted.items()
        for key, row in load_bindings(conn, ctx.name, entity, keys).items()
    }


def _values(card: MappedRecord, targets: Mapping[tuple[str, str], UUID | None]) -> dict[str, Any]:
    refs = {name: targets.get((_REFS[name].entity, key)) if key else None for name, key in card.refs.items()}
    return dict(card.fields) | refs


def _seed(sides: Mapping[str, Side], row: Mapping[str, Any], cards: Sequence[Mapping[str, Any]]) -> list[Remembered]:
    """From now on more than one system writes this customer: what those that had him alone hold."""
    found: list[Remembered] = []
    for card in cards:
        side = sides.get(card["connection"])
        if side is not None and card["seen"] is None:
            seen = build_mirrored(side, row, leading=leads(side, sides, list(cards)))
            found.append((side.name, card["external_id"], seen))
    return found


def _landed(
    ctx: RunContext, link: Link, kept: Mapping[str, Kept], cards: Mapping[str, MappedRecord | None]
) -> landing.Landed:
    card, received = cards[link.external_id], kept[link.external_id]
    seen = card.hash if card is not None else ""
    return landing.Landed(
        ctx.name, ENTITY, link.external_id, received.source, received.version, received.raw, seen, ctx.app.clock.now()
    )


def _close_questions(conn: Connection, ctx: RunContext, ids: Sequence[UUID]) -> None:
    """What was asked about customers who are bound now has answered itself."""
    where = {"connection": ctx.name, "entity": ENTITY, "kind": "match", "state": "open"}
    open_now = [row.id for row in select_in(conn, review, (review.c.id,), review.c.entity_id, ids, **where)]
    values = {"state": "dismissed", "decided_at": ctx.app.clock.now(), "decided_by": "sverka"}
    for one in open_now:
        conn.execute(update(review).where(review.c.id == one, review.c.state == "open").values(values))


def link_of(ours: Ours, card: Found, why: str) -> Link:
    """A link that a rule has found; the card is free where it stands under no key."""
    return Link(ours.id, card.external_id, card.kind, card.key == "", why)
