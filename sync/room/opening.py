"""Opening a connector as every part of the engine does: under the connection's common budget, with its tokens."""

from __future__ import annotations

from pathlib import Path

from connectors.base import Connector
from connectors.registry import open_connector
from core.settings import ConnectionSettings
from sync.context import App
from sync.room.budget import open_budget
from sync.room.vault import StoredVault


def open_for(app: App, settings: ConnectionSettings, *, cache_dir: Path | None = None) -> Connector:
    """A connector of this connection; nothing is sent yet. Close it when done.

    Raises:
        ConfigError: the settings are not enough to open it.
    """
    vault = StoredVault(app, settings.name)
    return open_connector(settings, app.clock, cache_dir=cache_dir, budget=open_budget(app, settings), vault=vault)
