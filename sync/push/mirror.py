"""What the store's own mirror knows about who a contact could be. Reads only, all customers, short queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, or_, select
from sqlalchemy.sql.elements import ColumnElement

from store.entities import counterparties as table
from store.search import plain_phone
from store.tables import binding
from sync.push.names import ALIKE, likeness, normalise_name, rarest_word

MOST = 200
"""Cards looked at closely for one contact; a word that more of them share tells nobody apart."""
_SHORTEST_WORD = 3


def _bound(connection: str) -> ColumnElement[bool]:
    return (
        (binding.c.entity_id == table.c.id)
        & (binding.c.entity == "counterparty")
        & (binding.c.connection == connection)
        & binding.c.deleted.is_(False)
    )


def load_bound_same_inn(conn: Connection, connection: str, contact: Mapping[str, Any]) -> list[str]:
    """Cards of accounting that the mirror holds with the contact's INN."""
    where = (table.c.tax_id == contact["tax_id"], table.c.id != contact["id"])
    query = select(binding.c.external_id).select_from(table).join(binding, _bound(connection)).where(*where).limit(MOST)
    return list(conn.execute(query).scalars())


def load_other_contacts(conn: Connection, connection: str, contact: Mapping[str, Any]) -> list[str]:
    """Other contacts with the same INN (and no other KPP) that are in no card of this accounting yet: twins of ours."""
    if not contact["tax_id"]:
        return []
    bound = select(binding.c.entity_id).where(_bound(connection)).exists()
    where = (
        table.c.tax_id == contact["tax_id"],
        table.c.id != contact["id"],
        table.c.home == "crm",
        table.c.deleted.is_(False),
        ~bound,
    )
    rows = conn.execute(select(table.c.id, table.c.name, table.c.registration_code).where(*where).limit(MOST))
    return [
        f"{row.name!r} ({row.id})" for row in rows if not is_branch(row.registration_code, contact["registration_code"])
    ]


def is_branch(one: str | None, other: str | None) -> bool:
    """Two registration codes that are both known and differ: branches of one company."""
    return bool(one and other and one != other)


def load_same_customer(conn: Connection, tax_id: str, registration_code: str | None) -> list[dict[str, Any]]:
    """Counterparties of the store, ours and accounting's, with this INN and no other KPP; not those marked deleted."""
    rows = conn.execute(
        select(table).where(table.c.tax_id == tax_id, table.c.deleted.is_(False)).limit(MOST)
    ).mappings()
    alike = [dict(row) for row in rows if not is_branch(row["registration_code"], registration_code)]
    exact = [row for row in alike if registration_code and row["registration_code"] == registration_code]
    return exact if len(exact) == 1 else alike


def load_weak_hits(conn: Connection, connection: str, contact: Mapping[str, Any]) -> dict[str, list[str]]:
    """Cards that only phone, e-mail or name point to: external id -> reasons."""
    found: dict[str, list[str]] = {}
    for condition in _weak_conditions(contact):
        query = select(
            binding.c.external_id, table.c.name, table.c.legal_name, table.c.phones, table.c.emails
        ).select_from(table).join(binding, _bound(connection))  # fmt: skip
        for row in conn.execute(query.where(condition, table.c.id != contact["id"]).limit(MOST)).mappings():
            reasons = _reasons(contact, dict(row))
            if reasons:
                found[row["external_id"]] = reasons
    return found


def _weak_conditions(contact: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    entries = [plain_phone(phone) for phone in contact["phones"] or []] + [
        email.casefold() for email in contact["emails"] or []
    ]
    reached = [table.c.search.contains(f"\n{entry}\n", autoescape=True) for entry in entries if entry]
    word = rarest_word(normalise_name(contact["name"]))
    named = [table.c.search.contains(word, autoescape=True)] if len(word) >= _SHORTEST_WORD else []
    return ([or_(*reached)] if reached else []) + named


def _reasons(contact: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    theirs = {plain_phone(phone) for phone in row["phones"] or []}
    reasons = [f"same phone {phone}" for phone in contact["phones"] or [] if plain_phone(phone) in theirs]
    reasons += [
        f"same e-mail {email}" for email in contact["emails"] or [] if email.casefold() in (row["emails"] or [])
    ]
    wanted = normalise_name(contact["name"])
    best = max(likeness(wanted, normalise_name(name)) for name in (row["name"], row["legal_name"]))
    if best >= ALIKE:
        reasons.append("same name" if best == 100 else f"similar name ({best:.0f} of 100)")
    return reasons
