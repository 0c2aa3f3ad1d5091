"""Comparing the two books and explaining every difference, to the kopeck (design §5-11; `sverka reconcile`).

Reading only, but for the history of reconciliations and the movements that were named. `repair` works under the
connection's lease: it reads again just the documents and customers that differ, then compares once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from connectors.registry import open_connector
from core.errors import SverkaError, TransientError
from core.ids import new_id
from core.money import to_minor
from mapping.model import SourceSet
from store.bulk import chunks, insert
from store.engine import reading
from store.entities import balances
from store.queries.recorders import load_standings
from store.tables import binding, reconciliation, reconciliation_line
from sync.context import App, NoProgress, Order, Progress, RunContext
from sync.cursors import load_cursors
from sync.customer import pull_customer
from sync.faults import fault_from_environment
from sync.lease import Lease, claim_lease, wait_limit
from sync.movements import store_movements
from sync.pull import pull_keys, settle_missing
from sync.reconcile_balances import reconcile_balances
from sync.reconcile_customer import Explanation
from sync.reconcile_entities import reconcile_entities
from sync.reconcile_result import Line, Reconciliation
from sync.runs import finish_run, start_run
from sync.versions import load_ruling
from sync.writing import NoFence, writing

__all__ = ["Reconciliation", "reconcile"]


def reconcile(app: App, connection: str, *, repair: bool = False, progress: Progress | None = None) -> Reconciliation:
    """Compare one connection with the store; with `repair` mend what differs first, then compare again.

    Returns:
        The comparison; one that could not be made has the status "failed" and says why.

    Raises:
        ConfigError: there is no such connection, or its mapping has mistakes.
    """
    lease = claim_lease(app, connection, wait=wait_limit(app)) if repair else None
    if repair and lease is None:
        result = Reconciliation(connection, app.clock.now())
        result.failure = "Another run holds the connection and did not finish in time. Next: sverka status"
        return result
    try:
        if lease is not None:
            lease.start_heartbeat()
        with _context(app, connection, lease, progress or NoProgress()) as ctx:
            result = _compare(ctx)
            if lease is not None and not result.failure:
                result = _repair_and_compare(ctx, lease, result)
        return result
    finally:
        if lease is not None:
            lease.release()


@contextmanager
def _context(app: App, connection: str, lease: Lease | None, progress: Progress) -> Iterator[RunContext]:
    """A run's belongings for comparing only: without a lease it may write nothing that a run writes."""
    settings = app.settings.connection(connection)
    mapping = load_ruling(app, settings)
    connector = open_connector(settings, app.clock)
    ctx = RunContext(
        app=app,
        settings=settings,
        connector=connector,
        mapping=mapping,
        order=Order(kind="repair", dry_run=lease is None),
        run_id=new_id(),
        fence=lease or NoFence(),
        fetch_seq=(lease.fence if lease else 0) << 32,
        started_at=app.clock.now(),
        progress=progress,
        fault=fault_from_environment(),
    )
    ctx.state.cursors = load_cursors(app, connection)
    try:
        yield ctx
    finally:
        connector.close()


def _compare(ctx: RunContext) -> Reconciliation:
    """One comparison, kept in the history."""
    result = Reconciliation(ctx.name, ctx.app.clock.now())
    found: list[Explanation] = []
    try:
        reconcile_entities(ctx, result)
        found = reconcile_balances(ctx, result, _stored_customers(ctx))
        _drop_twins(result)
    except TransientError as error:
        result.failure = str(error)
    _keep(ctx, result, found)
    return result


def _stored_customers(ctx: RunContext) -> list[str]:
    statement = select(balances.c.counterparty_key).where(balances.c.connection == ctx.name).distinct()
    with reading(ctx.app.engine) as conn:
        return list(conn.execute(statement).scalars())


def _drop_twins(result: Reconciliation) -> None:
    """A document that the key sweep named and that moves money was named again by its movement: once is enough."""
    by_movement = {
        (line.source, line.external_id) for line in result.lines if line.amount is not None and line.currency
    }
    result.lines = [
        line
        for line in result.lines
        if line.currency or not line.external_id or (line.source, line.external_id) not in by_movement
    ]


def _keep(ctx: RunContext, result: Reconciliation, found: Iterable[Explanation]) -> None:
    """History, and the movements that were named: replaced for the customers that were looked at."""
    record_id = new_id()
    unexplained = sum(to_minor(line.unexplained) for line in result.balances.values())
    row = {
        "id": record_id,
        "connection": ctx.name,
        "at": result.at,
        "status": result.status,
        "unexplained": unexplained,
    }
    with ctx.app.engine.begin() as conn:
        insert(conn, reconciliation, [row | {"summary": result.summary()}])
    lines = [_history_row(record_id, number, line) for number, line in enumerate(result.lines, 1)]
    for part in chunks(lines):
        with ctx.app.engine.begin() as conn:
            insert(conn, reconciliation_line, part)
    for group in chunks(found, 500):
        keys = [key for item in group for key in item.customer.keys]
        with ctx.app.engine.begin() as conn:
            store_movements(conn, ctx.name, keys, [named for item in group for named in item.named])


def _history_row(record_id: UUID, number: int, line: Line) -> dict[str, Any]:
    return {
        "reconciliation_id": record_id,
        "line": number,
        "entity": line.entity,
        "counterparty_id": line.counterparty_id,
        "kind": line.kind,
        "amount": None if line.amount is None else to_minor(line.amount),
        "details": line.to_json(),
    }


def _repair_and_compare(ctx: RunContext, lease: Lease, first: Reconciliation) -> Reconciliation:
    """Read again what differs, under a run of its own, then compare once more."""
    wanted = [line for line in first.lines if line.weight != "named"]
    if not wanted:
        return first
    ctx.run_id = start_run(ctx.app, ctx.name, ctx.order, lease)
    failure = ""
    try:
        _repair_documents(ctx, wanted)
        for key in dict.fromkeys(line.counterparty_key for line in wanted if line.counterparty_key):
            pull_customer(ctx, key)
    except SverkaError as error:
        failure = str(error)
    finish_run(ctx, lease, failure)
    again = _compare(ctx)
    again.repaired = len(wanted)
    again.failure = again.failure or failure
    return again


def _repair_documents(ctx: RunContext, lines: Sequence[Line]) -> None:
    sources = {(one.entity, one.name): one for mapped in ctx.mapping.entities.values() for one in mapped.sources}
    wanted: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.external_id and (line.entity, line.source) in sources:
            wanted.setdefault((line.entity, line.source), []).append(line.external_id)
    for place, keys in wanted.items():
        _read_again(ctx, sources[place], list(dict.fromkeys(keys)))


def _read_again(ctx: RunContext, source: SourceSet, keys: list[str]) -> None:
    """Forget what we think we know of these records, then read them; those that are gone are settled."""
    with reading(ctx.app.engine) as conn:
        standings = load_standings(conn, ctx.name, source.entity, keys)
    mine = (binding.c.connection == ctx.name, binding.c.entity == source.entity)
    lost = [
        key for key, standing in standings.items() if not standing.present and standing.state in ("bound", "deleted")
    ]
    for part in chunks(keys, 500):
        with writing(ctx, "mark") as conn:
            conn.execute(update(binding).where(*mine, binding.c.external_id.in_(part)).values(hash="", version=""))
            gone = binding.c.external_id.in_([key for key in part if key in lost])
            conn.execute(update(binding).where(*mine, gone).values(entity_id=None))
    there = pull_keys(ctx, source, keys)
    settle_missing(ctx, source, [key for key in keys if key not in there])
