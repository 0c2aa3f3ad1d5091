"""Where the reading of one set stands: pure values in, pure values out, of constant size whatever the base holds.

A set is first *loaded* (windows of business dates, newest first, page by page), then *swept*: a near window every
cycle, and the far past in passes that continue where the last cycle stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Window

FIRST_DAYS = 30
WIDEST_DAYS = 4096
"""A window that would be wider is left open towards the past: there is nothing much there."""
FEW, MANY = 1000, 5000
"""A window with fewer records makes the next one four times as wide, one with more half as wide."""


@dataclass(frozen=True, slots=True)
class Load:
    """A first load under way: the window that is being read, and where in it."""

    start: datetime | None
    end: datetime | None
    days: int = FIRST_DAYS
    position: int = 0
    read: int = 0

    @property
    def window(self) -> Window:
        """The stretch of business dates that is being read."""
        return Window(self.start, self.end)


@dataclass(frozen=True, slots=True)
class SourceCursor:
    """Where one set stands.

    Attributes:
        load: the first load, None when it is done.
        loaded: whether the first load is done.
        past: where the present pass over the far past goes on (backwards); None before a pass.
        pass_started: when the present pass began.
        swept: start of the newest pass that is complete.
        changed: up to when, by the other side's clock, it has told what changed; None where it is not asked so.
    """

    load: Load | None = None
    loaded: bool = False
    past: datetime | None = None
    pass_started: datetime | None = None
    swept: datetime | None = None
    changed: datetime | None = None


@dataclass(slots=True)
class EntityCursor:
    """Where an entity stands: its sets, and whether somebody may wait for what was bound lately."""

    sources: dict[str, SourceCursor] = field(default_factory=dict)
    relink: bool = False
    tries: int = 0
    fresh_at: datetime | None = None

    def source(self, name: str) -> SourceCursor:
        """The cursor of one set, a new one when it was never read."""
        return self.sources.get(name, SourceCursor())

    @property
    def swept_at(self) -> datetime | None:
        """When the oldest of the newest complete passes began; None while a set has none."""
        moments = [cursor.swept for cursor in self.sources.values()]
        known = [moment for moment in moments if moment is not None]
        return min(known) if known and len(known) == len(moments) else None


def begin_load(now: datetime, since: datetime | None, *, dated: bool) -> Load:
    """The first window: everything for a set without dates, else the last 30 days and whatever lies in the future."""
    if not dated:
        return Load(None, None)
    start = now - timedelta(days=FIRST_DAYS)
    return Load(max(start, since) if since else start, None)


def advance_load(load: Load, records: int, next_position: int | None, since: datetime | None) -> Load | None:
    """Where a load goes on after a page of so many records; None when everything is read."""
    read = load.read + records
    if next_position is not None:
        return replace(load, position=next_position, read=read)
    if load.start is None or (since is not None and load.start <= since):
        return None
    days = load.days * 4 if read < FEW else max(load.days // 2, 1) if read > MANY else load.days
    return Load(_floor(_minus(load.start, days), since, days), load.start, days)


def _minus(moment: datetime, days: int) -> datetime | None:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return None


def _floor(start: datetime | None, since: datetime | None, days: int) -> datetime | None:
    """The start of a window, not before `since`; an open end once the windows have grown wide."""
    if since is not None:
        return since if start is None else max(start, since)
    return None if days > WIDEST_DAYS else start


def is_full_due(cursor: SourceCursor, ordered: bool, night: datetime | None) -> bool:
    """Whether the far past is swept wholly now: by order, after a first load, or once a night.

    Args:
        cursor: where the set stands.
        ordered: a person has asked for it.
        night: the last time the nightly hour struck, None when nights do not count.
    """
    if ordered or cursor.swept is None:
        return True
    return night is not None and cursor.swept < night


def begin_pass(cursor: SourceCursor, now: datetime, near: datetime, *, anew: bool) -> SourceCursor:
    """The pass that this cycle continues, or a new one that starts where the near window ends."""
    if cursor.past is not None and cursor.pass_started is not None and not anew:
        return cursor
    return replace(cursor, past=near, pass_started=now)


def end_pass(cursor: SourceCursor, now: datetime) -> SourceCursor:
    """The far past is compared to its end."""
    return replace(cursor, past=None, pass_started=None, swept=cursor.pass_started or now)


def dump_state(cursor: EntityCursor) -> dict[str, Any]:
    """The state as JSON values."""
    sources = {name: _dump_source(source) for name, source in cursor.sources.items()}
    return {"sources": sources, "relink": cursor.relink, "tries": cursor.tries}


def _dump_source(cursor: SourceCursor) -> dict[str, Any]:
    load = cursor.load
    return {
        "loaded": cursor.loaded,
        "load": load and [_text(load.start), _text(load.end), load.days, load.position, load.read],
        "past": _text(cursor.past),
        "pass_started": _text(cursor.pass_started),
        "swept": _text(cursor.swept),
    } | ({"changed": _text(cursor.changed)} if cursor.changed else {})


def parse_state(state: dict[str, Any]) -> EntityCursor:
    """The state behind JSON values that `dump_state` made."""
    sources = {name: _parse_source(source) for name, source in state.get("sources", {}).items()}
    return EntityCursor(sources, bool(state.get("relink")), int(state.get("tries", 0)))


def _parse_source(state: dict[str, Any]) -> SourceCursor:
    load = state.get("load")
    return SourceCursor(
        load=Load(_moment(load[0]), _moment(load[1]), load[2], load[3], load[4]) if load else None,
        loaded=bool(state.get("loaded")),
        past=_moment(state.get("past")),
        pass_started=_moment(state.get("pass_started")),
        swept=_moment(state.get("swept")),
        changed=_moment(state.get("changed")),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
