"""The application of this process, opened after a fork and never shared between processes."""

from __future__ import annotations

import os
import socket
import threading
from uuid import uuid4

from core.clock import SystemClock
from core.settings import Settings
from store.engine import forget_after_fork, open_engine
from sync.context import App

_settings: list[Settings] = []
_apps: dict[int, App] = {}
_locks = [threading.Lock()]


def configure_process(settings: Settings) -> None:
    """Say which installation this process works for. Children inherit it."""
    _settings[:] = [settings]


def process_app() -> App:
    """The application, with connections of this very process: a fork gets its own, its threads share one."""
    with _locks[0]:
        pid = os.getpid()
        if pid not in _apps:
            _apps[pid] = _open(_settings[0], pid)
        return _apps[pid]


def _open(settings: Settings, pid: int) -> App:
    owner = f"{socket.gethostname()[:40]}:{pid}:{uuid4().hex[:8]}"
    return App(settings=settings, engine=open_engine(settings.store.url), clock=SystemClock(), owner=owner)


def _begin_child() -> None:
    """A fork may have happened while a thread held the lock; the parent's connections are left to the parent."""
    _locks[:] = [threading.Lock()]
    for app in _apps.values():
        forget_after_fork(app.engine)
    _apps.clear()


os.register_at_fork(after_in_child=_begin_child)
