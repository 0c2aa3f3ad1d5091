"""A telephone exchange asks who calls: the AGI script over its protocol and real HTTP, and the name in plain text."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import update

from store.customers import write_lists
from store.entities import balances, counterparties
from tests.integration.web.world import SECRET_NAME, World
from tests.services.process import free_port
from web.app import build_site_app

SCRIPT = Path(__file__).parents[3] / "deploy" / "telephony" / "sverka-agi.py"
HEAD = "agi_request: sverka-agi.py\nagi_channel: PJSIP/trunk-1\nagi_callerid: {}\nagi_arg_1: x\n\n"
ANSWERED = "200 result=1\n" * 20


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The site at an address."""
    with world.engine.begin() as conn:
        write_lists(conn, list(world.customers.values()))
    port = free_port()
    config: Any = uvicorn.Config(build_site_app(world.site), port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the site does not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def call(
    folder: Path, url: str, token: str, number: str, *arguments: str, answers: str = ANSWERED, head: str = HEAD
) -> tuple[dict[str, str], str]:
    """Run the script as Asterisk would; the variables that it sets, and all that it said."""
    conf = folder / "sverka.conf"
    conf.write_text(f"# who calls\nurl = {url}/\ntoken = {token}   # of petr\ntimeout = 5\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        input=(head.format(number) + answers).encode(),
        capture_output=True,
        timeout=60,
        check=True,
        env={"SVERKA_AGI_CONF": str(conf), "PYTHONIOENCODING": "ascii"},
    )
    assert done.stderr == b""
    said = done.stdout.decode()
    lines = [line for line in said.splitlines() if line.startswith("SET VARIABLE ")]
    pairs = (line.removeprefix("SET VARIABLE SVERKA_").partition(" ") for line in lines)
    return {name: value.strip('"') for name, _, value in pairs}, said


def test_his_own_customer(world: World, served: str, tmp_path: Path) -> None:
    with world.engine.begin() as conn:
        mine = balances.c.counterparty_id == world.customers["mine"]
        conn.execute(update(balances).where(mine).values(overdue=Decimal(5)))
    found, _ = call(tmp_path, served, world.api_key("manager"), "84951234560")
    assert found == {
        "FOUND": "1", "NAME": "Ромашка ООО", "PERSON": "", "MANAGER": "Анна", "OVERDUE": "1",
        "MANAGER_ID": str(world.managers["Анна"]), "ID": str(world.customers["mine"]),
    }  # fmt: skip


def test_of_a_colleagues_customer_name_and_responsible_only(world: World, served: str, tmp_path: Path) -> None:
    found, _ = call(tmp_path, served, world.api_key("manager"), "unknown", "+7 495 123-45-61")
    assert (found["FOUND"], found["NAME"], found["MANAGER"]) == ("1", SECRET_NAME, "Пётр")
    assert found["ID"] == found["OVERDUE"] == ""


def test_several_and_nobody(world: World, served: str, tmp_path: Path) -> None:
    world.filling.add("person", counterparty_id=world.customers["mine"], name="Ольга", phones=["89160001122"])
    world.filling.add("person", counterparty_id=world.customers["foreign"], name="Ольга", phones=["89160001122"])
    with world.engine.begin() as conn:
        write_lists(conn, list(world.customers.values()))
    token = world.api_key("manager")
    found, _ = call(tmp_path, served, token, "79160001122")
    assert (found["FOUND"], found["NAME"], found["PERSON"]) == ("2", "Ромашка ООО +1", "Ольга")
    for number in ("79990001122", "anonymous", ""):
        found, said = call(tmp_path, served, token, number)
        assert found["FOUND"] == "0" and found["NAME"] == "" and "VERBOSE" not in said


def test_a_name_means_nothing_to_the_dialplan(world: World, served: str, tmp_path: Path) -> None:
    key = world.customers["mine"]
    evil = 'ООО "Ром${SHELL(x)}"\\\n,Set(a=1)|<b>\'' + "я" * 300
    with world.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(name=evil))
    found, said = call(tmp_path, served, world.api_key("manager"), "84951234560")
    assert found["NAME"].startswith("ООО Ром SHELL(x) Set(a 1) b яя") and len(found["NAME"]) == 80
    assert len(said.splitlines()) == 7


def test_the_call_goes_on_whatever_happens(world: World, served: str, tmp_path: Path) -> None:
    found, said = call(tmp_path, served, "svk_wrong", "84951234560")
    assert (
        found["FOUND"] == "error"
        and found["NAME"] == ""
        and 'VERBOSE "Sverka did not say who calls: HTTP 401" 1' in said
    )
    found, said = call(tmp_path, f"http://127.0.0.1:{free_port()}", "svk_secret", "84951234560")
    assert found["FOUND"] == "error" and "URLError" in said and "svk_secret" not in said
    found, said = call(tmp_path, "file:///etc/passwd?", "svk_secret", "84951234560")
    assert found["FOUND"] == "error" and "ValueError" in said


def test_the_caller_hangs_up(world: World, served: str, tmp_path: Path) -> None:
    token = world.api_key("manager")
    _, said = call(tmp_path, served, token, "84951234560", answers="200 result=1\nHANGUP\n")
    assert len(said.splitlines()) == 2
    _, said = call(tmp_path, served, token, "84951234560", answers="")
    assert len(said.splitlines()) == 1
    usage = "520-Invalid command syntax.  Proper usage follows:\nUsage: SET VARIABLE\n520 End of proper usage.\n"
    _, said = call(tmp_path, served, token, "84951234560", answers=usage * 7)
    assert len(said.splitlines()) == 7


def test_the_name_in_plain_text(world: World, served: str) -> None:
    browser, path = world.browser(), "/api/v1/lookup/name"
    token = world.api_key("manager")
    basic = base64.b64encode(f"freepbx:{token}".encode()).decode()
    for header in (f"Bearer {token}", f"Basic {basic}"):
        headers = {"authorization": header}
        answer = browser.get(path, params={"phone": "84951234560"}, headers=headers)
        assert (answer.status_code, answer.text) == (200, "Ромашка ООО")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert browser.get(path, params={"phone": "84951234561"}, headers=headers).text == f"{SECRET_NAME} (Пётр)"
        assert browser.get(path, params={"phone": "84950000000"}, headers=headers).text == ""
        assert browser.get(path, headers=headers).text == ""


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff").decode(), "Basic eDp5"])
def test_a_wrong_password_is_nobody(world: World, header: str) -> None:
    answer = world.browser().get("/api/v1/lookup/name?phone=84951234560", headers={"authorization": header})
    assert answer.status_code == 401
