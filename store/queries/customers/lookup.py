"""Who calls: the customers behind a telephone number in any writing, and what the asker may know of each.

Looks at all customers, so that a colleague's is told from an unknown one. Of one that is not the asker's to see he
learns the name and who is responsible, no id and no figure; who is on call learns besides what he owes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, select

from store.bulk import select_in
from store.entities import counterparties, entity_tables
from store.queries.customers.found import MOST, find_ids
from store.queries.customers.listed import load_owed
from store.queries.customers.rights import Viewer, may_see_customer
from store.queries.shapes import Record
from store.search import REGION, plain_phone
from store.tables import customer_word
from store.words import LOCAL_DIGITS, phone_words

PERSON, MANAGER = entity_tables["person"], entity_tables["manager"]
ALIKE = 5
"""So many customers are shown while the name of a new one is being typed."""


def lookup_phone(
    conn: Connection, phone: str, viewer: Viewer, *, region: str = REGION, limit: int = 20
) -> list[Record]:
    """The customers who have this number, themselves or by a person there; those that the viewer may see first.

    `visible`: whether the asker may open the card; `id` is None where he may not. `person`: who there has the number.
    `owed`: what a colleague's customer owes, where the asker is on call; then `key` says whose look is to be audited,
    and is shown to nobody.
    """
    people = find_callers(conn, phone, region=region)
    found = _load(conn, counterparties.c.id.in_(people), viewer, limit)
    names = load_names(conn, people.values())
    hidden = [key for key, record in found if not record["visible"]] if viewer.on_call else []
    owed = load_owed(conn, hidden) if hidden else {}
    told = {key: {"key": key, "owed": owed.get(key, [])} for key in hidden}
    return [
        record | {"person": names.get(people[key]) if record["visible"] else None} | told.get(key, {"owed": None})
        for key, record in found
    ]


def find_callers(conn: Connection, phone: str, *, region: str = REGION) -> dict[UUID, str]:
    """The ids of all customers who have this number, each with the id of the person there whose it is ("": his own).

    Nobody may be told of them but through `lookup_phone` and the like.
    """
    wanted = _whole(phone, region)
    if not wanted:
        return {}
    rows = select(customer_word.c.counterparty_id, customer_word.c.person)
    people: dict[UUID, str] = {}
    rows = rows.where(customer_word.c.word.in_(sorted(wanted))).order_by(*rows.selected_columns).limit(MOST)
    for row in conn.execute(rows):
        people[row.counterparty_id] = people.get(row.counterparty_id) or row.person
    return people


def _whole(phone: str, region: str) -> set[str]:
    """The writings of a whole number: without its local part, which many towns have; a short one is an extension."""
    words = phone_words(phone, region)
    return {word for word in words if len(word) > LOCAL_DIGITS} or words


def find_alike(conn: Connection, viewer: Viewer, *texts: str) -> list[Record]:
    """Customers of the store, whoever's, whom a new contact may be: by any of its name, tax id, phones, e-mails.

    Each told as `lookup_phone` tells it: of a colleague's customer only the name and who is responsible.
    """
    ids = {key: None for text in texts if len(text.strip()) > 2 for key in find_ids(conn, text, None, limit=ALIKE)}
    found = dict(_load(conn, counterparties.c.id.in_(ids), viewer, len(ids)))
    return [found[key] for key in ids if key in found]


def load_of_tax_id(conn: Connection, viewer: Viewer, tax_id: str) -> list[Record]:
    """The customers with exactly this tax id, whoever's, told as `lookup_phone` tells them."""
    return [record for _, record in _load(conn, counterparties.c.tax_id == tax_id, viewer, 20)]


def normal_phone(phone: str, region: str = REGION) -> str:
    """The number as it is put into a new contact."""
    return plain_phone(phone, region)


def _load(conn: Connection, condition: ColumnElement[bool], viewer: Viewer, limit: int) -> list[tuple[Any, Record]]:
    visible = may_see_customer(viewer).label("visible")
    query = (
        select(
            *(counterparties.c[name] for name in ("id", "name", "tax_id", "status")),
            MANAGER.c.name.label("manager"),
            visible,
        )
        .outerjoin(MANAGER, MANAGER.c.id == counterparties.c.manager_id)
        .where(and_(condition, counterparties.c.deleted.is_(False)))
        .order_by(visible.desc(), counterparties.c.name, counterparties.c.id)
        .limit(limit)
    )
    return [(row["id"], _tell(row)) for row in conn.execute(query).mappings()]


def _tell(row: Any) -> Record:
    told: Record = {"name": row["name"], "manager": row["manager"], "visible": bool(row["visible"])}
    if not told["visible"]:
        return {"id": None, "tax_id": None, "status": None} | told
    return {"id": str(row["id"]), "tax_id": row["tax_id"], "status": row["status"]} | told


def load_names(conn: Connection, people: Iterable[str]) -> dict[str, str]:
    """The names of these people, by id."""
    rows = select_in(conn, PERSON, [PERSON.c.id, PERSON.c.name], PERSON.c.id, {UUID(one) for one in people if one})
    return {str(row.id): row.name for row in rows}
