"""The application of this process, opened after a fork and never shared between processes."""

from __future__ import annotations

import os
import socket
from uuid import uuid4

from core.clock import SystemClock
from core.settings import Settings
from store.engine import open_engine
from sync.context import App

_settings: list[Settings] = []
_apps: dict[int, App] = {}


def configure_process(settings: Settings) -> None:
    """Say which installation this process works for. Children inherit it."""
    _settings[:] = [settings]


def process_app() -> App:
    """The application, with connections of this very process: a fork gets its own."""
    pid = os.getpid()
    if pid not in _apps:
        _apps.clear()
        settings = _settings[0]
        owner = f"{socket.gethostname()[:40]}:{pid}:{uuid4().hex[:8]}"
        _apps[pid] = App(settings=settings, engine=open_engine(settings.store.url), clock=SystemClock(), owner=owner)
    return _apps[pid]
