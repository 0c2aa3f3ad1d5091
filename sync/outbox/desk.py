"""What work on one type of card needs: the run, the mapping of the card, and what is decided once a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connectors.base import RawRecord, RecordSource
from connectors.cards import CardTarget
from core.errors import ConfigError
from mapping.cards.program import CardMapping
from mapping.model import SourceSet
from store.bulk import select_in
from store.queries.customers.outward import CUSTOMER, DEAL, Scope
from store.queries.customers.shown import load_customers, load_documents
from store.queries.deals.records import load_shown_deals
from store.tables import binding
from sync.context import App, RunContext
from sync.outbox.content import NO_TIES, Content, Ties, build_content
from sync.outbox.several import Bound, load_chosen_cards
from sync.push.contacts import load_standings
from sync.room.writing import asking
from sync.versions import load_ruling

ROUBLES = "RUB"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record that a card is about.

    Attributes:
        shown: what the store tells of it.
        ties: the cards it hangs on; `tied`: whether one of those that it must hang on is there.
        external_id: the card of this type that is bound to it there; `gone` when that was deleted.
        elsewhere: the customer has a card of another type in this CRM.
        several: he has more than one of some type there.
    """

    shown: dict[str, Any]
    ties: Ties = NO_TIES
    tied: bool = True
    external_id: str | None = None
    gone: bool = False
    elsewhere: bool = False
    several: bool = False


@dataclass(slots=True)
class Desk:
    """One type of card in one run.

    `linked`: whether a person has agreed to the links, so that cards may be made. `currency`: of the figures. `silent`:
    how many batches in a row had no answer.
    """

    ctx: RunContext
    card: CardMapping
    linked: bool
    currency: str = ROUBLES
    names: dict[str, str] = field(default_factory=dict)
    silent: int = 0

    @property
    def target(self) -> CardTarget:
        """The run's connector as one whose cards are written."""
        return cast("CardTarget", self.ctx.connector)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.ctx.name

    @property
    def zone(self) -> ZoneInfo:
        """On whose wall clock days and moments are shown."""
        return self.ctx.settings.zone

    @property
    def scope(self) -> Scope:
        """Which rows this is about."""
        return Scope(self.name, self.card.name, self.card.entity, tuple(self.card.parents))

    def name_of(self, code: str) -> str:
        """The CRM's own name of a field of ours."""
        if code not in self.names:
            self.names[code] = self.target.field_name(self.card.name, code)
        return self.names[code]

    def fetch_present(self, external_ids: Sequence[str]) -> set[str]:
        """Which of these cards the CRM has, by its own word. Where it cannot be asked all count as present."""
        if not isinstance(self.ctx.connector, RecordSource):
            return set(external_ids)
        return {one.external_id for one in self.fetch_cards(external_ids)}

    def fetch_cards(self, external_ids: Sequence[str]) -> list[RawRecord]:
        """These cards as any record is read; those that are not there are left out."""
        if not isinstance(self.ctx.connector, RecordSource):
            return []
        with asking(self.ctx, "fetch-records"):
            return self.ctx.connector.fetch_records(SourceSet(self.card.entity, self.card.name), external_ids)

    def build(self, subject: Subject, as_of: datetime | None = None, *, made: bool = False) -> Content:
        """What the card shall show, with figures as old as `as_of` where that is given; `made`: as once it is there.

        Raises:
            RecordError: a value cannot be built.
        """
        shown = subject.shown if as_of is None else {**subject.shown, "as_of": as_of}
        shown = {**shown, "card": self.card.name} if made else shown
        return build_content(self.card, shown, self.zone, subject.ties)


def load_subjects(conn: Connection, desk: Desk, ids: Sequence[UUID]) -> dict[UUID, Subject]:
    """These records as their cards need them, with a few questions for all; what is not here is left out."""
    if desk.card.entity == CUSTOMER:
        return _load_customers(conn, desk, ids)
    if desk.card.entity == DEAL:
        deals = load_shown_deals(conn, desk.name, ids, desk.currency)
        return {key: Subject(shown, external_id=shown.pop("external_id")) for key, shown in deals.items()}
    return _load_documents(conn, desk, ids)


def _load_customers(conn: Connection, desk: Desk, ids: Sequence[UUID]) -> dict[UUID, Subject]:
    found = load_customers(conn, ids, desk.currency)
    bound = load_chosen_cards(conn, desk.name, ids)
    standings = load_standings(conn, desk.ctx.app, list(found.values()))
    subjects = {}
    for key, shown in found.items():
        cards = bound.get(key, Bound())
        alive = cards.living
        mine = [row for row in alive if row.source == desk.card.name]
        lost = [row for row in cards.gone if row.source == desk.card.name]
        shown |= {**standings[key], "card": alive[0].source if alive else ""}
        shown["our_link"] = desk.ctx.app.settings.web.customer_page(key)
        subjects[key] = Subject(
            shown,
            external_id=mine[0].external_id if mine else lost[0].external_id if lost else None,
            gone=bool(lost) and not mine,
            elsewhere=bool(alive) and not mine,
            several=cards.several,
        )
    return subjects


def _load_documents(conn: Connection, desk: Desk, ids: Sequence[UUID]) -> dict[UUID, Subject]:
    found = load_documents(conn, desk.card.entity, ids, desk.currency)
    customers = {shown["counterparty_id"] for shown in found.values()} - {None}
    bound = load_chosen_cards(conn, desk.name, sorted(customers))
    deals = _load_deals(conn, desk, [shown["deal_id"] for shown in found.values()])
    subjects = {}
    for key, shown in found.items():
        alive = bound.get(shown["counterparty_id"], Bound()).living
        ties = {desk.card.parents[row.source]: row.external_id for row in alive if row.source in desk.card.parents}
        if desk.card.deal_field and shown["deal_id"] in deals:
            ties[desk.card.deal_field] = deals[shown["deal_id"]]
        tied = not desk.card.parents or any(row.source in desk.card.parents for row in alive)
        loose = (desk.card.deal_field,) if desk.card.deal_field else ()
        subjects[key] = Subject(shown | {"our_link": ""}, Ties(ties, loose), tied)
    return subjects


def _load_deals(conn: Connection, desk: Desk, deals: Sequence[UUID | None]) -> dict[UUID, str]:
    columns = (binding.c.entity_id, binding.c.external_id)
    known = {deal for deal in deals if deal is not None}
    rows = select_in(
        conn, binding, columns, binding.c.entity_id, known, connection=desk.name, entity="deal", deleted=False
    )
    return {row.entity_id: row.external_id for row in rows}


def find_currency(app: App) -> str:
    """The currency of figures: that in which the first accounting keeps its books. Not inside a transaction."""
    for settings in app.settings.connections.values():
        if settings.role == "accounting" and settings.mapping:
            try:
                return load_ruling(app, settings, publish=False).accounting_currency or ROUBLES
            except ConfigError:
                continue
    return ROUBLES
