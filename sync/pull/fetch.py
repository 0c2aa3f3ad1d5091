"""Asking the other side for records by key. One that it cannot give does not keep us from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.base import RawRecord, RecordSource
from core.errors import NotFound, RecordError
from mapping.model import SourceSet
from sync.context import RunContext


@dataclass(slots=True)
class Fetched:
    """What came, and why some did not: those that the other side itself cannot put into an answer."""

    raws: list[RawRecord] = field(default_factory=list)
    refused: dict[str, RecordError] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """Keys that exist: given or refused."""
        return {raw.external_id for raw in self.raws} | self.refused.keys()


def fetch_by_key(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> Fetched:
    """The records with these keys. When a batch is refused for one of them it is halved until that one is found.

    Raises:
        TransientError: the other side does not work as a whole.
    """
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - only such connectors get here
    ctx.next_fetch()
    ctx.fault("fetch-records.before")
    try:
        found = Fetched(ctx.connector.fetch_records(source, keys))
    except RecordError as error:
        found = _halve(ctx, source, keys, error)
    ctx.fault("fetch-records.after")
    return found


def _halve(ctx: RunContext, source: SourceSet, keys: Sequence[str], error: RecordError) -> Fetched:
    if len(keys) <= 1:
        return Fetched(refused=dict.fromkeys(keys, error))
    half = len(keys) // 2
    first, second = fetch_by_key(ctx, source, keys[:half]), fetch_by_key(ctx, source, keys[half:])
    return Fetched(first.raws + second.raws, first.refused | second.refused)


def fetch_one(ctx: RunContext, source: SourceSet, key: str) -> RawRecord | None:
    """One record by a direct question; None on the other side's own word that there is none."""
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - only such connectors get here
    ctx.next_fetch()
    ctx.fault("fetch-record.before")
    try:
        raw = ctx.connector.fetch_record(source, key)
    except NotFound:
        raw = None
    ctx.fault("fetch-record.after")
    return raw
