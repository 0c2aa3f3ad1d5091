"""Publishing: a draft is tried by its golden cases, takes over, and can be taken back. One of two admins wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ConfigError, UsageError
from mapping.cases import PlacedCase
from mapping.rules import Mapping, parse_mapping
from mapping.trial import Difference, try_case
from store import versions
from store.versions import MappingVersion
from sync.context import App
from sync.mappings.kept_cases import load_kept_cases
from sync.mappings.ordering import supersede
from sync.setup.mapping_check import forget_declared


@dataclass(frozen=True, slots=True)
class Trial:
    """One golden case and what came out otherwise than it says; nothing did: green."""

    placed: PlacedCase
    differences: list[Difference]


def try_cases(app: App, key: str, mapping: Mapping, cases: Sequence[PlacedCase]) -> list[Trial]:
    """Run these cases and those that are kept in the store for a mapping.

    Args:
        app: the application.
        key: the mapping as connections name it.
        mapping: what is tried.
        cases: those that lie beside the file.
    """
    every = [*cases, *load_kept_cases(app.engine, key)]
    return [Trial(placed, try_case(mapping, placed.case)) for placed in every]


def publish_mapping(
    app: App,
    key: str,
    mapping: Mapping,
    author: str,
    *,
    comment: str = "",
    cases: Sequence[PlacedCase] = (),
    seen: str | None = None,
) -> MappingVersion:
    """Let a mapping rule from the next page on. Running workers take it up by themselves.

    `seen`: the hash of the version that ruled when its author looked.

    Raises:
        ConfigError: a golden case is red; the mapping is kept as a draft.
        ConflictError: somebody else has published meanwhile; the mapping is kept as a draft.
    """
    draft = versions.save_draft(
        app.engine, key, mapping.text, author, comment=comment or None, version=mapping.version, clock=app.clock
    )
    red = [trial for trial in try_cases(app, key, mapping, cases) if trial.differences]
    if red:
        raise ConfigError(_refusal(key, red), next_step="sverka mapping test, then publish again")
    ruling = versions.publish(app.engine, key, draft.hash, author, seen=seen, clock=app.clock)
    _end_reapply(app, key, ruling)
    return ruling


def _refusal(key: str, red: Sequence[Trial]) -> str:
    lines = [
        f"  - {trial.placed.case.title}: "
        + "; ".join(f"{one.field}: {one.expected!r} expected, {one.found!r} found" for one in trial.differences[:5])
        for trial in red[:10]
    ]
    more = f"\n  ... and {len(red) - 10} more" if len(red) > 10 else ""
    return f"{key} is not published: {len(red)} golden cases are red.\n" + "\n".join(lines) + more + "\n"


def roll_back(app: App, key: str, version: str | None, author: str) -> MappingVersion:
    """Let a former version rule again: the one named, or the one that ruled before. Its golden cases are not asked.

    Raises:
        UsageError: there is none, or several begin so. ConfigError: its text can no longer be read.
        ConflictError: somebody else published at the same moment.
    """
    ruling = versions.published(app.engine, key)
    chosen = _former(app, key) if version is None else versions.find_version(app.engine, key, version)
    parse_mapping(chosen.text, key)
    now = versions.publish(app.engine, key, chosen.hash, author, seen=ruling.hash if ruling else None, clock=app.clock)
    _end_reapply(app, key, now)
    return now


def _former(app: App, key: str) -> MappingVersion:
    """The version that ruled last before the present one."""
    retired = [
        item for item in versions.list_versions(app.engine, key) if item.state == "retired" and item.published_at
    ]
    if not retired:
        raise UsageError(f"No former version of {key!r} has ruled.", next_step="sverka mapping list")
    return max(retired, key=lambda item: (item.published_at is not None, item.published_at, item.number or 0))


def _end_reapply(app: App, key: str, ruling: MappingVersion) -> None:
    """What is on its way with another version ends; whoever published says whether to begin anew."""
    for settings in app.settings.connections.values():
        if settings.mapping == key:
            with app.engine.begin() as conn:
                supersede(conn, app, settings.name, "Another version has been published since.", ruling.hash)
            forget_declared(app, settings.name)
