"""Records that somebody says were touched: a queue of events, or a call from outside. Looked at, never believed."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.following import EventSource, Touched
from core.errors import ConfigError, RecordError, SchemaDrift
from mapping.model import SourceSet
from sync.context import RunContext
from sync.pull.records import pull_known
from sync.room.writing import asking


def look_at(ctx: RunContext, touched: Iterable[Touched]) -> None:
    """Read these records now; those that are not there any more are asked for directly, and settled by the guard.

    Raises:
        TransientError: the other side went away; what was applied stays.
    """
    found: dict[tuple[str, str], list[str]] = {}
    sources = _sources(ctx)
    for name, key in dict.fromkeys(touched):
        for source in sources:
            if source.name == name:
                found.setdefault((source.entity, name), []).append(key)
    pull_known(ctx, found)


def pull_events(ctx: RunContext) -> None:
    """Take what the other side has noted for us, look at it, and only then confirm it; a crash between is harmless.

    Where events are not to be had (rights, plan) the run goes on: changes are found by their moment all the same.
    """
    connector = ctx.connector
    if not isinstance(connector, EventSource) or not connector.follows_events() or ctx.order.dry_run:
        return
    try:
        with asking(ctx, "fetch-events"):
            pack = connector.fetch_events(_sources(ctx))
    except (ConfigError, SchemaDrift, RecordError) as error:
        ctx.notice(f"{ctx.name} gives us no events ({error.message}); what was deleted is found by the nightly sweep.")
        return
    look_at(ctx, pack.touched)
    if pack.tokens:
        with asking(ctx, "confirm-events"):
            connector.confirm_events(pack)


def _sources(ctx: RunContext) -> list[SourceSet]:
    return [source for mapped in ctx.mapping.entities.values() for source in mapped.sources]
