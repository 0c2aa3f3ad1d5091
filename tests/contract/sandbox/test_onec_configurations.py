"""The same company in every configuration: its books agree with БП's, its register with its own books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sandbox.onec import Base, OnecServer, build_company
from sandbox.onec.configurations import find_configuration, names
from sandbox.onec.main import open_books, parse_arguments
from tests.contract.sandbox.onec_client import Client

OTHERS = [name for name in names() if name != "bp30"]
HOME = {"utp_ua": "980", "bas": "980"}
OWN = {"unf": "СуммаВал"}
"""The resource in the settlement's currency, where it is not the first."""
BUYERS = "ДоговорКонтрагента/ВидДоговора eq 'СПокупателем'"
"""Of a register that holds suppliers as well."""
EDM = "{http://schemas.microsoft.com/ado/2009/11/edm}"


def company(configuration: str) -> Base:
    clock = datetime.fromisoformat("2026-06-30T18:00:00")
    return build_company(7, 400, 40, today=date(2026, 6, 30), clock=lambda: clock, configuration=configuration)


@pytest.fixture(scope="module", params=OTHERS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with company(str(request.param)) as base, OnecServer(base) as server:
        yield Client(server)
        assert server.app.crashes == []


def owed_by_customer(base: Base) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in base.truth_balances():
        sums[line["counterparty"], line["currency"]] += line["amount"]
    return {key: amount for key, amount in sums.items() if amount}


@pytest.mark.parametrize("name", OTHERS)
def test_translated_books_owe_what_the_books_of_bp_owe(name: str) -> None:
    with company("bp30") as plain, company(name) as other:
        home = HOME.get(name, "643")
        owed = {
            (party, "643" if code == home else code): sum_ for (party, code), sum_ in owed_by_customer(other).items()
        }
        assert owed == owed_by_customer(plain)
        assert len(owed_by_customer(other)) > 20


@pytest.mark.parametrize("name", OTHERS)
def test_same_seed_gives_the_same_books(name: str) -> None:
    with company(name) as first, company(name) as second:
        assert first.truth_balances() == second.truth_balances()
        assert first.truth_movements() == second.truth_movements()


def test_register_adds_up_to_the_truth_after_a_users_edits(client: Client) -> None:
    base = client.server.base
    base.random_edits(60, seed=5)
    if not base.configuration.registers:
        pytest.skip("its settlements are in the accounting register, as in bp30")
    register = base.configuration.registers[0]
    own = OWN.get(base.configuration.name, register.resources[0].name)
    mixed = BUYERS if "Поставщик" in register.accounts else "true"
    rows = client.values(f"/{register.name}/Balance()?$filter={mixed}")
    truth = sum((line["amount"] for line in base.truth_balances()), Decimal(0))
    assert sum((Decimal(str(row[f"{own}Balance"])) for row in rows), Decimal(0)) == truth
    flat = client.values(f"/{register.name}_RecordType?$filter=Period lt datetime'2026-01-01T00:00:00' and {mixed}")
    signed = (Decimal(str(row[own])) * (1 if row["RecordType"] == "Receipt" else -1)
              for row in flat)  # fmt: skip
    at = datetime.fromisoformat("2026-01-01T00:00:00")
    assert sum(signed, Decimal(0)) == sum((line["amount"] for line in base.truth_balances(at)), Decimal(0))
    assert flat and {row["Recorder_Type"].partition(".")[0] for row in flat} == {"StandardODATA"}


def test_metadata_names_the_sets_registers_and_enumerations(client: Client) -> None:
    configuration = client.server.base.configuration
    tree = ElementTree.fromstring(client.get("/$metadata").text)
    sets = {item.get("Name") for item in tree.iter(f"{EDM}EntitySet")}
    assert {register.name for register in configuration.registers} <= sets
    assert {item.name for item in configuration.sets(client.server.base.schema.layout)} <= sets
    assert {item.get("Name") for item in tree.iter(f"{EDM}EnumType")} == set(configuration.enums)
    assert configuration.accounting or "AccountingRegister_Хозрасчетный" not in sets


def test_unpublished_register_is_not_there(client: Client) -> None:
    if not client.server.base.configuration.registers:
        pytest.skip("it has none")
    schema, name = client.server.base.schema, client.server.base.configuration.registers[0].name
    schema.unpublished.add(name)
    try:
        assert client.get(f"/{name}/Balance()").status == 404
        assert f'Name="{name}"' not in client.get("/$metadata").text
    finally:
        schema.unpublished.discard(name)


def test_fields_that_the_form_insists_on_are_noted_when_a_client_leaves_them_out(client: Client) -> None:
    base = client.server.base
    for set_name in base.configuration.needed:
        base.unfilled.clear()
        key = base.create(set_name, {"Description": "Без всего"}, lenient=True)
        assert {item[1] for item in base.unfilled} == {key}, set_name
    base.unfilled.clear()


def test_unknown_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="ut11"):
        find_configuration("ут11")


def test_books_in_a_file_keep_their_configuration(tmp_path: Path) -> None:
    path = tmp_path / "base.db"
    asked = parse_arguments(["--configuration", "ut11", "--documents", "20", "--file", str(path)])
    with open_books(asked) as first:
        owed = first.truth_balances()
    with open_books(parse_arguments(["--file", str(path)])) as again:
        assert again.configuration.name == "ut11"
        assert again.truth_balances() == owed != []
