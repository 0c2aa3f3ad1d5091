"""Progress for people: a bar on a terminal, a plain line now and then elsewhere; always on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.exits import err, say
from core.clock import Clock
from sync.context import NoProgress, Progress

_EVERY_SECONDS = 5.0


class PlainProgress:
    """Lines for logs and pipes: one an entity, and one every five seconds within it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entity = ""
        self._said_at = 0.0

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Say where the work stands, not too often."""
        now = self._clock.monotonic()
        if entity == self._entity and now - self._said_at < _EVERY_SECONDS:
            return
        self._entity, self._said_at = entity, now
        say(f"{entity}: {done} {text}".rstrip())


class BarProgress:
    """A line an entity with a running count."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, object] = {}

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Move the entity's line."""
        if entity not in self._tasks:
            self._tasks[entity] = self._bar.add_task(entity, total=None, note="")
        self._bar.update(self._tasks[entity], completed=done, note=text)  # type: ignore[arg-type]


@contextmanager
def watching(clock: Clock, *, quiet: bool = False) -> Iterator[Progress]:
    """Somebody who watches a long work, fitting the place where it runs."""
    if quiet:
        yield NoProgress()
    elif not err.is_terminal:
        yield PlainProgress(clock)
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TextColumn("{task.completed:.0f}"))
        with Bar(*columns, TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn(), console=err) as bar:
            yield BarProgress(bar)
