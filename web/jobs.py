"""Long work that a page asks for: in a thread of its own, watched, ended at a time limit, its outcome kept for a while.

The work lives in this process alone and writes nothing that matters: when the process ends, it is asked for again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from core.errors import SverkaError
from core.secrets import redact

log = structlog.get_logger()
LONGEST = 300.0
"""Seconds after which work that looks at its job gives up."""
MOST_AT_ONCE = 2
KEPT = 30
"""Outcomes that are kept; the oldest go first."""


class Ended(Exception):
    """A person has ended the work, or its time is over: what there is until now is the outcome."""


@dataclass(slots=True)
class Job:
    """One piece of work. `told`: how far it has come, by what it is at; `failed`: why it broke off, and what to do."""

    began: float
    until: float
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    result: Any = None
    done: bool = False
    ended: bool = False
    failed: str = ""
    following: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        """How long it has been since it began."""
        return time.monotonic() - self.began

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Take note of how far it is. Raises Ended when it shall not go on."""
        self.told[entity] = (done, text)
        if self._stop.is_set() or time.monotonic() > self.until:
            raise Ended

    def stop(self) -> None:
        """End it at its next step."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        return self._over.wait(seconds)


class Jobs:
    """Starts work, a few pieces at once, and keeps what came of it. Safe for threads."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, ...], Job] = {}

    def find(self, key: tuple[str, ...]) -> Job | None:
        """What was started under this key last."""
        with self._lock:
            return self._jobs.get(key)

    def start(self, key: tuple[str, ...], work: Callable[[Job], None]) -> Job | None:
        """Begin, unless it is going on already; None where too much is going on.

        `work` puts what it finds into `job.result` as it goes, and calls `job.step`.
        """
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and not known.done:
                return known
            if sum(not job.done for job in self._jobs.values()) >= MOST_AT_ONCE:
                return None
            self._jobs.pop(key, None)
            for old in [one for one, job in self._jobs.items() if job.done][: max(0, len(self._jobs) + 1 - KEPT)]:
                del self._jobs[old]
            began = time.monotonic()
            job = self._jobs[key] = Job(began, began + self._longest)
            threading.Thread(target=_run, args=(job, work), name=f"job-{key[0]}", daemon=True).start()
            return job


def _run(job: Job, work: Callable[[Job], None]) -> None:
    job.failed = "it broke off"
    try:
        work(job)
        job.failed = ""
    except Ended:
        job.ended, job.failed = True, ""
    except SverkaError as error:
        job.failed, job.following = redact(error.message), redact(error.next_step)
    finally:
        log.info("job.done", seconds=round(job.seconds, 1), ended=job.ended, failed=bool(job.failed))
        job.done = True
        job._over.set()
