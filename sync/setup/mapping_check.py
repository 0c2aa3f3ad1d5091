"""A mapping against the live base: what the rules read and the base does not have (`sverka mapping check --live`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from connectors.base import Finding, RecordSource
from connectors.registry import open_connector
from core.clock import Clock
from core.settings import ConnectionSettings
from mapping.entity import EntityMapping
from mapping.model import SourceSet
from mapping.problems import suggest
from mapping.rules import Mapping
from sync.pull.drift import logical


def compare_live(settings: ConnectionSettings, mapping: Mapping, clock: Clock) -> list[Finding]:
    """Every set and attribute that the mapping reads and the base lacks. Raises what the connector raises."""
    with closing(open_connector(settings, clock)) as connector:
        if not isinstance(connector, RecordSource):
            return []
        found: list[Finding] = []
        for entity in mapping.entities.values():
            for source in entity.sources:
                found += _compare_set(connector, entity, source)
    return found


def _compare_set(connector: RecordSource, entity: EntityMapping, source: SourceSet) -> Iterator[Finding]:
    subject = f"{entity.entity}: {source.name}"
    if not connector.is_published(source.name):
        optional = entity.is_optional(source.name)
        yield Finding(
            "notice" if optional else "error",
            subject,
            "This base does not publish the set.",
            "docs/1c-setup.md, step 2",
        )
        return
    declared = connector.declared_fields(source.name)
    if declared is None:
        yield Finding("notice", subject, "The base does not say which attributes the set has.")
        return
    names = sorted({logical(name) for name in declared} | {join.section for join in source.joins})
    for join in source.joins:
        if not connector.is_published(join.set):
            yield Finding("notice", subject, f"This base does not publish {join.set}.", "docs/1c-setup.md, step 2")
    seen: set[tuple[str, bool]] = set()
    for need in entity.needs(source.name):
        wanted = need.section or need.path.head
        if logical(wanted) not in names and (wanted, need.required) not in seen:
            seen.add((wanted, need.required))
            yield _missing(subject, wanted, names, required=need.required)


def _missing(subject: str, name: str, names: list[str], *, required: bool) -> Finding:
    text = f"`{name}` is not an attribute of this base{suggest(name, names)}"
    if not required:
        return Finding("notice", subject, f"{text}; the rule goes on without it.")
    return Finding("error", subject, f"{text}.", "change this rule in a mapping of yours, then: sverka mapping check")
