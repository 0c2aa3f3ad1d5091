"""The echo guard of cards: phones and e-mails that we have added to a card come back as no change of its people's.

Cards are only ever added to, so of a list that we have written it is known what stands there now: what stood there
when it was last read, and ours. Without this the whole of it would come back as news: numbers that the card had before
us, or that were taken away elsewhere since, would go on into the store and accounting because we have written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from connectors.cards import Card
from core.errors import RecordError
from store import landing
from store.queries.customers.outward import CUSTOMER
from sync.context import RunContext
from sync.outbox.desk import Desk
from sync.owners.planning import Remembered, save_all_seen
from sync.owners.rules import fingerprint, join, load_pair
from sync.owners.settling import load_seen


@dataclass(frozen=True, slots=True)
class Added:
    """A customer's card whose lists we have written: as it was sent, and what the store showed of him then.

    `otherwise`: phones and e-mails of it that the CRM was not given, because they stand there in another writing.
    """

    card: Card
    shown: Mapping[str, Any]
    otherwise: Sequence[str] = ()

    @property
    def key(self) -> str:
        """The card's external id."""
        return str(self.card.external_id)


def build_added(desk: Desk, card: Card, shown: Mapping[str, Any], otherwise: Sequence[str]) -> Added | None:
    """What is to be remembered of a card that was there; None where no list of it was written."""
    wrote = desk.card.entity == CUSTOMER and card.external_id is not None and (card.phones or card.emails)
    return Added(card, shown, otherwise) if wrote else None


def remember_added(conn: Connection, ctx: RunContext, cards: Sequence[Added]) -> None:
    """Note what these cards hold from now on, in the caller's transaction, which has taken its turn.

    Only where the list is known to have been as it was last looked at: what its people have changed and nobody has read
    yet stays news. So does what stands there otherwise than foreseen, and what a person decides (`owner = "review"`)
    where ours has changed since: the two lists on one card are what he is asked about.
    """
    if CUSTOMER not in ctx.mapping.entities:  # cards are only shown there: nothing of them is ever read
        return
    seen = load_seen(conn, ctx.name, [one.key for one in cards])
    known = landing.load(conn, ctx.name, CUSTOMER, seen)
    remembered: list[Remembered] = []
    for one in cards:
        lists = _read_lists(ctx, known.get(one.key))
        pairs = {
            name: pair
            for name, added in (("phones", one.card.phones), ("emails", one.card.emails))
            if added and (pair := _foresee(ctx, seen.get(one.key, {}), name, lists.get(name), one))
        }
        if pairs:
            remembered.append((ctx.name, one.key, seen[one.key] | pairs))
    save_all_seen(conn, remembered)


def _read_lists(ctx: RunContext, received: landing.Landed | None) -> Mapping[str, Any]:
    """A card as it was last read; nothing where it is not kept, or cannot be read."""
    entity = ctx.mapping.entities[CUSTOMER]
    if received is None or received.source not in {source.name for source in entity.sources}:
        return {}
    try:
        record = entity.build(received.source, landing.decode(received.raw), ctx.settings.zone)
    except RecordError:  # a dead letter says so already
        return {}
    return record.fields if record is not None else {}


def _foresee(ctx: RunContext, seen: Mapping[str, Any], name: str, before: Any, one: Added) -> list[str] | None:
    """The pair to remember of a list; None where it is not known how it stood, or a person is to be asked."""
    pair, ours = load_pair(seen, name), fingerprint(one.shown.get(name))
    if pair is None or pair[0] != fingerprint(before):
        return None
    if ctx.mapping.entities[CUSTOMER].owners.get(name) == "review" and pair[1] != ours:
        return None
    sent = one.card.phones if name == "phones" else one.card.emails
    added = [value for value in sent if value not in one.otherwise]
    return [fingerprint(join(list(before or []), added)), ours]
