"""Which mapping rules: the published version in the store; a preset publishes itself at the first start."""

from __future__ import annotations

import shlex
from functools import lru_cache

from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.cases.files import cases_folder, load_cases
from mapping.files.text import BUNDLE, preset_origin
from mapping.model import SourceSet
from mapping.rules import Mapping, load_mapping, parse_mapping, preset_names
from store import versions
from store.versions import MappingVersion
from sync.context import App, RunContext
from sync.mappings.trials import refuse_red, try_cases

PROGRAM = "sverka"
"""Who is written down as the author of what was published by itself."""
_offered: set[tuple[str, str]] = set()


def load_ruling(app: App, settings: ConnectionSettings, *, publish: bool = True) -> Mapping:
    """The mapping that rules for a connection.

    Args:
        app: the application.
        settings: the connection.
        publish: publish the preset or file when nothing is published yet; a dry run does not.

    Raises:
        ConfigError: no mapping is named, it has mistakes (all of them, with file and line), or golden cases are red.
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
    refuse_red_cases(app, settings, mapping)
    chosen = versions.ensure_published(
        app.engine, settings.mapping, mapping.text, PROGRAM, version=mapping.version, clock=app.clock
    )
    return _parsed(chosen.text, settings.mapping)


def _offer_newer(app: App, settings: ConnectionSettings) -> None:
    """A preset that came with an upgrade is kept as a draft, once a process. Files have their own bridge."""
    mark = (str(app.engine.url), settings.mapping)
    if mark in _offered or settings.mapping not in preset_names():
        return
    _offered.add(mark)
    mapping = load_mapping(settings.mapping)
    if _is_base_of(mapping, versions.published(app.engine, settings.mapping)):
        return
    versions.ensure_published(
        app.engine, settings.mapping, mapping.text, PROGRAM, version=mapping.version, clock=app.clock
    )


def refuse_red_cases(app: App, settings: ConnectionSettings, mapping: Mapping) -> None:
    """What the settings name rules by itself at the first start only when its golden cases come out right.

    Raises:
        ConfigError: some do not, or cannot be read.
    """
    beside = load_cases(cases_folder(settings.mapping, app.settings.path.parent if app.settings.path else None))
    trials = try_cases(app, settings.mapping, mapping, beside)
    refuse_red(settings.mapping, trials, _chosen_by(app, settings), "sverka sync")


def list_sharing(app: App, mapping: str) -> list[str]:
    """All connections that name this mapping: one published version rules for all of them."""
    return [settings.name for settings in app.settings.connections.values() if settings.mapping == mapping]


def load_named(app: App, settings: ConnectionSettings) -> Mapping:
    """The preset or the file that the settings name, a file beside the settings. Raises ConfigError."""
    return load_mapping(settings.mapping, folder=app.settings.path.parent if app.settings.path else None)


@lru_cache(maxsize=16)
def _parsed(text: str, name: str) -> Mapping:
    return parse_mapping(text, name, kept=True)


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


def find_draft(app: App, settings: ConnectionSettings, mapping: Mapping) -> tuple[str, str]:
    """What to tell of a mapping that the settings name while another text rules, and what to type; else two blanks.

    A preset is a draft when it is another one than it was: one that is the unchanged base of what rules, or that has
    ruled and was replaced by a person, is not. A file that differs always is.
    """
    key, ruling = settings.mapping, versions.published(app.engine, settings.mapping)
    if ruling is None or ruling.hash == mapping.version:
        return "", ""
    if key in preset_names() and (_is_base_of(mapping, ruling) or _has_ruled(app, key, mapping)):
        return "", ""
    option = f" {_chosen_by(app, settings)}".rstrip()
    text = f"The text of mapping {key!r} differs from the published version, which rules; it is a draft."
    if key not in preset_names() or ruling.author == PROGRAM:
        return text, f"sverka mapping diff{option}, then: sverka mapping publish {shlex.quote(key)}{option}"
    text += (
        f" Publishing {key} takes back what the text of {ruling.author} says, which rules now;"
        f" if that is a file that extends {key}, publish this file again: it takes up the new {key}."
    )
    return text, f"sverka mapping diff{option}, then: sverka mapping publish FILE{option}"


def _is_base_of(mapping: Mapping, ruling: MappingVersion | None) -> bool:
    """Whether what rules extends this very text of a preset."""
    bundled = f"\n{BUNDLE}{preset_origin(mapping.name)}\n{mapping.text}"
    return ruling is not None and ruling.text.endswith(bundled)


def _has_ruled(app: App, key: str, mapping: Mapping) -> bool:
    return versions.file_state(app.engine, key, mapping.text, version=mapping.version) == "retired"


def _chosen_by(app: App, settings: ConnectionSettings) -> str:
    """The option by which a command is told which connection is meant, where it has to be."""
    return f"--connection {shlex.quote(settings.name)}" if len(app.settings.connections) > 1 else ""


def _draft_of(app: App, settings: ConnectionSettings) -> tuple[str, str]:
    try:
        mapping = load_named(app, settings) if settings.mapping else None
    except ConfigError as error:
        return f"The file {settings.mapping} cannot be read; what is published rules on.", error.next_step
    return ("", "") if mapping is None else find_draft(app, settings, mapping)
