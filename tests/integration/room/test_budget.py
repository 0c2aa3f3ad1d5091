"""The rate budget of a connection: one for all processes, on SQLite and PostgreSQL, seen by whoever is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.errors import TransientError
from core.settings import ConnectionSettings, Rate, Settings
from store.engine import open_engine
from store.tables import rate, run
from store.upgrade import upgrade
from sync.context import App
from sync.room.budget import LONGEST_BLOCK, SharedBudget, open_budget
from tests.integration.sync_pull.world import make_world, rows

ROOT = Path(__file__).parents[3]


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    engine = open_engine(store_url)
    upgrade(engine)
    yield App(Settings(), engine, ManualClock(), "worker")
    engine.dispose()


def budget(app: App, every: float = 0.5, burst: int = 1) -> SharedBudget:
    return SharedBudget(app, "a", Rate(timedelta(seconds=every), burst))


def test_turns_are_spaced_after_the_burst_is_spent(app: App) -> None:
    mine, moments = budget(app, every=0.5, burst=3), []
    for _ in range(6):
        mine.take()
        moments.append(app.clock.monotonic())
    assert moments == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]
    app.clock.sleep(60)  # a rest gives the burst back, and no more than that
    start = app.clock.monotonic()
    for _ in range(4):
        mine.take()
    assert app.clock.monotonic() == start + 0.5


def test_a_block_holds_everybody(app: App) -> None:
    budget(app).take()
    budget(app).block(30.0)
    budget(app).block(5.0)  # a shorter one takes nothing back
    budget(app).take()
    assert app.clock.monotonic() == 30.0


def test_who_would_wait_too_long_is_told_and_has_sent_nothing(app: App) -> None:
    budget(app).block(7200.0)
    with pytest.raises(TransientError) as caught:
        budget(app).take()
    assert caught.value.retry_after == LONGEST_BLOCK.total_seconds()
    assert app.clock.monotonic() == 0.0


def test_slow_rates_are_waited_for(app: App) -> None:
    mine = budget(app, every=90.0)
    mine.take()
    mine.take()
    assert app.clock.monotonic() == 90.0


def test_a_clock_that_is_put_back_holds_nobody_for_hours(app: App) -> None:
    budget(app).take()
    budget(app).block(3000.0)
    app.clock.move(timedelta(hours=-2))  # type: ignore[attr-defined]
    budget(app).take()
    assert app.clock.monotonic() == 0.0


def test_threads_take_each_turn_once(app: App) -> None:
    """Each turn moves the row by one spacing: a turn that two had taken would be missing from it."""
    mine = budget(app, every=0.001, burst=1000)
    mine.take()
    began = rows_of(app)[0]["at"]

    def ten() -> None:
        for _ in range(10):
            mine.take()

    threads = [threading.Thread(target=ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows_of(app)[0]["at"] - began == timedelta(seconds=0.001) * 80


def rows_of(app: App) -> list[dict[str, Any]]:
    with app.engine.connect() as conn:
        return [dict(row) for row in conn.execute(rate.select()).mappings()]


def test_settings_before_the_connector_and_none_by_default(app: App) -> None:
    class Options:
        default_rate = Rate(timedelta(seconds=0.5), 50)

    def pace(**given: Any) -> Rate | None:
        return ConnectionSettings(name="a", connector="x", **given).pace

    assert pace() is None
    assert open_budget(app, ConnectionSettings(name="a", connector="x")) is None
    assert pace(options=Options()) == Rate(timedelta(seconds=0.5), 50)
    assert pace(options=Options(), rate="10/m") == Rate(timedelta(seconds=6), 50)
    assert pace(options=Options(), burst=2) == Rate(timedelta(seconds=0.5), 2)
    assert pace(rate="1000/h") == Rate(timedelta(seconds=3.6), 1)


@pytest.mark.parametrize("limited", [True, False])
def test_a_whole_cycle_keeps_to_the_rate_of_its_connection(store_url: str, tmp_path: Path, limited: bool) -> None:
    settings = 'rate = "1/s"\nburst = 5' if limited else ""
    with make_world(store_url, tmp_path, documents=12, settings=settings) as world:
        start = world.clock.monotonic()
        result = world.sync()
        asked = rows(world, run)[0]["requests"]
        waited = world.clock.monotonic() - start
        assert result.status == "ok" and asked > 20
        assert bool(rows(world, rate)) is limited
        assert (waited >= asked - 5) is limited


class Arrivals:
    """A server that notes when it is asked; once, it asks for silence itself."""

    def __init__(self, silence_after: int = 0, silence: float = 0.0) -> None:
        self.moments: list[float] = []
        self.refused_at: float | None = None
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer.lock:
                    outer.moments.append(time.monotonic())
                    refuse = silence_after == len(outer.moments)
                    if refuse:
                        outer.refused_at = time.monotonic()
                self.send_response(429 if refuse else 200)
                if refuse:
                    self.send_header("Retry-After", str(int(silence)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    @contextmanager
    def running(self) -> Iterator[Arrivals]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()

    def most_within(self, seconds: float) -> int:
        """The largest number of requests in any window of that length."""
        times = sorted(self.moments)
        return max(sum(1 for other in times if first <= other <= first + seconds) for first in times)


CHILD = """
import json, sys
from datetime import timedelta
from connectors.http import HttpClient
from core.clock import SystemClock
from core.settings import Rate, Settings
from store.engine import open_engine
from sync.context import App
from sync.room.budget import SharedBudget

told = json.loads(sys.argv[1])
app = App(Settings(), open_engine(told["store"]), SystemClock(), "child")
http = HttpClient(app.clock, budget=SharedBudget(app, "a", Rate(timedelta(seconds=told["every"]), told["burst"])))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(told["number"]):
    http.get(told["url"])
"""


def ask_from_processes(store: str, url: str, *, processes: int, number: int, every: float, burst: int) -> None:
    told = json.dumps({"store": store, "url": url, "every": every, "burst": burst, "number": number})
    command = [sys.executable, "-c", CHILD, told]
    children = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for child in children:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        assert [child.wait(60) for child in children] == [0] * processes
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_processes_together_never_pass_the_budget(app: App, store_url: str) -> None:
    """Four processes at "10/s" with a burst of 5: in no window more than 5 and what the rate allows in it."""
    arrivals = Arrivals()
    with arrivals.running():
        ask_from_processes(store_url, arrivals.url, processes=4, number=12, every=0.1, burst=5)
    assert len(arrivals.moments) == 48
    on_the_way = 0.15  # a request that was granted late in the window before may arrive in this one
    for window in (0.3, 1.0, 2.0, 4.0):
        assert arrivals.most_within(window) <= 5 + (window + on_the_way) * 10
    took = max(arrivals.moments) - min(arrivals.moments)
    assert took >= (48 - 5) * 0.1 - on_the_way


def test_a_word_to_one_process_silences_all(app: App, store_url: str) -> None:
    arrivals = Arrivals(silence_after=9, silence=2.0)
    with arrivals.running():
        ask_from_processes(store_url, arrivals.url, processes=3, number=8, every=0.05, burst=1)
    assert arrivals.refused_at is not None
    heard = arrivals.refused_at + 0.25  # those already on their way
    assert [one for one in arrivals.moments if heard < one < arrivals.refused_at + 1.95] == []
    assert len(arrivals.moments) == 25  # the refused one was asked again
