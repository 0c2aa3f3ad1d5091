"""What holds for every connector in the registry, each against its stand-in over real HTTP.

Which tests run is decided by the abilities that a connector has (`connectors.base`), never by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest

from connectors.base import BalanceSource, FigureSource, RecordSource, RecordTarget, SourceSet, Window
from connectors.cards import CardTarget
from connectors.registry import KINDS, keeps_cards
from core.errors import (
    ConfigError,
    ConflictError,
    NotFound,
    RecordError,
    SverkaError,
    TransientError,
    UncertainOutcome,
)
from tests.contract.stands import LedgerStand, Stand, WritingStand, opened

KEY = "0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01"
OUTAGES = (
    "drop_before",
    "drop_after",
    "cut",
    "login_page",
    "half_json",
    "gzip_lie",
    "crash",
    "bad_gateway",
    "unavailable",
    "maintenance",
    "no_licence",
    "pool",
    "too_many",
    "locked",
)


@pytest.fixture(params=sorted(KINDS))
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    yield from opened(request.param)


@pytest.fixture
def reader(stand: Stand) -> RecordSource:
    connector = stand.connect()
    if not isinstance(connector, RecordSource):
        pytest.skip("reads no records")
    return connector


@pytest.fixture
def writer(stand: Stand) -> RecordTarget:
    connector = stand.connect()
    if not isinstance(connector, RecordTarget):
        pytest.skip("takes no records")
    return connector


@pytest.fixture
def writing(stand: Stand, writer: RecordTarget) -> WritingStand:
    """A kind whose connector takes records brings a stand that knows what became of them."""
    assert isinstance(stand, WritingStand)
    return stand


@pytest.fixture
def ledger(stand: Stand) -> BalanceSource:
    connector = stand.connect()
    if not isinstance(connector, BalanceSource):
        pytest.skip("keeps no balances")
    return connector


@pytest.fixture
def books(stand: Stand, ledger: BalanceSource) -> LedgerStand:
    """A kind whose connector tells balances brings a stand that knows the true ones."""
    assert isinstance(stand, LedgerStand)
    return stand


def swept(reader: RecordSource, source: SourceSet, window: Window | None = None) -> list[str]:
    return [row.external_id for page in reader.fetch_keys(source, window or Window()) for row in page]


def read(reader: RecordSource, source: SourceSet, window: Window | None = None):
    records, position = [], 0
    while True:
        page = reader.fetch_page(source, window or Window(), position)
        records += page.records
        if page.next_position is None:
            return records
        position = page.next_position


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_registry_knows_who_shows_cards(kind: str) -> None:
    for stand in opened(kind):
        assert keeps_cards(kind) == isinstance(stand.connect(), CardTarget)


def test_a_sweep_gives_every_key_once(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        found = swept(reader, source)
        assert len(found) == len(set(found))
        assert set(found) == stand.keys(source)


def test_pages_give_every_record(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        records = read(reader, source)
        assert {record.external_id for record in records} == stand.keys(source)
        assert {(record.source, record.entity) for record in records} == {(source.name, source.entity)}


def test_pages_and_sweeps_agree_on_versions_and_marks(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        rows = {row.external_id: row for page in reader.fetch_keys(source, Window()) for row in page}
        for record in read(reader, source):
            row = rows[record.external_id]
            assert (row.version, row.deleted) == (record.version, record.deleted)
            assert record.version


def test_figures_come_with_the_very_keys_of_a_sweep(stand: Stand, reader: RecordSource) -> None:
    if not isinstance(reader, FigureSource):
        pytest.skip("this connector tells no attributes along with its keys")
    for source in stand.sources:
        wanted = [name for name in (source.date, source.posted) if name]
        found = [row for page in reader.fetch_figures(source, Window(), wanted) for row in page]
        keys = {row.external_id: row for page in reader.fetch_keys(source, Window()) for row in page}
        assert len(found) == len(keys)
        for row in found:
            assert row.key == keys[row.key.external_id]
            assert all(name in row.data for name in wanted)


def test_the_raw_text_says_what_the_data_says(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        for record in read(reader, source):
            assert json.loads(record.raw, parse_float=Decimal) == record.data


def test_a_window_is_half_open(stand: Stand, reader: RecordSource) -> None:
    """A record stamped exactly at the edge is in the later window, and in that one only."""
    for source in stand.sources:
        found = stand.middle(source)
        if found is None:
            continue
        window, before = found
        first, second = swept(reader, source, window), swept(reader, source, Window(window.end, None))
        assert before
        assert set(first) == before
        assert sorted(first + second) == sorted(stand.keys(source))
        assert {record.external_id for record in read(reader, source, window)} == before


def test_records_by_key(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        some = sorted(stand.keys(source))[:45]
        found = reader.fetch_records(source, [*some, stand.nobody])
        assert sorted(record.external_id for record in found) == some
        assert reader.fetch_record(source, some[0].upper()).external_id == some[0]


def test_nobody_is_not_found(stand: Stand, reader: RecordSource) -> None:
    with pytest.raises(NotFound):
        reader.fetch_record(stand.sources[0], stand.nobody)


def test_what_is_published(stand: Stand, reader: RecordSource) -> None:
    assert all(reader.is_published(source.name) for source in stand.sources)
    assert not reader.is_published("Catalog_ТакогоНет")


def test_a_customers_keys(stand: Stand, reader: RecordSource) -> None:
    parties = {record.external_id for record in read(reader, stand.sources[0])}
    for source in stand.sources:
        if source.counterparty is not None:
            rows = [row for party in parties for row in reader.fetch_customer_keys(source, party, Window())]
            found = [row.external_id for row in rows]
            assert len(found) == len(set(found))
            assert set(found) <= stand.keys(source)
            assert found


def test_rows_that_move_while_they_are_read_are_not_lost(stand: Stand, reader: RecordSource, monkeypatch) -> None:
    """The stand removes a record before each of the first pages; what is there at the end must have been seen."""
    source = stand.sources[2]
    stand.small_pages(monkeypatch)
    stand.change_behind(source, pages=2)
    found = swept(reader, source)
    assert set(found) >= stand.keys(source)
    assert len(found) == len(set(found))


def test_reading_never_writes(stand: Stand, reader: RecordSource) -> None:
    for source in stand.sources:
        read(reader, source)
        swept(reader, source)
    reader.check(stand.sources)
    assert stand.written() == 0
    assert reader.usage.writes == 0
    assert reader.usage.requests > 0
    assert reader.usage.bytes > 0


# ---------------------------------------------------------------- bad days


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_is_transient_and_heals(stand: Stand, reader: RecordSource, outage: str) -> None:
    source = stand.sources[0]
    stand.spoil(outage)
    for ask in (lambda: swept(reader, source), lambda: read(reader, source)):
        with pytest.raises(TransientError) as caught:
            ask()
        assert type(caught.value) is TransientError
        assert stand.secret not in f"{caught.value}{caught.value.detail}{caught.value!r}"
    stand.mend()
    assert set(swept(reader, source)) == stand.keys(source)


def test_wrong_credentials(stand: Stand) -> None:
    connector = stand.connect(**stand.wrong())
    findings = connector.check(stand.sources)
    assert [finding.level for finding in findings] == ["error"]
    assert findings[0].next_step
    if isinstance(connector, RecordSource):
        with pytest.raises(ConfigError):
            swept(connector, stand.sources[0])


def test_nobody_listens(stand: Stand) -> None:
    connector = stand.connect(**stand.far())
    assert [finding.level for finding in connector.check(stand.sources)] == ["error"]
    if isinstance(connector, RecordSource):
        with pytest.raises(TransientError):
            swept(connector, stand.sources[0])


def test_check_finds_everything_well(stand: Stand) -> None:
    findings = stand.connect().check(stand.sources, stand.balances)
    assert [finding for finding in findings if finding.level == "error"] == []
    assert {source.name for source in stand.sources} <= {finding.subject for finding in findings}


def test_check_never_raises(stand: Stand) -> None:
    for outage in OUTAGES:
        stand.spoil(outage)
        findings = stand.connect().check(stand.sources, stand.balances)
        assert any(finding.level == "error" for finding in findings), outage
        stand.mend()


def test_close_twice(stand: Stand) -> None:
    connector = stand.connect()
    connector.check([])
    connector.close()
    connector.close()


# ---------------------------------------------------------------- writing


def test_a_write_arrives_once_and_is_shown_back(writing: WritingStand, writer: RecordTarget) -> None:
    write = writing.example(KEY)
    before = writing.count(write)
    result = writer.write_record(write)
    assert result.differences == {}
    assert result.record.external_id == str(UUID(result.record.external_id))
    assert writing.count(write) == before + 1
    assert writer.usage.writes == 1
    found = writer.find_records(writing.sources[0], {name: str(value) for name, value in write.body.items()})
    assert result.record.external_id in {record.external_id for record in found}


def test_writing_again_with_the_same_key_is_a_conflict(writing: WritingStand, writer: RecordTarget) -> None:
    write = writing.example(KEY)
    writer.write_record(write)
    with pytest.raises(ConflictError):
        writer.write_record(write)
    assert writing.count(write) == 1


def test_a_lost_answer_is_uncertain_and_is_not_sent_again(writing: WritingStand, writer: RecordTarget) -> None:
    write = writing.example(KEY)
    for number, how in enumerate(("drop_after", "half_json", "cut", "gzip_lie"), start=1):
        writing.spoil(how, method="POST", times=1)
        with pytest.raises(UncertainOutcome):
            writer.write_record(writing.example(KEY[:-1] + str(number + 1)))
        assert writing.count(write) == number
        writing.mend()


@pytest.mark.parametrize("how", ["maintenance", "no_licence", "pool", "too_many", "locked"])
def test_a_write_that_was_not_let_in_was_not_carried_out(writing: WritingStand, writer: RecordTarget, how: str) -> None:
    write = writing.example(KEY)
    writing.spoil(how, method="POST")
    with pytest.raises(TransientError):
        writer.write_record(write)
    assert writing.count(write) == 0
    assert writer.usage.writes == 1


@pytest.mark.parametrize("how", ["drop_before", "crash", "bad_gateway", "unavailable", "login_page"])
def test_a_write_without_a_readable_answer_is_uncertain(writing: WritingStand, writer: RecordTarget, how: str) -> None:
    writing.spoil(how, method="POST")
    with pytest.raises(UncertainOutcome):
        writer.write_record(writing.example(KEY))
    assert writer.usage.writes == 1


def test_a_refusal_is_for_good(writing: WritingStand, writer: RecordTarget) -> None:
    with pytest.raises(RecordError) as caught:
        writer.write_record(writing.refusal(KEY))
    assert caught.value.where.external_id == KEY


# ---------------------------------------------------------------- balances


def balances(books: LedgerStand, ledger: BalanceSource) -> dict[tuple[str, str, str, str], Decimal]:
    assert books.balances is not None
    answer = ledger.fetch_balances(books.balances)
    assert answer.whole, answer.reason
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for row in answer.rows:
        key = (row.counterparty, row.contract or "", row.organisation or "", books.currency(row.currency))
        sums[key] = sums.get(key, Decimal(0)) + row.debit - row.credit
    return {key: amount for key, amount in sums.items() if amount}


def test_balances_are_true_to_the_kopeck(books: LedgerStand, ledger: BalanceSource) -> None:
    found = balances(books, ledger)
    assert found
    assert found == books.true_balances()


def test_movements_add_up_to_the_balance(books: LedgerStand, ledger: BalanceSource) -> None:
    assert books.balances is not None
    truth = books.true_balances()
    for party in {key[0] for key in truth}:
        rows = ledger.fetch_movements(books.balances, party.upper(), start=None)
        sums: dict[tuple[str, str, str, str], Decimal] = {}
        for row in rows:
            key = (row.counterparty, row.contract or "", row.organisation or "", books.currency(row.currency))
            sums[key] = sums.get(key, Decimal(0)) + row.amount
        assert {key: amount for key, amount in sums.items() if amount} == {
            key: amount for key, amount in truth.items() if key[0] == party
        }


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_makes_no_balances(books: LedgerStand, ledger: BalanceSource, outage: str) -> None:
    assert books.balances is not None
    books.spoil(outage)
    with pytest.raises(SverkaError):
        ledger.fetch_balances(books.balances)
