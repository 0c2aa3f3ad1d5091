"""The OData connector against the stand-in of 1C: what only 1C does (1c-odata.md §§1-7, 9)."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest

from connectors.base import BalanceSpec, Finding, Window, Write
from connectors.onec_odata.connector import OnecODataConnector
from core.errors import ConfigError, SchemaDrift
from sandbox.onec.company import build_company
from sandbox.onec.schema import Layout
from sandbox.onec.server import OnecServer
from tests.contract.onec_odata.stand import (
    CONTRACTS,
    PARTIES,
    PAYMENTS,
    PLAN,
    SHIPMENTS,
    SPEC,
    ZONE,
    OnecStand,
    connect,
    keys,
    node_of,
    open_stand,
)

# ---------------------------------------------------------------- addresses and names


def test_nothing_is_asked_that_1c_has_not(stand: OnecStand) -> None:
    connector = connect(stand)
    keys(connector, SHIPMENTS)
    connector.fetch_page(PARTIES, Window(), 0)
    connector.fetch_balances(SPEC)
    connector.fetch_movements(SPEC, sorted(stand.keys(PARTIES))[0], start=None)
    for request in stand.server.requests:
        assert "+" not in request.query
        for absent in ("$count", "$inlinecount", "$skiptoken", "$expand"):
            assert absent not in request.path + request.query
        if "$skip" in request.query or "$top" in request.query:
            assert "$orderby=Ref_Key" in request.query


@pytest.mark.parametrize("layout", [Layout(), Layout(single_party=True, composite_owner=True, padded_codes=True)])
@pytest.mark.parametrize("blind", [False, True])
def test_both_spellings_of_references(layout: Layout, blind: bool) -> None:
    """With `$metadata` and without it, in a base of either kind."""
    with build_company(seed=1, documents=300, layout=layout) as base, OnecServer(base, password="x") as server:
        stand = OnecStand(base, server)
        connector = connect(stand, password="x")
        if blind:
            server.faults.add("error", path=r"/\$metadata", status=403, body="<html>Forbidden</html>")
        for source in (PAYMENTS, CONTRACTS):
            field = source.counterparty
            by_party: dict[str, set[str]] = {}
            for key in stand.keys(source):
                record = base.get(source.name, key)
                party = str(record.get(f"{field}_Key") or record.get(str(field)))
                kind = str(record.get(f"{field}_Type", "Catalog_Контрагенты"))
                if kind.endswith("Catalog_Контрагенты"):
                    by_party.setdefault(party, set()).add(key)
            for party in sorted(by_party)[:5]:
                found = connector.fetch_customer_keys(source, party, Window())
                assert {row.external_id for row in found} == by_party[party]
        connector.close()


def test_segments_stay_within_what_iis_takes() -> None:
    with open_stand(iis=True) as stand:
        connector = connect(stand)
        party = next(iter(stand.true_balances()))[0]
        start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        assert connector.fetch_movements(SPEC, party, start=start, end=end)
        assert not [request for request in stand.server.requests if request.status != 200]


def test_a_million_rows_would_be_paged_by_bytes(stand: OnecStand) -> None:
    connector = connect(stand, page_bytes=30_000)
    sizes, position = [], 0
    while True:
        page = connector.fetch_page(SHIPMENTS, Window(), position)
        sizes.append(len(page.records))
        if page.next_position is None:
            break
        position = page.next_position
    assert sum(sizes) == len(stand.keys(SHIPMENTS))
    assert max(request.bytes for request in stand.server.requests[2:] if "Реализация" in request.path) < 60_000


# ---------------------------------------------------------------- what is published


def test_unpublished_sets_are_no_error_until_they_are_read() -> None:
    with open_stand(unpublished=[SHIPMENTS.name]) as stand:
        connector = connect(stand)
        assert not connector.is_published(SHIPMENTS.name)
        assert connector.is_published(PARTIES.name)
        with pytest.raises(SchemaDrift) as caught:
            keys(connector, SHIPMENTS)
        assert caught.value.where.code == "8"
        (finding,) = [f for f in connector.check([SHIPMENTS]) if f.subject == SHIPMENTS.name]
        assert finding.level == "warning"
        assert "Документы → РеализацияТоваровУслуг" in finding.next_step


def test_a_set_without_rights_is_a_matter_for_a_person() -> None:
    with open_stand(no_rights=[SHIPMENTS.name]) as stand:
        connector = connect(stand)
        with pytest.raises(ConfigError, match="right"):
            keys(connector, SHIPMENTS)
        (finding,) = [f for f in connector.check([SHIPMENTS]) if f.subject == SHIPMENTS.name]
        assert finding.level == "error"


def test_a_wrong_publication_is_not_an_empty_base(stand: OnecStand) -> None:
    connector = connect(stand, url=stand.server.url.replace("/base/", "/bse/"))
    with pytest.raises(ConfigError):
        connector.fetch_record(PARTIES, sorted(stand.keys(PARTIES))[0])
    assert [f.level for f in connector.check([PARTIES])] == ["error"]


def test_metadata_is_read_again_when_a_set_is_published_later() -> None:
    with open_stand(unpublished=[SHIPMENTS.name]) as stand:
        connector = connect(stand)
        assert not connector.is_published(SHIPMENTS.name)
        stand.base.schema.unpublished.clear()
        stand.base.schema.revision += 1
        connector._wire.clock.sleep(601)
        assert connector.is_published(SHIPMENTS.name)


def test_a_field_that_vanished_is_schema_drift(stand: OnecStand) -> None:
    connector = connect(stand)
    party = sorted(stand.keys(PARTIES))[0]
    connector.fetch_customer_keys(SHIPMENTS, party, Window())
    stand.base.schema.hide_field(SHIPMENTS.name, "Контрагент_Key")
    with pytest.raises(SchemaDrift):
        connector.fetch_customer_keys(SHIPMENTS, party, Window())


# ---------------------------------------------------------------- balances


def amounts(stand: OnecStand, connector: OnecODataConnector, at: datetime | None = None) -> dict[object, Decimal]:
    answer = connector.fetch_balances(SPEC, at=at)
    assert answer.whole, answer.reason
    sums: dict[object, Decimal] = {}
    for row in answer.rows:
        key = (row.counterparty, row.contract or "", row.organisation or "", stand.currency(row.currency))
        sums[key] = sums.get(key, Decimal(0)) + row.debit - row.credit
    return {key: amount for key, amount in sums.items() if amount}


@pytest.mark.parametrize("days", [30, 200, 700])
def test_balances_of_a_moment(stand: OnecStand, days: int) -> None:
    naive = datetime(2026, 1, 14) - timedelta(days=days)  # noqa: DTZ001 - the stand's own wall clock
    names = ("counterparty", "contract", "organisation", "currency")
    truth = {tuple(line[n] for n in names): line["amount"] for line in stand.base.truth_balances(naive)}
    found = amounts(stand, connect(stand), naive.replace(tzinfo=ZONE).astimezone(UTC))
    assert found == {key: amount for key, amount in truth.items() if amount}


def test_the_moment_itself_is_not_counted(stand: OnecStand) -> None:
    """At the very second of a shipment its debt is not there yet, a second later it is."""
    connector = connect(stand)
    movement = max(stand.base.truth_movements(), key=lambda line: str(line["period"]))
    at = datetime.fromisoformat(str(movement["period"])).replace(tzinfo=ZONE).astimezone(UTC)
    assert amounts(stand, connector, at) != amounts(stand, connector, at + timedelta(seconds=1))


def test_one_customers_balances(stand: OnecStand) -> None:
    connector = connect(stand)
    everyone = connector.fetch_balances(SPEC).rows
    for party in {row.counterparty for row in everyone}:
        answer = connector.fetch_balances(SPEC, counterparty=party)
        assert answer.whole
        assert sorted(map(str, answer.rows)) == sorted(str(row) for row in everyone if row.counterparty == party)


def test_a_settled_customer_vanishes_from_a_whole_answer(stand: OnecStand) -> None:
    answer = connect(stand).fetch_balances(SPEC, counterparty="ffffffff-ffff-4fff-8fff-ffffffffffff")
    assert (answer.rows, answer.totals, answer.whole) == ([], {}, True)


def test_balances_without_the_chart_say_what_to_publish() -> None:
    """A reference to an unpublished set cannot be walked (1c-odata.md §1.2): accounts cannot be asked for by code."""
    with open_stand(unpublished=[SPEC.chart]) as stand, pytest.raises(SchemaDrift) as caught:
        connect(stand).fetch_balances(SPEC)
    assert SPEC.chart in caught.value.message
    assert "tick" in caught.value.next_step


def test_an_emptied_answer_is_asked_again_and_is_never_whole(stand: OnecStand) -> None:
    connector = connect(stand)
    stand.server.faults.add("empty", path="Balance", times=1)
    assert connector.fetch_balances(SPEC).whole  # asked again, and well
    stand.mend()
    for nth in (1, 2, 3):  # the rows each time, never the totals: a rule that acts hides the request from the next
        stand.server.faults.add("empty", path="Balance", nth=nth, times=1)
    answer = connector.fetch_balances(SPEC)
    assert (answer.rows, answer.whole) == ([], False)
    assert "rows 0" in answer.reason


def test_movements_of_two_windows_are_those_of_the_whole(stand: OnecStand) -> None:
    connector = connect(stand)
    party = next(iter(stand.true_balances()))[0]
    dates = sorted(
        datetime.fromisoformat(str(line["period"])).replace(tzinfo=ZONE).astimezone(UTC)
        for line in stand.base.truth_movements()
        if line["counterparty"] == party
    )
    middle = dates[len(dates) // 2]
    whole = {(row.recorder, row.contract, row.amount) for row in connector.fetch_movements(SPEC, party, start=None)}
    before = connector.fetch_movements(SPEC, party, start=None, end=middle)
    after = connector.fetch_movements(SPEC, party, start=middle)
    assert before
    assert after
    assert {(row.recorder, row.contract, row.amount) for row in [*before, *after]} == whole
    assert len(before) + len(after) == len(whole)


def test_movements_are_those_of_the_books(stand: OnecStand) -> None:
    connector = connect(stand)
    truth: dict[tuple[str, str], Decimal] = {}
    for line in stand.base.truth_movements():
        key = (str(line["counterparty"]), str(line["recorder"]))
        truth[key] = truth.get(key, Decimal(0)) + cast("Decimal", line["amount"])
    found: dict[tuple[str, str], Decimal] = {}
    for party in stand.keys(PARTIES):
        for row in connector.fetch_movements(SPEC, party, start=None):
            found[party, row.recorder] = found.get((party, row.recorder), Decimal(0)) + row.amount
            assert stand.base.exists(row.recorder_set, row.recorder)
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount for key, amount in truth.items() if amount and key[0] in stand.keys(PARTIES)
    }


def test_movements_of_several_customers_are_those_of_each(stand: OnecStand) -> None:
    connector = connect(stand)
    parties = sorted(stand.keys(PARTIES))
    start = datetime(2024, 6, 1, tzinfo=UTC)
    for options in ({"start": None}, {"start": start, "end": start + timedelta(days=300)}):
        single = [row for party in parties for row in connector.fetch_movements(SPEC, party, **options)]
        before = connector.usage.requests
        found = connector.fetch_movements_of(SPEC, parties, **options)
        assert connector.usage.requests - before <= len(parties) // 5 + 1
        line = lambda row: tuple(map(str, astuple(row)))  # noqa: E731
        assert found
        assert sorted(map(line, found)) == sorted(map(line, single))


# ---------------------------------------------------------------- doctor


def findings(stand: OnecStand, spec: BalanceSpec | None = SPEC, **options: object) -> dict[str, Finding]:
    return {found.subject: found for found in connect(stand, **options).check([PARTIES], spec)}


def test_the_doctor_names_what_is_missing() -> None:
    with open_stand(unpublished=[SPEC.chart]) as stand:
        assert findings(stand)[SPEC.chart].level == "warning"
    with open_stand(unpublished=[SPEC.register]) as stand:
        assert "Регистры бухгалтерии" in findings(stand)[SPEC.register].next_step


def test_the_doctor_speaks_of_clock_accounts_plan_and_writing(stand: OnecStand) -> None:
    spec = BalanceSpec(SPEC.register, SPEC.chart, ("62.01", "361"))
    found = findings(stand, spec, exchange_plan=PLAN, node=node_of(stand))
    assert found["clock"].level == "warning"  # the tests' clock stands in January 2026
    assert "361" in {f.subject: f for f in connect(stand).check([], spec) if f.level == "notice"}[SPEC.chart].message
    assert found["exchange plan"].level == "ok"
    assert found["writing"].level == "notice"
    wrong = findings(stand, spec, exchange_plan=PLAN, node="ffffffff-ffff-4fff-8fff-ffffffffffff")
    assert any(finding.level == "error" and "node" in finding.message for finding in wrong.values())


def test_the_doctor_warns_of_turnover_on_an_account_that_is_not_listed(stand: OnecStand) -> None:
    def unlisted(*accounts: str) -> list[str]:
        found = connect(stand).check([], BalanceSpec(SPEC.register, SPEC.chart, accounts))
        return [finding.message for finding in found if finding.level == "warning" and "turnover" in finding.message]

    (message,) = unlisted("62.01", "62.21")
    assert "62.02" in message
    assert "62.01" not in message
    assert unlisted("62.01", "62.02", "62.21", "62.22", "62.31", "62.32") == []


# ---------------------------------------------------------------- writing


def test_over_long_text_and_unknown_fields_are_told(stand: OnecStand) -> None:
    body: dict[str, object] = {"Description": "Я" * 300, "ТакогоПоляНет": "x"}
    write = Write("create", PARTIES.name, "0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01", body)
    result = connect(stand).write_record(write)
    assert set(result.differences) == {"Description", "ТакогоПоляНет"}


def test_a_base_that_chooses_its_own_key() -> None:
    key = "0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01"
    with open_stand(ignores_ref_key=True) as stand:
        result = connect(stand).write_record(stand.example(key))
        assert result.record.external_id != key
        assert result.differences["Ref_Key"] == (key, result.record.external_id)
        assert stand.base.exists(PARTIES.name, result.record.external_id)


def test_a_section_arrives_with_its_rows(stand: OnecStand) -> None:
    phone = {"Тип": "Телефон", "Представление": "+7 495 123-45-67", "НомерТелефона": "74951234567"}
    write = Write("create", PARTIES.name, "0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01",
                  {"Description": "Ромашка", "КонтактнаяИнформация": [phone]})  # fmt: skip
    result = connect(stand).write_record(write)
    assert result.differences == {}
    kept = stand.base.get(PARTIES.name, result.record.external_id)
    rows = cast("list[dict[str, object]]", kept["КонтактнаяИнформация"])
    assert [row["НомерТелефона"] for row in rows] == ["74951234567"]
