"""Comparing the two books and explaining every difference, to the kopeck (design §5-11; `sverka reconcile`).

Reading only, but for the history of reconciliations and the movements that were named. `repair` is a run of its own
under the connection's lease: it reads again just the documents and customers that differ; then all is compared again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from connectors.registry import open_connector
from core.errors import SverkaError
from core.ids import new_id
from core.money import to_minor
from mapping.model import SourceSet
from store.bulk import chunks, insert
from store.engine import reading
from store.entities import balances
from store.queries.recorders import load_standings
from store.tables import binding, reconciliation, reconciliation_line
from sync.context import App, NoProgress, Order, Progress, RunContext
from sync.cycle import run_stages
from sync.pull.records import pull_keys, settle_missing
from sync.reconcile.balances import reconcile_balances
from sync.reconcile.customer import Explanation
from sync.reconcile.entities import reconcile_entities
from sync.reconcile.result import Line, Reconciliation
from sync.room.budget import open_budget
from sync.room.faults import fault_from_environment
from sync.room.writing import NoFence, committing, writing
from sync.settle.customer import pull_customer
from sync.settle.movements import store_movements
from sync.versions import load_ruling

__all__ = ["Reconciliation", "reconcile"]


def reconcile(
    app: App, connection: str, *, repair: bool = False, fresh: bool = False, progress: Progress | None = None
) -> Reconciliation:
    """Compare one connection with the store; with `repair` mend what differs, then compare again.

    Comparing takes no lease: the schedule goes on meanwhile. Movements that were named earlier and still add up to the
    kopeck are not fetched again, unless `fresh`.

    Returns:
        The comparison; one that could not be made has the status "failed" and says why.

    Raises:
        ConfigError: there is no such connection, or its mapping has mistakes.
    """
    watcher = progress or NoProgress()
    first = _compare_now(app, connection, watcher, fresh=fresh)
    wanted = [line for line in first.lines if line.weight != "named"]
    if not repair or first.failure or not wanted:
        return first
    done = run_stages(app, connection, Order(kind="repair"), [lambda ctx: repair_lines(ctx, wanted)], watcher)
    again = _compare_now(app, connection, watcher, fresh=fresh)
    again.repaired = len(wanted)
    if done.status in ("failed", "skipped"):
        again.failure = again.failure or done.message
    return again


def _compare_now(app: App, connection: str, progress: Progress, *, fresh: bool) -> Reconciliation:
    with _context(app, connection, progress) as ctx:
        return _compare(ctx, fresh=fresh)


@contextmanager
def _context(app: App, connection: str, progress: Progress) -> Iterator[RunContext]:
    """A run's belongings for comparing only: nothing that a run writes can be written with it."""
    settings = app.settings.connection(connection)
    mapping = load_ruling(app, settings)
    with closing(open_connector(settings, app.clock, budget=open_budget(app, settings))) as connector:
        yield RunContext(
            app=app,
            settings=settings,
            connector=connector,
            mapping=mapping,
            order=Order(kind="repair", dry_run=True),
            run_id=new_id(),
            fence=NoFence(),
            fetch_seq=0,
            started_at=app.clock.now(),
            progress=progress,
            fault=fault_from_environment(),
        )


def _compare(ctx: RunContext, *, fresh: bool) -> Reconciliation:
    """One comparison, kept in the history."""
    result = Reconciliation(ctx.name, ctx.app.clock.now())
    try:
        reconcile_entities(ctx, result)
        customers = _stored_customers(ctx)
        reconcile_balances(ctx, result, customers, lambda found: _keep_movements(ctx, found), fresh=fresh)
        _drop_twins(result)
    except SverkaError as error:
        result.failure = str(error)
    _keep(ctx, result)
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


def _keep_movements(ctx: RunContext, found: Sequence[Explanation]) -> None:
    """The movements that were named: replaced for the customers that were looked at."""
    if found:
        keys = [key for item in found for key in item.customer.keys]
        with committing(ctx.app, "reconcile-movements") as conn:
            store_movements(conn, ctx.name, keys, [named for item in found for named in item.named])


def _keep(ctx: RunContext, result: Reconciliation) -> None:
    """The history of reconciliations."""
    record_id = new_id()
    unexplained = sum(to_minor(line.unexplained) for line in result.balances.values())
    row = {
        "id": record_id,
        "connection": ctx.name,
        "at": result.at,
        "status": result.status,
        "unexplained": unexplained,
    }
    with committing(ctx.app, "reconcile-result") as conn:
        insert(conn, reconciliation, [row | {"summary": result.summary()}])
    lines = [_history_row(record_id, number, line) for number, line in enumerate(result.lines, 1)]
    for part in chunks(lines):
        with committing(ctx.app, "reconcile-lines") as conn:
            insert(conn, reconciliation_line, part)


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


def repair_lines(ctx: RunContext, lines: Sequence[Line]) -> None:
    """Read again just what differs: documents by their keys, then the customers they belong to. Under a run's lease."""
    _repair_documents(ctx, lines)
    for key in dict.fromkeys(line.counterparty_key for line in lines if line.counterparty_key):
        pull_customer(ctx, key)


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
