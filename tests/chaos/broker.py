"""What is done to messages: copies, and an emptied queue. Past the proxies, with the product's own Celery app."""

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from tests.chaos.house import House
from workers.app import QUEUE


@cache
def _app(url: str) -> Celery:
    return Celery("chaos", broker=url)


def copies(house: House, messages: list[dict[str, str]], number: int) -> int:
    """Publish each message so many times at once; returns how many went out."""
    app = _app(house.direct_broker)
    with app.connection_for_write() as connection:
        producer: Any = app.amqp.Producer(connection)
        for message in messages:
            for _ in range(number):
                app.send_task("sverka.work", args=(message,), queue=QUEUE, producer=producer, ignore_result=True)
    return len(messages) * number


def purge(house: House) -> int:
    """Empty the queue; returns how many messages were lost by that."""
    app = _app(house.direct_broker)
    try:
        with app.connection_for_write() as connection:
            channel: Any = connection.channel()
            return int(channel.queue_purge(QUEUE) or 0)
    except (OperationalError, OSError):
        return 0
