"""Looking a whole installation over: every line is ok, or says what to do (design §7, `sverka doctor`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.base import Connector, Finding
from core.errors import SverkaError
from core.settings import ConnectionSettings
from mapping.rules import Mapping
from store.engine import reading
from store.queries.queues import load_queues
from store.versions import differs_from_published
from sync.alerts.check import examine_alerts
from sync.context import App
from sync.room.breaker import resume_connection
from sync.room.opening import open_for
from sync.versions import load_named

FOR_PEOPLE = {
    "dead": ("records failed and need a look", "sverka dead list"),
    "review": ("decisions wait for a person", "sverka review list"),
    "uncertain": ("writes have no answer yet; accounting is asked about them", "sverka status"),
    "parked": ("records wait for another one that could not be fetched", "sverka status"),
}
"""Queues that doctor tells of: what it says of them, and what to type."""


def examine(app: App, names: list[str]) -> Iterator[tuple[str, Finding]]:
    """All findings, as (connection or "store", finding). Raises nothing: what fails is a finding."""
    yield "store", _examine_store(app)
    yield from (("alerts", finding) for finding in examine_alerts(app))
    yield from _examine_queues(app)
    if not names:
        yield "settings", Finding("warning", "connections", "No connection is set up yet.", "sverka connect")
    for name in names:
        findings = list(examine_connection(app, app.settings.connections[name]))
        yield from ((name, finding) for finding in findings)
        if not any(finding.level == "error" for finding in findings) and resume_connection(app, name):
            yield name, Finding("notice", "schedule", "The connection was paused; nothing is wrong now, so it goes on.")


def _examine_store(app: App) -> Finding:
    try:
        with app.engine.connect() as conn:
            conn.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        reason = f"The store does not answer: {type(error).__name__}."
        return Finding("error", "store", reason, "look at [store] url in the settings, then: sverka doctor")
    return Finding("ok", "store", f"{app.engine.dialect.name}, up to date")


def _examine_queues(app: App) -> Iterator[tuple[str, Finding]]:
    """What waits for a person: the same numbers as everywhere."""
    try:
        with reading(app.engine) as conn:
            queues = load_queues(conn, app.clock.now())
    except SQLAlchemyError:  # told as a finding of the store
        return
    for name, waiting in sorted(queues.items()):
        for queue, (what, following) in FOR_PEOPLE.items():
            if waiting[queue]:
                yield name, Finding("notice", queue, f"{waiting[queue]} {what}", following)


def examine_connection(app: App, settings: ConnectionSettings) -> Iterator[Finding]:
    """Findings of one connection: mapping, address, rights, publication, clock, settlement accounts."""
    try:
        mapping = load_named(app, settings)
        connector = open_for(app, settings)
    except SverkaError as error:
        yield Finding("error", "settings", error.message, error.next_step)
        return
    yield Finding("ok", "mapping", f"{mapping.name}, version {mapping.version[:12]}")
    yield from _examine_version(app, settings, mapping)
    with closing(connector):
        yield from _examine_live(connector, mapping)


def _examine_version(app: App, settings: ConnectionSettings, mapping: Mapping) -> Iterator[Finding]:
    if differs_from_published(app.engine, settings.mapping, mapping.version):
        yield Finding(
            "warning",
            "mapping",
            f"The text of mapping {settings.mapping!r} differs from the published version, which rules; it is a draft.",
            f"sverka mapping publish {settings.mapping}",
        )


def _examine_live(connector: Connector, mapping: Mapping) -> Iterator[Finding]:
    sources = [source for entity in mapping.entities.values() for source in entity.sources]
    yield from connector.check(sources, mapping.balance)
