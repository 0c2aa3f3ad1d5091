"""Word for the CRMs: what this run has changed is shown there at once, not a whole period later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from core.errors import ConfigError
from sync.context import App, RunContext
from sync.link.agreed import is_linked
from sync.push.ask import request_push
from sync.room.writing import writing
from sync.versions import load_ruling

_NEWS = frozenset({"created", "updated", "deleted", "linked", "review", "dead", "uncertain"})


def wake_cards(ctx: RunContext) -> None:
    """Leave a request for every other connection whose cards may show what this run has changed.

    Nothing is left where nothing has changed, nor for a CRM whose links nobody has agreed to: those are only read.
    """
    if ctx.order.dry_run or not _has_news(ctx):
        return
    names = find_crms(ctx.app, but=ctx.name)
    if not names:
        return
    with writing(ctx, "outbox-wake") as conn:
        request_cards(conn, ctx.app, ctx.app.clock.now(), names)


def request_cards(conn: Connection, app: App, now: datetime, names: Sequence[str]) -> None:
    """Leave word for these CRMs (`find_crms`) that their cards may show something else, in the caller's transaction."""
    for name in names:
        if is_linked(conn, name) or app.settings.connections[name].write == "on":
            request_push(conn, now, name)


def _has_news(ctx: RunContext) -> bool:
    """What was shown in one CRM is no news for another; what accounting was told comes back as a code."""
    telling = [line for line in ctx.counters.values() if line.direction == "in" or ctx.settings.role == "accounting"]
    return any(line.counts.get(word) for line in telling for word in _NEWS)


def find_crms(app: App, *, but: str = "") -> list[str]:
    """Connections whose mapping keeps cards, and that may be written to. Not inside a transaction."""
    found = []
    for settings in app.settings.connections.values():
        if settings.name == but or settings.role != "crm" or settings.write == "off" or not settings.mapping:
            continue
        try:
            keeps = bool(load_ruling(app, settings, publish=False).cards)
        except ConfigError:
            continue
        if keeps:
            found.append(settings.name)
    return found
