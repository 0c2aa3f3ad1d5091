"""Alembic from Python, inside a transaction that the caller holds."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def make_config(conn: Connection) -> Config:
    """Alembic's settings: this folder, and the caller's connection."""
    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def migrate(conn: Connection, revision: str = "head") -> None:
    """Walk to a revision. Commits nothing: all of it stands or falls with the caller's transaction."""
    command.upgrade(make_config(conn), revision)
