"""What waits for a person, by the commands that he types: letters and reviews, and one number everywhere."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sandbox.onec.base import Base
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation, wait_for
from tests.services.process import free_port

pytestmark = pytest.mark.timeout(600)
SALE = "Document_РеализацияТоваровУслуг"
PARTIES = "Catalog_Контрагенты"
ABSURD = 10**15
INN = "7743013901"


def poison(base: Base, number: int) -> dict[str, Any]:
    """Shipments with an amount that nobody believes; their right amounts by key."""
    keys = [key for key in base.keys(SALE) if base.get(SALE, key)["Posted"]][:number]
    right = {key: base.get(SALE, key)["СуммаДокумента"] for key in keys}
    for key in keys:
        base.change(SALE, key, {"СуммаДокумента": ABSURD}, repost=False)
    return right


def metrics_of(port: int) -> dict[str, int]:
    """Queue -> number, as /metrics tells it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {
        line.partition('queue="')[2].partition('"')[0]: int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith('sverka_queue{connection="accounting"')
    }


def test_letters_by_command(on_sqlite: Installation, base: Base) -> None:
    poison(base, 3)
    on_sqlite.run("sync", check=3)
    letters = on_sqlite.lines("dead", "list", "--json")
    assert len(letters) == 3 and len({letter["group"] for letter in letters}) == 1
    group = letters[0]["group"]
    shown = on_sqlite.run("dead", "list")
    assert group in shown.stdout and "3 letters of 1 causes" in shown.stderr
    first, second, third = (letter["number"] for letter in letters)
    whole = json.loads(on_sqlite.run("dead", "show", str(first), "--json").stdout)
    assert str(ABSURD) in whole["payload"]["raw"] and whole["stage"] == "map"

    wrong = on_sqlite.run("dead", "edit", str(first), "--set", "amount=много", "--set", "summa=1", check=2)
    assert "amount" in wrong.stderr and "summa" in wrong.stderr and "Next:" in wrong.stderr
    on_sqlite.run("dead", "edit", str(first), "--set", "amount=1200.50")
    edited = on_sqlite.folder / "edited.json"
    edited.write_text('{"amount": 17.25, "comment": "по телефону"}', encoding="utf-8")
    on_sqlite.run("dead", "edit", str(second), "--file", str(edited))
    on_sqlite.run("dead", "discard", str(third), "--reason", "проба бухгалтера")
    on_sqlite.run("dead", "discard", str(third), "--reason", "ещё раз", check=2)
    on_sqlite.run("sync")
    states = {letter["number"]: letter["state"] for letter in on_sqlite.lines("dead", "list", "--all", "--json")}
    assert states == {first: "resolved", second: "resolved", third: "discarded"}
    amounts = {row["external_id"]: row["amount"] for row in on_sqlite.lines("export", "shipments")}
    by_number = {letter["number"]: letter["external_id"] for letter in letters}
    assert (amounts[by_number[first]], amounts[by_number[second]]) == ("1200.50", "17.25")
    assert by_number[third] not in amounts


def test_one_number_everywhere(tmp_path: Path, server: OnecServer, base: Base, store_url: str) -> None:
    """status, metrics, doctor and the lists count alike; a person's orders are carried out by the running service."""
    port = free_port()
    extra = f'[schedule]\nevery = "1h"\ntick = "1s"\n[web]\nlisten = "127.0.0.1:{port}"\n'
    installed = Installation(tmp_path, store_url, server.url, extra=extra, connection='write = "review"')
    right = poison(base, 2)
    installed.run("sync", check=3)
    installed.run("contact", "add", "--name", "ООО «Лето»", "--inn", INN, "--status", "client")
    installed.run("sync", check=3)
    with installed.service("run"):
        wait_for(lambda: metrics_of(port) if _answers(port) else None, "the service answers")
        wait_for(lambda: metrics_of(port)["requests"] == 0, "what was asked for is done")
        status = json.loads(installed.run("status", "--json").stdout)["connections"][0]
        found = metrics_of(port)
        assert {name: status[name] for name in found} == found
        assert found["dead"] == len(installed.lines("dead", "list", "--json")) == 2
        assert found["review"] == len(installed.lines("review", "list", "--json")) == 1
        told = installed.run("doctor", check=None).stdout
        assert "2 records failed" in told and "1 decisions wait" in told
        assert "2 letters of 1 causes" in installed.run("dead", "list").stderr
        assert "1 decisions wait" in installed.run("review", "list").stderr

        for key, amount in right.items():
            base.change(SALE, key, {"СуммаДокумента": amount}, repost=False)
        installed.run("dead", "retry", "--all")
        wait_for(lambda: metrics_of(port)["dead"] == 0, "the letters are tried again and gone")
        number = str(installed.lines("review", "list", "--json")[0]["number"])
        before = set(base.keys(PARTIES))
        installed.run("review", "create", number)
        wait_for(lambda: set(base.keys(PARTIES)) - before, "the approved client is in accounting")
        late = installed.run("review", "create", number, check=2)
        assert "decided already" in late.stderr
        assert set(metrics_of(port).values()) == {0} or wait_for(
            lambda: set(metrics_of(port).values()) == {0}, "nothing waits"
        )


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).read()
    except OSError:
        return False
    return True
