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
from sync.room.following import Follower

_followers: list[Follower] = []
_apps: dict[int, App] = {}
_locks = [threading.Lock()]


def configure_process(settings: Settings) -> None:
    """Say which installation this process works for. Children inherit it."""
    _followers[:] = [Follower(settings)]


def process_app() -> App:
    """The application, with connections of this very process: a fork gets its own, its threads share one.

    Its settings are those of now: connections that were added or changed meanwhile are taken up.
    """
    with _locks[0]:
        pid, settings = os.getpid(), _followers[0].current()
        if pid not in _apps:
            _apps[pid] = _open(settings, pid)
        _apps[pid].settings = settings
        return _apps[pid]


def _open(settings: Settings, pid: int) -> App:
    owner = f"{socket.gethostname()[:40]}:{pid}:{uuid4().hex[:8]}"
    return App(settings=settings, engine=open_engine(settings.store.url), clock=SystemClock(), owner=owner)


def _begin_child() -> None:
    """A fork may have happened while a thread held the lock; the parent's connections are left to the parent."""
    _locks[:] = [threading.Lock()]
    for follower in _followers:
        follower.begin_fork()
    for app in _apps.values():
        forget_after_fork(app.engine)
    _apps.clear()


os.register_at_fork(after_in_child=_begin_child)
