"""What a mapping changes in the records that are here: counted record by record and field by field, with samples.

Preview and re-apply count by this one piece, so that what the one promises is what the other does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from mapping.cases.trial import plain_value
from mapping.model import ENTITIES, EntitySpec, LineSpec, MappedLine
from sync.pull.prepare import Item

FATES = ("changed", "unchanged", "new", "filtered", "unfiltered", "dead", "still_dead", "healed", "skipped")
"""changed: some field differs · filtered, unfiltered: left out from now on, or no longer · healed: its letter closes ·
skipped: gone at the other side, or waiting for another record."""
SAMPLES = 3
_SILENT = frozenset({"id", "created_at", "updated_at", "search", "home", "unresolved"})
_EMPTY: tuple[object, ...] = (None, "", [], {})
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one record, before and after; references as (entity, our id or external id)."""

    external_id: str
    name: str
    before: object
    after: object


@dataclass(slots=True)
class Tally:
    """The records of one entity. `fields` counts records by field that differs; `read` is the sum of the fates."""

    entity: str
    read: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    marked: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, items: Sequence[Item]) -> None:
        """Count records whose fate is decided and written, or would be."""
        for item in items:
            differences = differences_of(item, ENTITIES[self.entity])
            fate = _fate(item, differences)
            self.read += 1
            self.fates[fate] = self.fates.get(fate, 0) + 1
            if fate in ("dead", "still_dead") and item.error is not None:
                self.reasons[item.error.message] = self.reasons.get(item.error.message, 0) + 1
            for name, pair in differences.items():
                self._note(item, name, pair)

    def skip(self, number: int) -> None:
        """Count records that are not touched."""
        if number:
            self.read += number
            self.fates["skipped"] = self.fates.get("skipped", 0) + number

    def _note(self, item: Item, name: str, pair: tuple[object, object]) -> None:
        self.fields[name] = self.fields.get(name, 0) + 1
        self.marked += bool(name == "marks" and pair[1])
        kept = self.samples.setdefault(name, [])
        if len(kept) < SAMPLES:
            kept.append(Sample(item.key, _name(item), *pair))

    def counts(self) -> dict[str, Any]:
        """The numbers alone, as they are kept and compared."""
        return {
            "read": self.read,
            "marked": self.marked,
            **{fate: self.fates[fate] for fate in FATES if self.fates.get(fate)},
            "fields": dict(sorted(self.fields.items())),
        }


def add_counts(total: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Two sets of numbers of one entity together."""
    summed: dict[str, Any] = {
        name: total.get(name, 0) + more.get(name, 0) for name in {**total, **more} if name != "fields"
    }
    before, after = total.get("fields", {}), more.get("fields", {})
    fields = {name: before.get(name, 0) + after.get(name, 0) for name in sorted({*before, *after})}
    return summed | {"fields": fields}


def _fate(item: Item, differences: Mapping[str, object]) -> str:
    before = str(item.known["state"]) if item.known is not None else ""
    if item.outcome == "dead":
        return "still_dead" if before == "dead" else "dead"
    if item.left_out:
        return "unchanged" if before == "filtered" or not before else "filtered"
    if item.after is None:
        return "unchanged"
    if before in ("filtered", "dead"):
        return "unfiltered" if before == "filtered" else "healed"
    if item.before is None:
        return "new"
    return "changed" if differences else "unchanged"


def _name(item: Item) -> str:
    fields = item.record.fields if item.record is not None else {}
    return str(fields.get("name") or fields.get("number") or fields.get("code") or "")


def differences_of(item: Item, spec: EntitySpec) -> dict[str, tuple[object, object]]:
    """The fields of a record that come out otherwise than its row has them; empty where there was no row.

    A reference is the same when it leads to the same record, or stood open and stands for the same external id:
    whether its target is here already plays no part.
    """
    before, after = item.before, item.after
    if before is None or after is None or item.record is None:
        return {}
    found = _of_fields(before, after, spec)
    found |= _of_refs(before, after, spec.refs, item.record.refs, item.unresolved)
    for group, lines in spec.lines.items():
        rows, mapped = item.lines.get(group, []), item.record.lines.get(group, [])
        pair = _of_lines(lines, item.lines_before.get(group, []), rows, mapped)
        if pair is not None:
            found[group] = pair
    return found


def _of_fields(before: Values, after: Values, spec: EntitySpec) -> dict[str, tuple[object, object]]:
    refs = {f"{name}_id" for name in spec.refs}
    found: dict[str, tuple[object, object]] = {}
    for name, value in after.items():
        if name in _SILENT or name in refs:
            continue
        kept = name == "marks" or (name in spec.fields and spec.fields[name].kind == "json")
        old, new = plain_value(before.get(name)), msgspec.to_builtins(value) if kept else plain_value(value)
        for key, was, now in _by_attribute(name, old, new):
            if was != now and not (was in _EMPTY and now in _EMPTY):
                found[key] = (was, now)
    return found


def _by_attribute(name: str, old: object, new: object) -> list[tuple[str, object, object]]:
    """A field that is a table of names and values of the customer's own is told name by name."""
    if name != "attributes" or not all(isinstance(one, dict) or one in _EMPTY for one in (old, new)):
        return [(name, old, new)]
    before, after = old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}
    return [(f"{name}.{key}", before.get(key), after.get(key)) for key in {**before, **after}]


def _of_refs(
    before: Values, after: Values, refs: Mapping[str, Any], keys: Mapping[str, str | None], open_now: Values
) -> dict[str, tuple[object, object]]:
    waiting = before.get("unresolved") or {}
    found: dict[str, tuple[object, object]] = {}
    for name, spec in refs.items():
        column = f"{name}_id"
        if column not in after:
            continue
        old, new, key = before.get(column), after[column], keys.get(name)
        if not _same_target(old, waiting.get(name), new, key):
            found[name] = ((spec.entity, old or waiting.get(name)), (spec.entity, new or open_now.get(name)))
    return found


def _same_target(old: UUID | None, waiting: str | None, new: UUID | None, key: str | None) -> bool:
    if new is not None and new == old:
        return True
    if key is None:
        return old is None and waiting is None and new is None
    return waiting is not None and waiting == key


def _of_lines(
    spec: LineSpec, before: Sequence[Values], after: Sequence[Values], mapped: Sequence[MappedLine]
) -> tuple[object, object] | None:
    if len(before) != len(after):
        return f"{len(before)} rows", f"{len(after)} rows"
    for number, (old, new, line) in enumerate(zip(before, after, mapped, strict=True), 1):
        for name in spec.fields:
            was, now = plain_value(old.get(name)), plain_value(new.get(name))
            if was != now and not (was in _EMPTY and now in _EMPTY):
                return f"row {number}: {name} {was}", f"row {number}: {name} {now}"
        refs = _of_refs(old, new, spec.refs, line.refs, new.get("unresolved") or {})
        for name, (was, now) in refs.items():
            return f"row {number}: {name} {was[1]}", f"row {number}: {name} {now[1]}"  # type: ignore[index]
    return None
