"""What becomes of one record: compared with its binding. Pure."""

from __future__ import annotations

from typing import Literal

from store.tables.records import BEFORE_SINCE, OUTSIDE
from sync.pull.bindings import Binding
from sync.pull.prepare import Item
from sync.push.echo import is_echo

Action = Literal["nothing", "version", "leave", "write", "dead"]
"""nothing · only the version last seen · leave it out (mark what was mirrored) · write it whole · a dead letter."""


def decide(item: Item, seq: int, mapping_version: str) -> Action:
    """Set the item's outcome and say what is to be written.

    Args:
        item: with its binding as it stands in this transaction.
        seq: when its fetch started; what was fetched later and is here already is never overwritten.
        mapping_version: by which it was mapped.
    """
    known = item.known
    if known is not None and is_stale(known, seq):
        item.outcome = "unchanged"
        return "nothing"
    if item.error is not None:
        item.outcome = "dead"
        return "dead"
    if item.left_out:
        return _decide_left_out(item, known, mapping_version)
    if known is not None and _is_echo(item, known):
        item.outcome = "filtered"
        return _version(item, known)
    if known is not None and is_same(item, known):
        item.outcome = "unchanged"
        return _version(item, known)
    deleted = item.record is not None and item.record.deleted
    if is_own_making(item):
        item.outcome = "filtered"
        return "write"
    if known is None or known["entity_id"] is None:
        item.outcome = "created"
    else:
        item.outcome = "deleted" if deleted and known["state"] != "deleted" else "updated"
    return "write"


def is_own_making(item: Item) -> bool:
    """A card that we have made ourselves, read for the first time: bound when it was made, under our own key."""
    known = item.known
    if known is None or known["hash"] or known["fetch_seq"] or not item.raw.own_key:
        return False
    return item.raw.own_key == str(known["entity_id"])


def is_stale(known: Binding, seq: int) -> bool:
    """The fetch-sequence guard: what is here was fetched later than what arrives, which then changes nothing."""
    return bool(known["fetch_seq"] > seq)


def _decide_left_out(item: Item, known: Binding | None, mapping_version: str) -> Action:
    mirrored = known is not None and known["entity_id"] is not None and known["state"] != "filtered"
    gone = known is not None and known["deleted"]
    item.outcome = "deleted" if mirrored and not gone else "filtered"
    if known is None or mirrored or known["state"] != "filtered" or gone:
        return "leave"
    if known["mapping_version"] != left_out_by(item, mapping_version):
        return "leave"
    return _version(item, known)


def left_out_by(item: Item, mapping_version: str) -> str:
    """What leaves the record out: this mapping version, the set's filter, or the day from which is mirrored."""
    return {"before": BEFORE_SINCE, "outside": OUTSIDE}.get(item.left_out, mapping_version)


def _version(item: Item, known: Binding) -> Action:
    same = known["version"] == item.raw.version and known["missing_since"] is None and known["date"] == item.date
    return "nothing" if same else "version"


def _is_echo(item: Item, known: Binding) -> bool:
    present = known["state"] == "bound" and not known["deleted"]
    return present and item.record is not None and is_echo(known, item.record)


def is_same(item: Item, known: Binding) -> bool:
    """The hash guard: whether a record says what was applied last; then nothing but its version is written."""
    record = item.record
    if record is None or known["deleted"] or known["entity_id"] is None or known["hash"] != record.hash:
        return False
    return bool(known["state"] == ("deleted" if record.deleted else "bound"))
