"""What a base declares of the sets that a mapping reads, asked for once and kept for the pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from connectors.base import DeclaredSource, ListingSource, RecordSource
from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.model import SourceSet
from mapping.rules import Mapping
from store.declared import Declared, Kinds, save_declared
from sync.context import App
from sync.pull.drift import logical
from sync.room.opening import open_for


def fetch_declared(
    app: App, settings: ConnectionSettings, mapping: Mapping, step: Callable[[str, int], None] = lambda name, done: None
) -> Declared:
    """Ask the base what its sets hold, and keep it. Reads only; nothing of what is kept goes where it does not answer.

    `step` is called with each set, and how many were asked about.

    Raises:
        ConfigError: the connection cannot be read record by record. TransientError: the base does not answer.
    """
    found = Declared()
    with closing(open_for(app, settings)) as connector:
        if not isinstance(connector, RecordSource):
            raise ConfigError(f"Connection {settings.name!r} cannot be read record by record.")
        if isinstance(connector, ListingSource):
            found.names = connector.list_sets() or []
        sources = {source.name: source for entity in mapping.entities.values() for source in entity.sources}
        for number, source in enumerate(sources.values(), 1):
            step(source.name, number)
            if connector.is_published(source.name):
                _ask(connector, source, found)
    with app.engine.begin() as conn:
        save_declared(conn, settings.name, found, app.clock.now())
    return found


def _ask(connector: RecordSource, source: SourceSet, found: Declared) -> None:
    kinds = _kinds(connector, source.name)
    if kinds is None:
        return
    found.sets[source.name] = kinds
    for section in [name for name, kind in kinds.items() if kind == "rows"]:
        found.sections[source.name, section] = _kinds(connector, source.name, section) or {}
    for join in source.joins:
        theirs = _kinds(connector, join.set, join.rows or None) or {}
        kinds[join.section] = "rows"
        found.sections[source.name, join.section] = {name: theirs.get(name, "any") for name in join.fields}


def _kinds(connector: RecordSource, name: str, section: str | None = None) -> Kinds | None:
    if isinstance(connector, DeclaredSource):
        kinds = connector.declared_kinds(name, section)
        return dict(kinds) if kinds is not None else None
    declared = connector.declared_fields(name) if section is None else None
    return {logical(one): "any" for one in declared} if declared is not None else None
