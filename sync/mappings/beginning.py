"""What a draft begins with: the own file of what rules, a kept version, the file that the settings name, a preset."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from core.errors import ConfigError, UsageError
from mapping.files.text import BUNDLE, PRESETS, preset_names, preset_origin, read_file
from mapping.rules import Mapping, load_mapping
from store import versions
from store.versions import MappingVersion
from sync.context import App
from sync.versions import PROGRAM

BEHIND = f"\n{BUNDLE}"
Origin = Literal["ruling", "file", "extends", "preset", "version"]


def begin_text(app: App, key: str, ruling: MappingVersion | None) -> str:
    """What a new draft begins with: the own file of what rules; where a preset rules as it is, a file that extends it.

    Where nothing rules yet: the file that the settings name. Raises ConfigError when it cannot be read.
    """
    if key in preset_names() and (ruling is None or is_bare(key, ruling)):
        return f'extends = "{key}"\n'
    return own_text(ruling.text) if ruling is not None else own_text(load_file(app, key).text)


def begin_from(app: App, key: str, origin: Origin, name: str = "") -> str:
    """The text that a draft is begun with on a person's word.

    Args:
        app: the application.
        key: the mapping as connections name it.
        origin: ruling (see `begin_text`), file (that the settings name), extends (a file that extends the preset
            `name`), preset (the preset's own text), version (the own file of the kept version `name`).
        name: the preset, or the version's number or hash.

    Raises:
        UsageError: no such preset or version. ConfigError: the file cannot be read.
    """
    if origin == "file":
        return own_text(load_file(app, key).text)
    if origin == "version":
        return own_text(versions.find_version(app.engine, key, name).text)
    if origin in ("extends", "preset"):
        if name not in preset_names():
            raise UsageError(f"There is no preset {name!r}.", next_step="sverka mapping check")
        return f'extends = "{name}"\n' if origin == "extends" else read_file(PRESETS / f"{name}.toml")
    return begin_text(app, key, versions.published(app.engine, key))


def is_bare(key: str, ruling: MappingVersion) -> bool:
    """Whether a preset rules as it came with the program, and nobody has said anything of his own yet."""
    return key in preset_names() and (ruling.author == PROGRAM or ruling.text == load_mapping(key).text)


def own_text(text: str) -> str:
    """The first file of a complete text, without what it extends."""
    return text.split(BEHIND, 1)[0]


def base_texts(text: str) -> dict[str, str]:
    """The files that a complete text was built on, by the names that messages call them."""
    parts = (part.partition("\n") for part in text.split(BEHIND)[1:])
    return {name: body for name, _, body in parts}


def find_base(ruling: MappingVersion | None, name: str) -> str | None:
    """The text of a file that what rules was built on, or of a preset of this program; None where there is neither."""
    kept = base_texts(ruling.text) if ruling is not None else {}
    if name in kept:
        return kept[name]
    preset = next((one for one in preset_names() if name in (one, preset_origin(one))), None)
    return read_file(PRESETS / f"{preset}.toml") if preset is not None else None


def differs_on_disk(app: App, key: str, ruling: MappingVersion | None) -> bool:
    """Whether the file that the settings name says something else than what rules; of a preset never."""
    if key in preset_names() or ruling is None:
        return False
    try:
        return load_file(app, key).version != ruling.hash
    except ConfigError:  # it cannot be read, which `sync.versions.list_drafts` tells
        return False


def load_file(app: App, key: str) -> Mapping:
    """The mapping that the settings name, a file beside the settings. Raises ConfigError."""
    return load_mapping(key, folder=folder_of(app))


def folder_of(app: App) -> Path | None:
    """What the path of a mapping starts from: the settings' folder."""
    return app.settings.path.parent if app.settings.path is not None else None
