"""Rows of another set that belong to a record: contact information that a base keeps in a register (1c-odata.md §8.1).

Such a row has no key of its own and no version, and the record's version does not change with it. So a record that has
such rows gets a version of two parts, its own and a digest of the rows; a key sweep reads the rows of all records once,
and what differs there is read like any other change. A row taken away changes the digest as one edited does.

Where what belongs to a record is a whole object (its partner), that object's own version stands for its content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from connectors.base import KeyRow, SourceSet
from connectors.onec_odata import url
from connectors.onec_odata.decoder import Row, encode
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book, Spelling
from connectors.onec_odata.values import filled, key, type_name
from connectors.onec_odata.wire import Rows, Wire
from core.errors import SchemaDrift, Where
from mapping.model import JoinedRows

PAGE = 5_000
AT_ONCE = 20
"""Records in one question at most: lists of `or` stay at 20 (1c-odata.md §1.1)."""
FRESH_SECONDS = 60.0
"""How long the digests of one reading serve: the windows of one cycle, not the next cycle."""
_VERSION = "DataVersion"
MARK = "~"
"""Stands between the two parts of a version: base64 has no such character."""
Grouped = dict[str, list[dict[str, object]]]


def own_version(version: str) -> str:
    """The record's own part of a version."""
    return version.partition(MARK)[0]


@dataclass(slots=True)
class _Digests:
    """What the rows of every record come to, by eight bytes of its key."""

    at: float
    of: dict[int, int] = field(default_factory=dict)


class JoinReader:
    """Reads such rows. Raises the errors of `core.errors` only."""

    def __init__(self, wire: Wire, book: Book) -> None:
        self._wire = wire
        self._book = book
        self._known: dict[tuple[str, JoinedRows], _Digests] = {}
        self._published: dict[str, bool] = {}
        self._pages_seen: dict[JoinedRows, int] = {}
        """How many pages a set had when it was read whole last."""

    def of(self, source: SourceSet) -> list[JoinedRows]:
        """The rows that this source has and this base publishes; the others are as if the mapping did not name them."""
        return [join for join in source.joins if self._is_published(join.set)]

    def add_to_rows(self, source: SourceSet, rows: Sequence[Row]) -> dict[str, str]:
        """Put the rows that belong to these records into them, as a section.

        Returns:
            The second part of each record's version, by its key; empty where the source has no such rows.
        """
        joins = self.of(source)
        if not joins or not rows:
            return {}
        keys = [str(row.data.get(source.key) or "").lower() for row in rows]
        digests = dict.fromkeys(keys, 0)
        for join in joins:
            owners = [_owner(join, row.data) if join.by else own for own, row in zip(keys, rows, strict=True)]
            found = self._fetch(source, join, [owner for owner in owners if owner is not None])
            for own, owner, row in zip(keys, owners, rows, strict=True):
                parts = found.get(owner, []) if owner is not None else []
                row.data[join.section] = [shown for part in parts for shown in _shown(join, part)]
                digests[own] = _plus(digests[own], *(_digest(join, part) for part in parts))
        for row in rows:
            row.raw = encode(row.data)
        return {own: f"{MARK}{digest:016x}" for own, digest in digests.items()}

    def add_to_keys(self, source: SourceSet, rows: list[KeyRow]) -> list[KeyRow]:
        """The keys with versions of two parts; reads all rows of the other sets, once a cycle."""
        joins = self.of(source)
        if not joins:
            return rows
        all_digests = [self._all(source, join).of for join in joins]
        return [_versioned(row, all_digests) for row in rows]

    def owner_of(self, source: SourceSet, join: JoinedRows, data: Mapping[str, object]) -> str | None:
        """Which record of the source a row belongs to; None where it is another set's."""
        kind = data.get(f"{join.owner}_Type")
        if kind is not None and not join.by and type_name(kind) != source.name:
            return None
        return key(data.get(f"{join.owner}_Key")) or key(data.get(join.owner))

    def records_of(self, source: SourceSet, join: JoinedRows, owner: str) -> list[str]:
        """The keys of the source's records to which such a row belongs, when `owner_of` has told whose it is."""
        if not join.by:
            return [owner]

        def ask(spelling: Spelling) -> Rows | Verdict:
            chosen = {"$select": source.key, "$filter": spelling.equals(owner, join.set)}
            return self._wire.collection(source.name, chosen)

        outcome = self._book.by_spelling(source.name, join.by, ask)
        if isinstance(outcome, Verdict):
            raise self._wire.refusal(outcome, source.name, Where(entity=source.entity))
        return [found for row in outcome.rows if (found := key(row.data.get(source.key))) is not None]

    def _is_published(self, name: str) -> bool:
        if name not in self._published:
            known = self._book.published(name)
            self._published[name] = self._answers(name) if known is None else known
        return self._published[name]

    def _answers(self, name: str) -> bool:
        outcome = self._wire.collection(name, {"$top": "1"})
        if isinstance(outcome, Verdict) and outcome.rule.name != "not_published":
            raise self._wire.refusal(outcome, name, Where(entity=name))
        return not isinstance(outcome, Verdict)

    def _fetch(self, source: SourceSet, join: JoinedRows, owners: Sequence[str]) -> Grouped:
        found: Grouped = {}
        left = list(dict.fromkeys(owners))
        if self._scan_is_cheaper(source, join, len(left)):
            found, left = self._scan(source, join, frozenset(left)), []
        while left:
            part = left[: self._fitting(source, join)]
            for row in self._ask(source, join, part):
                owner = self.owner_of(source, join, row)
                if owner is not None:
                    found.setdefault(owner, []).append(_content(join, row))
            left = left[len(part) :]
        for rows in found.values():
            rows.sort(key=encode)
        return found

    def _scan_is_cheaper(self, source: SourceSet, join: JoinedRows, owners: int) -> bool:
        """Whether the whole set takes fewer questions than these owners by name: at a first load, mostly."""
        return not join.by and owners > self._fitting(source, join) * 2 * self._pages_seen.get(join, 1)

    def _scan(self, source: SourceSet, join: JoinedRows, owners: frozenset[str]) -> Grouped:
        """All rows once, of which only those of these records are kept."""
        found: Grouped = {}
        for row in self._pages(source, join):
            owner = self.owner_of(source, join, row)
            if owner in owners:
                kept = found.setdefault(owner, [])
                content = _content(join, row)
                if content not in kept:  # met twice while rows shifted
                    kept.append(content)
        return found

    def _ask(self, source: SourceSet, join: JoinedRows, owners: Sequence[str]) -> list[dict[str, object]]:
        def ask(spelling: Spelling) -> Rows | Verdict:
            condition = url.any_of(spelling.equals(owner, source.name) for owner in owners)
            return self._wire.collection(join.set, self._options(join, condition))

        outcome = self._book.by_spelling(join.set, join.owner, ask)
        if isinstance(outcome, Verdict):
            raise self._wire.refusal(outcome, join.set, Where(entity=source.entity))
        return [row.data for row in outcome.rows]

    def _fitting(self, source: SourceSet, join: JoinedRows) -> int:
        """How many records one question may name: the query stays within `url.QUERY_LIMIT`."""
        name = Spelling(join.owner, "composite").equals(url.EMPTY_GUID, source.name)
        conditions = (url.any_of([name] * count) for count in (1, 2))
        one, two = (
            len(url.query(self._options(join, condition) | {"$format": url.JSON_FORMAT})) for condition in conditions
        )
        return max(1, min(AT_ONCE, 1 + (url.QUERY_LIMIT - one) // (two - one)))

    def _options(self, join: JoinedRows, condition: str = "") -> dict[str, str]:
        chosen = url.all_of([join.filter, condition])
        columns = self._columns(join)
        return ({"$filter": chosen} if chosen else {}) | ({"$select": ",".join(columns)} if columns else {})

    def _columns(self, join: JoinedRows) -> list[str]:
        """The columns that we use of those that the base declares; none means all of them."""
        shape = self._book.shape(join.set)
        if shape is None:
            return []
        own = (join.rows,) if join.rows else join.fields
        wanted = (join.owner, *own, *((_VERSION,) if join.by else ()))
        spelt = [f"{name}{end}" for name in wanted for end in ("", "_Key", "_Type")]
        return [name for name in dict.fromkeys(spelt) if name in shape.properties]

    def _all(self, source: SourceSet, join: JoinedRows) -> _Digests:
        place, now = (source.name, join), self._wire.clock.monotonic()
        known = self._known.get(place)
        if known is None or now - known.at > FRESH_SECONDS:
            known = self._known[place] = _Digests(now)
            for row in self._pages(source, join):
                owner = self.owner_of(source, join, row)
                if owner is not None:
                    short = _short(owner)
                    known.of[short] = _plus(known.of.get(short, 0), _digest(join, _content(join, row)))
            if join.by:
                known.of = self._by_record(source, join, known.of)
        return known

    def _by_record(self, source: SourceSet, join: JoinedRows, of: Mapping[int, int]) -> dict[int, int]:
        """Digests by the records' own keys, where rows belong to what an attribute of theirs names."""
        found: dict[int, int] = {}
        for row in self._paged(source.name, self._narrowed(source.name, source.key, join.by), source.key, source):
            record, owner = key(row.get(source.key)), _owner(join, row)
            if record is not None and owner is not None and _short(owner) in of:
                found[_short(record)] = of[_short(owner)]
        return found

    def _pages(self, source: SourceSet, join: JoinedRows) -> Iterator[dict[str, object]]:
        """Every row. One that is missed or met twice while rows shift makes a digest differ: its record is read."""
        shape = self._book.shape(join.set)
        order = ",".join(shape.key) if shape is not None and shape.key else join.owner
        options = self._options(join)
        if join.by:
            options |= self._narrowed(join.set, "Ref_Key", join.owner, _VERSION)
        count = 0
        for row in self._paged(join.set, options, order, source):
            count += 1
            yield row
        self._pages_seen[join] = 1 + count // PAGE

    def _narrowed(self, name: str, *attributes: str) -> dict[str, str]:
        """Only these attributes; all of them where the base does not say how it spells them."""
        if self._book.shape(name) is None:
            return {}
        spelt = (field for attribute in attributes for field in self._book.names_of(name, attribute))
        return {"$select": ",".join(dict.fromkeys(spelt))}

    def _paged(self, name: str, chosen: dict[str, str], order: str, source: SourceSet) -> Iterator[dict[str, object]]:
        position = 0
        while True:
            options = chosen | {"$orderby": order, "$top": str(PAGE)}
            outcome = self._wire.collection(name, options | ({"$skip": str(position)} if position else {}))
            if isinstance(outcome, Verdict):
                raise self._wire.refusal(outcome, name, Where(entity=source.entity))
            yield from (row.data for row in outcome.rows)
            if len(outcome.rows) < PAGE:
                return
            position += len(outcome.rows)


def _content(join: JoinedRows, row: Mapping[str, object]) -> dict[str, object]:
    """What the mapping may read of a row, and nothing that says whose it is.

    Raises:
        SchemaDrift: a row has none of the fields that the mapping names.
    """
    names = {f"{name}{end}" for name in (*join.fields, join.rows) if name for end in ("", "_Key", "_Type")}
    found = {name: value for name, value in row.items() if name in names}
    if join.by:
        return found | {_VERSION: row.get(_VERSION)}
    if not found:
        raise SchemaDrift(
            f"{join.set} has none of {', '.join(join.fields)}, which the mapping reads.",
            next_step="sverka mapping check",
            where=Where(entity=join.set),
        )
    return found


def _owner(join: JoinedRows, data: Mapping[str, object]) -> str | None:
    """What the record's attribute names, to which the joined objects belong."""
    return key(data.get(f"{join.by}_Key")) or key(data.get(join.by))


def _shown(join: JoinedRows, content: dict[str, object]) -> list[dict[str, object]]:
    """What the mapping sees of a joined row: itself, or the rows of one section of it."""
    if join.rows:
        section = content.get(join.rows)
        return [row for row in section if isinstance(row, dict)] if isinstance(section, list) else []
    return [{name: value for name, value in content.items() if name != _VERSION}]


def _versioned(row: KeyRow, digests: Sequence[Mapping[int, int]]) -> KeyRow:
    short = _short(row.external_id)
    total = _plus(*(one.get(short, 0) for one in digests))
    return replace(row, version=f"{row.version}{MARK}{total:016x}")


def _short(owner: str) -> int:
    return int.from_bytes(blake2b(owner.encode(), digest_size=8).digest(), "big")


def _digest(join: JoinedRows, content: Mapping[str, object]) -> int:
    """Eight bytes of a row; what is empty does not count, so that null and "" are one."""
    if join.by:
        content = {_VERSION: content.get(_VERSION)}
    told = [join.section, *sorted((name, str(value).strip()) for name, value in content.items() if filled(value))]
    return int.from_bytes(blake2b(encode(told), digest_size=8).digest(), "big")


def _plus(*digests: int) -> int:
    """The digest of several rows, in whatever order; two alike do not cancel out."""
    return sum(digests) & 0xFFFF_FFFF_FFFF_FFFF
