"""Worlds of the queue tests."""

from tests.integration.sync_pull.conftest import build, build_sqlite

__all__ = ["build", "build_sqlite"]
