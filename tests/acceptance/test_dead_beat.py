"""A beat that is dead is noticed by the workers, and people are told by real mail."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select

from sandbox.onec.server import OnecServer
from store.engine import open_engine, reading
from store.tables import tick
from sync.room.dispatch import TICK
from tests.acceptance.installation import Installation, wait_for
from tests.integration.alerts.mailbox import PASSWORD, Mailbox
from tests.services.process import free_port

FAST = '[schedule]\nevery = "10s"\ntick = "1s"\nlease = "10s"\n'
NIGHT = 'quiet = ["00:00-12:00", "12:00-00:00"]'
pytestmark = pytest.mark.timeout(240)


def alerts(mailbox: Mailbox) -> str:
    return f"""
[alerts]
check_every = "1s"
settle = "2s"
[alerts.email]
host = "127.0.0.1"
port = {mailbox.port}
security = "none"
from = "sverka@example.com"
to = ["ops@example.com"]
password = {{ env = "SMTP_PASSWORD" }}
"""


def installation(
    folder: Path, server: OnecServer, store: str, broker: str, mailbox: Mailbox, connection: str = ""
) -> Installation:
    web = f'[web]\nlisten = "127.0.0.1:{free_port()}"\n'
    extra = f'{FAST}{web}[broker]\nurl = "{broker}"\n{alerts(mailbox)}'
    installed = Installation(folder, store, server.url, extra=extra, connection=f'write = "off"\n{connection}')
    installed.env["SMTP_PASSWORD"] = PASSWORD
    return installed


def ticks(engine: Engine) -> bool:
    with reading(engine) as conn:
        return inspect(conn).has_table("tick") and bool(conn.execute(select(tick).where(tick.c.name == TICK)).first())


@pytest.mark.parametrize("broker", ["rabbitmq_url", "redis_url"])
def test_a_dead_beat_is_told_and_its_return_too(
    tmp_path: Path, server: OnecServer, postgres_url: str, broker: str, request: pytest.FixtureRequest
) -> None:
    """A beat killed with -9: one letter from the workers, and one when a new beat ticks. Nothing is read meanwhile."""
    with ExitStack() as stack:
        mailbox = stack.enter_context(Mailbox().running())
        installed = installation(tmp_path, server, postgres_url, request.getfixturevalue(broker), mailbox, NIGHT)
        engine = open_engine(postgres_url)
        stack.callback(engine.dispose)
        for _ in range(2):
            stack.enter_context(installed.service("worker", "--concurrency", "1"))
        with installed.service("beat") as beat:
            wait_for(lambda: ticks(engine), "it ticks", 90)
            assert mailbox.letters == []
            beat.send_signal(signal.SIGKILL)
            beat.wait()
        wait_for(lambda: mailbox.letters, "the dead beat is told of", 90)
        (told,) = installed.lines("status", "--json")[0]["alerts"]
        assert (told["kind"], told["told"][0]["state"]) == ("no_tick", "sent")
        stack.enter_context(installed.service("beat"))
        wait_for(lambda: len(mailbox.letters) == 2, "its return is told of", 90)
    assert mailbox.subjects == [
        "[Sverka] Problem: the schedule stands still",
        "[Sverka] Resolved: the schedule stands still",
    ]
    logs = "".join(path.read_text("utf-8", "replace") for path in tmp_path.glob("*.log"))
    assert logs and PASSWORD not in logs


def test_the_one_process_tells_of_a_silent_accounting(tmp_path: Path, server: OnecServer) -> None:
    """`sverka run` with a mail server that is there: 1C goes away, somebody hears of it; doctor and test agree."""
    with ExitStack() as stack:
        mailbox = stack.enter_context(Mailbox().running())
        installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}", "", mailbox)
        (line,) = [row for row in installed.lines("doctor", "--json") if row["subject"] == "e-mail"]
        assert line["level"] == "ok" and mailbox.letters == []
        assert installed.lines("alerts", "test", "--json") == [{"channel": "email", "sent": True, "message": ""}]
        assert mailbox.subjects == ["[Sverka] Test: a test message"]
        process = stack.enter_context(
            installed.service("run", env={"SVERKA_ALERTS__SILENT_AFTER": "20s", "SVERKA_ALERTS__SETTLE": "5m"})
        )
        stack.callback(process.kill)
        wait_for(lambda: installed.lines("status", "--json")[0]["counters"], "a cycle is done", 90)
        server.faults.add("drop_before")
        wait_for(lambda: len(mailbox.letters) > 1, "the silence is told of", 120)
        text = installed.run("status").stdout
        assert "Open alerts" in text and "accounting" in mailbox.subjects[1]
        listed = installed.lines("alerts", "list", "--json")
        assert [row["cause"] for row in listed] == ["connection:accounting"]
    process.wait()


def test_settings_that_cannot_work_are_named(tmp_path: Path, server: OnecServer) -> None:
    installed = installation(tmp_path, server, f"sqlite:///{tmp_path / 'store.db'}", "", Mailbox())
    done = installed.run("doctor", "--json", check=1)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["next"] for row in lines if row["subject"] == "e-mail"] == [
        "look at [alerts.email], then: sverka doctor"
    ]
    failed = installed.run("alerts", "test", check=1)
    assert "email: not sent: The mail server" in failed.stdout
    text = installed.settings.read_text("utf-8")
    installed.settings.write_text(text.replace('to = ["ops@example.com"]', 'to = ["ops"]\nquiet = 1'), "utf-8")
    refused = installed.run("alerts", "test", check=2)
    assert "alerts.email.to.0" in refused.stderr and "alerts.email.quiet" in refused.stderr
