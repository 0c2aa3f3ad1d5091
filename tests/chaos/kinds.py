"""The kinds of faults: each is done to a running installation, ends by itself, and says whether it has hit anything."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import datetime
from random import Random

import psycopg
from sqlalchemy import select

from store.engine import reading
from store.tables import lease, slot
from tests.chaos.broker import copies, purge
from tests.chaos.house import LEASE, NAME, READ_TIMEOUT, House, Setup
from tests.chaos.proxy import Mode

Act = Callable[[House, Random], bool]
BROKERS: tuple[Setup, ...] = ("rabbitmq", "redis")
ALL: tuple[Setup, ...] = ("sqlite", "rabbitmq", "redis")
KINDS: dict[str, tuple[Act, tuple[Setup, ...]]] = {}
"""Kind -> what is done, and on which set-ups it makes sense."""

LIKELY_POINTS = tuple(
    f"{name}.{side}"
    for name in (
        "page", "mark", "balance", "tick", "due", "slot-begin", "slot-end", "lease-claim", "lease-release", "run-start",
        "run-finish", "breaker-close", "fetch-keys", "fetch-records", "fetch-balances", "push-wake", "push-claim",
        "push-sending", "push-step", "send", "find-records", "request-begin", "request-end",
    )
    for side in ("before", "after")
)  # fmt: skip
"""Points that a cycle with edits and a new client passes; all the others are in the crash matrix."""


def kind(name: str, *setups: Setup) -> Callable[[Act], Act]:
    """Register a kind of fault."""

    def register(act: Act) -> Act:
        KINDS[name] = (act, setups or ALL)
        return act

    return register


def kinds_of(setup: Setup) -> list[str]:
    """What can be done to this set-up."""
    return [name for name, (_, setups) in KINDS.items() if setup in setups]


def busy(house: House, seconds: float = 12.0) -> bool:
    """Wait until a cycle is running: a fault between two cycles proves little."""
    deadline = time.monotonic() + seconds
    query = select(lease.c.owner).where(lease.c.name == NAME)
    while time.monotonic() < deadline:
        with reading(house.engine) as conn:
            if conn.execute(query).scalar_one_or_none() is not None:
                return True
        time.sleep(0.01)
    return False


def a_worker(house: House, random: Random) -> str:
    """One of the processes that work."""
    return random.choice([name for name in house.processes if not name.startswith("beat")])


# ---------------------------------------------------------------- processes


@kind("kill -9 of a worker")
def kill_worker(house: House, random: Random) -> bool:
    running = busy(house)
    time.sleep(random.uniform(0, 0.3))
    house.kill(a_worker(house, random))
    return running


@kind("kill -9 of a child at work", *BROKERS)
def kill_child(house: House, random: Random) -> bool:
    """The worker sees it and starts another one; the message was taken or not, the tables know."""
    point = random.choice(["page.before", "fetch-keys.after", "run-finish.before", "slot-begin.after", "balance.after"])
    return _kill_at(house, point)


@kind("kill -9 at a fault point")
def kill_at_point(house: House, random: Random) -> bool:
    return _kill_at(house, random.choice(LIKELY_POINTS))


def _kill_at(house: House, point: str) -> bool:
    before = len(house.hits(point))
    house.arm(point)
    deadline = time.monotonic() + 6
    while len(house.hits(point)) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    house.disarm(point)
    killed = house.hits(point)
    house.bury(set(killed))
    return len(killed) > before


@kind("kill -9 of beat", *BROKERS)
def kill_beat(house: House, random: Random) -> bool:
    """Once in three times both of them, for three periods."""
    names = [name for name in house.processes if name.startswith("beat")]
    for name in names if random.random() < 0.3 else [random.choice(names)]:
        house.kill(name)
    time.sleep(house.period * 3)
    return True


@kind("kill -9 of everything")
def kill_all(house: House, random: Random) -> bool:
    running = busy(house)
    for name in list(house.processes):
        house.kill(name)
    return running


@kind("a worker frozen past its lease")
def freeze(house: House, random: Random) -> bool:
    """SIGSTOP in the middle of a cycle, SIGCONT when another has taken over."""
    running, name = busy(house), a_worker(house, random)
    house.send(name, signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    house.send(name, signal.SIGCONT)
    return running


@kind("a second service on the same store", "sqlite")
def second_service(house: House, random: Random) -> bool:
    process = house.launch("second", "run")
    time.sleep(5)
    alive = process.poll() is None
    house.kill("second")
    return alive


@kind("sync by hand, killed")
def hand_killed(house: House, random: Random) -> bool:
    process = house.launch("hand", "sync", "--full")
    time.sleep(random.uniform(1.5, 3.0))
    alive = process.poll() is None
    house.kill("hand")
    return alive


# ---------------------------------------------------------------- accounting


def _network(name: str, proxy: str, mode: Mode, *setups: Setup, seconds: float = READ_TIMEOUT * 1.2) -> None:
    @kind(name, *setups)
    def act(house: House, random: Random) -> bool:
        busy(house)
        broken = house.proxies[proxy]
        before = broken.spoilt
        broken.set(mode)
        time.sleep(random.uniform(0.5, 1.0) * seconds)
        broken.set("pass")
        return broken.spoilt > before


_network("1C: connections reset", "onec", "reset")
_network("1C: refuses connections", "onec", "refuse")
_network("1C: stalls", "onec", "stall", seconds=READ_TIMEOUT * 1.6)
_network("1C: answers cut in the middle", "onec", "truncate", seconds=1.0)
_network("1C: slow", "onec", "delay")
_network("PostgreSQL: connections reset", "store", "reset", *BROKERS, seconds=1.0)
_network("PostgreSQL: stalls past the lease", "store", "stall", *BROKERS, seconds=LEASE * 1.8)
_network("broker: connections reset", "broker", "reset", *BROKERS, seconds=1.0)
_network("broker: stalls past the lease", "broker", "stall", *BROKERS, seconds=LEASE * 1.8)


@kind("1C: written, answer lost")
def answer_lost(house: House, random: Random) -> bool:
    """The base has committed what we sent, and nobody says so."""
    house.onec.fault("drop_after", method="POST", times=random.randint(1, 3))
    return _while_faults(house, 5.0)


@kind("1C: wrong answers")
def wrong_answers(house: House, random: Random) -> bool:
    """To questions only: a write that 1C refuses with an error of its own is a letter, and waits for a person."""
    action = random.choice(["half_json", "login_page", "cut", "empty", "maintenance", "no_licence", "pool", "internal"])
    if action in ("half_json", "login_page", "cut", "empty"):
        house.onec.fault(action, method="GET", path="Catalog|Document|AccountingRegister", times=random.randint(1, 6))
    else:
        house.onec.fault("error", error=action, method="GET", times=random.randint(1, 6))
    return _while_faults(house, 3.0)


def _while_faults(house: House, seconds: float) -> bool:
    time.sleep(seconds)
    done = house.onec.faults_done()
    house.onec.clear_faults()
    return done > 0


# ---------------------------------------------------------------- servers


@kind("PostgreSQL restarted (immediate)", *BROKERS)
def restart_postgres(house: House, random: Random) -> bool:
    server, running = house.servers.postgres, busy(house)
    assert server is not None and server.process is not None
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(20)
    server.kill()
    time.sleep(random.uniform(0, 2))
    server.start()
    _await_postgres(house)
    return running


def _await_postgres(house: House) -> None:
    house.engine.dispose()
    house.looking.dispose()
    server = house.servers.postgres
    assert server is not None
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(server.conninfo()).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@kind("broker killed, away past lease and two periods", *BROKERS)
def broker_away(house: House, random: Random) -> bool:
    server = house.servers.broker
    assert server is not None
    busy(house)
    server.kill()
    time.sleep(max(LEASE, house.period * 2) * 1.2)
    server.start()
    return True


@kind("broker emptied", *BROKERS)
def broker_emptied(house: House, random: Random) -> bool:
    """Nobody works for two periods, or until a message has been lost really: beats may be starting still."""
    for name in [name for name in house.processes if name.startswith("worker")]:
        house.kill(name)
    deadline = time.monotonic() + house.period * 6
    time.sleep(house.period * 2)
    while not (lost := purge(house)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return lost > 0


@kind("messages delivered three times", *BROKERS)
def thrice(house: House, random: Random) -> bool:
    """Copies of the message of every slot that is opened meanwhile, through the real broker, while it is worked on."""
    sent, deadline = 0, time.monotonic() + house.period * 4
    seen: set[datetime] = set()
    while time.monotonic() < deadline:
        with reading(house.engine) as conn:
            starts = set(conn.execute(select(slot.c.start).order_by(slot.c.start.desc()).limit(2)).scalars())
        for start in starts - seen:
            sent += copies(house, [{"kind": "slot", "connection": NAME, "token": start.isoformat()}], 3)
        seen |= starts
        time.sleep(0.02)
    return sent > 0
