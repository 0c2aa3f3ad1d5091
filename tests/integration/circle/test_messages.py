"""Scenario 14: every message delivered three times at once, and many lost; the circle comes out the same."""

from __future__ import annotations

import threading

from sync.room.dispatch import WorkItem, run_work, tick
from tests.integration.circle.clients import CODE, add_client, card, parties, turn
from tests.integration.outbox.world import Circle

OTHER = "7714698320"


def deliver(circle: Circle, items: list[WorkItem], times: int) -> None:
    """Hand each message to so many workers at the same moment."""
    threads = [
        threading.Thread(target=run_work, args=(circle.app, item.to_message())) for item in items for _ in range(times)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)


def test_each_message_three_times_at_once(circle: Circle) -> None:
    number = add_client(circle)
    other = add_client(circle, "Лютик", OTHER)
    for _ in range(6):
        circle.clock.sleep(150)
        deliver(circle, tick(circle.app), 3)
    _check(circle, number, other)


def test_every_second_message_lost(circle: Circle) -> None:
    """The broker was emptied: a later tick finds the same work in the tables."""
    number = add_client(circle)
    other = add_client(circle, "Лютик", OTHER)
    lost = 0
    for place in range(24):
        circle.clock.sleep(40)
        items = tick(circle.app)
        if place % 2:
            lost += len(items)
        else:
            deliver(circle, items, 1)
    assert lost
    _check(circle, number, other)


def _check(circle: Circle, number: int, other: int) -> None:
    for company, inn in ((number, "7743013901"), (other, OTHER)):
        (party,) = parties(circle, inn)
        assert card(circle, company)[CODE] == party["Code"]
    titles = [one["title"] for one in circle.elements().values()]
    assert (titles.count("Ромашка"), titles.count("Лютик")) == (1, 1)
    before = circle.written()
    turn(circle, 2)
    assert circle.written() == before
