"""The first load of a set: windows newest first, each page and the place of the next in one transaction."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from connectors.base import Page, RecordSource
from core.errors import RecordError
from mapping.model import SourceSet
from sync.context import RunContext
from sync.pull.apply import apply_records
from sync.pull.cursor import Load, SourceCursor, advance_load, begin_load
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.prepare import since_moment
from sync.room.writing import writing
from sync.versions import take_up_mapping


def load_source(ctx: RunContext, source: SourceSet) -> None:
    """Read a whole set from `since` on, or go on where a run before was killed. Rows may shift: a sweep must follow.

    Raises:
        TransientError: the other side went away; pages before stay, the next run goes on.
        SchemaDrift: the set is not what the mapping needs.
    """
    state = cursor_of(ctx, source.entity)
    while not state.source(source.name).loaded:
        cursor = state.source(source.name)
        load = cursor.load or begin_load(ctx.started_at, since_moment(ctx.settings), dated=source.date is not None)
        page = _fetch_page(ctx, source, load)
        if page is None:
            return _give_over(ctx, source, cursor)
        following = advance_load(load, len(page.records), page.next_position, since_moment(ctx.settings))
        _apply_page(ctx, source, page, replace(cursor, load=following, loaded=following is None))
        if not take_up_mapping(ctx, source):
            return


def _give_over(ctx: RunContext, source: SourceSet, cursor: SourceCursor) -> None:
    """Pages cannot be had because of one record: the complete sweep that follows reads all the others by key."""
    with writing(ctx, "mark") as conn:
        cursor_of(ctx, source.entity).sources[source.name] = replace(cursor, load=None, loaded=True)
        save_cursor(conn, ctx, source.entity)


def _fetch_page(ctx: RunContext, source: SourceSet, load: Load) -> Page | None:
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - only such connectors get here
    ctx.next_fetch()
    ctx.fault("fetch-page.before")
    try:
        page = ctx.connector.fetch_page(source, load.window, load.position)
    except RecordError as error:
        ctx.notice(f"{source.name} cannot be read page by page ({error.message}); its records are read by key.")
        return None
    ctx.fault("fetch-page.after")
    return page


def _apply_page(ctx: RunContext, source: SourceSet, page: Page, cursor: SourceCursor) -> None:
    def commit(conn: Connection) -> None:
        cursor_of(ctx, source.entity).sources[source.name] = cursor
        save_cursor(conn, ctx, source.entity)

    apply_records(ctx, source, page.records, commit=commit)
