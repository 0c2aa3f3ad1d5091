"""What a former version of the mapping wrote and the present one does not speak of any more: taken back.

Without this, taking a rule away (or a version back) would leave its values in the records for ever, each looking as if
accounting had just said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection

from core.errors import ConfigError
from mapping.entity import EntityMapping
from mapping.rules import Mapping, parse_mapping
from store import versions
from store.tables.records import BEFORE_SINCE, OUTSIDE
from sync.context import RunContext
from sync.pull.prepare import Item


def blank_unspoken(conn: Connection, ctx: RunContext, items: Sequence[Item]) -> None:
    """Empty the fields of mapped records that the version by which they were last applied spoke of, and only that one.

    Nothing is asked where all records carry the present version. The fingerprint stays that of what the mapping made.
    """
    for version in sorted(_former(ctx, items)):
        former = _load(conn, version)
        for item in items if former is not None else ():
            if former is not None and item.known is not None and item.known["mapping_version"] == version:
                _blank(item, former, ctx.mapping)


def _former(ctx: RunContext, items: Sequence[Item]) -> set[str]:
    carried = {item.known["mapping_version"] for item in items if item.known is not None and item.record is not None}
    return {str(version) for version in carried - {None, ctx.mapping.version, BEFORE_SINCE, OUTSIDE}}


def _load(conn: Connection, version: str) -> Mapping | None:
    text = versions.load_text(conn, version)
    return _parsed(text) if text is not None else None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Mapping | None:
    """A version of an older release that cannot be read any more takes nothing back."""
    try:
        return parse_mapping(text, "a former version", kept=True)
    except ConfigError:
        return None


def _blank(item: Item, former: Mapping, present: Mapping) -> None:
    record = item.record
    before = former.entities.get(record.entity) if record is not None else None
    now = present.entities.get(record.entity) if record is not None else None
    if record is None or before is None or now is None:
        return
    spoken, source = fields_of(now, item.raw.source), str(item.known["source"]) if item.known else ""
    for name in fields_of(before, source) - spoken:
        if name in before.spec.refs:
            record.refs.setdefault(name, None)
        else:
            record.fields.setdefault(name, None)


def fields_of(mapped: EntityMapping, source: str) -> frozenset[str]:
    """The fields and references that the rules of one source speak of."""
    program = mapped.programs.get(source)
    if program is None:
        return frozenset()
    named = {name for name, _ in (*program.fields, *program.refs)}
    return frozenset(named | ({"attributes"} if program.attributes else set()))
