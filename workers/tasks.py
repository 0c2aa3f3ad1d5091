"""Celery's tasks: bodies of a few lines that call the engine. Everything that matters stands in the tables."""

from __future__ import annotations

import structlog
from celery import shared_task

from sync.alerts.watch import look
from sync.room.dispatch import STORE_AWAY, run_work, tick
from workers.process import process_app

log = structlog.get_logger()


@shared_task(name="sverka.tick", ignore_result=True)
def tick_task() -> None:
    """Find what is due and wake a worker for each piece. Beat runs this itself (`workers.schedule`)."""
    found = tick(process_app())
    look(process_app())
    for item in found:
        work_task.apply_async(args=(item.to_message(),), expires=600)


@shared_task(name="sverka.work", ignore_result=True)
def work_task(message: dict[str, str]) -> None:
    """Do one piece of due work; delivered twice it is still done once."""
    try:
        run_work(process_app(), message)
    except STORE_AWAY as error:  # foreseen: the tables are gone on with when the store is back, by the next tick
        log.warning("work.store-away", kind=message["kind"], error=type(error).__name__, reason=str(error)[:200])
