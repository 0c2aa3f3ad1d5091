"""What doctor finds, asked for by a page: in a thread of its own, shown line by line as it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from core.secrets import redact
from sync.setup.doctor import Findings

log = structlog.get_logger()
LONGEST = 20.0
"""Seconds after which the reader is told that the other side takes long."""
MOST_AT_ONCE = 2
"""Threads that may hang on systems that do not answer, whatever the number of impatient readers."""
MOST_KEPT = 50


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
    """What has been found so far; `done`: all of it. `failed`: the examination itself broke off."""

    lines: list[Found] = field(default_factory=list)
    done: bool = False
    failed: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def running(self) -> bool:
        """Whether more may come."""
        return not self.done and not self.failed

    @property
    def slow(self) -> bool:
        """Whether the other side takes long to answer."""
        return self.running and time.monotonic() - self.began > LONGEST

    @property
    def wrong(self) -> bool:
        """Whether something is wrong, or was not looked at."""
        return self.failed or any(line.level == "error" for line in self.lines)


class Examiner:
    """Runs examinations, each of one thing, a few at a time, and keeps what the last ones found."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: dict[str, Report] = {}

    def start(self, key: str, find: Callable[[], Findings], *, about: tuple[str, ...]) -> Report | None:
        """Begin, or go on watching what is being examined already; None where too many are being made.

        Args:
            key: what is examined.
            find: gives the findings, which may take its time.
            about: the names that lines are shown of.
        """
        with self._lock:
            known = self._reports.get(key)
            if known is not None and known.running:
                return known
            if sum(report.running for report in self._reports.values()) >= MOST_AT_ONCE:
                return None
            report = Report()
            self._reports.pop(key, None)
            self._reports[key] = report
            self._forget()
        args = (find, about, report)
        threading.Thread(target=_run, args=args, name=f"doctor-{key}"[:60], daemon=True).start()
        return report

    def load(self, key: str) -> Report | None:
        """What was found of it last; None where nobody has asked, or long ago."""
        with self._lock:
            return self._reports.get(key)

    def _forget(self) -> None:
        """The oldest go when there are too many."""
        over = [key for key, report in self._reports.items() if not report.running][
            : max(0, len(self._reports) - MOST_KEPT)
        ]
        for key in over:
            del self._reports[key]


def _run(find: Callable[[], Findings], about: tuple[str, ...], report: Report) -> None:
    try:
        for where, finding in find():
            if where in about:
                texts = (redact(text) for text in (finding.subject, finding.message, finding.next_step))
                report.lines.append(Found(where, finding.level, *texts))
        report.done = True
    finally:
        report.failed = not report.done
        log.info("doctor.asked", seconds=round(time.monotonic() - report.began, 1), done=report.done)
