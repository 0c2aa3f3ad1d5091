"""Comparing the two books and explaining every difference, to the kopeck (design §5-11; `sverka reconcile`).

Reading only, but for the history of reconciliations and the movements that were named. `repair` is a run of its own
under the connection's lease: it reads again just the documents and customers that differ, and compares those again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Literal

from connectors.base import RecordSource
from core.errors import SverkaError
from core.ids import new_id
from sync.context import App, NoProgress, Order, Progress, RunContext
from sync.cycle import run_stages
from sync.reconcile.balances import fetch_books, reconcile_balances, settle_portion
from sync.reconcile.customer import Explanation
from sync.reconcile.entities import reconcile_entities, reconcile_entity
from sync.reconcile.history import keep_result
from sync.reconcile.repair import repair_lines
from sync.reconcile.result import Line, Reconciliation
from sync.reconcile.ties import Seen
from sync.room.faults import fault_from_environment
from sync.room.opening import open_for
from sync.room.writing import NoFence, committing
from sync.settle.movements import store_movements
from sync.versions import load_ruling

__all__ = ["Reconciliation", "compare_books", "keep_result", "reconcile", "repair_and_compare"]

AskedBy = Literal["order", "schedule"]
SINGLY = 100
"""From so many customers on, comparing everybody again asks less of accounting than one by one."""


def reconcile(
    app: App, connection: str, *, repair: bool = False, fresh: bool = False, progress: Progress | None = None
) -> Reconciliation:
    """Compare one connection with the store; with `repair` mend what differs, then compare that again.

    Comparing takes no lease: the schedule goes on meanwhile. Movements that were named earlier and still add up to the
    kopeck are not fetched again, unless `fresh`.

    Returns:
        The comparison; one that could not be made has the status "failed" and says why.

    Raises:
        ConfigError: there is no such connection, or its mapping has mistakes.
    """
    watcher = progress or NoProgress()
    result = compare_books(app, connection, fresh=fresh, progress=watcher)
    keep_result(app, result)
    if not repair or result.failure or not find_wanted(result):
        return result
    again = repair_and_compare(app, result, watcher, fresh=fresh)
    keep_result(app, again)
    return again


def find_wanted(result: Reconciliation) -> list[Line]:
    """What a repair would read again: all that is not as it should be."""
    return [line for line in result.lines if line.weight != "named"]


def compare_books(
    app: App, connection: str, *, fresh: bool = False, asked_by: AskedBy = "order", progress: Progress | None = None
) -> Reconciliation:
    """One comparison of everything; keeps nothing but the movements that it named. Raises as `reconcile` does."""
    result = Reconciliation(connection, app.clock.now(), asked_by=asked_by)
    with _context(app, connection, progress or NoProgress()) as ctx, _telling(ctx, result):
        reconcile_entities(ctx, result)
        reconcile_balances(ctx, result, _keeper(ctx), fresh=fresh)
        _drop_twins(result)
    return result


def repair_and_compare(
    app: App, result: Reconciliation, progress: Progress | None = None, *, fresh: bool = False
) -> Reconciliation:
    """Read again what differs, in a run under the connection's lease; then compare just that again.

    Returns:
        The result as it stands then; failed where the run was.
    """
    watcher, wanted, started = progress or NoProgress(), find_wanted(result), app.clock.monotonic()
    done = run_stages(app, result.connection, Order(kind="repair"), [lambda ctx: repair_lines(ctx, wanted)], watcher)
    result.at, result.found = app.clock.now(), result.kinds()
    with _context(app, result.connection, watcher) as ctx, _telling(ctx, result):
        _compare_again(ctx, result, wanted, fresh=fresh)
        _drop_twins(result)
    result.seconds += app.clock.monotonic() - started
    result.repaired = len(wanted)
    if done.status in ("failed", "skipped"):
        result.failure = result.failure or done.message
    return result


@contextmanager
def _telling(ctx: RunContext, result: Reconciliation) -> Iterator[None]:
    """Books that cannot be compared are told of, not raised."""
    started = ctx.app.clock.monotonic()
    try:
        yield
    except SverkaError as error:
        result.failure = str(error)
    result.seconds += ctx.app.clock.monotonic() - started


def _compare_again(ctx: RunContext, result: Reconciliation, wanted: Sequence[Line], *, fresh: bool) -> None:
    """The entities and the customers that differed."""
    for entity in dict.fromkeys(line.entity for line in wanted if line.entity in ctx.mapping.entities):
        _compare_entity_again(ctx, result, entity)
    if len(result.shares) > SINGLY or result.left_out:
        result.lines = [line for line in result.lines if not line.of_settlement]
        result.balances, result.left_out, result.remembered = {}, 0, 0
        result.shares.clear()
        result.left.clear()
        reconcile_balances(ctx, result, _keeper(ctx), fresh=fresh)
        return
    seen, keep = Seen(), _keeper(ctx)
    for key in list(result.shares):
        keys = result.take_out_customer(key)
        books = fetch_books(ctx, result, keys)
        if books is None:
            return
        settle_portion(ctx, keys, books, result, seen, keep, fresh=fresh)


def _compare_entity_again(ctx: RunContext, result: Reconciliation, entity: str) -> None:
    if not isinstance(ctx.connector, RecordSource):
        return
    result.lines = [line for line in result.lines if line.of_settlement or line.entity != entity]
    old = next((number for number, line in enumerate(result.entities) if line.entity == entity), None)
    line = reconcile_entity(ctx, entity, result)
    if old is None:
        result.entities.append(line)
    else:
        result.entities[old] = line


def _keeper(ctx: RunContext) -> Callable[[list[Explanation]], None]:
    return lambda found: _keep_movements(ctx, found)


@contextmanager
def _context(app: App, connection: str, progress: Progress) -> Iterator[RunContext]:
    """A run's belongings for comparing only: nothing that a run writes can be written with it."""
    settings = app.settings.connection(connection)
    mapping = load_ruling(app, settings)
    with closing(open_for(app, settings)) as connector:
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


def _drop_twins(result: Reconciliation) -> None:
    """A document that the key sweep named and that moves money was named again by its movement: once is enough."""
    by_movement = {
        (line.source, line.external_id): line for line in result.lines if line.amount is not None and line.of_settlement
    }
    kept = []
    for line in result.lines:
        twin = None if line.of_settlement or not line.external_id else by_movement.get((line.source, line.external_id))
        if twin is None:
            kept.append(line)
        else:
            twin.number, twin.date = twin.number or line.number, twin.date or line.date
            twin.link = twin.link or line.link
    result.lines = kept


def _keep_movements(ctx: RunContext, found: Sequence[Explanation]) -> None:
    """The movements that were named: replaced for the customers that were looked at."""
    if found:
        keys = [key for item in found for key in item.customer.keys]
        with committing(ctx.app, "reconcile-movements") as conn:
            store_movements(conn, ctx.name, keys, [named for item in found for named in item.named])
