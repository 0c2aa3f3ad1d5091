"""Looking a whole installation over: every line is ok, or says what to do (design §7, `sverka doctor`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.base import BalanceSpec, Connector, Finding, SourceSet, Watched
from core.errors import SverkaError
from core.settings import ConnectionSettings
from mapping.rules import Mapping
from store.engine import reading
from store.queries.work.queues import load_queues
from store.versions import published
from sync.alerts.check import examine_alerts
from sync.context import App
from sync.room.breaker import resume_connection
from sync.room.opening import open_for
from sync.setup.cards import examine_cards
from sync.setup.deals import examine_deals
from sync.versions import find_draft, load_named, load_ruling, refuse_red_cases

Findings = Iterator[tuple[str, Finding]]
"""Findings, each with whose it is: a connection's name, or "store", "alerts", "settings"."""
FOR_PEOPLE = {
    "dead": ("{} records failed and need a look", "sverka dead list"),
    "review": ("{} decisions wait for a person", "sverka review list"),
    "uncertain": ("{} writes have no answer yet; accounting is asked about them", "sverka status"),
    "parked": ("{} records wait for another one that could not be fetched", "sverka status"),
}
"""Queues that doctor tells of: what it says of them, and what to type."""


def examine(app: App, names: list[str]) -> Findings:
    """All findings, as (connection or "store", finding). Raises nothing: what fails is a finding."""
    yield "store", _examine_store(app)
    yield from (("alerts", finding) for finding in examine_alerts(app))
    yield from _examine_queues(app)
    if not names:
        yield "settings", Finding("warning", "connections", "No connection is set up yet.", "sverka connect")
    for name in names:
        wrong = False
        for finding in examine_connection(app, app.settings.connections[name]):
            wrong = wrong or finding.level == "error"
            yield name, finding
        if not wrong and resume_connection(app, name):
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
                yield name, Finding("notice", queue, what.format(waiting[queue]), following)


def examine_connection(app: App, settings: ConnectionSettings) -> Iterator[Finding]:
    """Findings of one connection: mapping, address, rights, publication, clock, settlement accounts."""
    try:
        named = load_named(app, settings)
        ruling = load_ruling(app, settings, publish=False)
        connector = open_for(app, settings)
    except SverkaError as error:
        yield Finding("error", "settings", error.message, error.next_step)
        return
    yield from _examine_version(app, settings, named)
    with closing(connector):
        yield from _examine_live(connector, ruling)
        yield from examine_cards(settings.name, connector, ruling)
        yield from examine_deals(settings.name, connector, ruling)


def _examine_version(app: App, settings: ConnectionSettings, named: Mapping) -> Iterator[Finding]:
    """Which version rules, or will at the first start; and whether the settings name another text."""
    key, ruling = settings.mapping, published(app.engine, settings.mapping)
    if ruling is None:
        try:
            refuse_red_cases(app, settings, named)
        except SverkaError as error:
            yield Finding("error", "mapping", error.message, error.next_step)
        else:
            yield Finding("ok", "mapping", f"{key}, version {named.version[:12]}, is published at the first start")
        return
    by = f"version {ruling.number} ({ruling.hash[:12]}) of {ruling.published_by or ruling.author} rules"
    yield Finding("ok", "mapping", f"{key}: {by}")
    message, following = find_draft(app, settings, named)
    if message:
        yield Finding("warning", "mapping", message, following)


def _examine_live(connector: Connector, mapping: Mapping) -> Iterator[Finding]:
    sources = [source for entity in mapping.entities.values() for source in entity.sources]
    yield from look(connector, sources, mapping.balance)


def look(connector: Connector, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> Iterator[Finding]:
    """A connector's findings, one after another where it can tell them so; each once, also where sets share a name."""
    told: set[Finding] = set()
    for one in (connector.look if isinstance(connector, Watched) else connector.check)(sources, balances):
        if one not in told:
            told.add(one)
            yield one
