"""One customer, read now: his documents and his balance.

The same function serves the balance as a change detector (design §5-12), "refresh now" during a call, and
`reconcile --repair`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update

from connectors.base import KeyRow, RecordSource, Window
from mapping.model import ENTITIES, SETTLEMENT_DOCUMENTS, SourceSet
from store.engine import reading
from store.entities import balances
from store.queries.settlements.balance_rows import (
    StoredBalance,
    iter_balances_of,
    load_documents_of,
    load_external_keys,
)
from store.queries.settlements.effects import Whom
from sync.context import RunContext
from sync.pull.bindings import Binding, is_current, load_bindings
from sync.pull.prepare import since_moment
from sync.pull.records import pull_keys, settle_missing
from sync.pull.sweep import sweep_entity
from sync.room.pausing import pausing
from sync.room.writing import asking, writing
from sync.settle.absent import pausing_balances
from sync.settle.effects import find_moved
from sync.settle.explain import (
    Comparison,
    compare,
    complete_whom,
    find_candidates,
    find_explained,
    store_offsets,
    whom_of_texts,
)
from sync.settle.register import (
    COMMIT,
    build_plan,
    fetch_reading,
    fetch_references,
    key_of,
    update_identities,
    write_plan,
)
from sync.settle.settled import find_settled

SWEEP_FROM = 100
"""From so many customers on, one complete key sweep asks less of accounting than each customer's documents do."""
DOCUMENTS = tuple(spec.name for spec in ENTITIES.values() if spec.document)


def pull_customer(ctx: RunContext, counterparty_key: str) -> None:
    """Read one customer's documents and balance now.

    Asks for the keys of his documents from `since` on and reads those that differ; documents of ours that accounting
    did not name are asked for directly. Then the balance, and its offset. Idempotent.
    """
    pull_documents(ctx, counterparty_key, DOCUMENTS)
    pull_balance(ctx, counterparty_key)
    with reading(ctx.app.engine) as conn:
        comparison = compare(conn, ctx, complete_whom(conn, ctx.name, Whom(keys=(counterparty_key,))))
    store_offsets(ctx, comparison)


def pull_documents(ctx: RunContext, counterparty_key: str, entities: Sequence[str]) -> None:
    """Bring one customer's documents of these entities level with accounting. Drift pauses an entity only."""
    if not isinstance(ctx.connector, RecordSource):
        return
    window = Window(start=since_moment(ctx.settings))
    for entity in entities:
        mapped = ctx.mapping.entities.get(entity)
        for source in mapped.sources if mapped else ():
            if not source.counterparty or entity in ctx.state.refused:
                continue
            with pausing(ctx, entity):
                if ctx.connector.is_published(source.name):
                    _pull_source(ctx, source, counterparty_key, window)


def _pull_source(ctx: RunContext, source: SourceSet, counterparty_key: str, window: Window) -> None:
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - asked by the caller
    with asking(ctx, "fetch-customer-keys"):
        theirs = {row.external_id: row for row in ctx.connector.fetch_customer_keys(source, counterparty_key, window)}
    with reading(ctx.app.engine) as conn:
        ours = load_bindings(conn, ctx.name, source.entity, theirs)
        held = load_documents_of(conn, ctx.name, source.entity, source.name, counterparty_key, window.start)
    differing = [key for key, row in theirs.items() if is_behind(ctx, ours.get(key), row)]
    unnamed = sorted(held - theirs.keys())
    if differing:
        pull_keys(ctx, source, differing)
    if unnamed:  # gone, or another customer's by now
        there = pull_keys(ctx, source, unnamed)
        settle_missing(ctx, source, [key for key in unnamed if key not in there])


def is_behind(ctx: RunContext, known: Binding | None, row: KeyRow) -> bool:
    """Whether a record must be read again: unknown, another version, or not applied when it was read last."""
    if known is not None and known["state"] in ("parked", "dead"):
        return True
    return not is_current(known, row.version, deleted=row.deleted, mapping_version=ctx.mapping.version)


def pull_balance(ctx: RunContext, counterparty_key: str) -> None:
    """Ask the register for one customer.

    An answer that is not whole zeroes nothing; one that is empty zeroes only what the mirrored documents explain or all
    of his movements confirm: the next reading of all customers decides about the rest. Drift is left to that reading
    too: this run is partial.
    """
    with pausing_balances(ctx):
        _pull_balance(ctx, counterparty_key)


def _pull_balance(ctx: RunContext, counterparty_key: str) -> None:
    with reading(ctx.app.engine) as conn:
        rows = iter_balances_of(conn, ctx.name, Whom(keys=(counterparty_key,)))
        stored = {key_of(row): row for row in rows}
    answer = fetch_reading(ctx, counterparty_key)
    plan = build_plan(stored, answer.amounts)
    plan.unchanged = 0  # asked again, not read: counted only where something is new
    if not answer.whole:
        plan.missing.clear()
        ctx.leave(f"The balance of one customer did not arrive whole: {answer.reason}")
    elif not answer.amounts:
        explained = find_explained(ctx, stored, plan.missing)
        explained |= find_settled(ctx, plan.missing.keys() - explained)
        plan.missing = {key: plan.missing[key] for key in plan.missing if key in explained}
    fetch_references(ctx, [*plan.created, *plan.updated])
    write_plan(ctx, plan, stored, answer.asked_at)
    update_identities(ctx, counterparty_key)
    if answer.whole:
        _confirm(ctx, [stored[key] for key in answer.amounts if key in stored], answer.asked_at)


def _confirm(ctx: RunContext, rows: Sequence[StoredBalance], asked_at: datetime) -> None:
    """What was asked for by itself is as new as the answer, changed or not."""
    if rows:
        with writing(ctx, COMMIT) as conn:
            conn.execute(update(balances).where(balances.c.id.in_([row.id for row in rows])).values(as_of=asked_at))


def check_moves(ctx: RunContext, checked_at: datetime | None, *, first: bool, everybody: bool) -> Whom | None:
    """The balance as a change detector: whose balance moved by something that the mirrored documents do not say?

    Their documents are read in this very run; what stays different is kept as the new offset: no mirrored document
    stands behind it. The first time of all, offsets are only set.

    Returns:
        The customers that were looked at; None: all.
    """
    with reading(ctx.app.engine) as conn:
        whom = None if everybody or checked_at is None else find_candidates(conn, ctx.name, checked_at)
        comparison = compare(conn, ctx, whom)
    if first:
        store_offsets(ctx, comparison)
        return whom
    moved = find_moved(comparison.offsets, comparison.before) - {""}
    if moved:
        store_offsets(ctx, _read_moved(ctx, moved))
    return whom


def _read_moved(ctx: RunContext, moved: set[str]) -> Comparison:
    with reading(ctx.app.engine) as conn:
        whom = complete_whom(conn, ctx.name, whom_of_texts(moved))
        external = load_external_keys(conn, ctx.name, "counterparty", whom.ids)
    named = {key for keys in external.values() for key in keys}
    keys = sorted(named | {text for text in moved if text in whom.keys and text not in map(str, whom.ids)})
    if len(keys) > SWEEP_FROM:
        ctx.notice(
            f"The balances of {len(keys)} customers moved without a document: all settlement documents were swept."
        )
        for entity in SETTLEMENT_DOCUMENTS:
            with pausing(ctx, entity):
                sweep_entity(ctx, entity)
    else:
        for key in keys:
            ctx.progress.step("balance", 0, key)
            pull_documents(ctx, key, SETTLEMENT_DOCUMENTS)
            pull_balance(ctx, key)
    with reading(ctx.app.engine) as conn:
        return compare(conn, ctx, whom)
