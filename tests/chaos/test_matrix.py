"""kill -9 at every commit and every remote call, in the real processes: no loss, no double, counters add up.

Each test has one installation and kills its way through a part of the points; `make nightly` walks all of them on all
set-ups, judging after each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync.room.faults import POINTS
from tests.chaos.house import SETUPS, House, Servers, Setup
from tests.chaos.judge import Judge
from tests.chaos.matrix import BROKEN, BROKER_ONLY, CALM, ELSEWHERE, MAIN, NAMES, PLAN, SIDES, WATCHED, Matrix
from tests.chaos.onec import Onec
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ

PARTS = 4
DEADLINE = 180.0
"""Seconds until all is well: two cycles of a second each take twenty where ten programs share the machine."""


@contextmanager
def matrix(folder: Path, setup: Setup, servers: Servers, *, extra: str = "", period: float = 1.0) -> Iterator[Matrix]:
    """An installation at work, level with accounting, that knows that the base takes its keys."""
    onec = Onec(folder)
    house = House(
        folder / "house",
        setup,
        servers,
        onec,
        workers=1,
        beats=1,
        extra=extra.format(onec=onec),
        period=period,
        lease=2.0,
    )
    try:
        house.start()
        made = Matrix(house, Judge(house))
        made.client()
        well(made, house)
        yield made
    finally:
        house.stop()
        onec.close()


def well(made: Matrix, house: House) -> None:
    verdict = made.judge.wait(DEADLINE)
    assert verdict, f"{made.hit}\n{verdict}\n{house.log_tail()}"


def servers_of(setup: Setup, request: pytest.FixtureRequest) -> Servers:
    if setup == "sqlite":
        return Servers()
    broker = request.getfixturevalue("rabbitmq" if setup == "rabbitmq" else "redis_server")
    return Servers(request.getfixturevalue("postgres"), broker)


def test_every_point_is_in_one_of_the_lists() -> None:
    named = [f"{name}.{side}" for name in (*MAIN, *PLAN, *CALM, *BROKEN, *WATCHED, *ELSEWHERE) for side in SIDES]
    assert sorted(named) == sorted(set(POINTS))
    assert set(BROKER_ONLY) < set(NAMES)


def walk(made: Matrix, names: tuple[str, ...], *, judge_each: bool) -> None:
    """Both sides of each name; the judge comes after each, or at the end."""
    for name in names:
        for side in SIDES:
            made.kill_at(f"{name}.{side}")
        if judge_each:
            well(made, made.house)
    well(made, made.house)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_point(tmp_path: Path, postgres: Postgres, rabbitmq: RabbitMQ, part: int) -> None:
    """Every point on PostgreSQL and RabbitMQ: the child dies, its worker goes on."""
    with matrix(tmp_path, "rabbitmq", Servers(postgres, rabbitmq)) as made:
        walk(made, MAIN[part::PARTS], judge_each=False)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_killed_on_sqlite(tmp_path: Path) -> None:
    """The one process of an embedded installation dies with all that it does; by day it does so at the points below."""
    with matrix(tmp_path, "sqlite", Servers()) as made:
        walk(made, ("page", "send", "lease-claim", "tick"), judge_each=False)


PLAN_SETTINGS = """changes = "exchange_plan"
exchange_plan = "{plan}"
node = "{node}"
"""


def plan_settings(onec: Onec) -> str:
    node = next(str(row["Ref_Key"]) for row in onec.ask("nodes") if not row.get("ThisNode"))
    return PLAN_SETTINGS.format(plan="ExchangePlan_СверкаОбмен", node=node)


@pytest.mark.timeout(300)
def test_killed_between_a_packet_and_its_confirmation(tmp_path: Path) -> None:
    with planned(tmp_path) as made:
        walk(made, PLAN, judge_each=False)


@contextmanager
def planned(folder: Path) -> Iterator[Matrix]:
    onec = Onec(folder)
    house = House(folder / "house", "sqlite", Servers(), onec, extra=plan_settings(onec))
    try:
        house.start()
        made = Matrix(house, Judge(house))
        well(made, house)
        yield made
    finally:
        house.stop()
        onec.close()


@pytest.mark.timeout(600)
def test_killed_while_what_is_due_is_found_between_two_slots(tmp_path: Path) -> None:
    with matrix(tmp_path, "sqlite", Servers(), period=6.0) as made:
        walk(made, CALM, judge_each=False)


BROKEN_CONNECTION = """[connections.broken]
connector = "onec_odata"
url = "http://127.0.0.1:9/base/odata/standard.odata"
mapping = "{path}"
"""


@pytest.mark.timeout(300)
def test_killed_while_a_connection_is_paused_for_its_settings(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("this is no mapping", "utf-8")
    with matrix(tmp_path, "sqlite", Servers(), extra=BROKEN_CONNECTION.format(path=broken)) as made:
        walk(made, BROKEN, judge_each=False)


WATCHED_SETTINGS = """rate = "40/s"
[alerts]
check_every = "1s"
settle = "1s"
failed_runs = 1
[alerts.webhook]
url = "http://127.0.0.1:9/nobody-listens"
"""


@pytest.mark.timeout(300)
def test_killed_while_turns_are_taken_and_people_are_told(tmp_path: Path) -> None:
    with matrix(tmp_path, "sqlite", Servers(), extra=WATCHED_SETTINGS) as made:
        walk(made, WATCHED, judge_each=False)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("setup", SETUPS)
def test_the_whole_matrix_judged_after_each(tmp_path: Path, setup: Setup, request: pytest.FixtureRequest) -> None:
    names = tuple(name for name in MAIN if setup != "sqlite" or name not in BROKER_ONLY)
    with matrix(tmp_path, setup, servers_of(setup, request)) as made:
        walk(made, names, judge_each=True)
