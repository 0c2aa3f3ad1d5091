"""What every part of the engine is handed: the application, one run of one connection, and its counters."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine

from connectors.base import Connector
from core.clock import Clock
from core.settings import ConnectionSettings, Settings
from store.tables import PULL_COUNTERS, PUSH_COUNTERS
from sync.room.state import RunState

if TYPE_CHECKING:
    from mapping.rules import Mapping  # what only asks the store need not load the language of rules

Direction = Literal["in", "out"]
OrderKind = Literal["schedule", "order", "push", "retry", "repair", "reapply"]
"""schedule: a slot's · order: a person's · push: send what is due · retry: take up what is due · repair · reapply: map
anew what is here."""
_random = random.SystemRandom().random


@dataclass(slots=True)
class App:
    """One process of ours: settings, store, clock, and the name under which it claims leases.

    `chance` gives numbers from 0 to 1, by which retries are spread out; tests give their own. `serving_since`: when
    this process of the service began, from which it may expect ticks; None in a command.
    """

    settings: Settings
    engine: Engine
    clock: Clock
    owner: str
    chance: Callable[[], float] = _random
    serving_since: datetime | None = None

    @property
    def zone(self) -> tzinfo:
        """The wall clock on which people read moments: that of the first accounting connection."""
        accounting = (item.zone for item in self.settings.connections.values() if item.role == "accounting")
        return next(accounting, UTC)


@dataclass(slots=True)
class Counters:
    """One line of a run: what became of every record read (in) or due (out) of one entity. They must add up."""

    entity: str
    direction: Direction
    read: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    status: str = "ok"
    message: str = ""
    requests: int = 0
    seconds: float = 0.0

    def add(self, outcome: str, number: int = 1) -> None:
        """Count an outcome; only the words of design §5-5 are taken."""
        allowed = PULL_COUNTERS if self.direction == "in" else PUSH_COUNTERS
        if outcome not in allowed:
            raise ValueError(f"{outcome!r} is no outcome of direction {self.direction!r}")
        self.counts[outcome] = self.counts.get(outcome, 0) + number

    def adds_up(self) -> bool:
        """Whether every record that came in has exactly one outcome."""
        return self.read == sum(self.counts.values())


class Fence(Protocol):
    """Proof of holding the lease, checked in the same transaction as every write."""

    def check(self, conn: Connection) -> None:
        """Raises LeaseLost when another worker has taken over."""


class Progress(Protocol):
    """Somebody who watches: a progress bar, plain lines, or nobody."""

    def step(self, entity: str, done: int, text: str = "") -> None:
        """So many records of the entity are done."""


class NoProgress:
    """Nobody watches."""

    def step(self, entity: str, done: int, text: str = "") -> None:
        """Say nothing."""


@dataclass(slots=True)
class Order:
    """What a run is asked to do."""

    kind: OrderKind = "order"
    entity: str | None = None
    full: bool = False
    dry_run: bool = False
    slot: datetime | None = None

    @property
    def remap(self) -> bool:
        """What is here already is mapped anew from its landing: nothing is fetched, and what changes is noted."""
        return self.kind == "reapply"


_LONGEST_TERM = 3650


def usual_payment_days(settings: ConnectionSettings, mapping: Mapping | None) -> int:
    """The usual days to pay of a connection: its own in the settings, else those that its mapping sets."""
    said = mapping.settings.get("payment_days") if mapping is not None else None
    own = said if isinstance(said, int) else 0
    return settings.payment_days or min(max(own, 0), _LONGEST_TERM)


@dataclass(slots=True)
class RunContext:
    """One run of one connection, under its lease."""

    app: App
    settings: ConnectionSettings
    connector: Connector
    mapping: Mapping
    order: Order
    run_id: UUID
    fence: Fence
    fetch_seq: int
    started_at: datetime
    counters: dict[tuple[str, Direction], Counters] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    progress: Progress = field(default_factory=NoProgress)
    fault: Callable[[str], None] = lambda point: None
    state: RunState = field(default_factory=RunState)

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.settings.name

    @property
    def accounting_currency(self) -> str:
        """The currency of the connection's books."""
        return self.mapping.accounting_currency

    @property
    def payment_days(self) -> int:
        """The usual days to pay, where neither document nor contract nor customer says when."""
        return usual_payment_days(self.settings, self.mapping)

    def next_fetch(self) -> int:
        """The sequence number of a fetch that starts now; a later run's are all higher (fencing token first)."""
        self.fetch_seq += 1
        return self.fetch_seq

    def notice(self, text: str) -> None:
        """Tell people something, once a run."""
        if text not in self.state.told:
            self.state.told.add(text)
            self.notices.append(text)

    def leave(self, text: str) -> None:
        """Say what this run leaves undone: it is partial then."""
        if text not in self.partial:
            self.partial.append(text)

    def count(self, entity: str, direction: Direction = "in") -> Counters:
        """The counter line of an entity and direction."""
        key = (entity, direction)
        if key not in self.counters:
            self.counters[key] = Counters(entity, direction)
        return self.counters[key]
