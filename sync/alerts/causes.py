"""What is wrong now, computed from the tables alone: a set of causes, each of which is worth telling people once.

A cause is known by its key. Several signs of one trouble share a key (a connection that does not answer, whose balances
get old, whose runs fail), so that people hear of it once; a trouble that another one explains opens nothing of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from core.alerting import AlertKind
from core.money import format_amount, from_minor
from core.secrets import redact
from core.settings import OLD_PERIODS, ConnectionSettings
from mapping.model import ENTITIES
from store.queries.work.queues import DEAD_OPEN
from store.tables import connection, cursor, dead_letter, intent, reconciliation, review, run, slot
from sync.context import App
from sync.reconcile.nightly import is_meant
from sync.room import slots
from sync.room.dispatch import has_just_begun, silent_for

WORKING = 4
"""Balances may be so many times as old while a run is at work, which a first load or a night's sweep may be."""
MOST_GROUPS = 3
"""More groups of letters than that are told together."""
LONGEST_REASON = 500
NIGHT = timedelta(hours=6)
"""A night in which nothing was compared so long after its hour will not see it any more."""
_COMPARED = ("ok", "explained", "unexplained")
"""How a comparison ends that has compared everything."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with what. One that does not `open` keeps an open alert open and is not told by itself."""

    key: str
    kind: AlertKind
    connection: str | None
    details: dict[str, Any] = field(default_factory=dict)
    opens: bool = True


def find_causes(conn: Connection, app: App) -> list[Cause]:
    """Everything that is wrong at this moment. Reads a few rows of each table, whatever their size; writes nothing."""
    now = app.clock.now()
    stopped = list(_stopped(app, now))
    found = list(stopped)
    for settings in app.settings.connections.values():
        found += _of_connection(conn, app, settings, now, explained=bool(stopped))
    return found


def _stopped(app: App, now: datetime) -> Iterator[Cause]:
    silence = silent_for(app)
    if silence is not None:
        since = {"since": (now - silence).isoformat()}
        yield Cause("schedule", "no_tick", None, since, opens=not has_just_begun(app))


def _of_connection(
    conn: Connection, app: App, settings: ConnectionSettings, now: datetime, *, explained: bool
) -> Iterator[Cause]:
    name = settings.name
    row = conn.execute(select(connection).where(connection.c.name == name)).mappings().first()
    state: dict[str, Any] = dict(row) if row is not None else {}
    paused: dict[str, str] = state.get("paused_entities") or {}
    if state.get("paused_reason"):
        yield _paused(app, name, state, now)
    for entity, why in paused.items():
        details = {"connection": name, "entity": _plural(entity), "reason": plain(why)}
        yield Cause(f"entity:{name}:{entity}", "entity_paused", name, details)
    known = explained or bool(state.get("paused_reason"))
    trouble = _not_working(conn, app, settings, state, now, known=known, known_old=known or "balance" in paused)
    if trouble is not None:
        yield trouble
    yield from _letters(conn, app, name, now)
    yield from _waiting(conn, app, name, now)
    yield from _books(conn, app, name)
    uncompared = _not_compared(conn, app, settings, now, known=known or trouble is not None)
    if uncompared is not None:
        yield uncompared


def _paused(app: App, name: str, state: dict[str, Any], now: datetime) -> Cause:
    """A pause for wrong settings is told at once. A person who holds it knows; he is reminded, should he forget."""
    details = {"connection": name, "reason": plain(state["paused_reason"]), "since": _iso(state["paused_at"])}
    who: str | None = state["paused_by"]
    if who is None:
        return Cause(f"paused:{name}", "paused", name, details)
    forgotten = state["paused_at"] is not None and now - state["paused_at"] >= app.settings.alerts.held_after
    return Cause(f"paused:{name}", "held", name, details | {"who": plain(who)}, opens=forgotten)


def _not_working(
    conn: Connection,
    app: App,
    settings: ConnectionSettings,
    state: dict[str, Any],
    now: datetime,
    *,
    known: bool,
    known_old: bool,
) -> Cause | None:
    """The one trouble of a connection that does not do its work, by its plainest sign."""
    name = settings.name
    key = f"connection:{name}"
    base: dict[str, Any] = {"connection": name}
    failed = _failed_runs(conn, name, app.settings.alerts.failed_runs)
    if state.get("breaker", "closed") != "closed":
        details = base | {"since": _iso(state["last_ok_at"]), "reason": _last_words(conn, name)}
        return Cause(key, "breaker", name, details, opens=not known)
    if failed:
        details = base | {"number": app.settings.alerts.failed_runs, "reason": _last_words(conn, name)}
        return Cause(key, "failing", name, details, opens=not known)
    old = _old_balances(conn, app, settings, now)
    if old is not None:
        return Cause(key, "silent", name, base | {"since": old.isoformat()}, opens=not known_old)
    return None


def _failed_runs(conn: Connection, name: str, number: int) -> bool:
    """Whether the last runs all failed: so many, not counting those that are running or were skipped."""
    told = (run.c.connection == name, run.c.status.not_in(("running", "skipped")))
    query = select(run.c.status).where(*told).order_by(run.c.started_at.desc()).limit(number)
    last = list(conn.execute(query).scalars())
    return len(last) == number and all(status in ("failed", "abandoned") for status in last)


def _last_words(conn: Connection, name: str) -> str:
    told = (run.c.connection == name, run.c.status == "failed")
    query = select(run.c.message).where(*told).order_by(run.c.started_at.desc()).limit(1)
    return plain(conn.execute(query).scalar_one_or_none() or "")


def _old_balances(conn: Connection, app: App, settings: ConnectionSettings, now: datetime) -> datetime | None:
    """What moment the balances are of, when three periods have begun since and it is a quarter of an hour ago.

    Periods are counted by their slots: none begins in quiet hours or while nothing runs, so neither a quiet night nor a
    start after one is an alarm.
    """
    of_balances = (cursor.c.connection == settings.name, cursor.c.entity == "balance")
    fresh: datetime | None = conn.execute(select(cursor.c.fresh_at).where(*of_balances)).scalar_one_or_none()
    if fresh is None:
        return None
    limit = app.settings.old_after(settings.name)
    if now - fresh < limit or (now - fresh < limit * WORKING and _is_running(conn, settings.name)):
        return None
    begun = (slot.c.connection == settings.name, slot.c.start > fresh, slot.c.state != "skipped_quiet")
    slots = conn.scalar(select(func.count()).select_from(slot).where(*begun)) or 0
    return fresh if slots >= OLD_PERIODS else None


def _is_running(conn: Connection, name: str) -> bool:
    running = (run.c.connection == name, run.c.status == "running")
    return conn.execute(select(run.c.id).where(*running)).first() is not None


def _letters(conn: Connection, app: App, name: str, now: datetime) -> Iterator[Cause]:
    """Groups of letters that did not heal in time, each once; many letters, or many groups, are told together."""
    mine = (dead_letter.c.connection == name, DEAD_OPEN)
    number, oldest = func.count().label("number"), func.min(dead_letter.c.first_at).label("oldest")
    query = select(dead_letter.c.fingerprint, number, oldest, func.min(dead_letter.c.reason).label("reason"))
    groups = conn.execute(query.where(*mine).group_by(dead_letter.c.fingerprint)).all()
    settled = [group for group in groups if now - group.oldest >= app.settings.alerts.letters_after]
    total = sum(group.number for group in groups)
    together = total >= app.settings.alerts.letters_many or len(settled) > MOST_GROUPS
    if together:
        details = {"connection": name, "number": total, "groups": len(groups), "reason": plain(groups[0].reason)}
        yield Cause(f"letters:{name}", "dead_letters", name, details)
    for group in settled:
        details = {"connection": name, "number": group.number, "groups": 1, "reason": plain(group.reason)}
        yield Cause(f"letters:{name}:{group.fingerprint}", "dead_letters", name, details, opens=not together)


def _waiting(conn: Connection, app: App, name: str, now: datetime) -> Iterator[Cause]:
    alerts = app.settings.alerts
    late = (review.c.connection == name, review.c.state == "open", review.c.created_at <= now - alerts.review_after)
    row = conn.execute(select(func.count().label("number"), func.min(review.c.created_at).label("since")).where(*late))
    asked = row.one()
    if asked.number:
        details = {"connection": name, "number": asked.number, "since": _iso(asked.since)}
        yield Cause(f"review:{name}", "review", name, details)
    sent = _unanswered(conn, name, now - alerts.uncertain_after)
    if sent:
        details = {"connection": name, "number": len(sent), "since": min(sent).isoformat()}
        yield Cause(f"uncertain:{name}", "uncertain", name, details)


def _unanswered(conn: Connection, name: str, before: datetime) -> list[datetime]:
    """When the writes were sent that have had no answer since then."""
    mine = (intent.c.connection == name, intent.c.state == "uncertain", intent.c.created_at <= before)
    query = select(intent.c.steps, intent.c.step, intent.c.created_at).where(*mine).limit(1000)
    moments = [_sent_at(row.steps, row.step) or row.created_at for row in conn.execute(query)]
    return [moment for moment in moments if moment <= before]


def _sent_at(steps: list[dict[str, Any]], step: int) -> datetime | None:
    told = steps[step].get("sent_at") if step < len(steps) else None
    return datetime.fromisoformat(told) if told else None


def _books(conn: Connection, app: App, name: str) -> Iterator[Cause]:
    """What the newest comparison left unexplained; one that could not be made says nothing of the books.

    What a night has left to people is not over because somebody looked: only books that agree, or a repair, end it.
    """
    mine = (reconciliation.c.connection == name, reconciliation.c.status.in_(_COMPARED))
    newest = select(reconciliation).where(*mine).order_by(reconciliation.c.at.desc()).limit(1)
    row = conn.execute(newest).first()
    if row is not None and row.status == "explained" and not row.repaired:
        of_night = and_(reconciliation.c.status == "unexplained", reconciliation.c.asked_by == "schedule")
        settles = or_(reconciliation.c.status == "ok", reconciliation.c.repaired > 0, of_night)
        row = conn.execute(newest.where(settles)).first()
    if row is not None and row.status == "unexplained":
        yield _books_differ(name, row, app.settings.reconcile.repair_below)


def _books_differ(name: str, row: Row[Any], limit: int) -> Cause:
    """An amount that nothing explains; or differences, each with its name, that the night has not mended."""
    base = {"connection": name, "since": _iso(row.at)}
    number = row.summary.get("left_to_people", 0)
    if number and not (row.repaired and row.unexplained):
        return Cause(f"books:{name}", "differences", name, base | {"number": number, "limit": limit})
    amount = format_amount(from_minor(row.unexplained))
    return Cause(f"books:{name}", "reconciliation", name, base | {"amount": amount})


def _not_compared(
    conn: Connection, app: App, settings: ConnectionSettings, now: datetime, *, known: bool
) -> Cause | None:
    """Two nights in which the service was at work and the books were not compared: tried in vain, or not even that.

    Counts from the last comparison of everything, at first from the connection's first run.
    """
    if not is_meant(app, settings):
        return None
    name = settings.name
    mine, day = reconciliation.c.connection == name, timedelta(days=1)
    done = select(func.max(reconciliation.c.at)).where(mine, reconciliation.c.status.in_(_COMPARED))
    last: datetime | None = conn.execute(done).scalar_one()
    since = last or conn.execute(select(func.min(run.c.started_at)).where(run.c.connection == name)).scalar_one()
    night = slots.last_night(now, settings.zone, app.settings.schedule.nightly)
    over = slots.last_night(now - NIGHT, settings.zone, app.settings.schedule.nightly)
    tried = select(reconciliation.c.summary).where(mine, reconciliation.c.asked_by == "schedule")
    failed = [_between(conn, tried, reconciliation.c.at, *part) for part in ((night - day, night), (night, now))]
    begun = select(slot.c.start).where(slot.c.connection == name)
    silent = all(_between(conn, begun, slot.c.start, *part) for part in ((over - day, over), (over, now)))
    if since is None or not ((since < night - day and all(failed)) or (since < over - day and silent)):
        return None
    reason = next((row.summary.get("message") or "" for row in reversed(failed) if row is not None), "")
    details = {"connection": name, "since": _iso(last), "reason": plain(reason)}
    return Cause(f"uncompared:{name}", "not_compared", name, details, opens=not known)


def _between(
    conn: Connection, query: Select[Any], moment: ColumnElement[datetime], start: datetime, end: datetime
) -> Row[Any] | None:
    """The newest row of [start, end]."""
    return conn.execute(query.where(moment >= start, moment <= end).order_by(moment.desc()).limit(1)).first()


def plain(text: str) -> str:
    """One line without its next step, no secret, not too long; whatever a record or another system put into it."""
    said = " ".join("".join(char if char.isprintable() else " " for char in redact(text)).split())
    line = said.partition(" Next: ")[0]  # an alert has a next step of its own
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _plural(entity: str) -> str:
    return ENTITIES[entity].plural if entity in ENTITIES else entity
