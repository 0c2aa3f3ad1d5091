"""Which mapping rules: the published version in the store; a preset publishes itself at the first start."""

from __future__ import annotations

from functools import lru_cache

from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.model import SourceSet
from mapping.rules import Mapping, load_mapping, parse_mapping, preset_names
from store import versions
from sync.context import App, RunContext

_offered: set[tuple[str, str]] = set()


def load_ruling(app: App, settings: ConnectionSettings, *, publish: bool = True) -> Mapping:
    """The mapping that rules for a connection.

    Args:
        app: the application.
        settings: the connection.
        publish: publish the preset or file when nothing is published yet; a dry run does not.

    Raises:
        ConfigError: no mapping is named, or it has mistakes (all of them, with file and line).
    """
    if not settings.mapping:
        raise ConfigError(
            f"The connection {settings.name!r} names no mapping.",
            next_step=f'set mapping = "bp30" under [connections.{settings.name}], then: sverka doctor',
        )
    ruling = versions.published(app.engine, settings.mapping)
    if ruling is not None:
        if publish:
            _offer_newer(app, settings)
        return _parsed(ruling.text, settings.mapping)
    mapping = load_named(app, settings)
    if not publish:
        return mapping
    chosen = versions.ensure_published(
        app.engine, settings.mapping, mapping.text, "sverka", version=mapping.version, clock=app.clock
    )
    return _parsed(chosen.text, settings.mapping)


def _offer_newer(app: App, settings: ConnectionSettings) -> None:
    """A preset that came with an upgrade is kept as a draft, once a process. Files have their own bridge."""
    mark = (str(app.engine.url), settings.mapping)
    if mark in _offered or settings.mapping not in preset_names():
        return
    _offered.add(mark)
    mapping = load_mapping(settings.mapping)
    versions.ensure_published(
        app.engine, settings.mapping, mapping.text, "sverka", version=mapping.version, clock=app.clock
    )


def load_named(app: App, settings: ConnectionSettings) -> Mapping:
    """The preset or the file that the settings name, a file beside the settings. Raises ConfigError."""
    return load_mapping(settings.mapping, folder=app.settings.path.parent if app.settings.path else None)


@lru_cache(maxsize=16)
def _parsed(text: str, name: str) -> Mapping:
    return parse_mapping(text, name)


def take_up_mapping(ctx: RunContext, source: SourceSet) -> bool:
    """Take up a version that was published meanwhile, at the next page. False when it no longer reads this set."""
    ruling = versions.published(ctx.app.engine, ctx.settings.mapping)
    if ruling is not None and ruling.hash != ctx.mapping.version:
        ctx.mapping = _parsed(ruling.text, ctx.settings.mapping)
    mapped = ctx.mapping.entities.get(source.entity)
    return mapped is not None and source in mapped.sources


def list_drafts(app: App) -> list[dict[str, str]]:
    """Where the file or preset that the settings name is another text than what rules: it is a draft until published.

    One that cannot be read is told as well; it stops nothing, since what is published rules.
    """
    found = []
    for settings in app.settings.connections.values():
        message, following = _draft_of(app, settings)
        if message:
            found.append({"connection": settings.name, "message": message, "next": following})
    return found


def _draft_of(app: App, settings: ConnectionSettings) -> tuple[str, str]:
    try:
        mapping = load_named(app, settings) if settings.mapping else None
    except ConfigError as error:
        return f"The file {settings.mapping} cannot be read; what is published rules on.", error.next_step
    if mapping is None or not versions.differs_from_published(app.engine, settings.mapping, mapping.version):
        return "", ""
    text = f"The text of mapping {settings.mapping!r} differs from the published version, which rules; it is a draft."
    return text, f"sverka mapping diff, then: sverka mapping publish {settings.mapping}"
