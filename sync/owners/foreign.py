"""Customers whom a CRM's card under another program's key stands for: their tax id alone makes them nobody's.

The official 1C module's companies, for example: whose they are in accounting that program says, and we do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from store.bulk import select_in
from store.tables import binding, match_decision

ENTITY = "counterparty"
FOREIGN = "the card stands under another program's key"
"""Why a card of a CRM with the right INN is a person's to give; in the words of `sync.link.judge`."""


def load_foreign(conn: Connection, ids: Sequence[UUID], *, but: str) -> set[UUID]:
    """Those of these customers who are known, besides to the connection `but`, from such cards alone.

    Not those of whom a person has said that the card is theirs.
    """
    columns = (binding.c.entity_id, binding.c.connection, binding.c.external_id, binding.c.foreign_key)
    where = {"entity": ENTITY, "deleted": False, "state": "bound"}
    rows = select_in(conn, binding, columns, binding.c.entity_id, ids, **where)
    found = [row for row in rows if row.connection != but]
    theirs = {row.entity_id for row in found if row.foreign_key}
    if not theirs:
        return set()
    said = _load_said(conn, sorted(theirs))
    known = {
        row.entity_id
        for row in found
        if not row.foreign_key or (row.connection, row.entity_id, row.external_id) in said
    }
    return theirs - known


def _load_said(conn: Connection, ids: Sequence[UUID]) -> set[tuple[str, UUID, str]]:
    columns = (match_decision.c.connection, match_decision.c.entity_id, match_decision.c.external_id)
    rows = select_in(conn, match_decision, columns, match_decision.c.entity_id, ids, entity=ENTITY, verdict="same")
    return {(row.connection, row.entity_id, row.external_id) for row in rows}
