"""Trying a connection that is not in the settings yet: what doctor would find, one after another; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy import select

from connectors.base import Finding
from connectors.registry import option_models
from core.errors import SverkaError
from core.settings import ConnectionSettings
from mapping.rules import preset_names
from store.engine import reading
from store.tables import mapping_version
from sync.context import App
from sync.room.opening import open_for
from sync.setup.connecting import find_preset
from sync.setup.doctor import Findings, examine_connection, look


@dataclass(slots=True)
class Trial:
    """What is tried; `mapping` is found out on the way where the settings name none."""

    settings: ConnectionSettings
    mapping: str = ""

    def run(self, app: App) -> Findings:
        """The findings as (name of the connection, finding). Raises nothing that is foreseen."""
        settings = self.settings
        if not settings.mapping:
            yield from ((settings.name, finding) for finding in self._recognise(app))
            if not self.mapping:
                return
            settings = settings.model_copy(update={"mapping": self.mapping})
        self.mapping = settings.mapping
        yield from ((settings.name, finding) for finding in examine_connection(app, settings))

    def _recognise(self, app: App) -> Iterator[Finding]:
        try:
            with closing(open_for(app, self.settings)) as connector:
                for finding in look(connector, []):
                    if finding.level == "error":
                        yield finding
                        return
                found, published = find_preset(connector)
        except SverkaError as error:
            yield Finding("error", "connection", error.message, error.next_step)
            return
        self.mapping = found or ""
        if found is not None:
            yield Finding("ok", "mapping", f"Recognised as {found}.")
            return
        missing = [name for name, there in published.items() if not there][:10]
        text = f" Not published: {', '.join(missing)}." if missing else ""
        step = "publish these sets in 1C as docs/1c-setup.md says, or choose the mapping yourself"
        yield Finding("error", "mapping", f"The configuration was not recognised.{text}", step)


def kinds() -> dict[str, type[BaseModel]]:
    """The kinds of connections there are, each with the model of its own keys."""
    return option_models()


def mappings(app: App) -> list[str]:
    """What a connection may name as its mapping from afar: presets, and what is published or named already."""
    named = {one.mapping for one in app.settings.connections.values() if one.mapping}
    published = select(mapping_version.c.name).where(mapping_version.c.state == "published")
    with reading(app.engine) as conn:
        return sorted({*preset_names(), *conn.execute(published).scalars(), *named})
