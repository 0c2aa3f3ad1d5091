"""Systems that tell what has changed: since a moment, by a queue of events, or by a call from outside.

All three only say where to look: what a record holds is always read from the system itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from connectors.base import RawRecord, RecordSource
from mapping.model import SourceSet

Touched = tuple[str, str]
"""A set and the external id of a record in it that something has happened to."""


@dataclass(frozen=True, slots=True)
class EventPack:
    """Records that the other side has noted for us. They stay noted until the pack is confirmed by its `tokens`."""

    touched: Sequence[Touched] = ()
    tokens: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """What a call from outside says, its sender proven: records to look at; none where it is about nothing of ours."""

    touched: Sequence[Touched] = field(default_factory=tuple)


@runtime_checkable
class ChangedSince(RecordSource, Protocol):
    """Tells which records were made or changed since a moment; not which were deleted: a sweep finds that."""

    def fetch_moment(self) -> datetime:
        """What time it is there: moments that are asked for are by that clock."""

    def tells_changes(self, source: SourceSet) -> bool:
        """Whether this set can be asked so; the others are swept."""

    def fetch_changed(self, source: SourceSet, since: datetime) -> Iterator[list[RawRecord]]:
        """Whole records changed at `since` or later, some at a time, in constant memory; one request if none.

        A record that changes while they are read may be missed, and is told when asked again since the same moment.
        """


@runtime_checkable
class EventSource(RecordSource, Protocol):
    """Keeps a queue of events for us. Exactly one reader: the lease sees to that."""

    def follows_events(self) -> bool:
        """Whether we have come in by a way that may ask for events."""

    def fetch_events(self, sources: Sequence[SourceSet]) -> EventPack:
        """What has happened to records of these sets. The same again, after a crash, until it is confirmed."""

    def confirm_events(self, pack: EventPack) -> None:
        """Tell the other side that a pack is dealt with. Irreversible."""
