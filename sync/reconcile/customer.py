"""One customer whose books differ: his movements fetched, each tied to its document or named (design §5-11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from connectors.base import BalanceSource, MovementRow, RecordSource
from core.money import ZERO
from mapping.model import SETTLEMENT_DOCUMENTS, SourceSet
from store.engine import reading
from store.queries.recorders import Standing, load_heads, load_sources_of, load_standings
from store.queries.settlements import iter_document_effects
from sync.context import RunContext
from sync.reconcile.result import Line
from sync.settle.effects import Identities, SettlementKey, Totals, find_offsets
from sync.settle.explain import complete_whom, learn_identities, whom_of_texts
from sync.settle.movements import (
    NamedMovement,
    Recorder,
    Tie,
    build_title,
    name_difference,
    sum_movements,
    tie_movements,
)
from sync.settle.register import BalanceKey, fetch_currencies, load_known

Head = tuple[str, datetime | None, str]
"""Number, date and currency of a document."""


@dataclass(slots=True)
class Customer:
    """Both books of one customer."""

    who: str
    entity_id: UUID | None
    name: str
    start: datetime | None
    keys: list[str] = field(default_factory=list)
    register: Totals = field(default_factory=dict)
    opening: Totals = field(default_factory=dict)
    documents: Totals = field(default_factory=dict)
    stored: Totals = field(default_factory=dict)
    offsets: Totals = field(default_factory=dict)

    @property
    def moved(self) -> Totals:
        """What the register moved by since the opening."""
        return find_offsets(self.register, self.opening)

    def differs(self) -> bool:
        """Whether opening + documents is not the register, or the stored balance is not."""
        gaps = find_offsets(self.moved, self.documents)
        return any(gaps.values()) or any(find_offsets(self.register, self.stored).values())


@dataclass(slots=True)
class Explanation:
    """What came of looking closer."""

    customer: Customer
    lines: list[Line]
    named: list[NamedMovement] = field(default_factory=list)


Seen = dict[Recorder, tuple[str, str]]
"""Version and number of documents that are not mirrored, as read before: one document may move many customers."""
SEEN_AT_MOST = 20_000


def explain_customer(ctx: RunContext, customer: Customer, seen: Seen) -> Explanation:
    """Lines for everything that differs, from the movements of accounting.

    Raises:
        Whatever the connector raises where the base offers no movements.
    """
    stale = _stored_lines(customer)
    if not any(find_offsets(customer.moved, customer.documents).values()):
        return Explanation(customer, stale)
    theirs, dates, outside = _fetch_theirs(ctx, customer)
    ours = _load_ours(ctx, customer)
    ties = tie_movements(theirs, ours, dates)
    open_ties = [tie for tie in ties if tie.difference]
    lines = _name_ties(ctx, customer, open_ties, seen)
    found = Explanation(customer, [*stale, *lines, *_residual_lines(customer, theirs)])
    found.named = [
        _named(customer, tie, line, outside)
        for tie, line in zip(open_ties, lines, strict=True)
        if line.weight == "named" and tie.theirs
    ]
    return found


def unexplained_lines(customer: Customer, note: str) -> list[Line]:
    """The same where accounting offers no movements: what differs stays without a name."""
    gaps = find_offsets(customer.moved, customer.documents)
    return [
        *_stored_lines(customer),
        *(_line(customer, "unexplained", key, gap, note) for key, gap in gaps.items() if gap),
    ]


def _stored_lines(customer: Customer) -> list[Line]:
    """The stored balance against the register.

    Where our own books still agree with each other, accounting has moved on since the last cycle. Where they do not,
    somebody has changed what we keep: nothing explains that.
    """
    lines = []
    for key, gap in find_offsets(customer.register, customer.stored).items():
        if not gap:
            continue
        ours = customer.stored.get(key, ZERO) - customer.documents.get(key, ZERO)
        consistent = ours == customer.offsets.get(key, ZERO)
        kind, note = (
            ("not_yet_applied", "newer than the last cycle") if consistent else ("balance_differs", "stored balance")
        )
        lines.append(_line(customer, kind, key, gap, note))
    return lines


def _residual_lines(customer: Customer, theirs: dict[tuple[Recorder, SettlementKey], Decimal]) -> list[Line]:
    """Accounting's own books: opening + movements must be the register."""
    moved: Totals = {}
    for (_, key), amount in theirs.items():
        moved[key] = moved.get(key, ZERO) + amount
    gaps = find_offsets(customer.moved, moved)
    note = "opening and movements of accounting do not make its register"
    return [_line(customer, "unexplained", key, gap, note) for key, gap in gaps.items() if gap]


def _line(customer: Customer, kind: str, key: SettlementKey, amount: Decimal, note: str) -> Line:
    return Line(
        kind,
        "balance",
        amount,
        key.currency,
        customer.name,
        customer.keys[0],
        note=note,
        counterparty_id=customer.entity_id,
    )


Outside = dict[SettlementKey, BalanceKey]


def _fetch_theirs(
    ctx: RunContext, customer: Customer
) -> tuple[dict[tuple[Recorder, SettlementKey], Decimal], dict[Recorder, datetime | None], Outside]:
    assert isinstance(ctx.connector, BalanceSource) and ctx.mapping.balance is not None  # noqa: S101
    rows: list[MovementRow] = []
    for key in customer.keys:
        ctx.fault("fetch-movements.before")
        rows += ctx.connector.fetch_movements(ctx.mapping.balance, key, start=customer.start)
        ctx.fault("fetch-movements.after")
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


def _load_ours(ctx: RunContext, customer: Customer) -> dict[tuple[Recorder, SettlementKey], Decimal]:
    """Effects of our documents by the recorder that accounting knows them as."""
    with reading(ctx.app.engine) as conn:
        whom = complete_whom(conn, ctx.name, whom_of_texts([customer.who, *customer.keys]))
        effects = list(iter_document_effects(conn, ctx.name, whom, customer.start))
        identities = Identities(ctx.mapping.accounting_currency)
        learn_identities(conn, ctx.name, effects, identities)
        places: dict[UUID, tuple[str, str]] = {}
        for entity in SETTLEMENT_DOCUMENTS:
            ids = [row.document_id for row in effects if row.entity == entity and row.document_id is not None]
            places |= load_sources_of(conn, ctx.name, entity, ids)
    totals: dict[tuple[Recorder, SettlementKey], Decimal] = {}
    for row in effects:
        if row.document_id is not None:
            pair = (Recorder(*places.get(row.document_id, ("", str(row.document_id)))), identities.of_effect(row))
            totals[pair] = totals.get(pair, ZERO) + row.amount
    return totals


def _name_ties(ctx: RunContext, customer: Customer, ties: Sequence[Tie], seen: Seen) -> list[Line]:
    mirrored_sets = {source.name: source for entity in SETTLEMENT_DOCUMENTS for source in _sources(ctx, entity)}
    entities = {name: source.entity for name, source in mirrored_sets.items()}
    recorders = list(dict.fromkeys(tie.recorder for tie in ties))
    standings = _load_standings(ctx, recorders, entities)
    live = _fetch_live(ctx, recorders, mirrored_sets, seen)
    foreign = _foreign_organisations(ctx, ties)
    heads = _load_heads(ctx, standings)
    lines = []
    for tie in ties:
        version, number = live.get(tie.recorder, (None, ""))
        kind = name_difference(tie, standings.get(tie.recorder), version, entities, ctx.mapping.recorder_kinds)
        if kind in ("missing_document", "filtered") and tie.key.organisation in foreign:
            kind = "other_organisation"
        head = heads.get(tie.recorder, (number, tie.date, ""))
        if kind == "different_amount" and head[2] and head[2] != tie.key.currency:
            kind = "converted"  # one currency on the document, another in the settlement: the register's figure stands
        lines.append(_tie_line(ctx, customer, tie, kind, (head[0] or number, head[1] or tie.date, head[2])))
    return lines


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
                found[ids[entity_id]] = (head[0] or "", head[1], head[2] or "")
    return found


def _fetch_live(ctx: RunContext, recorders: Sequence[Recorder], mirrored: dict[str, SourceSet], seen: Seen) -> Seen:
    """Version and number of the documents as accounting has them now; those that are not there are left out."""
    found = {recorder: seen[recorder] for recorder in recorders if recorder in seen}
    if not isinstance(ctx.connector, RecordSource):
        return found
    for name in dict.fromkeys(recorder.set for recorder in recorders if recorder.set and recorder not in found):
        source = mirrored.get(name) or SourceSet(entity="movement", name=name)
        if not ctx.connector.is_published(name):
            continue
        keys = [recorder.key for recorder in recorders if recorder.set == name and recorder not in found]
        for raw in ctx.connector.fetch_records(source, keys):
            found[Recorder(name, raw.external_id)] = (raw.version, str(raw.data.get("Number") or "").strip())
        if name not in mirrored and len(seen) < SEEN_AT_MOST:
            seen |= {recorder: head for recorder, head in found.items() if recorder.set == name}
    return found


def _foreign_organisations(ctx: RunContext, ties: Sequence[Tie]) -> set[str]:
    """Organisations that the mapping leaves out."""
    with reading(ctx.app.engine) as conn:
        known = load_standings(
            conn, ctx.name, "organisation", {tie.key.organisation for tie in ties if tie.key.organisation}
        )
    return {key for key, standing in known.items() if standing.state == "filtered"}


def _tie_line(ctx: RunContext, customer: Customer, tie: Tie, kind: str, head: Head) -> Line:
    entity = next(
        (name for name in SETTLEMENT_DOCUMENTS for s in _sources(ctx, name) if s.name == tie.recorder.set), "movement"
    )
    note = f"accounting {tie.theirs}, here {tie.ours}" if tie.theirs and tie.ours else ""
    return Line(
        kind,
        entity,
        tie.difference,
        tie.key.currency,
        customer.name,
        customer.keys[0],
        title=build_title(tie.recorder.set),
        number=head[0],
        date=head[1],
        source=tie.recorder.set,
        external_id=tie.recorder.key,
        note=note,
        counterparty_id=customer.entity_id,
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
