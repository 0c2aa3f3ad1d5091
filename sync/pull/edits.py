"""Records mended by hand: which edits are in force, and what becomes of one when the source has changed since.

An edit is kept on its letter, beside what was received. It is applied whenever the record is read as it was, also
after the letter has resolved; a change at the source ends it, and the audit says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select, update

from core.ids import new_id
from store.engine import reading
from store.tables import audit, dead_letter
from sync.context import RunContext
from sync.pull.edited import Edit

IN_FORCE = (dead_letter.c.edited.is_not(None), dead_letter.c.state != "discarded")


def load_edits(ctx: RunContext, entity: str) -> Mapping[str, Edit]:
    """Edits of one entity that are in force, by external id. Asked once a run: there are as many as people made."""
    if ctx.state.edits is None:
        ctx.state.edits = _load(ctx)
    return ctx.state.edits.get(entity, {})


def _load(ctx: RunContext) -> dict[str, dict[str, Edit]]:
    columns = [dead_letter.c[name] for name in ("id", "number", "entity", "external_id", "edited")]
    mine = (dead_letter.c.connection == ctx.name, dead_letter.c.direction == "in", *IN_FORCE)
    found: dict[str, dict[str, Edit]] = {}
    with reading(ctx.app.engine) as conn:
        for row in conn.execute(select(*columns).where(*mine).order_by(dead_letter.c.number)):
            kept = row.edited
            edit = Edit(row.id, row.number, row.entity, row.external_id, kept["base"], kept["values"], kept["by"])
            found.setdefault(row.entity, {})[row.external_id] = edit
    return found


def supersede(conn: Connection, ctx: RunContext, edits: Iterable[Edit]) -> None:
    """The source has changed: what a person had put in its place no longer counts. In the caller's transaction."""
    for edit in edits:
        mine = (dead_letter.c.id == edit.letter, dead_letter.c.edited.is_not(None))
        if conn.execute(update(dead_letter).where(*mine).values(edited=None)).rowcount:
            line = {"id": new_id(), "at": ctx.app.clock.now(), "who": "sverka", "what": "dead.edit-superseded"}
            line |= {"subject": f"letter {edit.number}", "before": {"edited": dict(edit.values), "by": edit.who}}
            after = {"reason": f"{edit.entity} {edit.external_id} was changed at the source; it is read as it is there"}
            conn.execute(audit.insert().values(**line, after=after))
        if ctx.state.edits is not None:
            ctx.state.edits.get(edit.entity, {}).pop(edit.external_id, None)
