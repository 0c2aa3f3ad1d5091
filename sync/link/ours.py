"""Our customers, some hundred at a time, with all that decides whose card is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, exists, func, or_, select

from store.bulk import select_in
from store.entities import counterparties as table
from store.tables import binding, match_decision, review
from sync.link.agreed import load_held
from sync.link.book import plain_tax_id, reaches
from sync.push.ask import DIFFERENT, SAME
from sync.push.match import Decided
from sync.push.names import normalise_name

ENTITY = "counterparty"
CHUNK = 500
Row = Mapping[str, Any]


@dataclass(slots=True)
class Ours:
    """One customer of the store, and what is known of him in the CRM that is linked.

    Attributes:
        row: his row.
        cards: his cards in this CRM that are bound already.
        elsewhere: connection -> external id, of the others.
        alike: registration codes of other customers of ours with the same tax id, by name.
        decided: what people have said of him and cards there before.
        left: a person has said that he is to be left alone.
    """

    row: Row
    cards: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    alike: list[tuple[str, str]] = field(default_factory=list)
    decided: Decided = field(default_factory=Decided)
    left: bool = False

    @property
    def id(self) -> UUID:
        """His id, which is also the key of ours on his card."""
        found: UUID = self.row["id"]
        return found

    @property
    def tax_id(self) -> str:
        """His tax id, "" for none."""
        return plain_tax_id(str(self.row["tax_id"])) if self.row["tax_id"] else ""

    @property
    def doubt(self) -> str:
        """Why his tax id identifies nobody, "" where it does."""
        return str((self.row["marks"] or {}).get("tax_id", ""))

    @property
    def code(self) -> str:
        """His registration code, "" for none."""
        return str(self.row["registration_code"] or "")

    @property
    def names(self) -> list[str]:
        """What he is called, made comparable."""
        plain = (normalise_name(self.row[name]) for name in ("name", "legal_name"))
        return list(dict.fromkeys(name for name in plain if name))

    @property
    def reached_by(self) -> list[str]:
        """His phones and e-mails, in the writing in which they are compared."""
        return reaches(self.row["phones"] or (), self.row["emails"] or ())


def load_page(conn: Connection, name: str, after: UUID | None) -> list[Row]:
    """The next customers behind `after` that live here or in another system than this CRM, not those deleted.

    Who is known from this CRM alone is a card of it, not a customer who may have one. An empty page is the end.
    """
    page = select(table).where(table.c.deleted.is_(False), is_ours(name)).order_by(table.c.id).limit(CHUNK)
    found = conn.execute(page if after is None else page.where(table.c.id > after))
    return [dict(row._mapping) for row in found]


def count_ours(conn: Connection, name: str) -> int:
    """How many they are."""
    query = select(func.count()).select_from(table).where(table.c.deleted.is_(False), is_ours(name))
    return int(conn.execute(query).scalar_one())


def has_said_same(conn: Connection, name: str) -> bool:
    """Whether a person has ever given a card of this CRM to somebody."""
    mine = (match_decision.c.connection == name, match_decision.c.entity == ENTITY, match_decision.c.verdict == SAME)
    return conn.execute(select(match_decision.c.external_id).where(*mine).limit(1)).first() is not None


def is_ours(name: str) -> Any:
    """The condition on a customer's row: he has a card elsewhere, or none in this CRM."""
    living = and_(binding.c.entity == ENTITY, binding.c.entity_id == table.c.id, binding.c.deleted.is_(False))
    return or_(
        exists().where(living, binding.c.connection != name), ~exists().where(living, binding.c.connection == name)
    )


def load_ours(conn: Connection, name: str, rows: Sequence[Row]) -> list[Ours]:
    """These customers with what is known of them, in as few questions however many they are."""
    ids = [row["id"] for row in rows]
    found = {row["id"]: Ours(row) for row in rows}
    columns = (binding.c.entity_id, binding.c.connection, binding.c.external_id)
    for card in select_in(conn, binding, columns, binding.c.entity_id, ids, entity=ENTITY, deleted=False):
        if card.connection == name:
            found[card.entity_id].cards.append(card.external_id)
        else:
            found[card.entity_id].elsewhere[card.connection] = card.external_id
    add_alike(conn, name, found)
    _add_decided(conn, name, found)
    held = load_held(conn, name, ids)
    asked = _load_open(conn, name, ids)
    for key in held - asked:
        found[key].left = True
    return list(found.values())


def add_alike(conn: Connection, name: str, found: Mapping[UUID, Ours]) -> None:
    """Note of each of these the other customers of ours who have his tax id."""
    wanted = {one.row["tax_id"] for one in found.values() if one.row["tax_id"]}
    columns = (table.c.id, table.c.name, table.c.tax_id, table.c.registration_code)
    alike: dict[str, list[Any]] = {}
    for row in select_in(conn, table, columns, table.c.tax_id, wanted, deleted=False):
        alike.setdefault(row.tax_id, []).append(row)
    several = {key: rows for key, rows in alike.items() if len(rows) > 1}
    if not several:
        return
    ids = [row.id for rows in several.values() for row in rows]
    own = {row.id for row in select_in_ours(conn, name, ids)}
    for one in found.values():
        rows = several.get(one.row["tax_id"], []) if one.row["tax_id"] else []
        one.alike = [(row.name, row.registration_code or "") for row in rows if row.id != one.id and row.id in own]


def select_in_ours(conn: Connection, name: str, ids: Sequence[UUID]) -> list[Any]:
    """Of these those that are customers of ours, not mere cards of this CRM."""
    found: list[Any] = []
    for start in range(0, len(ids), CHUNK):
        part = list(ids[start : start + CHUNK])
        found += conn.execute(select(table.c.id).where(table.c.id.in_(part), is_ours(name))).all()
    return found


def _add_decided(conn: Connection, name: str, found: dict[UUID, Ours]) -> None:
    """What `sync.push.ask.load_decided` says of one, of many at once."""
    verdicts: dict[UUID, dict[str, str]] = {}
    columns = (match_decision.c.entity_id, match_decision.c.external_id, match_decision.c.verdict)
    same = {"connection": name, "entity": ENTITY}
    for row in select_in(conn, match_decision, columns, match_decision.c.entity_id, found, **same):
        verdicts.setdefault(row.entity_id, {})[row.external_id] = row.verdict
    decisions: dict[UUID, list[Row]] = {}
    wanted = (review.c.entity_id, review.c.decision)
    for row in select_in(conn, review, wanted, review.c.entity_id, found, state="created", kind="match", **same):
        decisions.setdefault(row.entity_id, []).append(row.decision or {})
    for key in verdicts.keys() | decisions.keys():
        said, made = verdicts.get(key, {}), decisions.get(key, [])
        found[key].decided = Decided(
            bool(made),
            frozenset(card for card, verdict in said.items() if verdict == DIFFERENT),
            any(decision.get("force") for decision in made),
            frozenset(card for card, verdict in said.items() if verdict == SAME),
        )


def _load_open(conn: Connection, name: str, ids: Sequence[UUID]) -> set[UUID]:
    where = {"connection": name, "entity": ENTITY, "kind": "match", "state": "open"}
    return {row.entity_id for row in select_in(conn, review, (review.c.entity_id,), review.c.entity_id, ids, **where)}


def load_holders(conn: Connection, name: str, cards: Sequence[str]) -> dict[str, tuple[UUID, str]]:
    """Who has these cards of the CRM already: external id -> id and name of the customer."""
    columns = (binding.c.external_id, binding.c.entity_id)
    rows = select_in(
        conn, binding, columns, binding.c.external_id, cards, connection=name, entity=ENTITY, deleted=False
    )
    owners = {row.external_id: row.entity_id for row in rows if row.entity_id is not None}
    names = {
        row.id: row.name for row in select_in(conn, table, (table.c.id, table.c.name), table.c.id, owners.values())
    }
    return {card: (key, names.get(key, "")) for card, key in owners.items()}
