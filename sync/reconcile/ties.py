"""Customers whose books differ: their movements fetched together, each tied to its document or named (design §5-11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from connectors.base import BalanceSource, MovementRow, RecordSource
from core.money import ZERO, format_amount
from mapping.model import SETTLEMENT_DOCUMENTS, SourceSet
from store.engine import reading
from store.queries.settlements.effects import iter_document_effects
from store.queries.settlements.recorders import Head, Standing, load_heads, load_sources_of, load_standings
from sync.context import RunContext
from sync.reconcile.customer import Customer, Explanation, residual_lines, stored_lines
from sync.reconcile.result import Line
from sync.room.writing import asking
from sync.settle.effects import Identities, SettlementKey
from sync.settle.explain import complete_whom, learn_identities, whom_of_texts
from sync.settle.movements import (
    NOT_PUBLISHED,
    NamedMovement,
    Recorder,
    Tie,
    build_title,
    name_difference,
    sum_movements,
    tie_movements,
)
from sync.settle.register import BalanceKey, fetch_currencies, load_known

Book = dict[tuple[Recorder, SettlementKey], Decimal]
"""What each document moves each settlement by."""
Outside = dict[SettlementKey, BalanceKey]
SEEN_AT_MOST = 20_000


@dataclass(slots=True)
class Seen:
    """What has been asked in this comparison and need not be asked again."""

    heads: dict[Recorder, tuple[str, str]] = field(default_factory=dict)
    """Version and number of documents that are not mirrored: one document may move many customers."""
    published: dict[str, bool] = field(default_factory=dict)

    def is_published(self, ctx: RunContext, name: str) -> bool:
        """Whether accounting shows us this set at all."""
        if name not in self.published:
            self.published[name] = not isinstance(ctx.connector, RecordSource) or ctx.connector.is_published(name)
        return self.published[name]


@dataclass(slots=True)
class Papers:
    """What both sides know of the documents behind some ties."""

    entities: dict[str, str]
    """Mirrored sets, with their entity."""
    unpublished: set[str]
    standings: dict[Recorder, Standing]
    live: dict[Recorder, tuple[str, str]]
    heads: dict[Recorder, Head]
    foreign: set[str]
    """Organisations that the mapping leaves out."""


def explain_customers(ctx: RunContext, customers: Sequence[Customer], seen: Seen) -> list[Explanation]:
    """Lines for everything that differs, from the movements of accounting; one explanation a customer, in order.

    Raises:
        Whatever the connector raises where the base offers no movements.
    """
    wanted = [customer for customer in customers if any(customer.gaps.values())]
    theirs, dates, outside = _fetch_theirs(ctx, wanted)
    ties = [tie for tie in tie_movements(theirs, load_ours(ctx, wanted), dates) if tie.difference]
    papers = _load_papers(ctx, ties, seen)
    ties_of, moved_of = _by_customer(ties), _moved_by_customer(theirs)
    found = []
    for customer in customers:
        explanation = _explain(ctx, customer, ties_of.get(customer.who, []), papers, outside)
        if any(customer.gaps.values()):
            explanation.lines += residual_lines(customer, moved_of.get(customer.who, {}))
        found.append(explanation)
    return found


def _by_customer(ties: Iterable[Tie]) -> dict[str, list[Tie]]:
    found: dict[str, list[Tie]] = {}
    for tie in ties:
        found.setdefault(tie.key.counterparty, []).append(tie)
    return found


def _moved_by_customer(book: Book) -> dict[str, Book]:
    found: dict[str, Book] = {}
    for pair, amount in book.items():
        found.setdefault(pair[1].counterparty, {})[pair] = amount
    return found


def _explain(ctx: RunContext, customer: Customer, ties: Sequence[Tie], papers: Papers, outside: Outside) -> Explanation:
    told = [_tell(ctx, customer, tie, papers) for tie in ties]
    named = [
        _named(customer, tie, line, outside)
        for tie, line in zip(ties, told, strict=True)
        if line.weight == "named" and tie.theirs
    ]
    return Explanation(customer, [*stored_lines(customer), *told], named)


def _fetch_rows(ctx: RunContext, customers: Sequence[Customer]) -> list[MovementRow]:
    assert isinstance(ctx.connector, BalanceSource) and ctx.mapping.balance is not None  # noqa: S101
    keys = [key for customer in customers for key in customer.keys]
    if not keys:
        return []
    start = customers[0].start
    ctx.fault("fetch-movements.before")
    if len(keys) == 1:
        rows = ctx.connector.fetch_movements(ctx.mapping.balance, keys[0], start=start)
    else:
        rows = ctx.connector.fetch_movements_of(ctx.mapping.balance, keys, start=start)
    ctx.fault("fetch-movements.after")
    return rows


def _fetch_theirs(
    ctx: RunContext, customers: Sequence[Customer]
) -> tuple[Book, dict[Recorder, datetime | None], Outside]:
    rows = _fetch_rows(ctx, customers)
    codes = fetch_currencies(ctx, {row.currency for row in rows if row.currency})
    accounting = ctx.mapping.accounting_currency
    places = [
        BalanceKey(
            row.counterparty, row.contract or "", row.organisation or "", codes.get(row.currency or "", accounting)
        )
        for row in rows
    ]
    with reading(ctx.app.engine) as conn:
        identities = load_known(conn, ctx, places)
    keyed = [(identities.of_keys(*place), row) for place, row in zip(places, rows, strict=True)]
    totals, dates = sum_movements(keyed)
    outside = {key: place for (key, _), place in zip(keyed, places, strict=True)}
    return totals, dates, outside


def load_ours(ctx: RunContext, customers: Sequence[Customer]) -> Book:
    """Effects of our documents by the recorder that accounting knows them as."""
    texts = [text for customer in customers for text in (customer.who, *customer.keys)]
    start = customers[0].start if customers else None
    with reading(ctx.app.engine) as conn:
        whom = complete_whom(conn, ctx.name, whom_of_texts(texts))
        effects = list(iter_document_effects(conn, ctx.name, whom, start))
        identities = Identities(ctx.mapping.accounting_currency)
        learn_identities(conn, ctx.name, effects, identities)
        places: dict[UUID, tuple[str, str]] = {}
        for entity in SETTLEMENT_DOCUMENTS:
            ids = [row.document_id for row in effects if row.entity == entity and row.document_id is not None]
            places |= load_sources_of(conn, ctx.name, entity, ids)
    totals: Book = {}
    for row in effects:
        if row.document_id is not None:
            pair = (Recorder(*places.get(row.document_id, ("", str(row.document_id)))), identities.of_effect(row))
            totals[pair] = totals.get(pair, ZERO) + row.amount
    return totals


def find_mirrored(ctx: RunContext) -> dict[str, SourceSet]:
    """Sets that are mirrored and move settlements."""
    return {source.name: source for entity in SETTLEMENT_DOCUMENTS for source in _sources(ctx, entity)}


def _load_papers(ctx: RunContext, ties: Sequence[Tie], seen: Seen) -> Papers:
    """Of all documents at once, in a few questions."""
    mirrored = find_mirrored(ctx)
    entities = {name: source.entity for name, source in mirrored.items()}
    recorders = list(dict.fromkeys(tie.recorder for tie in ties))
    sets = {recorder.set for recorder in recorders if recorder.set}
    standings = _load_standings(ctx, recorders, entities)
    return Papers(
        entities,
        {name for name in sets if not seen.is_published(ctx, name)},
        standings,
        _fetch_live(ctx, recorders, mirrored, seen),
        _load_heads(ctx, standings),
        _foreign_organisations(ctx, ties),
    )


def _tell(ctx: RunContext, customer: Customer, tie: Tie, papers: Papers) -> Line:
    """What one tie that does not close is."""
    version, number = papers.live.get(tie.recorder, (None, ""))
    standing = papers.standings.get(tie.recorder)
    kinds = ctx.mapping.recorder_kinds
    kind = name_difference(tie, standing, version, papers.entities, kinds, papers.unpublished)
    if kind in ("missing_document", "filtered") and tie.key.organisation in papers.foreign:
        kind = "other_organisation"
    head = papers.heads.get(tie.recorder, Head(number, tie.date, ""))
    if kind == "different_amount" and head.currency and head.currency != tie.key.currency:
        kind = "converted"  # one currency on the document, another in the settlement: the register's figure stands
    return build_tie_line(
        ctx, customer, tie, kind, head._replace(number=head.number or number, date=head.date or tie.date)
    )


def _sources(ctx: RunContext, entity: str) -> list[SourceSet]:
    mapped = ctx.mapping.entities.get(entity)
    return mapped.sources if mapped else []


def _load_standings(
    ctx: RunContext, recorders: Iterable[Recorder], entities: dict[str, str]
) -> dict[Recorder, Standing]:
    found: dict[Recorder, Standing] = {}
    with reading(ctx.app.engine) as conn:
        for entity in SETTLEMENT_DOCUMENTS:
            mine = [recorder for recorder in recorders if entities.get(recorder.set) == entity]
            known = load_standings(conn, ctx.name, entity, [recorder.key for recorder in mine])
            found.update((recorder, known[recorder.key]) for recorder in mine if recorder.key in known)
    return found


def _load_heads(ctx: RunContext, standings: dict[Recorder, Standing]) -> dict[Recorder, Head]:
    found: dict[Recorder, Head] = {}
    with reading(ctx.app.engine) as conn:
        for entity in SETTLEMENT_DOCUMENTS:
            ids = {s.entity_id: recorder for recorder, s in standings.items() if s.entity == entity and s.entity_id}
            for entity_id, head in load_heads(conn, entity, ids).items():
                found[ids[entity_id]] = head
    return found


def _fetch_live(
    ctx: RunContext, recorders: Sequence[Recorder], mirrored: dict[str, SourceSet], seen: Seen
) -> dict[Recorder, tuple[str, str]]:
    """Version and number of the documents as accounting has them now; those that are not there are left out."""
    found = {recorder: seen.heads[recorder] for recorder in recorders if recorder in seen.heads}
    if not isinstance(ctx.connector, RecordSource):
        return found
    for name in dict.fromkeys(recorder.set for recorder in recorders if recorder.set and recorder not in found):
        source = mirrored.get(name) or SourceSet(entity="movement", name=name)
        if not seen.is_published(ctx, name):
            continue
        keys = [recorder.key for recorder in recorders if recorder.set == name and recorder not in found]
        with asking(ctx, "fetch-records"):
            raws = ctx.connector.fetch_records(source, keys)
        for raw in raws:
            found[Recorder(name, raw.external_id)] = (raw.version, str(raw.data.get("Number") or "").strip())
        if name not in mirrored and len(seen.heads) < SEEN_AT_MOST:
            seen.heads |= {recorder: head for recorder, head in found.items() if recorder.set == name}
    return found


def _foreign_organisations(ctx: RunContext, ties: Sequence[Tie]) -> set[str]:
    """Organisations that the mapping leaves out."""
    with reading(ctx.app.engine) as conn:
        known = load_standings(
            conn, ctx.name, "organisation", {tie.key.organisation for tie in ties if tie.key.organisation}
        )
    return {key for key, standing in known.items() if standing.state == "filtered"}


def build_tie_line(ctx: RunContext, customer: Customer, tie: Tie, kind: str, head: Head) -> Line:
    """A tie as people read it; the amount is what accounting has more than we."""
    entity = next(
        (name for name in SETTLEMENT_DOCUMENTS for s in _sources(ctx, name) if s.name == tie.recorder.set), "movement"
    )
    both = f"accounting {format_amount(tie.theirs)}, here {format_amount(tie.ours)}"
    note = both if tie.theirs and tie.ours else ""
    if kind == NOT_PUBLISHED:
        note = f"not published in 1C: {tie.recorder.set}, tick it"
    return Line(
        kind,
        entity,
        tie.difference,
        tie.key.currency,
        customer.name,
        customer.keys[0],
        title=build_title(tie.recorder.set),
        number=head.number,
        date=head.date,
        source=tie.recorder.set,
        external_id=tie.recorder.key,
        note=note,
        counterparty_id=customer.entity_id,
        link=head.link,
    )


def _named(customer: Customer, tie: Tie, line: Line, outside: Outside) -> NamedMovement:
    place = outside.get(tie.key)
    return NamedMovement(
        counterparty_key=place.counterparty if place else customer.keys[0],
        contract_key=place.contract if place else "",
        organisation_key=place.organisation if place else "",
        currency=tie.key.currency,
        recorder=tie.recorder,
        kind=line.kind,
        number=line.number,
        date=tie.date,
        amount=tie.theirs,
        counterparty_id=customer.entity_id,
    )
