"""The Celery application. A message carries an id at most; what is due stands in our tables (design §5-1)."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from celery.utils.log import get_multiprocessing_logger
from kombu import Queue

from core.settings import Settings

QUEUE = "sverka"
SOFT_LIMIT, HARD_LIMIT = 6 * 3600, 6 * 3600 + 1800
"""Seconds of one piece of work in a child of a worker; threads have no such net.

Far above the longest first load that was seen (it is not the limits' business to hurry anybody: each request outside,
each statement and the lease have time-outs of their own); a child that hangs all the same is free again in the morning.
The soft one breaks the run off in order; the hard one kills, and the lease lapses by itself. No setting: a wrong one
would end every first load before its end.
"""
EMBEDDED_BROKER = "memory://localhost/"
_REDIS_RESTORE = {"visibility_timeout": 3600, "unacked_restore_interval": 3, "unacked_restore_throttle": 1}


def is_embedded(settings: Settings) -> bool:
    """Whether this installation lives in one process, with no broker."""
    return not settings.broker.url


def create_celery(settings: Settings) -> Celery:
    """The app for one installation: embedded, RabbitMQ or Redis, told apart by `broker.url` alone."""
    app = Celery("sverka", broker=settings.broker.url or EMBEDDED_BROKER, include=["workers.tasks"])
    app.conf.update(_configuration(settings))
    app.set_default()
    setup_logging.connect(_keep_logging, weak=False)
    return app


def _keep_logging(**kwargs: Any) -> None:
    """Celery sets nothing up, here and in its children: its records come out as ours do, also those of its pool."""
    pool: Any = get_multiprocessing_logger()
    pool.handlers.clear()
    pool.propagate = True


def _configuration(settings: Settings) -> dict[str, Any]:
    tick = settings.schedule.tick.total_seconds()
    return {
        "task_acks_late": True,
        "task_ignore_result": True,
        "task_soft_time_limit": SOFT_LIMIT,
        "task_time_limit": HARD_LIMIT,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_soft_shutdown_timeout": 8.0,
        # its queue is exclusive to a connection: after a cut the broker refuses it to the next one, and the worker ends
        "worker_enable_remote_control": False,
        "broker_connection_max_retries": None,  # a broker may be away for a night
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": _REDIS_RESTORE if settings.broker.url.startswith("redis") else {},
        "task_default_queue": QUEUE,
        "task_queues": [Queue(QUEUE)],
        "timezone": "UTC",
        "enable_utc": True,
        "beat_scheduler": "workers.schedule:TickScheduler",
        "beat_max_loop_interval": max(tick / 2, 0.2),
        "beat_schedule": {"tick": {"task": "sverka.tick", "schedule": settings.schedule.tick}},
    }
