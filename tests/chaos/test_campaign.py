"""A short campaign on every set-up, the faults of scenario 14, and proof that the judge sees what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from core.clock import SystemClock
from core.ids import new_id
from store.entities import entity_tables
from store.tables import run
from sync.push.contacts import add_contact
from sync.room.dispatch import run_work, tick
from tests.chaos.campaign import Campaign, inn_of
from tests.chaos.house import NAME, SETUPS, House, Servers, Setup
from tests.chaos.judge import Judge
from tests.chaos.kinds import BROKERS, KINDS, kinds_of
from tests.chaos.onec import PARTIES, Onec

SHORT, SEED = 6, 14
MESSAGES = (
    "messages delivered three times",
    "broker emptied",
    "broker killed, away past lease and two periods",
    "PostgreSQL restarted (immediate)",
)

PROCESS = ("a worker frozen past its lease", "kill -9 of everything")


def servers_of(setup: Setup, request: pytest.FixtureRequest) -> Servers:
    if setup == "sqlite":
        return Servers()
    if setup == "redis":
        request.getfixturevalue("redis_url")  # empties it
    broker = request.getfixturevalue("rabbitmq" if setup == "rabbitmq" else "redis_server")
    return Servers(request.getfixturevalue("postgres"), broker)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("setup", SETUPS)
def test_short_campaign(setup: Setup, request: pytest.FixtureRequest) -> None:
    """Random kinds; first what tells the set-ups apart: with a broker messages, the broker and the database."""
    first = MESSAGES if setup in BROKERS else PROCESS
    report = Campaign(setup, SHORT, SEED, together=SHORT, first=first, servers=servers_of(setup, request)).run()
    assert report.faults == SHORT
    assert report.passed, report.table()
    assert all(report.lines[name].hit for name in first), report.table()


def test_every_kind_is_done_on_some_set_up() -> None:
    assert {name for setup in SETUPS for name in kinds_of(setup)} == set(KINDS)
    assert {*MESSAGES, *PROCESS} <= set(KINDS)


# -------------------------------------------------------------------- the judge


def work(house: House) -> None:
    """What beat and worker do, here and now."""
    for item in tick(house.app):
        run_work(house.app, item.to_message())


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[tuple[House, Judge]]:
    """An installation that is level, with one client made known; no process runs."""
    onec = Onec(tmp_path)
    house = House(tmp_path / "house", "sqlite", Servers(), onec)
    judge, inn = Judge(house), inn_of(1234567)
    contact = add_contact(house.app, name="ООО «Лето»", tax_id=inn, status="client")
    judge.expect_client(inn, str(contact["id"]))
    deadline = time.monotonic() + 90
    while not (verdict := judge.look()):
        assert time.monotonic() < deadline, verdict
        work(house)
    yield house, judge
    house.stop()
    onec.close()


def spoil(house: House, statement: Any) -> None:
    with house.engine.begin() as conn:
        conn.execute(statement)


def test_the_judge_sees_what_is_lost(judged: tuple[House, Judge]) -> None:
    house, judge = judged
    spoil(house, update(entity_tables["order"]).values(amount=Decimal(1)))
    assert judge.look().lost
    spoil(house, delete(entity_tables["shipment"]))
    assert any("shipment" in text for text in judge.look().lost)


def test_the_judge_sees_what_is_doubled(judged: tuple[House, Judge]) -> None:
    house, judge = judged
    house.onec.edit("create", PARTIES, Description="Двойник", ИНН=inn_of(1234567))
    assert judge.look().doubled


def test_the_judge_sees_what_is_not_healed(judged: tuple[House, Judge]) -> None:
    house, judge = judged
    row = {"id": new_id(), "connection": NAME, "kind": "schedule", "status": "running", "owner": "nobody", "fence": 0}
    spoil(house, insert(run).values(row | {"started_at": SystemClock().now()}))
    assert judge.look().unhealed
