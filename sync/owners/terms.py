"""Credit limits and terms of payment that accounting does not keep: set here by the head, Sverka owns them.

Who keeps a field is said by the mappings that rule. Where the mapping of a connection that knows the record reads the
field, that connection keeps it and nobody sets it here; but for an accounting whose rule says `owner = "crm"`. A field
that the preset names and this base never had is kept by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from core.errors import ConfigError, UsageError
from core.settings import ConnectionSettings
from mapping.rules import Mapping as Rules
from store.bulk import upsert
from store.customers import write_figures
from store.entities import balances, entity_tables
from store.queries.customers.terms import HOLDERS, TERMS, Own, Term, load_holders, load_own, write_term
from store.queries.shapes import Record
from store.tables import binding, connection, own_value
from sync.context import App
from sync.outbox.wake import find_crms, request_cards
from sync.owners.planning import Change, note_change
from sync.owners.sides import load_sides, take_turns
from sync.pull.drift import logical
from sync.pull.unspoken import fields_of
from sync.push.merge import add_audit
from sync.room.requests import leave_request
from sync.settle.anew import SETTLE
from sync.versions import load_ruling

AUDITED = "terms.set"
LARGEST_LIMIT, LONGEST_TERM = Decimal(10) ** 12, 3650
_DIGITS = Decimal("0.01")
_AGAIN = "change it on the customer's card: Limits and terms"


@dataclass(frozen=True, slots=True)
class Book:
    """What a connection keeps, by the mapping that rules there. No `rules`: they cannot be read just now."""

    settings: ConnectionSettings
    rules: Rules | None
    seen: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def keeps(self, entity: str, source: str, name: str) -> bool:
        """Whether this connection says what the field is, of records that come from that set."""
        if self.rules is None:
            return True
        mapped = self.rules.entities.get(entity)
        if mapped is None or name not in fields_of(mapped, source):
            return False
        if self.settings.role == "accounting" and mapped.owners.get(name) == "crm":
            return False
        heads = {logical(need.path.head) for need in mapped.needs(source) if need.target == name}
        known = {logical(one) for one in self.seen.get(f"{entity}/{source}", ())}
        return not heads or not known or bool(heads & known)


@dataclass(frozen=True, slots=True)
class Held:
    """The customer or one of his contracts: what is in force, which connection keeps what, what was set here."""

    record: Record
    keepers: Mapping[str, str]
    own: Mapping[str, Own]

    @property
    def settable(self) -> bool:
        """Whether anything of it can be set or taken back here."""
        return any(name not in self.keepers or name in self.own for name in TERMS)


def load_books(app: App) -> list[Book]:
    """All connections as keepers of fields. Not inside a transaction."""
    with app.engine.connect() as conn:
        facts = {row.name: row.facts or {} for row in conn.execute(select(connection.c.name, connection.c.facts))}
    return [_book(app, one, facts.get(one.name, {})) for one in app.settings.connections.values() if one.mapping]


def _book(app: App, settings: ConnectionSettings, facts: Mapping[str, Any]) -> Book:
    try:
        return Book(settings, load_ruling(app, settings, publish=False), facts.get("fields", {}))
    except ConfigError:
        return Book(settings, None)


def load_terms(conn: Connection, books: Sequence[Book], customer: UUID) -> list[Held]:
    """The customer first, then his contracts; empty where there is no such customer."""
    holders = load_holders(conn, customer)
    found = []
    for entity in HOLDERS:
        mine = [one for one in holders if one["entity"] == entity]
        ids = [one["id"] for one in mine]
        cards, own = _load_cards(conn, entity, ids), load_own(conn, entity, ids)
        for one in mine:
            set_here = {name: own[one["id"], name] for name in TERMS if (one["id"], name) in own}
            found.append(Held(one, _find_keepers(books, entity, cards.get(one["id"], [])), set_here))
    return found


def _load_cards(conn: Connection, entity: str, ids: Sequence[UUID]) -> dict[UUID, list[tuple[str, str]]]:
    """The living cards of these records: connection and set."""
    where = (binding.c.entity == entity, binding.c.entity_id.in_(ids), binding.c.deleted.is_(False))
    columns = (binding.c.entity_id, binding.c.connection, binding.c.source)
    found: dict[UUID, list[tuple[str, str]]] = {}
    for row in conn.execute(select(*columns).where(*where)):
        found.setdefault(row.entity_id, []).append((row.connection, row.source or ""))
    return found


def _find_keepers(books: Sequence[Book], entity: str, cards: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in TERMS:
        for book in books:
            if any(at == book.settings.name and book.keeps(entity, source, name) for at, source in cards):
                found.setdefault(name, book.settings.name)
    return found


def set_terms(app: App, who: str, customer: UUID, holder: UUID, values: Mapping[str, Term | None]) -> bool:
    """Set limit and terms of a customer or one of his contracts (`holder`); None: as the other side says, or none.

    Whether anything has changed. In one transaction with its audit and with word for the next tick: what is overdue is
    reckoned anew, cards in CRMs follow.

    Raises:
        UsageError: accounting keeps the field, a value cannot be, or the customer has no such contract.
    """
    _check(values)
    books, sides, crms = load_books(app), load_sides(app), find_crms(app)
    now = app.clock.now()
    with app.engine.begin() as conn:
        take_turns(conn)
        held = next((one for one in load_terms(conn, books, customer) if one.record["id"] == holder), None)
        if held is None:
            raise UsageError("The customer has no such contract any more.", next_step=_AGAIN)
        moved = {name: value for name, value in values.items() if _is_new(held, name, value)}
        _refuse_kept(held, moved)
        if not moved:
            return False
        after = {name: _keep(conn, now, who, held, name, value) for name, value in moved.items()}
        table = entity_tables[held.record["entity"]]
        conn.execute(update(table).where(table.c.id == holder).values(**after, updated_at=now))
        _audit(conn, now, who, held, after)
        if held.record["entity"] == "counterparty":
            note_change(conn, now, sides, Change(customer, held.record, after))
        write_figures(conn, [customer])
        _tell(conn, app, now, customer, after)
        request_cards(conn, app, now, crms)
    return True


def _check(values: Mapping[str, Term | None]) -> None:
    limit, days = values.get("credit_limit"), values.get("payment_days")
    if limit is not None and not (Decimal(0) < limit <= LARGEST_LIMIT and limit == Decimal(limit).quantize(_DIGITS)):
        raise UsageError(
            "A credit limit is more than nothing, to the kopeck; leave it empty for none.", next_step=_AGAIN
        )
    if days is not None and not 0 <= days <= LONGEST_TERM:
        raise UsageError(f"Days to pay are a number from 0 to {LONGEST_TERM}.", next_step=_AGAIN)


def _is_new(held: Held, name: str, value: Term | None) -> bool:
    own = held.own.get(name)
    return (None if own is None else own.value) != value and not (
        own is None and name in held.keepers and value == held.record[name]
    )


def _refuse_kept(held: Held, moved: Mapping[str, Term | None]) -> None:
    for name, value in moved.items():
        if value is not None and name in held.keepers:
            at = held.keepers[name]
            raise UsageError(f"{at} keeps this; it is changed there.", next_step=f"sverka doctor {at}")


def _keep(conn: Connection, now: datetime, who: str, held: Held, name: str, value: Term | None) -> Term | None:
    """Keep ours, or take it away; the value that is in force now."""
    key = {"entity": held.record["entity"], "entity_id": held.record["id"], "field": name}
    own, before = held.own.get(name), held.record[name]
    if value is None:
        conn.execute(delete(own_value).where(*(own_value.c[part] == one for part, one in key.items())))
        rests = name in held.keepers and own is not None and before != own.value  # the other side's is in force already
        return before if own is None or rests else own.theirs
    theirs = before if own is None else own.theirs
    row = {"value": write_term(value), "theirs": None if theirs is None else write_term(theirs)}
    upsert(conn, own_value, [key | row | {"set_by": who[:100], "set_at": now}], list(key))
    return value


def _audit(conn: Connection, now: datetime, who: str, held: Held, after: Mapping[str, Term | None]) -> None:
    record = held.record
    named = {} if record["entity"] == "counterparty" else {"contract": record["name"]}
    old = {name: _told(record[name]) for name in after}
    new = {name: _told(value) for name, value in after.items()}
    add_audit(conn, now, who, AUDITED, str(record["id"]), before=named | old, after=named | new)


def _told(value: Term | None) -> str | None:
    return None if value is None else write_term(value)


def _tell(conn: Connection, app: App, now: datetime, customer: UUID, after: Mapping[str, Term | None]) -> None:
    """New days to pay change what is overdue, in every accounting that knows what he owes."""
    if "payment_days" not in after:
        return
    query = select(balances.c.connection).where(balances.c.counterparty_id == customer).distinct()
    for name in conn.execute(query.order_by(balances.c.connection)).scalars().all():
        if name in app.settings.connections:
            leave_request(conn, now, SETTLE, name, {"customer": str(customer)})
