"""Schema drift: what the mapping needs was there and is gone or retyped. The entity is paused, nothing is wiped.

A field that vanishes would otherwise come through as "empty" and blank a thousand records; a field retyped would make a
thousand letters of one cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from connectors.base import RecordSource
from core.errors import SchemaDrift, Where
from mapping.model import SourceSet
from sync.context import RunContext
from sync.pull.dead import Failure, fingerprint
from sync.pull.prepare import Item

FEWEST = 10
SHARE = 0.9
_SUFFIXES = ("_Key", "_Type", "_Base64Data")


def check_page(ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> None:
    """Look at a page before anything of it is written, and remember the fields that it has.

    Raises:
        SchemaDrift: a field that the mapping reads was there before and is in none of these records, or nearly all of
            them fail for one and the same cause.
    """
    if not items:
        return
    _check_failures(source, items)
    seen = set.intersection(*(set(item.raw.data) for item in items))
    every = set.union(*(set(item.raw.data) for item in items))
    known = set(ctx.state.facts.get("fields", {}).get(_name(source), ()))
    _refuse_lost(ctx, source, {logical(name) for name in known} - {logical(name) for name in every})
    _remember(ctx, source, known, seen)


def check_declared(ctx: RunContext, source: SourceSet) -> None:
    """Notice a lost field even while no record changes: by what the other side declares, where it declares anything.

    Raises:
        SchemaDrift: a field that the mapping reads stood in every record before and is declared no more.
    """
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - only such connectors get here
    declared = ctx.connector.declared_fields(source.name)
    if declared is None:
        return
    known = ctx.state.facts.get("fields", {}).get(_name(source), ())
    joined = {join.section for join in source.joins if ctx.connector.is_published(join.set)}
    _refuse_lost(ctx, source, {logical(name) for name in known} - {logical(name) for name in declared} - joined)


def _refuse_lost(ctx: RunContext, source: SourceSet, gone: set[str]) -> None:
    lost = sorted(gone & needed_fields(ctx, source))
    if lost:
        raise SchemaDrift(
            f"{source.name} no longer has {', '.join(lost)}, which the mapping reads.",
            next_step="publish or restore it in 1C, or change the mapping: sverka mapping check; then: sverka sync",
            where=Where(entity=source.entity, code="field"),
        )


def _check_failures(source: SourceSet, items: Sequence[Item]) -> None:
    errors = [item for item in items if item.error is not None]
    if len(items) < FEWEST or len(errors) < SHARE * len(items):
        return
    causes = Counter(
        fingerprint(Failure(source.entity, item.key, item.stage, item.error))
        for item in errors
        if item.error is not None
    )
    if causes.most_common(1)[0][1] >= SHARE * len(items) and errors[0].error is not None:
        raise SchemaDrift(
            f"{len(errors)} of {len(items)} records of {source.name} cannot be read: {errors[0].error.message}",
            next_step="sverka mapping check, or look at what has changed in 1C; then: sverka sync",
            where=Where(entity=source.entity, code="records"),
        )


def logical(name: str) -> str:
    """The attribute behind a field's name, however the base spells it: `Контрагент_Key` and `Контрагент` are one."""
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)


def needed_fields(ctx: RunContext, source: SourceSet) -> set[str]:
    """The attributes that the mapping reads from a set."""
    mapped = ctx.mapping.entities.get(source.entity)
    if mapped is None:
        return set()
    heads: Iterable[str] = (need.path.head for need in mapped.needs(source.name))
    standard = (source.key, source.version, source.deleted, source.posted, source.date)
    return {logical(name) for name in (*heads, *standard) if name}


def _name(source: SourceSet) -> str:
    return f"{source.entity}/{source.name}"


def _remember(ctx: RunContext, source: SourceSet, known: set[str], seen: set[str]) -> None:
    """Only fields that all records of a page have: some fields come with some values only."""
    useful = {name for name in seen - known if logical(name) in needed_fields(ctx, source)}
    if useful:
        ctx.state.facts.setdefault("fields", {})[_name(source)] = sorted(known | useful)
        ctx.state.facts_changed = True


def check_published(ctx: RunContext, source: SourceSet, *, published: bool) -> bool:
    """Whether a set can be read. One that this base never had is a notice; one that has vanished is drift.

    Raises:
        SchemaDrift: the set was published at the last check.
    """
    sets = ctx.state.facts.setdefault("sets", {})
    if published:
        if not sets.get(source.name):
            sets[source.name] = True
            ctx.state.facts_changed = True
        return True
    if sets.get(source.name):
        raise SchemaDrift(
            f"{source.name} is no longer published, or the user's rights to it are gone.",
            next_step="publish it in 1C (docs/1c-setup.md), then: sverka sync",
            where=Where(entity=source.entity, code="set"),
        )
    ctx.notice(f"{source.entity}: {source.name} is not published in this base; nothing is read from it.")
    return False
