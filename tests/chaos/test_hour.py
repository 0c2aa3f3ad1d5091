"""Two beats and four workers for an hour: every period once, never two at a time, whatever the messages do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.registry import option_models
from core.clock import ManualClock
from core.settings import Settings, load_settings
from store.engine import open_engine, reading
from store.tables import run, slot
from sync.context import App
from sync.room.dispatch import WorkItem, run_work, tick
from tests.chaos.house import NAME, House, Servers, wait_until
from tests.chaos.onec import Onec
from tests.integration.sync_pull.world import World, make_world
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ

BEATS, WORKERS = 2, 4
SECOND = """
[connections.second]
connector = "onec_odata"
url = "{url}"
user = "Обмен"
password = "secret"
mapping = "bp30"
write = "off"
since = 2023-06-01
[schedule]
lease = "30m"
"""


class Crew:
    """Beats and workers as threads, each with a store connection of its own; every message reaches all the workers."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.world = world
        self.apps = [self._open(f"member-{n}", stack) for n in range(BEATS + WORKERS)]
        self.most = 0

    def _open(self, owner: str, stack: ExitStack) -> App:
        engine = open_engine(str(self.world.settings.store.url))
        stack.callback(engine.dispose)
        return App(self.world.settings, engine, self.world.clock, owner)

    def tick(self) -> list[WorkItem]:
        """Both beats at the same moment."""
        return [item for found in self._together([partial(tick, app) for app in self.apps[:BEATS]]) for item in found]

    def work(self, items: list[WorkItem]) -> None:
        """Each message is delivered to every worker, all at once."""
        workers = self.apps[BEATS:]
        self._together([partial(run_work, app, item.to_message()) for item in items for app in workers])

    def _together(self, jobs: list[Callable[[], Any]]) -> list[Any]:
        """Do all of them at the same moment; what one raises is raised."""
        if not jobs:
            return []
        barrier = threading.Barrier(len(jobs))

        def do(job: Callable[[], Any]) -> Any:
            barrier.wait(20)
            return job()

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(do, jobs))

    def watch(self) -> None:
        """Whenever the base is asked: how many runs of one connection say that they run?"""
        query = select(func.count()).where(run.c.status == "running").group_by(run.c.connection)
        with reading(self.world.engine) as conn:
            self.most = max([self.most, *conn.execute(query).scalars()])


@contextmanager
def crew(url: str, folder: Path) -> Iterator[Crew]:
    with ExitStack() as stack:
        world = stack.enter_context(make_world(url, folder, documents=12, since="2023-06-01"))
        text = world.settings.path.read_text("utf-8") + SECOND.format(url=world.server.url)  # type: ignore[union-attr]
        world.settings = _load(folder, text)
        made = Crew(world, stack)
        world.server.before_page = lambda base, number: made.watch()
        yield made


def _load(folder: Path, text: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return load_settings(path, environ={}, connectors=option_models())


@pytest.mark.timeout(180)
def test_an_hour_of_five_minutes_is_twelve_runs(store_url: str, tmp_path: Path) -> None:
    with crew(store_url, tmp_path) as made:
        clock: ManualClock = made.world.clock
        for _ in range(60):
            made.work(made.tick())
            clock.move(timedelta(minutes=1))
        with reading(made.world.engine) as conn:
            runs = list(conn.execute(select(run.c.connection, run.c.slot, run.c.status)))
            states = Counter(tuple(row) for row in conn.execute(select(slot.c.connection, slot.c.state)))
        assert Counter(row.connection for row in runs) == {NAME: 12, "second": 12}
        assert len({(row.connection, row.slot) for row in runs}) == 24
        assert {row.status for row in runs} == {"ok"}
        assert states == {(NAME, "done"): 12, ("second", "done"): 12}
        assert made.most == 1


@pytest.mark.timeout(120)
def test_a_run_longer_than_the_period_skips_the_next_slot_and_says_so(store_url: str, tmp_path: Path) -> None:
    with crew(store_url, tmp_path) as made:
        clock: ManualClock = made.world.clock
        slept: list[int] = []

        def slow(base: object, number: int) -> None:
            if not slept:
                slept.append(number)
                for _ in range(18):  # six minutes, and the beats go on ticking
                    clock.move(timedelta(seconds=20))
                    assert [item for item in tick(made.apps[0]) if item.connection == NAME] == []

        made.world.server.before_page = slow
        (item,) = [one for one in made.tick() if one.connection == NAME]
        made.work([item])
        clock.move(timedelta(minutes=5))
        made.work([one for one in made.tick() if one.connection == NAME])
        with reading(made.world.engine) as conn:
            query = select(slot.c.state).where(slot.c.connection == NAME).order_by(slot.c.start)
            assert list(conn.execute(query).scalars()) == ["done", "skipped_overlap", "done"]
            assert conn.execute(select(func.count()).where(run.c.connection == NAME)).scalar_one() == 2


@pytest.mark.timeout(180)
def test_two_real_beats_and_four_real_workers(tmp_path: Path, postgres: Postgres, rabbitmq: RabbitMQ) -> None:
    """N periods, N slots; a slot has one run at most; no run begins before the one before it has ended."""
    onec = Onec(tmp_path)
    house = House(tmp_path / "house", "rabbitmq", Servers(postgres, rabbitmq), onec, period=2.0)
    try:
        house.start()
        query = select(slot.c.start, slot.c.state).where(slot.c.connection == NAME).order_by(slot.c.start)

        def slots() -> list[tuple[object, str]]:
            with reading(house.engine) as conn:
                return [(row.start, row.state) for row in conn.execute(query)]

        wait_until(lambda: sum(state == "done" for _, state in slots()) >= 5, "five periods", 90)
        starts = [row[0] for row in slots()]
        assert starts == [starts[0] + n * timedelta(seconds=2) for n in range(len(starts))]  # type: ignore[operator]
        with reading(house.engine) as conn:
            runs = conn.execute(
                select(run.c.slot, run.c.started_at, run.c.finished_at).order_by(run.c.started_at)
            ).all()
        assert max(Counter(row.slot for row in runs).values()) == 1
        pairs = pairwise(runs)
        assert [later for one, later in pairs if one.finished_at and later.started_at < one.finished_at] == []
    finally:
        house.stop()
        onec.close()
