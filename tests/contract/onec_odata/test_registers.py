"""Settlements in accumulation registers, against every stand-in that keeps them there: the base's own truth decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connectors.base import BalanceRow
from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.connector import OnecODataConnector
from core.clock import ManualClock
from core.errors import SchemaDrift
from core.secrets import read_secret
from core.settings import ConnectionSettings
from mapping.model import BalanceSpec
from mapping.rules import load_mapping
from sandbox.onec import Base, OnecServer, build_company
from sandbox.onec.configurations import find_configuration, names

ZONE = ZoneInfo("Europe/Moscow")
KEPT = [name for name in names() if find_configuration(name).registers]
EMPTY = "00000000-0000-0000-0000-000000000000"
Place = tuple[str, str, str, str]


class Books:
    """A base, its server, our connector, and how the preset says to read it."""

    def __init__(self, server: OnecServer, configuration: str) -> None:
        options = OnecODataOptions(
            url=server.url, user="Обмен", password=read_secret("secret"), attempts=1, retry_seconds=0
        )
        settings = ConnectionSettings(name="a", connector="onec_odata", mapping=configuration, options=options)
        self.server, self.base = server, server.base
        self.connector = OnecODataConnector(settings, ManualClock(datetime(2026, 7, 1, tzinfo=UTC)))
        mapping = load_mapping(configuration)
        assert mapping.balance is not None
        self.spec: BalanceSpec = mapping.balance
        currencies = self.base.truth_documents("Catalog_Валюты")
        codes: dict[str | None, str] = {row["Ref_Key"]: str(row["Code"]) for row in currencies}
        own = str(mapping.settings["currency_code"])
        self.codes: dict[str | None, str] = {**codes, None: own}

    def theirs(self, at: datetime | None = None) -> dict[Place, tuple[Decimal, Decimal]]:
        local = at.astimezone(ZONE).replace(tzinfo=None) if at else None
        return {
            (row["counterparty"], text(row["contract"]), text(row["organisation"]), row["currency"]): (
                row["receivable"], row["advance"])
            for row in self.base.truth_balances(local)
        }  # fmt: skip

    def shown(self, rows: list[BalanceRow]) -> dict[Place, tuple[Decimal, Decimal]]:
        return {
            (row.counterparty, row.contract or "", row.organisation or "", self.codes[row.currency]): (
                row.debit, row.credit)
            for row in rows
        }  # fmt: skip


def text(key: str) -> str:
    return "" if key == EMPTY else key


def company(configuration: str) -> Base:
    clock = datetime.fromisoformat("2026-06-30T18:00:00")
    return build_company(7, 300, 30, today=date(2026, 6, 30), clock=lambda: clock, configuration=configuration)


@pytest.fixture(params=[(name, shown) for name in KEPT for shown in ("metadata", "no metadata")])
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    configuration, shown = request.param
    with company(configuration) as base, OnecServer(base) as server:
        if shown == "no metadata":
            server.faults.add("error", path=r"/\$metadata", status=403, body="<html>Forbidden</html>")
        made = Books(server, configuration)
        with closing(made.connector):
            yield made
        assert server.app.crashes == []


def test_balances_are_those_of_the_base_now_then_and_of_one_customer(books: Books) -> None:
    answer = books.connector.fetch_balances(books.spec)
    assert (answer.whole, answer.reason, answer.unassigned) == (True, "", {})
    assert books.shown(answer.rows) == books.theirs()
    assert len(answer.rows) > 15 and any(row.credit for row in answer.rows) and any(row.debit for row in answer.rows)
    past = datetime(2025, 12, 31, 21, 0, tzinfo=UTC)
    assert books.shown(books.connector.fetch_balances(books.spec, at=past).rows) == books.theirs(past)
    whose = answer.rows[0].counterparty
    one = books.connector.fetch_balances(books.spec, counterparty=whose)
    assert one.whole
    assert books.shown(one.rows) == {key: sums for key, sums in books.theirs().items() if key[0] == whose}


def test_movements_of_several_customers_are_those_of_the_base(books: Books) -> None:
    start, end = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    whose = sorted({row["counterparty"] for row in books.base.truth_balances()})[:18]
    found: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in books.connector.fetch_movements_of(books.spec, whose, start=start, end=end):
        assert row.date is not None and start <= row.date < end
        found[row.recorder_set, row.recorder, row.counterparty] += row.amount
    wanted: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for move in books.base.truth_movements():
        moment = datetime.fromisoformat(move["period"]).replace(tzinfo=ZONE)
        if move["counterparty"] in whose and start <= moment < end:
            wanted[move["set"], move["recorder"], move["counterparty"]] += move["amount"]
    assert {key: net for key, net in found.items() if net} == {key: net for key, net in wanted.items() if net}
    assert len(found) > 20


def test_a_cut_answer_is_noticed_and_asked_for_again(books: Books) -> None:
    path = f"{books.spec.register}/Balance"
    books.server.faults.add("empty", path=path, times=1)
    assert books.shown(books.connector.fetch_balances(books.spec).rows) == books.theirs(), (
        "the second question is whole"
    )
    if books.connector.declared_fields("Catalog_Контрагенты") is None:
        return  # both questions look alike then: an empty answer to one of them is told by the other only
    books.server.faults.add("empty", path=f"{path}.*{books.spec.key or books.spec.counterparty}")
    answer = books.connector.fetch_balances(books.spec)
    assert not answer.whole and "total" in answer.reason, "rows that are not there are no settled customers"


def test_a_register_without_what_the_mapping_reads_is_drift() -> None:
    with company("ut11") as base, OnecServer(base) as server:
        books = Books(server, "ut11")
        with closing(books.connector):
            base.schema.unpublished.add(books.spec.key_set)
            with pytest.raises(SchemaDrift, match="nobody can say whose"):
                books.connector.fetch_balances(books.spec)


def test_a_key_that_nothing_explains_is_not_nobody_s() -> None:
    with company("ut11") as base, OnecServer(base) as server:
        books = Books(server, "ut11")
        with closing(books.connector):
            line = next(iter(books.theirs()))
            rows = base.truth_documents(books.spec.key_set)
            key = next(row["Ref_Key"] for row in rows if row["Контрагент"] == line[0] and row["Договор"] == line[1]
                       and row["Организация_Key"] == line[2])  # fmt: skip
            other = next(place[0] for place in books.theirs() if place[0] != line[0])
            base.delete(books.spec.key_set, key)
            answer = books.connector.fetch_balances(books.spec)
            assert not answer.whole
            assert f"no object for {books.spec.key} {key}" in answer.reason
            assert answer.unassigned == {}
            assert books.connector.fetch_balances(books.spec, counterparty=other).whole


def test_a_settlement_with_an_own_organisation_is_nobody_s() -> None:
    with company("ut11") as base, OnecServer(base) as server:
        books = Books(server, "ut11")
        with closing(books.connector):
            before = books.theirs()
            line = next(iter(before))
            key = next(row for row in base.truth_documents(books.spec.key_set) if row["Контрагент"] == line[0]
                       and row["Договор"] == line[1] and row["Организация_Key"] == line[2])  # fmt: skip
            own = {"Контрагент": line[2], "Контрагент_Type": "StandardODATA.Catalog_Организации"}
            base.change(books.spec.key_set, key["Ref_Key"], own)
            answer = books.connector.fetch_balances(books.spec)
            assert answer.whole
            assert line not in books.shown(answer.rows)
            net = sum(((debt - advance) for place, (debt, advance) in before.items() if place == line), Decimal(0))
            assert sum(answer.unassigned.values(), Decimal(0)) == net
