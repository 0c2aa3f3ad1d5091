"""Setting a connection up: look at the base, recognise its configuration, write the settings (`sverka connect`)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.base import Connector, Finding, RecordSource
from connectors.registry import open_connector
from core.clock import Clock
from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.model import ENTITIES
from mapping.rules import Mapping, load_mapping, preset_names

ENOUGH = 0.6
"""Share of a preset's sets that a base must publish to be taken for that configuration."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was found out about a base: the preset that fits best, what is published of it, and all findings.

    `likely`: where none fits well enough, the presets of which the base publishes anything, the likeliest first.
    `bare`: entities of which it publishes no set.
    """

    preset: str | None
    published: dict[str, bool]
    findings: list[Finding]
    likely: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()


def recognise(
    settings: ConnectionSettings, clock: Clock, *, named: str | None = None, folder: Path | None = None
) -> Recognised:
    """Look at a base without changing anything.

    Args:
        settings: address and user.
        clock: ours.
        named: the mapping that a person has named, however little of it the base publishes; None: find it out.
        folder: what the path of a mapping's file starts from.

    Raises:
        ConfigError: the base cannot be reached with this address, user and password; or the named mapping is not right.
    """
    given = load_mapping(named, folder=folder) if named is not None else None
    with closing(open_connector(settings, clock)) as connector:
        findings = connector.check([])
        if any(finding.level == "error" for finding in findings):
            return Recognised(None, {}, findings)
        if named is not None and given is not None:
            return _look_by(connector, named, given)
        likeness = compare_presets(_readable(connector))
        best, published = _choose(likeness)
        if best is None:
            return Recognised(None, published, findings, _likely(likeness))
        return _look_by(connector, best, load_mapping(best))


def _look_by(connector: Connector, name: str, mapping: Mapping) -> Recognised:
    readable = _readable(connector)
    sources = [source for entity in mapping.entities.values() for source in entity.sources]
    published = {source.name: readable.is_published(source.name) for source in sources}
    if not any(published.values()):
        return Recognised(None, published, [])
    findings = connector.check(sources, mapping.balance)
    bare = [
        ENTITIES[entity].plural
        for entity, mapped in mapping.entities.items()
        if not any(published[source.name] for source in mapped.sources)
    ]
    balance = mapping.balance
    if balance is not None and not any(one.subject == balance.register and one.level == "ok" for one in findings):
        published[balance.register] = False
        bare.append("balances")
    return Recognised(name, published, findings, bare=tuple(bare))


def _readable(connector: Connector) -> RecordSource:
    if not isinstance(connector, RecordSource):
        raise ConfigError("A connection of this kind cannot be recognised: name its mapping.")
    return connector


def find_preset(connector: Connector) -> tuple[str | None, dict[str, bool]]:
    """The preset that a base fits best, if it fits one, and what the base publishes of it. Raises ConfigError."""
    return _choose(compare_presets(_readable(connector)))


def _choose(likeness: dict[str, Likeness]) -> tuple[str | None, dict[str, bool]]:
    best = max(likeness, key=lambda name: likeness[name].rank, default=None)
    if best is None:
        return None, {}
    return (best if likeness[best].share >= ENOUGH else None), likeness[best].published


def _likely(likeness: dict[str, Likeness]) -> tuple[str, ...]:
    found = [name for name, one in likeness.items() if one.share]
    return tuple(sorted(found, key=lambda name: (likeness[name].against, -likeness[name].share)))


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far a base is what a preset is for: whether all its signs are there, how many those are, its sets.

    `against`: a set that is there lacks what it has in that configuration.
    """

    certain: bool
    signs: int
    published: dict[str, bool]
    against: bool = False

    @property
    def share(self) -> float:
        """Share of the preset's sets that the base publishes."""
        return sum(self.published.values()) / len(self.published) if self.published else 0.0

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Presets are compared by their signs first: several configurations share most of their sets."""
        return self.share >= ENOUGH and self.certain, self.signs if self.certain else 0, self.share


def compare_presets(connector: RecordSource) -> dict[str, Likeness]:
    """Every preset against one base, by what that base publishes."""
    known: dict[str, bool] = {}

    def published(name: str) -> bool:
        if name not in known:
            known[name] = connector.is_published(name)
        return known[name]

    return {name: _likeness(connector, published, load_mapping(name)) for name in preset_names()}


def _likeness(connector: RecordSource, published: Callable[[str], bool], mapping: Mapping) -> Likeness:
    signs = mapping.signature
    sets = {source.name for entity in mapping.entities.values() for source in entity.sources}
    there = all(published(name) for name in signs.sets) and not any(published(name) for name in signs.without)
    lacking = [name for name, attribute in signs.attributes if not _has(connector, name, attribute)]
    number = len(signs.sets) + len(signs.attributes)
    against = any(published(name) for name in lacking)
    return Likeness(
        there and not lacking and number > 0, number, {name: published(name) for name in sorted(sets)}, against
    )


def _has(connector: RecordSource, name: str, attribute: str) -> bool:
    declared = connector.declared_fields(name)
    return declared is not None and not declared.isdisjoint({attribute, f"{attribute}_Key"})


def write_connection(path: Path, name: str, values: dict[str, str]) -> None:
    """Add one connection's section to the settings file, leaving every other line as it is.

    The file is replaced only by one that is valid TOML and holds just this much more.

    Raises:
        ConfigError: the file has a connection of this name already, or the new text would not be readable.
    """
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    known = _parse(path, before).get("connections", {})
    if name in known:
        raise ConfigError(
            f"{path} has a connection {name!r} already.", next_step=f"edit {path}, or give another --name"
        )
    lines = [f"[connections.{_key(name)}]", *(f"{key} = {value}" for key, value in values.items())]
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    after = before + gap + "\n".join(lines) + "\n"
    _parse(path, after)
    draft = path.with_suffix(".toml.new")
    draft.write_text(after, encoding="utf-8")
    draft.replace(path)


def _key(name: str) -> str:
    """A name as a key of TOML: bare where it may be, else in quotes."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} would not be valid TOML: {error}.", next_step=f"mend {path}") from error
