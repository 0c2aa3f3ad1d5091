"""The main job as a user runs it: pull, a client back into accounting, balances, reconcile."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.onec.base import Base
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation
from tests.acceptance.truth import our_balances, ours, true_balances

DOCUMENTS = {
    "orders": ("Document_СчетНаОплатуПокупателю",),
    "shipments": ("Document_РеализацияТоваровУслуг", "Document_АктОбОказанииПроизводственныхУслуг"),
}


def test_store_equals_the_base(installed: Installation, base: Base) -> None:
    installed.run("sync")
    assert our_balances(installed) == true_balances(base)
    for entity, sets in DOCUMENTS.items():
        truth = {row["Ref_Key"]: row for name in sets for row in base.truth_documents(name)}
        mirrored = ours(installed, entity)
        assert set(mirrored) == set(truth)
        assert all(
            Decimal(mirrored[key]["amount"]) == Decimal(str(row["СуммаДокумента"])) for key, row in truth.items()
        )
        assert all(mirrored[key]["posted"] == row["Posted"] for key, row in truth.items())
        assert all(mirrored[key]["deleted"] == row["DeletionMark"] for key, row in truth.items())


def test_second_cycle_changes_nothing(on_sqlite: Installation) -> None:
    on_sqlite.run("sync")
    lines = on_sqlite.lines("sync", "--json")
    assert sum(line["read"] for line in lines) > 0
    assert {(line["created"], line["updated"], line["deleted"]) for line in lines} == {(0, 0, 0)}


def test_client_becomes_a_counterparty_once(installed: Installation, base: Base) -> None:
    installed.run("sync")
    before = set(base.keys("Catalog_Контрагенты"))
    (contact,) = installed.lines(
        "contact",
        "add",
        "--name",
        "ООО «Лето»",
        "--inn",
        "7743013901",
        "--phone",
        "8 (495) 123-45-67",
        "--status",
        "client",
        "--json",
    )
    installed.run("sync")
    installed.run("sync")
    (new,) = set(base.keys("Catalog_Контрагенты")) - before
    card = base.get("Catalog_Контрагенты", new)
    assert (card["ИНН"], card["Description"]) == ("7743013901", "ООО «Лето»")
    assert [row["LineNumber"] for row in card["КонтактнаяИнформация"]] == [1]
    (listed,) = installed.lines("contact", "list", "--json")
    assert listed["external_id"] == new
    assert listed["id"] == contact["id"]
    assert card["Code"].strip() in listed["standing_text"]


def test_same_tax_id_links_and_overwrites_nothing(on_sqlite: Installation, base: Base) -> None:
    on_sqlite.run("sync")
    known = next(row for row in on_sqlite.lines("export", "counterparties") if row["tax_id"] and not row["deleted"])
    before = base.get("Catalog_Контрагенты", known["external_id"])
    on_sqlite.run("contact", "add", "--name", "Другое имя", "--inn", known["tax_id"], "--status", "client")
    on_sqlite.run("sync", check=None)
    assert base.get("Catalog_Контрагенты", known["external_id"]) == before


def test_waits_for_the_inn(on_sqlite: Installation, base: Base) -> None:
    on_sqlite.run("sync")
    before = set(base.keys("Catalog_Контрагенты"))
    on_sqlite.run("contact", "add", "--name", "ООО «Без номера»", "--status", "client")
    on_sqlite.run("sync")
    (listed,) = on_sqlite.lines("contact", "list", "--json")
    assert "INN" in listed["standing_text"]
    assert set(base.keys("Catalog_Контрагенты")) == before
    on_sqlite.run("contact", "set", "ООО «Без номера»", "--inn", "7743013901")
    on_sqlite.run("sync")
    assert len(set(base.keys("Catalog_Контрагенты")) - before) == 1


@pytest.mark.parametrize(("mode", "kind"), [("off", None), ("review", "approval")])
def test_nothing_is_written_unless_told_to(
    on_sqlite: Installation, server: OnecServer, mode: str, kind: str | None
) -> None:
    on_sqlite.env["SVERKA_CONNECTIONS__ACCOUNTING__WRITE"] = mode
    on_sqlite.run("sync")
    on_sqlite.run("contact", "add", "--name", "ООО «Лето»", "--inn", "7743013901", "--status", "client")
    on_sqlite.run("sync", check=None)
    assert [row for row in server.requests if row.method not in {"GET", "HEAD"}] == []
    reviews = on_sqlite.lines("review", "list", "--json")
    assert [row["kind"] for row in reviews] == ([kind] if kind else [])


def test_approved_write_is_sent(on_sqlite: Installation, base: Base) -> None:
    on_sqlite.env["SVERKA_CONNECTIONS__ACCOUNTING__WRITE"] = "review"
    on_sqlite.run("sync")
    before = set(base.keys("Catalog_Контрагенты"))
    on_sqlite.run("contact", "add", "--name", "ООО «Лето»", "--inn", "7743013901", "--status", "client")
    on_sqlite.run("sync", check=None)
    (row,) = on_sqlite.lines("review", "list", "--json")
    on_sqlite.run("review", "create", str(row["number"]))
    on_sqlite.run("sync")
    assert len(set(base.keys("Catalog_Контрагенты")) - before) == 1


def test_edits_anywhere_reach_the_store(on_sqlite: Installation, base: Base) -> None:
    on_sqlite.run("sync")
    base.random_edits(80, seed=3)
    on_sqlite.run("sync")
    assert our_balances(on_sqlite) == true_balances(base)
    on_sqlite.run("sync", "--full")
    truth = {row["Ref_Key"]: row for row in base.truth_documents("Document_СчетНаОплатуПокупателю")}
    mirrored = {key: row for key, row in ours(on_sqlite, "orders").items() if key in truth or not row["deleted"]}
    assert set(mirrored) == set(truth)


def test_reconcile_explains_everything(on_sqlite: Installation) -> None:
    on_sqlite.run("sync")
    done = on_sqlite.run("reconcile")
    assert "0.00 unexplained" in done.stdout


def test_dry_run_writes_nothing(on_sqlite: Installation) -> None:
    on_sqlite.run("sync", "--dry-run")
    assert on_sqlite.lines("export", "counterparties") == []
    assert on_sqlite.lines("balances", "--json") == []
