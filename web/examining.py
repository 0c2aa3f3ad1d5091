"""What doctor finds of a connection, asked for by a page: in a thread of its own, no longer than a reader waits."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import structlog

from core.secrets import redact
from sync.context import App
from sync.setup.doctor import examine

log = structlog.get_logger()
LONGEST = 20.0
"""Seconds that a reader waits; what has been found until then is shown."""
MOST_AT_ONCE = 2
"""Threads that may hang on systems that do not answer, whatever the number of impatient readers."""


@dataclass(frozen=True, slots=True)
class Found:
    """One line of doctor: the level (ok, notice, warning, error), about what, the sentence, and what to do."""

    where: str
    level: str
    subject: str
    message: str
    next_step: str


@dataclass(slots=True)
class Report:
    """What has been found; `done`: all of it. `failed`: the examination itself broke off."""

    lines: list[Found] = field(default_factory=list)
    done: bool = False
    failed: bool = False


class Examiner:
    """Runs examinations, each of one connection, a few at a time."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._lock = threading.Lock()
        self._running: dict[str, tuple[threading.Thread, Report]] = {}

    def examine(self, app: App, name: str) -> Report | None:
        """The findings, as far as they are there in time; None where too many are being made already.

        Whoever asks for a connection that is being examined waits for that examination.
        """
        with self._lock:
            self._running = {one: pair for one, pair in self._running.items() if pair[0].is_alive()}
            if name not in self._running:
                if len(self._running) >= MOST_AT_ONCE:
                    return None
                report = Report()
                thread = threading.Thread(target=_run, args=(app, name, report), name=f"doctor-{name}", daemon=True)
                self._running[name] = (thread, report)
                thread.start()
            thread, report = self._running[name]
        began = time.monotonic()
        thread.join(self._longest)
        log.info("doctor.asked", connection=name, seconds=round(time.monotonic() - began, 1), done=report.done)
        return report


def _run(app: App, name: str, report: Report) -> None:
    try:
        for where, finding in examine(app, [name]):
            if where in (name, "store", "settings"):
                texts = (redact(text) for text in (finding.subject, finding.message, finding.next_step))
                report.lines.append(Found(where, finding.level, *texts))
        report.done = True
    finally:
        report.failed = not report.done
