"""Publishing: a draft is tried by its golden cases, takes over, and can be taken back. One of two admins wins."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import UsageError
from mapping.cases.files import PlacedCase
from mapping.rules import Mapping, parse_mapping
from store import versions
from store.versions import MappingVersion
from sync.context import App
from sync.mappings.ordering import supersede
from sync.mappings.trials import refuse_red, try_cases
from sync.setup.mapping_check import forget_declared


def publish_mapping(
    app: App,
    key: str,
    mapping: Mapping,
    author: str,
    *,
    comment: str = "",
    cases: Sequence[PlacedCase] = (),
    seen: str | None = None,
    named: str = "",
) -> MappingVersion:
    """Let a mapping rule from the next page on. Running workers take it up by themselves.

    `seen`: the hash of the version that ruled when its author looked. `named`: the arguments by which commands reach
    this mapping, for messages; the draft's number when left out.

    Raises:
        ConfigError: a golden case is red; the mapping is kept as a draft.
        ConflictError: somebody else has published meanwhile; the mapping is kept as a draft.
    """
    draft = versions.save_draft(
        app.engine, key, mapping.text, author, comment=comment or None, version=mapping.version, clock=app.clock
    )
    refuse_red(key, try_cases(app, key, mapping, cases), named or str(draft.number))
    ruling = versions.publish(app.engine, key, draft.hash, author, seen=seen, clock=app.clock)
    _end_reapply(app, key, ruling)
    return ruling


def roll_back(app: App, key: str, version: str | None, author: str, *, seen: str | None = None) -> MappingVersion:
    """Let a former version rule again: the one named, or the one that ruled before. Its golden cases are not asked.

    `seen`: the hash of the version that ruled when the person looked; by default the one that rules now.

    Raises:
        UsageError: there is none, or several begin so. ConfigError: its text can no longer be read.
        ConflictError: somebody else published at the same moment.
    """
    ruling = versions.published(app.engine, key)
    chosen = _former(app, key) if version is None else versions.find_version(app.engine, key, version)
    parse_mapping(chosen.text, key, kept=True)
    looked_at = seen or (ruling.hash if ruling is not None else None)
    now = versions.publish(app.engine, key, chosen.hash, author, seen=looked_at, clock=app.clock)
    _end_reapply(app, key, now)
    return now


def list_new_fields(before: Mapping | None, after: Mapping) -> list[str]:
    """Fields and types that a new version wants on a CRM's cards, and the one before did not: to be made there."""
    return sorted(_own_fields(after) - (_own_fields(before) if before is not None else set()))


def _own_fields(mapping: Mapping) -> set[str]:
    cards = mapping.cards.values()
    return {f"{card.name}.{one.code}" for card in cards for one in card.own_fields} | {
        card.name for card in cards if card.own
    }


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
