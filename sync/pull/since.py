"""What has changed since the last reading, asked for by moment where the other side can tell; else its keys are swept.

Moments are by the other side's clock, and asked for with an overlap: what is committed there a little later than it is
dated, and what shares its second with the last one read, comes again and counts as unchanged. Deletions are found by
the whole sweep of every night.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.following import ChangedSince
from core.errors import RecordError
from mapping.model import SourceSet
from sync.context import RunContext
from sync.pull.apply import apply_records
from sync.pull.cursor import SourceCursor, is_full_due
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.sweep import night_of, sweep_source
from sync.room.writing import asking, writing
from sync.versions import take_up_mapping

OVERLAP = timedelta(minutes=5)


def bring_level(ctx: RunContext, source: SourceSet) -> None:
    """Bring one set, loaded before, level with the other side: by moment, or by comparing keys.

    Raises:
        TransientError: the other side went away; what was applied stays, and is asked for again.
    """
    connector = ctx.connector
    if not isinstance(connector, ChangedSince) or not connector.tells_changes(source):
        sweep_source(ctx, source)
        return
    cursor = _cursor(ctx, source)
    with asking(ctx, "fetch-moment"):
        moment = connector.fetch_moment()
    if cursor.changed is None or is_full_due(cursor, ctx.order.full, night_of(ctx)):
        sweep_source(ctx, source, full=True)
    elif not _read_changed(ctx, connector, source, cursor.changed - OVERLAP):
        return
    _mark(ctx, source, moment)


def _cursor(ctx: RunContext, source: SourceSet) -> SourceCursor:
    return cursor_of(ctx, source.entity).source(source.name)


def _read_changed(ctx: RunContext, connector: ChangedSince, source: SourceSet, since: datetime) -> bool:
    """Apply what has changed; whether the mapping reads this set to the end."""
    seq = ctx.next_fetch()  # of all that comes: some of it may have been fetched long before it is applied
    pages = connector.fetch_changed(source, since)
    while True:
        try:
            with asking(ctx, "fetch-changed"):
                page = next(pages, None)
        except RecordError as error:
            _give_over(ctx, source, error)
            return True
        if page is None:
            return True
        apply_records(ctx, source, page, seq=seq)
        if not take_up_mapping(ctx, source):
            return False


def _give_over(ctx: RunContext, source: SourceSet, error: RecordError) -> None:
    """One record keeps the others from coming: the sweep reads all the others by key, and makes a letter of it."""
    ctx.notice(f"{source.name} cannot be asked what has changed ({error.message}); its keys are compared.")
    sweep_source(ctx, source, full=True)


def _mark(ctx: RunContext, source: SourceSet, moment: datetime) -> None:
    """From here the next run asks on. After the data: a kill in between has them told again."""
    with writing(ctx, "mark") as conn:
        cursor_of(ctx, source.entity).sources[source.name] = replace(_cursor(ctx, source), changed=moment)
        save_cursor(conn, ctx, source.entity)
