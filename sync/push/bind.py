"""Binding a contact to its card in accounting, in the same transaction as the intent that led there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from connectors.base import RawRecord
from core.errors import RecordError
from mapping.model import ENTITIES, MappedRecord
from store import landing
from store.entities import counterparties
from store.search import search_text
from store.tables import binding
from sync.context import RunContext
from sync.owners.planning import save_seen
from sync.owners.settling import build_baseline
from sync.owners.sides import build_side
from sync.push.match import NeedsPerson
from sync.push.merge import add_audit, apply_merge, build_missing, load_row

ENTITY = "counterparty"
COMPARED = ("name", "legal_name", "tax_id", "registration_code", "kind", "phones", "emails")
_SHOWN = 60
_REFS = ENTITIES[ENTITY].refs
_ROWS = ("phones", "emails")


@dataclass(frozen=True, slots=True)
class Card:
    """A card of accounting as it stands there now: as received, and as the mapping reads it (None: not readable)."""

    raw: RawRecord
    mapped: MappedRecord | None

    @property
    def code(self) -> str | None:
        """Accounting's own code, without padding."""
        known = self.mapped.fields.get("code") if self.mapped else None
        text = str(known or self.raw.data.get("Code") or "").strip()
        return text or None


def build_card(ctx: RunContext, raw: RawRecord) -> Card:
    """What the mapping makes of a card; a card that it cannot read is a notice and is bound all the same."""
    try:
        mapped = ctx.mapping.entities[ENTITY].build(raw.source, raw.data, ctx.settings.zone)
    except RecordError as error:
        ctx.notice(f"{ctx.name}: the card {raw.external_id} was bound but cannot be read: {error.message}")
        mapped = None
    return Card(raw, mapped)


def load_binding(conn: Connection, connection: str, external_id: str) -> dict[str, Any] | None:
    """The binding row of one card of accounting."""
    where = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.external_id == external_id)
    row = conn.execute(select(binding).where(*where)).mappings().first()
    return dict(row) if row else None


def load_own_binding(conn: Connection, connection: str, entity_id: UUID) -> dict[str, Any] | None:
    """The card of accounting that a record of ours is bound to and that still exists there."""
    where = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.entity_id == entity_id)
    query = select(binding).where(*where, binding.c.deleted.is_(False)).order_by(binding.c.external_id).limit(1)
    row = conn.execute(query).mappings().first()
    return dict(row) if row else None


def is_card_gone(conn: Connection, connection: str, entity_id: UUID) -> bool:
    """Whether a record of ours had a card in this accounting that no longer exists there."""
    where = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.entity_id == entity_id)
    query = select(binding.c.external_id).where(*where, binding.c.deleted.is_(True)).limit(1)
    return conn.execute(query).first() is not None


def build_differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, list[object]]:
    """Fields that both sides know and know differently: name -> [ours, theirs]."""
    pairs = {name: (ours.get(name), theirs.get(name)) for name in COMPARED}
    return {name: [one, other] for name, (one, other) in pairs.items() if one and other and not _same(one, other)}


def _same(one: object, other: object) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return set(one) <= set(other) or set(other) <= set(one)
    return str(one).strip() == str(other).strip()


def describe(differences: dict[str, list[object]]) -> str:
    """Differences in one line."""
    return "; ".join(
        f"{name}: {str(one)[:_SHOWN]!r} here, {str(other)[:_SHOWN]!r} there"
        for name, (one, other) in differences.items()
    )


def apply_binding(
    conn: Connection, ctx: RunContext, contact: Mapping[str, Any], card: Card, *, who: str = "sverka",
    chosen: bool = False,
) -> UUID:  # fmt: skip
    """Bind a contact to a card, in the caller's transaction; returns the id under which the customer lives on.

    The values of both sides are remembered as they are now (the contact's: as this write knew them): only what either
    changes later is a change.

    The hash of what accounting holds now is kept as *written*, so that its coming back is no change. A mirrored copy of
    the card is merged into the contact. `chosen`: a person has said so; only then may two contacts become one.

    Raises:
        NeedsPerson: the card belongs to another contact already.
    """
    now, raw, entity_id = ctx.app.clock.now(), card.raw, contact["id"]
    existing = load_binding(conn, ctx.name, raw.external_id)
    holder = existing["entity_id"] if existing else None
    kept = _settle_holder(conn, holder, entity_id, now, who, chosen=chosen)
    seen = card.mapped.hash if card.mapped else ""
    values = {
        "entity_id": kept, "source": raw.source, "version": raw.version, "hash": seen, "written_hash": seen or None,
        "state": "bound", "deleted": False, "missing_since": None, "code": card.code, "fetch_seq": ctx.fetch_seq,
        "mapping_version": ctx.mapping.version,
    }  # fmt: skip
    key = {"connection": ctx.name, "entity": ENTITY, "external_id": raw.external_id}
    if existing is None:
        conn.execute(insert(binding).values(key | values))
    else:
        conn.execute(update(binding).where(*(binding.c[name] == value for name, value in key.items())).values(values))
    landing.save(conn, [_landed(ctx, card)])
    filled = _fill(conn, ctx, kept, card, now)
    _remember(conn, ctx, card, {**contact, **filled})
    add_audit(
        conn,
        now,
        who,
        "contact.bind",
        str(kept),
        after={"connection": ctx.name, "external_id": raw.external_id, "code": card.code},
    )
    return kept


def note_written(conn: Connection, ctx: RunContext, card: Card, contact: Mapping[str, Any]) -> None:
    """A row of ours was added to a card that is bound: what it holds now is our writing, no change of theirs.

    Unless it holds more than we do (a killed run's rows have come back as theirs meanwhile): then it is to be read.
    """
    if card.mapped is not None and any(_texts(card.mapped.fields, name) - _texts(contact, name) for name in _ROWS):
        return
    seen = card.mapped.hash if card.mapped else ""
    mine = (binding.c.connection == ctx.name, binding.c.entity == ENTITY, binding.c.external_id == card.raw.external_id)
    values = {"version": card.raw.version, "hash": seen, "written_hash": seen or None, "fetch_seq": ctx.fetch_seq}
    conn.execute(update(binding).where(*mine).values(values))
    landing.save(conn, [_landed(ctx, card)])


def _texts(record: Mapping[str, Any], name: str) -> set[str]:
    return set(record.get(name) or ())


def _landed(ctx: RunContext, card: Card) -> landing.Landed:
    """The card as received, kept like any other record, so that a changed mapping can be applied to it."""
    raw, seen = card.raw, card.mapped.hash if card.mapped else ""
    return landing.Landed(
        ctx.name, ENTITY, raw.external_id, raw.source, raw.version, raw.raw, seen, ctx.app.clock.now()
    )


def _settle_holder(conn: Connection, holder: UUID | None, mine: UUID, now: datetime, who: str, *, chosen: bool) -> UUID:
    if holder is None or holder == mine:
        return mine
    other = load_row(conn, holder)
    if other is None or other["home"] == "accounting":
        apply_merge(conn, holder, mine, now, who)
        return mine
    if not chosen:
        raise NeedsPerson(f"This card of accounting belongs to the contact {other['name']!r} already.")
    apply_merge(conn, mine, holder, now, who)
    return holder


def _remember(conn: Connection, ctx: RunContext, card: Card, ours: Mapping[str, Any]) -> None:
    theirs = load_theirs(conn, ctx, card.mapped) if card.mapped else {}
    seen = build_baseline(build_side(ctx.app, ctx.settings, ctx.mapping), ours, theirs)
    save_seen(conn, ctx.name, card.raw.external_id, seen)


def _fill(conn: Connection, ctx: RunContext, entity_id: UUID, card: Card, now: datetime) -> dict[str, Any]:
    """Accounting's code comes back into the CRM; what else is empty here is filled, nothing is overwritten."""
    ours = load_row(conn, entity_id)
    if ours is None:
        return {}
    theirs = dict(card.mapped.fields) | _load_references(conn, ctx, card.mapped) if card.mapped else {}
    if card.code:
        theirs["code"] = card.code
    filled = build_missing(ours, theirs)
    if filled:
        values = filled | {"search": search_text(ours | filled), "updated_at": now}
        conn.execute(update(counterparties).where(counterparties.c.id == entity_id).values(values))
    return filled


def load_theirs(conn: Connection, ctx: RunContext, mapped: MappedRecord) -> dict[str, Any]:
    """What a card says of each field, references by our id (None where the target is not here)."""
    found = _load_references(conn, ctx, mapped)
    return dict(mapped.fields) | {name: found.get(f"{name}_id") for name in mapped.refs}


def _load_references(conn: Connection, ctx: RunContext, mapped: MappedRecord) -> dict[str, UUID]:
    """Our ids for what the card refers to, as far as it is here."""
    found = {}
    for name, key in mapped.refs.items():
        where = (binding.c.connection == ctx.name, binding.c.entity == _REFS[name].entity, binding.c.external_id == key)
        target = conn.execute(select(binding.c.entity_id).where(*where)).scalar() if key else None
        if target is not None:
            found[f"{name}_id"] = target
    return found
