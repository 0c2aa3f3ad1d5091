"""Progress for people: a bar on a terminal, a plain line now and then elsewhere; always on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cli.exits import err, show
from cli.language import told
from core.clock import Clock
from sync.context import NoProgress, Progress

_EVERY_SECONDS = 5.0


class PlainProgress:
    """Lines for logs and pipes: one every five seconds, and at the end what each entity has come to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at = clock.monotonic()
        self._latest: dict[str, str] = {}
        self._untold: dict[str, None] = {}

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Say where the work stands, not too often."""
        now = self._clock.monotonic()
        self._latest[entity] = f"{told(entity)}: {done} {told(text)}".rstrip()
        self._untold[entity] = None
        if now - self._said_at >= _EVERY_SECONDS:
            self._said_at = now
            self._say(entity)

    def finish(self) -> None:
        """Say the last of every entity that has moved since it was told."""
        for entity in list(self._untold):
            self._say(entity)

    def _say(self, entity: str) -> None:
        del self._untold[entity]
        show(self._latest[entity])


class BarProgress:
    """A line an entity with a running count."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Move the entity's line."""
        if entity not in self._tasks:
            self._tasks[entity] = self._bar.add_task(told(entity), total=None, note="")
        self._bar.update(self._tasks[entity], completed=done, note=told(text))


@contextmanager
def watching(clock: Clock, *, quiet: bool = False) -> Iterator[Progress]:
    """Somebody who watches a long work, fitting the place where it runs."""
    if quiet:
        yield NoProgress()
    elif not err.is_terminal:
        plain = PlainProgress(clock)
        try:
            yield plain
        finally:
            plain.finish()
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TextColumn("{task.completed:.0f}"))
        with Bar(*columns, TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn(), console=err) as bar:
            yield BarProgress(bar)
