"""kill -9 while a person holds a connection or lets it go: held with its line of the audit, or neither is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from store.engine import open_engine, reading
from store.tables import audit, connection
from store.upgrade import upgrade
from sync.room.faults import PERSON_POINTS, VARIABLE

ROOT = Path(__file__).parents[3]
PERSON = """
import sys
from core.clock import SystemClock
from core.settings import Settings
from store.engine import open_engine
from sync.context import App
from sync.room.breaker import hold_connection, release_connection
app = App(Settings(), open_engine(sys.argv[1]), SystemClock(), "page")
hold_connection(app, "crm", "stocktaking", "anna")
release_connection(app, "crm", "anna")
"""
AFTERWARDS = {
    "hold.before": (None, 0),
    "hold.after": ("anna", 1),
    "release.before": ("anna", 1),
    "release.after": (None, 2),
}
"""Point -> who holds the connection, and how many lines the audit has."""


@pytest.mark.parametrize("point", PERSON_POINTS)
def test_a_kill_leaves_the_word_and_its_audit_or_neither(store_url: str, point: str) -> None:
    upgrade(store_url)
    done = subprocess.run(
        [sys.executable, "-c", PERSON, store_url], cwd=ROOT, env={**os.environ, VARIABLE: point},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    engine = open_engine(store_url)
    with reading(engine) as conn:
        held = conn.execute(select(connection.c.paused_by).where(connection.c.name == "crm")).scalar()
        lines = conn.execute(select(func.count()).select_from(audit)).scalar_one()
    engine.dispose()
    assert (held, lines) == AFTERWARDS[point]
