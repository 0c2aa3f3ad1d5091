"""A random, seeded campaign: faults of all kinds, live edits and new clients meanwhile, judged after each round."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sync.push.contacts import add_contact
from tests.chaos.house import House, Servers, Setup
from tests.chaos.judge import Judge, Verdict
from tests.chaos.kinds import KINDS, kinds_of
from tests.chaos.onec import Onec

PATIENCE = 90.0
"""Seconds in which everything must be well again: ninety periods, on a machine that does other things too."""
WEIGHTS = (2, 4, 10, 3, 5, 9, 4, 6, 8)


@dataclass
class Tally:
    """One line of the table."""

    done: int = 0
    hit: int = 0
    lost: int = 0
    doubled: int = 0
    unhealed: int = 0


@dataclass
class Report:
    """What came of a campaign on one set-up."""

    setup: Setup
    seed: int
    lines: dict[str, Tally] = field(default_factory=dict)
    clients: int = 0
    edits: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def faults(self) -> int:
        """How many there were."""
        return sum(line.done for line in self.lines.values())

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, doubled or left unhealed."""
        return not any(line.lost or line.doubled or line.unhealed for line in self.lines.values())

    def table(self) -> str:
        """For people, in Markdown."""
        head = f"**{self.setup}**, seed {self.seed}: {self.faults} faults in {self.seconds / 60:.0f} minutes, "
        head += f"{self.edits} edits, {self.clients} new clients; slowest recovery {self.slowest:.0f} s\n"
        rows = ["| kind | faults | hit | lost | doubled | unhealed |", "|---|---:|---:|---:|---:|---:|"]
        for name, line in sorted(self.lines.items()):
            rows.append(f"| {name} | {line.done} | {line.hit} | {line.lost} | {line.doubled} | {line.unhealed} |")
        sums = [
            sum(getattr(line, word) for line in self.lines.values()) for word in ("hit", "lost", "doubled", "unhealed")
        ]
        rows.append(f"| **all** | {self.faults} | {' | '.join(map(str, sums))} |")
        return "\n".join([head, *rows])


def inn_of(number: int) -> str:
    """A valid INN of a company."""
    digits = f"77{number:07d}"
    return digits + str(sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11 % 10)


class Campaign:
    """`number` faults on one set-up, `together` in a round, judged after each round."""

    def __init__(
        self,
        setup: Setup,
        number: int,
        seed: int,
        *,
        together: int = 3,
        minutes: float = 600,
        first: tuple[str, ...] = (),
        servers: Servers | None = None,
    ) -> None:
        self.setup, self.number, self.together = setup, number, together
        self.first, self.servers = first, servers
        self.deadline = time.monotonic() + minutes * 60
        self.random = Random(f"{setup}/{seed}")
        self.report = Report(setup, seed)

    def run(self) -> Report:
        """All of it; processes and servers are gone at the end."""
        started, servers = time.monotonic(), self.servers or Servers.start(self.setup)
        try:
            with tempfile.TemporaryDirectory(prefix="sverka-chaos-", ignore_cleanup_errors=True) as folder:
                self._run_in(Path(folder), servers)
        finally:
            if self.servers is None:
                servers.remove()
        self.report.seconds = time.monotonic() - started
        return self.report

    def _run_in(self, folder: Path, servers: Servers) -> None:
        onec = Onec(folder)
        house = House(folder / "house", self.setup, servers, onec)
        judge = Judge(house)
        try:
            house.start()
            self._disturb(house, judge, client=True)  # the first client proves that the base takes our keys
            first = judge.wait(PATIENCE)
            assert first, f"before any fault: {first}\n{house.log_tail()}"
            planned = self._plan()
            for start in range(0, len(planned), self.together):
                if time.monotonic() < self.deadline:
                    self._round(house, judge, planned[start : start + self.together])
        finally:
            house.stop()
            onec.close()

    def _plan(self) -> list[str]:
        """Every kind as often as every other, in random order."""
        kinds, planned = kinds_of(self.setup), [*self.first]
        while len(planned) < self.number:
            planned += self.random.sample(kinds, len(kinds))
        return planned[: self.number]

    def _disturb(self, house: House, judge: Judge, *, client: bool) -> None:
        number = self.random.randint(2, 6)
        house.onec.random_edits(number, self.random.randrange(1 << 30))
        self.report.edits += number
        if client:
            self.report.clients += 1
            inn = inn_of(self.random.randrange(10**6, 10**7))
            contact = add_contact(house.app, name=f"ООО «Клиент {inn}»", tax_id=inn, status="client")
            judge.expect_client(inn, str(contact["id"]))

    def _round(self, house: House, judge: Judge, names: list[str]) -> None:
        hits = Counter[str]()
        for name in names:
            self._disturb(house, judge, client=self.random.random() < 0.6 or "answer lost" in name)
            hits[name] += KINDS[name][0](house, self.random)
            self._disturb(house, judge, client=False)
            house.servers.wake()
            house.start()
        began = time.monotonic()
        verdict = judge.wait(PATIENCE)
        took = time.monotonic() - began
        self.report.slowest = max(self.report.slowest, took)
        self._write_down(names, hits, verdict)
        say(f"{self.setup} {self.report.faults}/{self.number} {' + '.join(names)}: {took:.1f} s, {dict(hits)}")
        if not verdict:
            say(f"{verdict}\n{house.log_tail()}")

    def _write_down(self, names: list[str], hits: Counter[str], verdict: Verdict) -> None:
        for name in names:
            line = self.report.lines.setdefault(name, Tally())
            line.done += 1
            line.lost += len(verdict.lost)
            line.doubled += len(verdict.doubled)
            line.unhealed += len(verdict.unhealed)
        for name, number in hits.items():
            self.report.lines[name].hit += number


def say(text: str) -> None:
    """To whoever watches; standard output is for the table."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
