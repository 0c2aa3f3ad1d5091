"""Contacts: customers whose home is the CRM. Adding and changing them, and where each stands in accounting.

A contact is a row of `counterparties`: the one identity that it keeps as lead, as client, and as a card of accounting.
What follows from its status (intents, a request to push at once) is recorded in the same transaction as the contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, null, or_, select, update

from core.errors import UsageError
from core.ids import new_id
from mapping.model import COUNTERPARTY_KINDS, STATUSES
from store.customers import write_words
from store.engine import reading
from store.entities import counterparties as table
from store.search import read_query, search_text
from store.tables import binding, intent
from sync.context import App
from sync.owners.planning import Change, note_change, seed_cards
from sync.owners.sides import Side, load_bound, load_sides, take_turns
from sync.push import intents
from sync.push.ask import open_review
from sync.push.clean import Cleaned, clean_fields, guess_kind
from sync.push.merge import add_audit, load_row
from sync.push.mirror import load_same_customer
from sync.push.plan import ENTITY, Target, load_targets, plan_pushes
from sync.push.standing import build_overall, build_standing

_COMPARED = ("name", "registration_code", "phones", "emails", "kind")
_BATCH = 500


def add_contact(  # noqa: PLR0913 (one keyword a field)
    app: App, *, name: str, tax_id: str | None = None, registration_code: str | None = None,
    phones: Iterable[str] = (), emails: Iterable[str] = (), status: str = "lead", kind: str | None = None,
    who: str = "sverka",
) -> dict[str, Any]:  # fmt: skip
    """A new contact, or the one customer of the store who has this INN (said in `remarks`, nothing overwritten).

    Guarantees that no twin by INN is made silently: several customers with it put the contact into the review queue.

    Raises:
        UsageError: no name, or a status or kind that does not exist.
    """
    given = {
        "name": name,
        "tax_id": tax_id,
        "registration_code": registration_code,
        "phones": list(phones),
        "emails": list(emails),
    }
    _check_words(status, kind)
    targets, sides = load_targets(app), load_sides(app)
    cleaned = clean_fields(given, _country(targets))
    if not cleaned.values.get("name"):
        raise UsageError("A contact needs a name.", next_step='sverka contact add --name "…"')
    cleaned.values |= {"status": status, "kind": kind or guess_kind(cleaned.values.get("tax_id"), cleaned.country)}
    with app.engine.begin() as conn:
        take_turns(conn)
        alike = _load_alike(conn, cleaned)
        if len(alike) == 1:
            seed_cards(conn, sides, alike[0], load_bound(conn, [alike[0]["id"]]).get(alike[0]["id"], []))
            contact_id, remarks = _reuse(conn, app, alike[0], cleaned, who)
        else:
            contact_id, remarks = _insert(conn, app, cleaned, who), []
        remarks += _follow(conn, app, targets, contact_id, alike if len(alike) > 1 else [])
    return _load_one(app, contact_id) | {"remarks": [*cleaned.marks.values(), *remarks], "reused": len(alike) == 1}


def set_contact(app: App, query: str | UUID, *, who: str = "sverka", **fields: Any) -> dict[str, Any]:
    """Change a contact, found by id, INN, phone, e-mail or exact name.

    What accounting owns is not changed there; of other fields it is told, as their owner and direction in the mapping
    say (design §5-9).

    Raises:
        UsageError: nobody or several are meant, or a word is not known.
    """
    unknown = set(fields) - {"name", "tax_id", "registration_code", "phones", "emails", "status", "kind"}
    if unknown:
        raise UsageError(f"A contact has no {', '.join(sorted(unknown))}.", next_step="sverka contact set --help")
    _check_words(fields.get("status"), fields.get("kind"))
    targets, sides = load_targets(app), load_sides(app)
    cleaned = clean_fields(fields, _country(targets))
    if fields.get("name") is not None and not cleaned.values.get("name"):
        raise UsageError("A contact needs a name.", next_step="sverka contact set --help")
    with app.engine.begin() as conn:
        take_turns(conn)
        before = find_contact(conn, query)
        _update(conn, app, before, cleaned, who)
        twins = _load_alike(conn, cleaned, but=before["id"]) if "tax_id" in cleaned.values else []
        remarks = _follow(
            conn, app, targets, before["id"], [twin for twin in twins if not _is_bound(conn, before["id"])]
        )
        remarks += note_change(conn, app.clock.now(), sides, Change(before["id"], before, cleaned.values))
        if _is_bound(conn, before["id"]) and set(cleaned.values) & set(_COMPARED) - _sent_fields(sides):
            remarks.append("Accounting keeps its own values: what it holds already is not changed from here.")
    return _load_one(app, before["id"]) | {"remarks": [*cleaned.marks.values(), *remarks]}


def _sent_fields(sides: Mapping[str, Side]) -> set[str]:
    """Fields of which at least one accounting is told."""
    return {name for side in sides.values() for name, rule in side.rules.items() if rule.sends}


def list_contacts(app: App) -> list[dict[str, Any]]:
    """All contacts, the newest last, each with where it stands."""
    with reading(app.engine) as conn:
        rows = (
            conn.execute(select(table).where(table.c.home == "crm").order_by(table.c.created_at, table.c.id))
            .mappings()
            .all()
        )
        return _build_views(conn, app, [dict(row) for row in rows])


def find_contact(conn: Connection, query: str | UUID) -> dict[str, Any]:
    """The one customer meant; contacts of the CRM go before cards of accounting.

    Raises:
        UsageError: nobody, or more than one.
    """
    found = _load_by_query(conn, str(query).strip())
    own = [row for row in found if row["home"] == "crm"]
    hits = own if own else found
    if len(hits) != 1:
        names = ", ".join(f"{row['name']} ({row['id']})" for row in hits[:5])
        told = f"{len(hits)} contacts answer to {query!r}: {names}." if hits else f"There is no contact {query!r}."
        raise UsageError(told, next_step="sverka contact list")
    return hits[0]


def _load_by_query(conn: Connection, text: str) -> list[dict[str, Any]]:
    """Customers whose id, name, tax id, phone or e-mail is the text, as a whole."""
    wanted: list[Any] = [table.c.search.contains(f"\n{entry}\n", autoescape=True) for entry in read_query(text).exact]
    if is_uuid(text):
        wanted.append(table.c.id == UUID(text))
    rows = conn.execute(select(table).where(or_(*wanted), table.c.deleted.is_(False)).limit(_BATCH)).mappings()
    return [dict(row) for row in rows] if wanted else []


def is_uuid(text: str) -> bool:
    """Whether a text is one of our ids."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _check_words(status: str | None, kind: str | None) -> None:
    for what, word, known in (("status", status, STATUSES), ("kind", kind, COUNTERPARTY_KINDS)):
        if word is not None and word not in known:
            raise UsageError(
                f"{word!r} is no {what} of a contact: {', '.join(known)}.", next_step="sverka contact add --help"
            )


def _country(targets: list[Target]) -> str:
    return targets[0].country if targets else "RU"


def _load_alike(conn: Connection, cleaned: Cleaned, but: UUID | None = None) -> list[dict[str, Any]]:
    """Customers with the same INN; a doubtful INN identifies nobody."""
    tax_id = cleaned.values.get("tax_id")
    if not tax_id or "tax_id" in cleaned.marks:
        return []
    code = cleaned.values.get("registration_code")
    return [row for row in load_same_customer(conn, str(tax_id), str(code) if code else None) if row["id"] != but]


def _insert(conn: Connection, app: App, cleaned: Cleaned, who: str) -> UUID:
    now, contact_id = app.clock.now(), new_id()
    row = cleaned.values | {"id": contact_id, "home": "crm", "deleted": False, "created_at": now, "updated_at": now}
    row["search"] = search_text(row)
    conn.execute(insert(table).values(row | ({"marks": cleaned.marks} if cleaned.marks else {})))
    add_audit(conn, now, who, "contact.add", str(contact_id), after=cleaned.values)
    write_words(conn, [contact_id])
    return contact_id


def _reuse(conn: Connection, app: App, row: dict[str, Any], cleaned: Cleaned, who: str) -> tuple[UUID, list[str]]:
    """The customer is here already: he becomes a contact under his own id, with his own values."""
    now, given = app.clock.now(), cleaned.values
    values: dict[str, Any] = {"home": "crm", "updated_at": now}
    if STATUSES.index(row["status"] or "lead") < STATUSES.index(str(given["status"])) and given["status"] != "former":
        values["status"] = given["status"]
    conn.execute(update(table).where(table.c.id == row["id"]).values(values))
    add_audit(
        conn,
        now,
        who,
        "contact.reuse",
        str(row["id"]),
        before={"home": row["home"], "status": row["status"]},
        after=given,
    )
    remarks = [f"{row['name']} has this INN already and is the contact; nothing was overwritten."]
    for name in _COMPARED:
        if given.get(name) and row[name] and given[name] != row[name]:
            remarks.append(f"{name} differs: {row[name]!r} is kept, {given[name]!r} was given")
    return row["id"], remarks


def _update(conn: Connection, app: App, before: dict[str, Any], cleaned: Cleaned, who: str) -> None:
    now, values = app.clock.now(), dict(cleaned.values)
    if values.get("tax_id") and not before["kind"] and not values.get("kind"):
        values["kind"] = guess_kind(values["tax_id"], cleaned.country)
    marks = {name: why for name, why in (before["marks"] or {}).items() if name not in values} | cleaned.marks
    search = search_text(before | values)
    stored = values | {"search": search, "marks": marks or null(), "updated_at": now, "home": "crm"}
    conn.execute(update(table).where(table.c.id == before["id"]).values(stored))
    write_words(conn, [before["id"]])
    changed = {name: before[name] for name in values if before[name] != values[name]}
    if changed:
        add_audit(
            conn,
            now,
            who,
            "contact.set",
            str(before["id"]),
            before=changed,
            after={name: values[name] for name in changed},
        )


def _follow(
    conn: Connection, app: App, targets: list[Target], contact_id: UUID, twins: list[dict[str, Any]]
) -> list[str]:
    """What a contact's new state asks for: pushes where he is a client, a person where several share his INN."""
    contact = load_row(conn, contact_id)
    if contact is None:
        return []
    remarks = plan_pushes(conn, app.clock.now(), targets, contact)
    for target in targets if twins else []:
        candidates = _build_candidates(conn, target.settings.name, twins)
        if not candidates:
            continue
        reason = f"{len(candidates)} customers of the store have the INN {contact['tax_id']}."
        number = open_review(
            conn,
            app.clock.now(),
            target.settings.name,
            contact_id,
            "match",
            reason,
            candidates=candidates,
            intent_id=None,
        )
        remarks.append(f"{reason} Next: sverka review show {number}")
    return remarks


def _build_candidates(conn: Connection, connection: str, twins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for twin in twins:
        where = (binding.c.connection == connection, binding.c.entity == ENTITY, binding.c.entity_id == twin["id"])
        row = conn.execute(
            select(binding.c.external_id, binding.c.code).where(*where, binding.c.deleted.is_(False))
        ).first()
        if row is not None:
            known = {name: twin[name] or "" for name in ("name", "tax_id", "registration_code")}
            found.append(
                known
                | {
                    "external_id": row.external_id,
                    "code": row.code or "",
                    "strength": "same",
                    "reasons": [f"same INN {twin['tax_id']}"],
                }
            )
    return found


def _is_bound(conn: Connection, contact_id: UUID) -> bool:
    where = (binding.c.entity == ENTITY, binding.c.entity_id == contact_id, binding.c.deleted.is_(False))
    return conn.execute(select(binding.c.external_id).where(*where).limit(1)).first() is not None


# -------------------------------------------------------------------- how a contact is shown


def _load_one(app: App, contact_id: UUID) -> dict[str, Any]:
    with reading(app.engine) as conn:
        row = load_row(conn, contact_id)
        return _build_views(conn, app, [row] if row else [])[0]


def load_standings(conn: Connection, app: App, rows: list[dict[str, Any]]) -> dict[UUID, dict[str, str]]:
    """Where each of these customers stands in accounting: `standing` in plain words, and its `standing_code`."""
    views = _build_views(conn, app, rows)
    return {
        row["id"]: {"standing": view["standing_text"], "standing_code": view["standing"]}
        for row, view in zip(rows, views, strict=True)
    }


def _build_views(conn: Connection, app: App, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    accountings = [name for name, settings in app.settings.connections.items() if settings.role == "accounting"]
    views = []
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        ids = [row["id"] for row in part]
        bound, newest = _load_bound(conn, ids), _load_newest(conn, ids)
        views += [_build_view(row, accountings, bound.get(row["id"], {}), newest.get(row["id"], {})) for row in part]
    return views


def _load_bound(conn: Connection, ids: list[UUID]) -> dict[UUID, dict[str, dict[str, Any]]]:
    """By accounting: the card of each contact, or one that is gone when there is no other."""
    columns = [binding.c[name] for name in ("entity_id", "connection", "external_id", "code", "state", "deleted")]
    where = (binding.c.entity == ENTITY, binding.c.entity_id.in_(ids))
    found: dict[UUID, dict[str, dict[str, Any]]] = {}
    for row in conn.execute(
        select(*columns).where(*where).order_by(binding.c.deleted, binding.c.external_id)
    ).mappings():
        found.setdefault(row["entity_id"], {}).setdefault(row["connection"], dict(row))
    return found


def _load_newest(conn: Connection, ids: list[UUID]) -> dict[UUID, dict[str, dict[str, Any]]]:
    columns = (intent.c.entity_id, intent.c.connection, intent.c.action, intent.c.state, intent.c.reason)
    where = (intent.c.entity == ENTITY, intent.c.entity_id.in_(ids))
    found: dict[UUID, dict[str, dict[str, Any]]] = {}
    for row in conn.execute(select(*columns).where(*where).order_by(intent.c.created_at, intent.c.id)).mappings():
        newest = found.setdefault(row["entity_id"], {})
        if row["action"] != intents.UPDATE or not _is_refused(newest.get(row["connection"])):
            newest[row["connection"]] = dict(row)
    return found


def _is_refused(row: Mapping[str, Any] | None) -> bool:
    """Whether the card itself was refused, wholly or in parts: a later change of it does not make it whole."""
    return row is not None and row["state"] == "dead" and row["action"] != intents.UPDATE


def _build_view(
    row: Mapping[str, Any],
    accountings: list[str],
    bound: Mapping[str, dict[str, Any]],
    newest: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    concerned = [name for name in accountings if name in bound or name in newest]
    each = {name: build_standing(newest.get(name), bound.get(name), row["status"]) for name in concerned}
    standing = build_overall(each, row["status"])
    cards = {name: card["external_id"] for name, card in bound.items() if not card["deleted"]}
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "inn": row["tax_id"],
        "kpp": row["registration_code"],
        "kind": row["kind"],
        "phones": row["phones"] or [],
        "emails": row["emails"] or [],
        "status": row["status"],
        "code": row["code"],
        "external_id": next((cards[name] for name in accountings if name in cards), None),
        "external_ids": cards,
        "standing": standing["code"],
        "standing_text": standing["text"],
        "standings": each,
        "marks": row["marks"] or {},
    }
