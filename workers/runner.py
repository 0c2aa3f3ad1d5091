"""Starting the service: worker and schedule in one process, or each by itself (dependencies.md §3.2)."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from celery import Celery, bootsteps
from celery.beat import EmbeddedService
from celery.exceptions import SecurityWarning
from celery.signals import worker_ready, worker_shutting_down
from sqlalchemy import Engine

from core.clock import SystemClock
from core.errors import ConfigError
from core.settings import Settings
from store.engine import open_engine
from store.upgrade import upgrade
from sync.context import App
from sync.room.breaker import resume_connection
from workers.alerting import keep_telling
from workers.app import create_celery, is_embedded
from workers.notify import notify, watchdog_period
from workers.process import configure_process
from workers.schedule import TickScheduler

log = structlog.get_logger()
THREADS = 4
PATIENCE = 12.0
"""Seconds that running work gets to come to its end when the service is asked to stop."""


class ScheduleStep(bootsteps.StartStopStep):
    """The schedule as a thread of the worker: `worker -B` forks and then nothing runs on memory://."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._service: Any = None

    def start(self, worker: Any) -> None:
        """Begin to tick."""
        self._service = EmbeddedService(worker.app, thread=True, scheduler_cls=TickScheduler)
        self._service.start()

    def stop(self, worker: Any) -> None:
        """Tick no more."""
        if self._service is not None:
            self._service.stop()


def _prepare(settings: Settings) -> Celery:
    app = create_celery(settings)  # first: an address of the broker that cannot be had ends everything right here
    engine = open_engine(settings.store.url)
    upgrade(engine)
    _resume(settings, engine)
    engine.dispose()
    configure_process(settings)
    _settings[:] = [settings]
    return app


def _resume(settings: Settings, engine: Engine) -> None:
    """Who starts the service anew has mended what was wrong, or will soon be told again."""
    app = App(settings=settings, engine=engine, clock=SystemClock(), owner="start")
    for name in settings.connections:
        if resume_connection(app, name):
            log.info("connection.resumed", connection=name)


def _refuse_apart(settings: Settings, what: str) -> None:
    if is_embedded(settings):
        raise ConfigError(
            f"broker.url is empty, so {what} cannot run by itself: nothing would reach it from another process.",
            next_step="sverka run, or set broker.url to amqp://… or redis://…",
        )


def run_all(settings: Settings, *beside: Callable[[Settings], object]) -> int:
    """Worker and schedule in one process, until SIGTERM or Ctrl-C; `beside` starts what runs in threads of it."""
    app = _prepare(settings)
    app.steps["worker"].add(ScheduleStep)
    for start in beside:
        start(settings)
    return _work(app, "threads", THREADS)


def run_worker(settings: Settings, concurrency: int) -> int:
    """A worker for several machines; needs a broker. Raises ConfigError without one."""
    _refuse_apart(settings, "a worker")
    return _work(_prepare(settings), "prefork", concurrency)


def run_beat(settings: Settings) -> int:
    """The schedule for several machines; needs a broker. Two of them do no harm."""
    _refuse_apart(settings, "beat")
    app = _prepare(settings)
    _keep_watchdog()
    keep_telling(settings)
    notify("READY=1")
    app.Beat(loglevel="WARNING", quiet=True).run()
    return 0


def _work(app: Celery, pool: str, concurrency: int) -> int:
    _pool[:] = [pool]
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")  # a soft stop: give up after some seconds, the tables remember
    worker_ready.connect(_on_ready, weak=False)
    worker_shutting_down.connect(_on_stopping, weak=False)
    # the units of deploy/ have an account of their own; who runs it as root for a try needs no page of warning
    warnings.filterwarnings("ignore", category=SecurityWarning)
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # celery says goodbye on standard output, and not as our log does
    worker = app.Worker(
        hostname=f"sverka-{uuid4().hex[:12]}@%h",  # two workers of one machine are two
        pool=pool,
        concurrency=concurrency,
        loglevel="WARNING",
        quiet=True,
        optimization="fair",
        without_gossip=True,  # workers have nothing to tell each other: the tables know
        without_mingle=True,
    )
    worker.start()
    return 0 if _asked_to_stop.is_set() else int(worker.exitcode or 0)


_asked_to_stop = threading.Event()
_pool: list[str] = []
_settings: list[Settings] = []


def _on_ready(**kwargs: Any) -> None:
    log.info("service.ready")
    notify("READY=1")
    _keep_watchdog()
    keep_telling(_settings[0])


def _on_stopping(**kwargs: Any) -> None:
    _asked_to_stop.set()  # celery takes Ctrl-C for a failure; it is how one leaves
    log.info("service.stopping")
    notify("STOPPING=1")
    if _pool == ["threads"]:
        last = threading.Timer(PATIENCE, _leave)
        last.daemon = True
        last.start()


def _leave() -> None:
    """Threads cannot be stopped from outside. What they were doing stands in the tables and is gone on with."""
    log.warning("service.left-work", after_seconds=PATIENCE)
    os._exit(0)


def _keep_watchdog() -> None:
    period = watchdog_period()
    if period is None:
        return
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(period / 3):
            notify("WATCHDOG=1")

    threading.Thread(target=beat, name="watchdog", daemon=True).start()
