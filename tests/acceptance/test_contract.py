"""The contract of the outside (design §7): names, shapes and exit codes that scripts depend on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation

SYNC_KEYS = [
    "run",
    "connection",
    "entity",
    "direction",
    "status",
    "read",
    "created",
    "updated",
    "unchanged",
    "filtered",
    "parked",
    "dead",
    "requests",
    "seconds",
]
DOCUMENT_KEYS = [
    "id",
    "external_id",
    "external_ids",
    "number",
    "date",
    "posted",
    "deleted",
    "amount",
    "currency",
    "counterparty",
    "organisation",
    "contract",
    "lines",
]
ENTITIES = [
    "organisations",
    "currencies",
    "managers",
    "products",
    "counterparties",
    "contacts",
    "persons",
    "contracts",
    "orders",
    "shipments",
    "returns",
    "payments",
    "balances",
    "movements",
    "deals",
]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that has read its base once; tests of this module only look at it."""
    folder = tmp_path_factory.mktemp("read")
    with OnecServer(build_company(seed=5, documents=200)) as server:
        installed = Installation(folder, f"sqlite:///{folder / 'store.db'}", server.url)
        installed.run("sync")
        yield installed


def test_shapes(read: Installation) -> None:
    for entity in ("orders", "shipments", "returns", "payments"):
        for row in read.lines("export", entity):
            assert [key for key in DOCUMENT_KEYS if key not in row] == []
            assert isinstance(row["amount"], str) and Decimal(row["amount"]).is_finite()
            assert datetime.fromisoformat(row["date"]).tzinfo is not None
            assert row["external_ids"] == {"accounting": row["external_id"]}
            if row["counterparty"] is not None:
                assert {"id", "name", "external_ids"} <= set(row["counterparty"])
    for row in read.lines("balances", "--json"):
        assert {"counterparty", "currency", "amount", "receivable", "advance", "overdue", "as_of"} <= set(row)
        assert Decimal(row["amount"]) == Decimal(row["receivable"]) - Decimal(row["advance"])
        assert datetime.fromisoformat(row["as_of"]).tzinfo is not None


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_can_be_exported(read: Installation, entity: str) -> None:
    read.lines("export", entity)
    read.run("export", entity, "--format", "csv")


def test_singular_is_accepted(read: Installation) -> None:
    assert read.lines("export", "shipment") == read.lines("export", "shipments")


def test_sync_json(on_sqlite: Installation) -> None:
    lines = on_sqlite.lines("sync", "--json")
    for line in lines:
        assert [key for key in SYNC_KEYS if key not in line] == []
        if line["direction"] == "in":
            outcomes = ("created", "updated", "deleted", "unchanged", "filtered", "parked", "review", "dead")
            assert line["read"] == sum(line[word] for word in outcomes)
    assert {"counterparties", "shipments", "balances"} <= {line["entity"] for line in lines}


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("export", "nonsense"), 2),
        (("sync", "nowhere"), 2),
        (("sync", "--entity", "nonsense"), 2),
        (("nonsense",), 2),
        (("dead", "show", "99"), 2),
        (("review", "create", "99"), 2),
        (("card", "nobody at all"), 1),
    ],
)
def test_exit_codes(on_sqlite: Installation, args: tuple[str, ...], code: int) -> None:
    done = on_sqlite.run(*args, check=code)
    assert done.stdout == ""
    assert done.stderr


def test_all_mistakes_of_the_settings_at_once(on_sqlite: Installation) -> None:
    text = (
        on_sqlite.settings.read_text("utf-8")
        + '\n[schedule]\nevery = "0s"\nevry = "5m"\n[connections.other]\nconnector = "nothing"\n'
    )
    on_sqlite.settings.write_text(text, "utf-8")
    done = on_sqlite.run("status", check=2)
    assert all(
        part in done.stderr for part in ("schedule.every", "schedule.evry", "connections.other.connector", "onec_odata")
    )


def test_base_that_is_away(on_sqlite: Installation) -> None:
    done = on_sqlite.run(
        "sync", check=1, env={"SVERKA_CONNECTIONS__ACCOUNTING__URL": "http://127.0.0.1:9/base/odata/standard.odata"}
    )
    assert "Next:" in done.stderr or "sverka" in done.stderr


@pytest.mark.parametrize("command", ["sync", "reconcile", "run"])
def test_secret_that_is_nowhere_is_a_mistake_of_the_settings(on_sqlite: Installation, command: str) -> None:
    del on_sqlite.env["ACCOUNTING_PASSWORD"]
    done = on_sqlite.run(command, check=2)
    assert "ACCOUNTING_PASSWORD" in done.stderr
    assert "Traceback" not in done.stderr


def test_store_that_is_no_database_is_a_mistake_of_the_settings(on_sqlite: Installation, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("Дорогой дневник! " * 500, "utf-8")
    done = on_sqlite.run("status", check=2)
    assert "is no store" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "store.db").read_text("utf-8").startswith("Дорогой")


def test_address_of_the_store_by_reference(on_sqlite: Installation) -> None:
    text = on_sqlite.settings.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("url = "))
    on_sqlite.settings.write_text(text.replace(line, 'url = { env = "WHERE_THE_STORE_IS" }', 1), "utf-8")
    assert "WHERE_THE_STORE_IS" in on_sqlite.run("status", check=2).stderr
    on_sqlite.run("status", check=None, env={"WHERE_THE_STORE_IS": line.split('"')[1]})
    assert (on_sqlite.folder / "store.db").exists()


def test_wrong_password_is_said_and_not_shown(on_sqlite: Installation) -> None:
    done = on_sqlite.run("sync", check=None, env={"ACCOUNTING_PASSWORD": "canary-7731"})
    assert done.returncode in {1, 2}
    assert "canary-7731" not in done.stdout + done.stderr


def test_status_and_doctor(read: Installation) -> None:
    assert json.loads(read.run("status", "--json").stdout)
    read.run("status")
    findings = read.lines("doctor", "--json")
    assert not [row for row in findings if row["level"] == "error"]


def test_card_by_every_means(read: Installation) -> None:
    rows = read.lines("export", "counterparties")
    taken = [row["tax_id"] for row in rows]
    row = next(row for row in rows if row["tax_id"] and taken.count(row["tax_id"]) == 1 and row["phones"])
    card = json.loads(read.run("card", row["tax_id"], "--json").stdout)
    assert card["customer"]["external_id"] == row["external_id"]
