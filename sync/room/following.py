"""Settings of a running process: connections that are added or changed in the file are taken up while it runs.

Everything else in the file, and a connection that was taken out of it, counts from the next start on: what runs never
finds that the ground has gone from under it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from connectors.registry import option_models
from core.errors import ConfigError
from core.settings import Settings, load_settings

log = structlog.get_logger()
LOOK = 1.0
"""Seconds between two looks at the file, whose state costs one question to the file system."""
Stamp = tuple[int, int, int] | None


class Follower:
    """The settings of one process as they stand now. Any number of its threads may ask."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._known = self._seen = _stamp(settings.path)
        self._looked = clock()

    @property
    def settings(self) -> Settings:
        """As they were at the last look."""
        return self._settings

    def begin_fork(self) -> None:
        """For a fork, whose lock may be held by a thread that it does not have.

        What the parent, who has no reason to look, has not taken up yet is taken up by the fork.
        """
        self._lock = threading.Lock()

    def current(self) -> Settings:
        """The settings. A file that has just been written is taken up when it has stayed the same for a second.

        Who asks for the first time in an hour need not ask twice: the file itself says for how long it rests.
        """
        now = self._clock()
        if self._settings.path is not None and now - self._looked >= LOOK:
            with self._lock:
                self._look(now)
        return self._settings

    def take_up(self) -> Settings:
        """The settings with what stands in the file at this moment, for whoever has just written it himself."""
        with self._lock:
            self._load(_stamp(self._settings.path))
        return self._settings

    def _look(self, now: float) -> None:
        if now - self._looked < LOOK:
            return
        self._looked = now
        stamp, before = _stamp(self._settings.path), self._seen
        self._seen = stamp
        if stamp is not None and stamp != self._known and (stamp == before or _rests(stamp)):
            self._load(stamp)

    def _load(self, stamp: Stamp) -> None:
        """A file with mistakes, which somebody may be editing, changes nothing; it is told once and looked at again."""
        try:
            fresh = load_settings(self._settings.path, connectors=option_models()).connections
        except ConfigError as error:
            self._known = stamp
            log.warning("settings.not-taken-up", reason=error.message)
            return
        merged = self._settings.connections | fresh
        self._settings = self._settings.model_copy(update={"connections": merged})
        self._known = stamp  # last: a fork in between would have the mark and not the settings
        log.info("settings.taken-up", connections=sorted(merged))


def _rests(stamp: tuple[int, int, int]) -> bool:
    return time.time() - stamp[0] / 1e9 >= LOOK


def _stamp(path: Path | None) -> Stamp:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None
