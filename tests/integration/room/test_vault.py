"""Two workers, one application: its tokens are renewed a hundred times and never become invalid."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.vault import Tokens
from core.clock import ManualClock, SystemClock
from core.errors import TransientError
from core.secrets import redact
from core.settings import Settings
from sandbox.bitrix24 import BitrixServer, build_portal
from store.engine import open_engine
from store.tables import token
from store.upgrade import upgrade
from sync.context import App
from sync.room import vault as room
from sync.room.faults import TOKEN_POINTS
from sync.room.vault import StoredVault
from tests.integration.room.renewing import renew
from tests.services.victim import run_victim

ROUNDS = 100
WORKER = """
import sys
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.wire import Wire
from core.clock import SystemClock
from core.settings import Settings
from store.engine import open_engine
from sync.context import App
from sync.room.vault import StoredVault
from tests.integration.room.renewing import renew
from tests.services.victim import run_victim

store, root, client, secret, first, owner = sys.argv[1:]
clock = SystemClock()
app = App(Settings(), open_engine(store), clock, owner)
options = Bitrix24Options.model_validate(dict(
    portal=root, client_id=client, client_secret=secret, refresh_token=first, oauth_server=root + "/oauth/token/",
    allow_http=True,
))
wire = Wire(options, clock, None, StoredVault(app, "crm"))
for line in sys.stdin:
    try:
        print("ok" if wire.call("scope").result else "nothing", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


@pytest.fixture
def server() -> Iterator[BitrixServer]:
    portal = build_portal()
    portal.limits.cap = portal.limits.drain = 1e9
    with BitrixServer(portal) as server:
        yield server


def test_two_workers_renew_one_token(store_url: str, server: BitrixServer) -> None:
    upgrade(store_url)
    made = server.portal.tokens.add_application()
    first = server.portal.tokens.give(made.client_id)["refresh_token"]
    arguments = [store_url, server.root, made.client_id, made.client_secret, first]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, *arguments, owner],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for owner in ("one", "two")
    ]  # fmt: skip
    try:
        for _ in range(ROUNDS):
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write("call\n")
                worker.stdin.flush()
            answers = [worker.stdout.readline().strip() for worker in workers if worker.stdout is not None]
            assert answers == ["ok", "ok"]
            server.portal.shift += timedelta(hours=2)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert server.portal.tokens.refused == 0
    assert server.portal.tokens.refreshed == ROUNDS


def test_who_died_while_renewing_keeps_nobody_out_for_long(store_url: str) -> None:
    upgrade(store_url)
    engine, clock = open_engine(store_url), ManualClock()
    dead = StoredVault(App(Settings(), engine, clock, "dead"), "crm")
    assert dead._try_claim("dead")
    heir = StoredVault(App(Settings(), engine, clock, "heir"), "crm")
    assert not heir._try_claim("heir")
    with heir.exclusive() as kept:  # the clock moves on while it waits
        assert kept is None
    engine.dispose()


def test_a_claim_from_a_clock_put_back_keeps_nobody_out(store_url: str) -> None:
    upgrade(store_url)
    engine, clock = open_engine(store_url), ManualClock()
    vault = StoredVault(App(Settings(), engine, clock, "one"), "crm")
    assert vault._try_claim("dead")
    clock.move(timedelta(hours=-2))
    assert vault._try_claim("heir")
    assert not vault._try_claim("third")
    engine.dispose()


def test_tokens_are_cut_out_of_every_text(store_url: str) -> None:
    upgrade(store_url)
    mark = uuid4().hex  # what is remembered stays so for the whole process: each run plants its own
    first, second = (f"canary-access-{number}-{mark}" for number in (1, 2))
    renewal, renewed = (f"canary-refresh-{number}-{mark}" for number in (1, 2))
    engine, clock = open_engine(store_url), ManualClock()
    vault = StoredVault(App(Settings(), engine, clock, "one"), "crm")
    vault.save(Tokens(first, renewal, clock.now(), "https://portal.example.com/rest/"))
    assert redact(f"auth={first}&refresh_token={renewal}") == "auth=***&refresh_token=***"
    other = {"access": second, "refresh": renewed}
    with engine.begin() as conn:  # another process has renewed them
        conn.execute(token.update().values(other))
    assert redact(renewed) == renewed
    assert vault.load() is not None
    assert redact(f"{second} {renewed}") == "*** ***"
    engine.dispose()


@pytest.mark.parametrize("point", TOKEN_POINTS)
def test_killed_around_each_of_its_commits(store_url: str, point: str) -> None:
    upgrade(store_url)
    assert run_victim(renew, store_url, point=f"{point}:1")
    engine, clock = open_engine(store_url), ManualClock(SystemClock().now() + room.HELD + timedelta(seconds=1))
    heir = StoredVault(App(Settings(), engine, clock, "heir"), "crm")
    saved = point == "token-save.after" or point.startswith("token-release")
    with heir.exclusive() as kept:
        assert (kept is not None and kept.refresh == "killed-refresh-7") is saved
        heir.save(Tokens("heir-access-7", "heir-refresh-7", clock.now(), "https://portal.example.com/rest/"))
    assert heir.load() == Tokens("heir-access-7", "heir-refresh-7", clock.now(), "https://portal.example.com/rest/")
    engine.dispose()


def test_a_renewal_that_never_ends_is_told(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(store_url)
    engine, clock = open_engine(store_url), ManualClock()
    monkeypatch.setattr(room, "PATIENCE", 5.0)
    busy = StoredVault(App(Settings(), engine, clock, "busy"), "crm")
    with busy.exclusive(), pytest.raises(TransientError, match="too long"), busy.exclusive():
        pass
    engine.dispose()
