"""What is due: slots of the schedule and requests of people, found in the tables by a tick and done once.

A message to a worker only wakes it: lose it, and a later tick sends it again; deliver it three times, and the second
and third find nothing to do (design §5-1).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from core.errors import SverkaError, UsageError
from core.secrets import redact
from core.settings import ConnectionSettings
from store.bulk import upsert
from store.engine import reading
from store.tables import request, run, slot
from store.tables import tick as ticks
from sync.context import App, Order
from sync.cycle import RunResult, run_cycle, run_stages
from sync.push.contacts import is_uuid
from sync.reconcile import ordered
from sync.reconcile.nightly import claim_nightly, run_nightly
from sync.room import hints, slots
from sync.room.breaker import claim_passage, ensure_row, pause_reason
from sync.room.due import claim_due, is_brief, run_due
from sync.room.lease import is_held
from sync.room.runs import LONGEST_TEXT
from sync.room.writing import committing
from sync.settle.anew import SETTLE, settle_anew
from sync.settle.customer import pull_customer

log = structlog.get_logger()
TICK = "tick"
RESEND = timedelta(seconds=30)
"""A piece of work that nobody has taken up for so long, or for the length of a lease, is sent again."""
WATCHED_PERIODS = 2
KINDS = ("sync", "push", "retry", "pull_customer", SETTLE, hints.KIND, ordered.KIND)
STORE_AWAY = (OperationalError, InterfaceError, NoConnectionFree)
"""Says nothing of the request itself: it stays open and a later tick finds it again."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One piece of due work.

    `token` is the slot's start; the request's id with the moment of its dispatch; what is due and which waking; or the
    night.
    """

    kind: Literal["slot", "request", "due", "nightly"]
    connection: str
    token: str

    def to_message(self) -> dict[str, str]:
        """As plain text, for a message."""
        return {"kind": self.kind, "connection": self.connection, "token": self.token}


def tick(app: App) -> list[WorkItem]:
    """Look for what is due and claim it. Any number of beats may tick at once: each slot is claimed once.

    Returns:
        What a worker should be woken for now.
    """
    now = app.clock.now()
    with committing(app, "tick") as conn:
        upsert(conn, ticks, [{"name": TICK, "at": now, "host": socket.gethostname()[:200]}], ["name"])
    found: list[WorkItem] = []
    for settings in app.settings.connections.values():
        try:
            found += _find_due(app, settings, now)
        except Exception:
            log.exception("tick.failed", connection=settings.name)  # its next tick comes in seconds
    return found + _find_waiting(app, now, {item.connection for item in found})


def _find_waiting(app: App, now: datetime, busy: set[str]) -> list[WorkItem]:
    """Rows whose time has come; what the slots and requests have found is sent on whatever happens here."""
    try:
        waiting = [WorkItem("due", name, token) for name, token in claim_due(app, now, busy)]
        return waiting + [WorkItem("nightly", name, night) for name, night in claim_nightly(app, now)]
    except SQLAlchemyError as error:
        log.warning("tick.due-not-found", error=type(error).__name__, reason=str(error)[:200])
        return []


def _find_due(app: App, settings: ConnectionSettings, now: datetime) -> list[WorkItem]:
    """What is due for one connection; its failure is its own and keeps nobody else waiting."""
    with committing(app, "due") as conn:
        return _due_slot(conn, app, settings, now) + _due_requests(conn, app, settings.name, now)


def _due_slot(conn: Connection, app: App, settings: ConnectionSettings, now: datetime) -> list[WorkItem]:
    start = slots.slot_start(now, slots.period(app.settings.schedule, settings))
    item = WorkItem("slot", settings.name, start.isoformat())
    if _load_slot(conn, settings.name, start) is None:
        ensure_row(conn, settings.name)
        slots.clean_slots(conn, settings.name, now, start)
        slots.miss_slots(conn, settings.name, start)
        return [item] if _open_slot(conn, app, settings, start, now) else []
    return [item] if _is_forgotten(conn, app, settings.name, start, now) else []


def _load_slot(conn: Connection, name: str, start: datetime) -> Any:
    query = select(slot.c.state, slot.c.run_id).where(slot.c.connection == name, slot.c.start == start)
    return conn.execute(query).first()


def _open_slot(conn: Connection, app: App, settings: ConnectionSettings, start: datetime, now: datetime) -> bool:
    """Claim a new slot, or write down why it is skipped. The breaker comes last: it may let one probe through."""
    name, quiet = settings.name, (*app.settings.schedule.quiet, *settings.quiet)
    if pause_reason(conn, name, now) is not None:
        state = "skipped_paused"
    elif slots.is_quiet(now, settings.zone, quiet):
        state = "skipped_quiet"
    elif is_held(conn, app, name):
        if is_brief(conn, name):  # over in seconds: the next tick opens the slot
            return False
        state = "skipped_overlap"
    else:
        state = "claimed"
    if not slots.claim_slot(conn, name, start, state):
        return False
    if state != "claimed":
        log.info("slot.skipped", connection=name, slot=start.isoformat(), why=state)
        return False
    if claim_passage(conn, name, now, slots.period(app.settings.schedule, settings)):
        return True
    conn.execute(update(slot).where(slot.c.connection == name, slot.c.start == start).values(state="skipped_breaker"))
    return False


def _is_forgotten(conn: Connection, app: App, name: str, start: datetime, now: datetime) -> bool:
    """Whether the present slot was claimed and nobody works on it: its message was lost, or its worker died."""
    row = _load_slot(conn, name, start)
    if now - start < _resend(app) or not _is_resend_moment(app, now - start) or is_held(conn, app, name):
        return False
    if row.state == "running" and (row.run_id is None or _is_running(conn, row.run_id)):
        return slots.hand_back(conn, name, start)
    return bool(row.state == "claimed")


def _resend(app: App) -> timedelta:
    return min(RESEND, app.settings.schedule.lease)


def _is_resend_moment(app: App, age: timedelta) -> bool:
    """Once every half minute and not at every tick, so that a busy worker finds no hundred messages."""
    return age % _resend(app) < max(app.settings.schedule.tick, timedelta(seconds=1))


def _is_running(conn: Connection, run_id: UUID) -> bool:
    return conn.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one_or_none() == "running"


def _due_requests(conn: Connection, app: App, name: str, now: datetime) -> list[WorkItem]:
    """Open requests of a connection whose lease is free; what a person has just asked for need not wait for a slot."""
    waiting = or_(request.c.claimed_at.is_(None), request.c.claimed_at < now - _resend(app))
    mine = (request.c.connection == name, request.c.done_at.is_(None), waiting)
    query = select(request.c.id, request.c.kind).where(*mine).order_by(request.c.created_at).limit(20)
    found = conn.execute(query).all()
    if any(row.kind == ordered.KIND for row in found) and ordered.is_comparing(conn, app):
        found = [row for row in found if row.kind != ordered.KIND]  # it waits, or is what is being carried out
    ids = [row.id for row in found]
    if not ids or is_held(conn, app, name):
        return []
    conn.execute(update(request).where(request.c.id.in_(ids)).values(claimed_at=now))
    return [WorkItem("request", name, f"{one}@{now.isoformat()}") for one in ids]


def run_work(app: App, message: dict[str, str]) -> RunResult | None:
    """Do one piece of due work; delivered twice it is still done once. None when there was nothing to do any more."""
    if message["connection"] not in app.settings.connections:
        return None
    if message["kind"] == "slot":
        return _run_slot(app, message["connection"], datetime.fromisoformat(message["token"]))
    if message["kind"] == "due":
        return run_due(app, message["connection"], message["token"])
    if message["kind"] == "nightly":
        return run_nightly(app, message["connection"], message["token"])
    return _run_request(app, message["token"])


def _run_slot(app: App, name: str, start: datetime) -> RunResult | None:
    with committing(app, "slot-begin") as conn:
        if not slots.take_up(conn, name, start):
            return None
    began = app.clock.now()
    result = run_cycle(app, name, Order(kind="schedule", slot=start))
    with committing(app, "slot-end") as conn:
        if result.status in ("ok", "partial"):
            _answer_pushes(conn, app, name, began, result)
        mine = (slot.c.connection == name, slot.c.start == start, slot.c.state == "running")
        if result.status == "skipped" and is_brief(conn, name):
            slots.hand_back(conn, name, start)
        elif result.status == "skipped":
            conn.execute(update(slot).where(*mine, slot.c.run_id.is_(None)).values(state="skipped_overlap"))
        else:
            ours = or_(slot.c.run_id.is_(None), slot.c.run_id == result.run_id)  # else it has gone to another run
            conn.execute(update(slot).where(*mine, ours).values(state="done"))
    return result


def _answer_pushes(conn: Connection, app: App, name: str, began: datetime, result: RunResult) -> None:
    """A whole cycle has sent all that was due: who asked for that before it began need not wait for a run of his own.

    Where cycles follow each other without a rest such a request would find the lease taken again and again.
    """
    asked = (request.c.connection == name, request.c.kind == "push", request.c.created_at <= began)
    answer = {"status": result.status, "message": result.message, "run": str(result.run_id)}
    answered = update(request).where(*asked, request.c.done_at.is_(None))
    conn.execute(answered.values(done_at=app.clock.now(), result=answer))


def _run_request(app: App, token: str) -> RunResult | None:
    """The boundary of a request: whatever goes wrong inside is its answer, else it would come back for ever."""
    request_id, _, moment = token.partition("@")
    claimed = claim_request(app, UUID(request_id), datetime.fromisoformat(moment))
    if claimed is None:
        return None
    try:
        result = _carry_out(app, claimed)
    except STORE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001 (the boundary: nothing else would end this request)
        return _fail_request(app, claimed, error)
    if result.status == "skipped":  # a cycle is running: the next tick after it finds the request again
        with committing(app, "request-free") as conn:
            conn.execute(update(request).where(request.c.id == claimed["id"]).values(claimed_at=None))
        return result
    _answer_request(app, claimed["id"], result)
    return result


def _fail_request(app: App, row: dict[str, Any], error: Exception) -> RunResult:
    """Answer first, then log: a log that cannot be written must not bring the request back."""
    said = str(error) if isinstance(error, SverkaError) else ""
    message = said or f"The request was broken off by {type(error).__name__}, a mistake of ours. Next: sverka status"
    result = RunResult(None, "failed", message=redact(message)[:LONGEST_TEXT])
    _answer_request(app, row["id"], result)
    log.error("request.failed", connection=row["connection"], kind=row["kind"], exc_info=None if said else error)
    return result


def _answer_request(app: App, request_id: UUID, result: RunResult) -> None:
    run_id = str(result.run_id) if result.run_id else None
    finish_request(app, request_id, {"status": result.status, "message": result.message, "run": run_id})


def claim_request(app: App, request_id: UUID, dispatched_at: datetime) -> dict[str, Any] | None:
    """Take a request that was dispatched at this moment; a second delivery of its message gets None."""
    mine = (request.c.id == request_id, request.c.done_at.is_(None), request.c.claimed_at == dispatched_at)
    taken = max(app.clock.now(), dispatched_at + timedelta(microseconds=1))
    with committing(app, "request-begin") as conn:
        if conn.execute(update(request).where(*mine).values(claimed_at=taken)).rowcount != 1:
            return None
        return dict(conn.execute(select(request).where(request.c.id == request_id)).mappings().one())


def finish_request(app: App, request_id: UUID, result: dict[str, Any]) -> None:
    """The request is answered; its result is kept for whoever asked."""
    with committing(app, "request-end") as conn:
        mine = request.c.id == request_id
        conn.execute(update(request).where(mine).values(done_at=app.clock.now(), result=result))


def _carry_out(app: App, row: dict[str, Any]) -> RunResult:
    """Requests do not wait for a running cycle in a worker's thread: they are found again."""
    name, arguments = row["connection"], _checked_arguments(row["kind"], row["arguments"])
    if row["kind"] == "pull_customer":
        key = arguments["counterparty"]
        return run_stages(app, name, Order(kind="repair"), [lambda ctx: pull_customer(ctx, key)], wait=0.0)
    if row["kind"] == ordered.KIND:
        return ordered.carry_out_order(app, name, row["created_at"])
    if row["kind"] == SETTLE:
        customer = UUID(arguments["customer"])
        return run_stages(app, name, Order(kind="repair"), [lambda ctx: settle_anew(ctx, customer)], wait=0.0)
    if row["kind"] == hints.KIND:
        return hints.run_hints(app, name)
    if row["kind"] in ("push", "retry"):
        return run_cycle(app, name, Order(kind=row["kind"]), wait=0.0)
    order = Order(kind="order", entity=arguments.get("entity"), full=bool(arguments.get("full")))
    return run_cycle(app, name, order, wait=0.0)


def _checked_arguments(kind: str, arguments: Any) -> dict[str, Any]:
    """The arguments of a request, before anything is begun. Raises UsageError for what nobody could carry out."""
    if kind not in KINDS:
        raise UsageError(f"There is no request of kind {kind!r}; there are {', '.join(KINDS)}.")
    given = {} if arguments is None else arguments
    if not isinstance(given, dict):
        raise UsageError(f"The arguments of the request {kind!r} are no names with values.")
    if kind == "pull_customer" and not (isinstance(given.get("counterparty"), str) and given["counterparty"]):
        raise UsageError("The request 'pull_customer' does not say which counterparty.")
    if kind == SETTLE and not is_uuid(str(given.get("customer"))):
        raise UsageError(f"The request {SETTLE!r} does not say which customer.")
    if kind == "sync" and not isinstance(given.get("entity"), str | None):
        raise UsageError("The entity of the request 'sync' is no text.")
    return given


def silent_for(app: App) -> timedelta | None:
    """The watchdog outside of beat: how long no tick came, when that is longer than two periods; else None.

    Where none has ever come, a process of the service counts from its own start.
    """
    with reading(app.engine) as conn:
        last: datetime | None = conn.execute(select(ticks.c.at).where(ticks.c.name == TICK)).scalar_one_or_none()
    last = last or app.serving_since
    if last is None:
        return None
    silence = app.clock.now() - last
    return silence if silence > _longest_silence(app) else None


def has_just_begun(app: App) -> bool:
    """Whether this process of the service is too young to blame anybody: its own first tick may be still to come."""
    return app.serving_since is not None and app.clock.now() - app.serving_since <= _longest_silence(app)


def _longest_silence(app: App) -> timedelta:
    return max(app.settings.schedule.every, app.settings.schedule.tick) * WATCHED_PERIODS
