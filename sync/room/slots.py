"""Slots: one period of one connection's schedule. The row is unique, so two beats make one run (design §5-1)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import local_from_utc, utc_from_local
from core.settings import ConnectionSettings, ScheduleSettings, parse_quiet
from store.tables import slot

CLOCK_WENT_BACK = timedelta(hours=1)
"""A slot that lies farther in the future was written before the clock was put back; no two machines differ so much."""
KEEP = timedelta(days=7)


def slot_start(now: datetime, every: timedelta) -> datetime:
    """The beginning of the period that `now` lies in: the same for all beats and machines."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)  # noqa: TID251 - aware, from a number


def period(schedule: ScheduleSettings, settings: ConnectionSettings) -> timedelta:
    """How often this connection is read."""
    return settings.every or schedule.every


def is_quiet(now: datetime, zone: ZoneInfo, stretches: tuple[str, ...]) -> bool:
    """Whether the other side is to be left alone now, by its own wall clock. A stretch may cross midnight."""
    local = local_from_utc(now, zone).time()
    return any(_within(local, *parse_quiet(stretch)) for stretch in stretches)


def _within(moment: time, start: time, end: time) -> bool:
    return start <= moment < end if start <= end else moment >= start or moment < end


def last_night(now: datetime, zone: ZoneInfo, nightly: time) -> datetime:
    """The last time that the nightly hour struck on the other side's wall clock."""
    local = local_from_utc(now, zone)
    today = local.replace(hour=nightly.hour, minute=nightly.minute, second=nightly.second, microsecond=0)
    return utc_from_local(today if today <= local else today - timedelta(days=1), zone)


def claim_slot(conn: Connection, name: str, start: datetime, state: str = "claimed") -> bool:
    """Take the slot in this state; False when anybody has taken it before."""
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = {"connection": name, "start": start, "state": state}
    claim = dialect.insert(slot).values(row).on_conflict_do_nothing().returning(slot.c.connection)
    return conn.execute(claim).first() is not None


def take_up(conn: Connection, name: str, start: datetime) -> bool:
    """Begin the run of a claimed slot; a second delivery of the same message gets False."""
    mine = (slot.c.connection == name, slot.c.start == start, slot.c.state == "claimed")
    return conn.execute(update(slot).where(*mine).values(state="running")).rowcount == 1


def hand_back(conn: Connection, name: str, start: datetime) -> bool:
    """Make a slot due again whose worker is gone; the caller has seen that nobody holds the lease."""
    mine = (slot.c.connection == name, slot.c.start == start, slot.c.state == "running")
    return conn.execute(update(slot).where(*mine).values(state="claimed")).rowcount == 1


def miss_slots(conn: Connection, name: str, current: datetime) -> None:
    """Slots before the current one that nobody took up were missed: their messages, should they come yet, are late."""
    late = (slot.c.connection == name, slot.c.start < current, slot.c.state == "claimed")
    conn.execute(update(slot).where(*late).values(state="missed"))


def abandon_slots(conn: Connection, name: str) -> None:
    """Say of slots whose worker is gone that they were abandoned; called by whoever holds the lease now."""
    left = (slot.c.connection == name, slot.c.state == "running")
    conn.execute(update(slot).where(*left).values(state="abandoned"))


def clean_slots(conn: Connection, name: str, now: datetime, current: datetime) -> None:
    """Forget old slots; when a clock since put back has written into the future, forget from the current one on."""
    conn.execute(delete(slot).where(slot.c.connection == name, slot.c.start < now - KEEP))
    future = select(slot.c.start).where(slot.c.connection == name, slot.c.start > now + CLOCK_WENT_BACK).limit(1)
    if conn.execute(future).first() is not None:
        conn.execute(delete(slot).where(slot.c.connection == name, slot.c.start >= current))
