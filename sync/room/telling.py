"""How far a long piece of work has come: remembered as it goes on, written by the heartbeat of its lease.

So whoever looks at a page sees it move, and the work itself writes nothing for that: what is over before the first
heartbeat has told nobody anything.
"""

from __future__ import annotations

from typing import Any

from core.clock import Clock
from sync.context import NoProgress, Progress


class Telling:
    """A watcher that hands on to another one (a progress bar, or nobody) and remembers where the work is."""

    def __init__(self, clock: Clock, watcher: Progress | None = None, **about: Any) -> None:
        self._clock, self._watcher = clock, watcher or NoProgress()
        self._about = about
        self._done: dict[str, int] = {}
        self._at: tuple[str, str] | None = None

    def step(self, entity: str, done: int, text: str = "") -> None:
        """So many records of the entity are done."""
        self._done[entity] = max(done, self._done.get(entity, 0))
        self._at = (entity, text[:200])
        self._watcher.step(entity, done, text)

    def tell(self) -> dict[str, Any] | None:
        """What is being worked on, how much of each entity is done, and as of when; None before the first step.

        Called from the thread of the heartbeat while the work goes on.
        """
        at = self._at
        if at is None and not self._about:
            return None
        entity, text = at or (None, "")
        done = [[name, number] for name, number in self._done.copy().items()]
        moment = self._clock.now().isoformat()
        return self._about | {"entity": entity, "text": text, "done": done, "at": moment}
