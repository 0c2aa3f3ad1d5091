"""The draft of a mapping, as admins work at it on the pages: one a mapping, any text, nobody's overwritten unseen.

A version (`store.versions`) is complete and never changes; a draft changes with every save and may be full of mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import ConflictError
from core.ids import new_id
from store.tables import audit, mapping_draft
from store.versions import text_hash


@dataclass(frozen=True, slots=True)
class Draft:
    """One mapping's draft.

    `mark`: the hash of the text; whoever saves says which text he has changed. `based_on`: the hash of the version
    that ruled when it was begun, None where nothing did.
    """

    name: str
    text: str
    mark: str
    based_on: str | None
    author: str
    created_at: datetime
    updated_at: datetime


def load_draft(conn: Connection, name: str) -> Draft | None:
    """The draft of a mapping; None where nobody works at one."""
    found = conn.execute(select(mapping_draft).where(mapping_draft.c.name == name)).mappings().one_or_none()
    return None if found is None else Draft(**found)


def list_drafts(conn: Connection, names: Sequence[str]) -> dict[str, Draft]:
    """The drafts of these mappings."""
    rows = conn.execute(select(mapping_draft).where(mapping_draft.c.name.in_(names))).mappings()
    return {row["name"]: Draft(**row) for row in rows}


def write_draft(
    engine: Engine, name: str, text: str, author: str, now: datetime, *, seen: str, based_on: str | None
) -> Draft:
    """Keep a text as the draft. Audited, by the marks of the texts.

    Args:
        engine: the store.
        name: the mapping.
        text: the whole text.
        author: who has written it.
        now: the present moment.
        seen: the mark of the draft that he has changed; empty where there was none.
        based_on: the version that rules now, kept with a new draft.

    Raises:
        ConflictError: the draft is another one by now, or there is one, or none any more. Nothing is written.
    """
    mark = text_hash(text)
    mine = {"text": text, "mark": mark, "author": author, "updated_at": now}
    try:
        with engine.begin() as conn:
            if seen:
                same = (mapping_draft.c.name == name, mapping_draft.c.mark == seen)
                if not conn.execute(update(mapping_draft).where(*same).values(mine)).rowcount:
                    raise tell_other(load_draft(conn, name), name)
            else:
                conn.execute(mapping_draft.insert(), mine | {"name": name, "based_on": based_on, "created_at": now})
            if mark != seen:
                _note(conn, "mapping.draft.save", name, author, now, seen or None, mark)
            return Draft(**conn.execute(select(mapping_draft).where(mapping_draft.c.name == name)).mappings().one())
    except IntegrityError as error:
        with engine.connect() as conn:
            raise tell_other(load_draft(conn, name), name) from error


def drop_draft(
    engine: Engine, name: str, who: str, now: datetime, *, seen: str, what: str = "mapping.draft.drop"
) -> None:
    """Give the draft up. Audited as `what`.

    Raises:
        ConflictError: it is another one than `seen` by now, or there is none any more. Nothing is written.
    """
    with engine.begin() as conn:
        same = (mapping_draft.c.name == name, mapping_draft.c.mark == seen)
        if not conn.execute(delete(mapping_draft).where(*same)).rowcount:
            raise tell_other(load_draft(conn, name), name)
        _note(conn, what, name, who, now, seen, None)


def tell_other(now: Draft | None, name: str) -> ConflictError:
    """What to tell whoever has worked at another draft than there is now."""
    if now is None:
        text = f"The draft of {name!r} has been published or thrown away meanwhile."
    else:
        text = f"The draft of {name!r} has been changed by {now.author} meanwhile."
    return ConflictError(text, next_step="look at it as it is now, then save again")


def _note(
    conn: Connection, what: str, name: str, who: str, at: datetime, before: str | None, after: str | None
) -> None:
    line = {"id": new_id(), "at": at, "who": who, "what": what, "subject": name}
    told = [{"text": mark} if mark else None for mark in (before, after)]
    conn.execute(audit.insert(), line | {"before": told[0], "after": told[1]})
