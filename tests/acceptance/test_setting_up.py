"""Setting a connection up, looking before switching on, and output for others to read."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tomllib
from pathlib import Path

import openpyxl
import pytest

from sandbox.onec.base import Base
from sandbox.onec.schema import REGISTER
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import ROOT, Installation


@pytest.fixture
def bare(tmp_path: Path, on_sqlite: Installation) -> Installation:
    """An installation whose settings name a store and nothing else."""
    on_sqlite.settings.write_text(f'[store]\nurl = "sqlite:///{tmp_path / "store.db"}"  # mine\n', "utf-8")
    return on_sqlite


def test_connect_recognises_and_writes_settings(bare: Installation, server: OnecServer) -> None:
    before = bare.settings.read_text("utf-8")
    bare.run("connect", "--url", server.url, "--user", "Обмен", "--name", "Мой склад", "--since", "2025-01-31")
    text = bare.settings.read_text("utf-8")
    made = tomllib.loads(text)["connections"]["Мой склад"]
    assert text.startswith(before)
    assert (made["mapping"], made["write"], str(made["since"])) == ("bp30", "review", "2025-01-31")
    assert made["password"] == {"env": "ACCOUNTING_PASSWORD"}
    assert "secret" not in text
    bare.run("doctor")
    bare.run("connect", "--url", server.url, "--user", "Обмен", "--name", "Мой склад", check=2)
    assert bare.settings.read_text("utf-8") == text


def test_connect_takes_a_base_that_shows_little_where_its_mapping_is_named(
    bare: Installation, base: Base, server: OnecServer
) -> None:
    kept = {"Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов", "Document_СчетНаОплатуПокупателю"}
    hidden = {name for name, one in base.schema.sets.items() if not {name, one.parent} & kept}
    base.schema.unpublished |= hidden | {REGISTER}
    before = bare.settings.read_text("utf-8")
    refused = bare.run("connect", "--url", server.url, "--user", "Обмен", check=2)
    assert "sverka connect --mapping bp30" in refused.stderr
    assert bare.settings.read_text("utf-8") == before
    told = bare.run("connect", "--url", server.url, "--user", "Обмен", "--mapping", "bp30").stderr
    assert "Document_РеализацияТоваровУслуг" in told
    assert "nothing is read of: " in told
    assert "balances" in told
    bare.run("audit")
    lines = {line["entity"]: line for line in bare.lines("sync", "--json") if line["direction"] == "in"}
    assert {line["status"] for line in lines.values()} == {"ok"}
    assert lines["counterparties"]["read"]
    assert lines["orders"]["read"]


def test_connect_says_that_a_published_version_rules_for_the_new_base_too(
    on_sqlite: Installation, server: OnecServer, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "bp30"\ntitle = "ours"\n', encoding="utf-8")
    on_sqlite.run("mapping", "publish", str(own))
    told = on_sqlite.run("connect", "--url", server.url, "--user", "Обмен", "--name", "third").stderr
    assert "Version 1 of bp30 is published and rules for third too, as it does for accounting" in told
    assert "sverka mapping diff --connection third" in told
    on_sqlite.run("mapping", "publish", "bp30", "--connection", "third")
    again = on_sqlite.run("connect", "--url", server.url, "--user", "Обмен", "--name", "fourth").stderr
    assert "is published and rules" not in again


@pytest.mark.parametrize(
    ("option", "value"),
    [("--timezone", "Mars/North"), ("--url", "nonsense"), ("--since", "01.01.2024"), ("--connector", "nothing")],
)
def test_connect_refuses_nonsense_and_writes_nothing(
    bare: Installation, server: OnecServer, option: str, value: str
) -> None:
    before = bare.settings.read_text("utf-8")
    given = {"--url": server.url, "--user": "Обмен"} | {option: value}
    done = bare.run("connect", *(part for pair in given.items() for part in pair), check=2)
    assert "Traceback" not in done.stderr
    assert bare.settings.read_text("utf-8") == before


def test_audit_names_what_to_mend(on_sqlite: Installation, base: Base, server: OnecServer, tmp_path: Path) -> None:
    party = {"Description": "=Двойник ООО", "ИНН": "7743013901", "КПП": "774301001", "IsFolder": False}
    twins = [base.create("Catalog_Контрагенты", party) for _ in range(2)]
    on_sqlite.run("contact", "add", "--name", "Близнец", "--inn", "7743013901")
    book = tmp_path / "look.xlsx"
    rows = on_sqlite.lines("audit", "--json", "--xlsx", str(book))
    (found,) = [row for row in rows if row["section"] == "twins" and row["tax_id"] == "7743013901"]
    assert all(key in found["cards"] for key in twins)
    assert [row["match"] for row in rows if row["section"] == "contacts"] == ["several"]
    assert [row for row in server.requests if row.method != "GET"] == []
    sheet = openpyxl.load_workbook(book)["twins"]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_csv_columns_do_not_depend_on_the_first_records(on_sqlite: Installation) -> None:
    on_sqlite.run("sync")
    text = on_sqlite.run("export", "payments", "--format", "csv").stdout.removeprefix("\ufeff")
    rows = {row["external_id"]: row for row in csv.DictReader(io.StringIO(text))}
    records = on_sqlite.lines("export", "payments")
    assert len(rows) == len(records)
    for record in records:
        contract = record["contract"] or {}
        assert rows[record["external_id"]]["contract.name"] == (contract.get("name") or "")
        assert rows[record["external_id"]]["amount"] == record["amount"]


def test_formulas_in_names_are_shown_and_not_run(on_sqlite: Installation, base: Base) -> None:
    base.create("Catalog_Контрагенты", {"Description": "=HYPERLINK(1)", "IsFolder": False})
    on_sqlite.run("sync")
    text = on_sqlite.run("export", "counterparties", "--format", "csv").stdout
    assert "'=HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text


def test_a_reader_that_has_enough_is_no_failure(on_sqlite: Installation) -> None:
    on_sqlite.run("sync")
    for command in ("export counterparties", "export payments --format csv", "balances"):
        line = f"{sys.executable} -m cli.main {command} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=on_sqlite.env, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.strip() == "0", done.stderr


def test_a_mapping_of_ones_own_is_checked_published_and_taken_back(on_sqlite: Installation) -> None:
    on_sqlite.run("sync")
    wrong = on_sqlite.folder / "wrong.toml"
    wrong.write_text('extends = "bp30"\n[entities.counterparty.fields]\nnam = "Description"\n', "utf-8")
    done = on_sqlite.run("mapping", "check", str(wrong), check=2)
    assert "wrong.toml:3" in done.stderr
    assert "name" in done.stderr
    good = on_sqlite.folder / "good.toml"
    good.write_text('extends = "bp30"\n[entities.counterparty.fields]\nname = "НаименованиеПолное"\n', "utf-8")
    on_sqlite.run("mapping", "check", str(good), "--live")
    on_sqlite.run("mapping", "publish", str(good))
    states = {row["version"]: row["state"] for row in on_sqlite.lines("mapping", "list", "--json")}
    (former,) = [version for version, state in states.items() if state == "retired"]
    assert sorted(states.values()) == ["published", "retired"]
    assert "НаименованиеПолное" in on_sqlite.run("mapping", "diff").stdout
    on_sqlite.run("mapping", "rollback", former)
    assert on_sqlite.run("mapping", "diff").stdout == ""


def test_an_attribute_that_the_base_lacks_is_named(on_sqlite: Installation) -> None:
    draft = on_sqlite.folder / "draft.toml"
    draft.write_text('extends = "bp30"\n[entities.counterparty.fields]\nname = "НаименованиПолное"\n', "utf-8")
    rows = [
        row
        for row in on_sqlite.lines("mapping", "check", str(draft), "--live", "--json", check=1)
        if row["level"] == "error"
    ]
    assert "НаименованиПолное" in rows[0]["message"]
    assert "НаименованиеПолное" in rows[0]["message"]
