"""onecdc, a replicator of 1C into a database, follows the stand-in: full loads and the change feed.

It reads Atom, pages by key, cuts registers into windows of periods, and takes SelectChanges apart: none of it is ours.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import requests

from tests.peers.replica import REGISTER, Replica
from tests.peers.stand_in import Record, StandIn

PARTIES, SHIPMENT = "Catalog_Контрагенты", "Document_РеализацияТоваровУслуг"
NO_KEY = "11111111-1111-1111-1111-111111111111"
EMPTY = (None, False, Decimal(0), "0001-01-01 00:00:00")


@pytest.fixture(scope="module")
def replica(onec_with_registers: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica that has read everything once. Names go to 1C in Latin-1: a Cyrillic user would be refused."""
    replica = Replica(onec_with_registers, tmp_path_factory.mktemp("replica"))
    for name in replica.objects:
        replica.replicator.full_load(name, batch_size=60)
    yield replica
    replica.close()


def by_key(rows: Iterable[Record], *key: str) -> dict[tuple[Any, ...], Record]:
    """Rows by their key; a double is a mistake."""
    listed = list(rows)
    found = {tuple(row[name] for name in key): row for row in listed}
    assert len(found) == len(listed)
    return found


def check_objects(replica: Replica, name: str) -> None:
    """Every field of every object; what is not in the books any more is marked."""
    truth, rows = by_key(replica.truth(name), "Ref_Key"), by_key(replica.rows(name), "Ref_Key")
    gone = {key for key, row in rows.items() if row["is_deleted_or_empty"] and key not in truth}
    assert rows.keys() - gone == truth.keys()
    for key, record in truth.items():
        wrong = {field for field, value in record.items() if differs(rows[key][field], value, record)}
        assert wrong <= {"DataVersion"}, (name, key)  # onecdc: a new version alone is no change
        assert rows[key]["is_deleted_or_empty"] is record["DeletionMark"]


def differs(value: Any, true: Any, record: Record) -> bool:
    """Whether a field is wrong. A group has null where only items have a value."""
    return bool(value != true and not (record.get("IsFolder") and value is None and true in EMPTY))


def check_sections(replica: Replica, name: str) -> None:
    """Every row of every section, no more and no less; rows of a marked owner are marked with it."""
    sections = {key for record in replica.onec.truth(name) for key, value in record.items() if isinstance(value, list)}
    for section in sections:
        truth = by_key(replica.truth_rows(name, section), "Ref_Key", "LineNumber")
        rows = by_key(replica.rows(f"{name}_{section}", live=True), "Ref_Key", "LineNumber")
        assert rows.keys() == truth.keys(), section
        for key, record in truth.items():
            assert {field: rows[key][field] for field in record} == record


def check_all(replica: Replica) -> None:
    """The replica is the books."""
    for name in replica.objects:
        if name.startswith(("Catalog_", "Document_")):
            check_objects(replica, name)
            check_sections(replica, name)
    assert movements(replica) == true_movements(replica.onec)


def movements(replica: Replica) -> dict[tuple[str, ...], Decimal]:
    """What each recorder moves on the accounts of customers, from the replica's rows of the register."""
    chart = replica.onec.truth("ChartOfAccounts_Хозрасчетный")
    foreign = {
        row["Ref_Key"].replace("-", ""): row["Валютный"]
        for row in chart
        if row["Code"].startswith("62.") and row["Code"][3:] in ("01", "02", "21", "22", "31", "32")
    }
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in replica.rows(REGISTER, live=True):
        for side, sign in (("Dr", 1), ("Cr", -1)):
            if (account := row[f"Account{side}_Key"]) in foreign:
                amount = row[f"ВалютнаяСумма{side}"] if foreign[account] else row["Сумма"]
                sums[(row["Recorder_Type"], row["Recorder"], row["Организация_Key"])] += sign * amount
    return {key: value for key, value in sums.items() if value}


def true_movements(onec: StandIn) -> dict[tuple[str, ...], Decimal]:
    """The same as the stand-in counts them one by one."""
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in onec.admin("truth/movements"):
        key = (row["set"], row["recorder"].replace("-", ""), row["organisation"].replace("-", ""))
        sums[key] += Decimal(row["amount"])
    return {key: value for key, value in sums.items() if value}


def test_everything_is_listed(replica: Replica) -> None:
    assert {PARTIES, SHIPMENT, "Catalog_ДоговорыКонтрагентов", "Document_ПоступлениеНаРасчетныйСчет", REGISTER} <= set(
        replica.objects
    )


def test_a_full_load_is_the_books(replica: Replica) -> None:
    assert len(list(replica.rows(SHIPMENT))) > 20
    assert len(movements(replica)) > 50
    check_all(replica)


def test_an_independent_register_is_loaded_by_its_whole_key(replica: Replica) -> None:
    name, key = "InformationRegister_КурсыВалют", ("Period", "Валюта_Key")
    truth, rows = by_key(replica.truth(name), *key), by_key(replica.rows(name, live=True), *key)
    assert rows.keys() == truth.keys() != set()
    assert all(rows[item][field] == value for item, record in truth.items() for field, value in record.items())


def test_changes_make_the_replica_the_books_again(replica: Replica) -> None:
    done: Counter[str] = Counter()
    for seed in range(3):
        done.update(step["op"] for step in replica.onec.admin("random_edits", {"n": 25, "seed": seed}))
        before = int(replica.onec.node()["ReceivedNo"])
        replica.replicator.run_once()
        assert replica.replicator.changes.entries_read > 0
        assert replica.replicator.changes.failed_objects == {}
        node = replica.onec.node()
        assert (int(node["SentNo"]), int(node["ReceivedNo"])) == (before + 1, before + 1)
    assert {"unpost", "amount", "copy"} <= done.keys()
    load_what_was_deleted(replica)
    check_all(replica)


def reload_until(replica: Replica, name: str, done: Callable[[], bool]) -> None:
    """Load a set in full until it shows. Once is enough but for a row of this very second: SQLite's clock is coarse."""
    until = time.monotonic() + 20
    replica.replicator.full_load(name, batch_size=60)
    while not done() and time.monotonic() < until:
        time.sleep(0.2)
        replica.replicator.full_load(name, batch_size=60)
    assert done()


def load_what_was_deleted(replica: Replica) -> None:
    """Physical deletions: onecdc does not read tombstones, a full load marks what it does not find."""
    for name in replica.objects:
        if name.startswith("Document_") and not nothing_extra(replica, name):
            reload_until(replica, name, partial(nothing_extra, replica, name))
    if movements(replica) != true_movements(replica.onec):
        reload_until(replica, REGISTER, lambda: movements(replica) == true_movements(replica.onec))


def nothing_extra(replica: Replica, name: str) -> bool:
    """Whether every row that is not marked is in the books."""
    rows, truth = by_key(replica.rows(name, live=True), "Ref_Key"), by_key(replica.truth(name), "Ref_Key")
    return rows.keys() <= truth.keys()


def test_a_quiet_cycle_confirms_nothing(replica: Replica) -> None:
    replica.replicator.run_once()
    before = replica.onec.node()["ReceivedNo"]
    replica.replicator.run_once()
    assert replica.replicator.changes.entries_read == 0
    assert replica.onec.node()["ReceivedNo"] == before


def test_what_was_not_confirmed_comes_again_with_what_is_new(replica: Replica) -> None:
    first = replica.onec.edit("create", PARTIES, Description="Не подтверждён")
    replica.replicator.run_once(notify_changes=False)
    number = replica.replicator.changes.message_no
    second = replica.onec.edit("create", PARTIES, Description="Новее")
    replica.replicator.run_once()
    assert replica.replicator.changes.message_no == number
    assert replica.replicator.changes.entries_read == 2
    assert {key.replace("-", "") for key in (first, second)} <= {row["Ref_Key"] for row in replica.rows(PARTIES)}
    check_objects(replica, PARTIES)


def test_an_edit_before_the_confirmation_survives_it(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    key = replica.onec.edit("create", PARTIES, Description="Раз")
    confirm = replica.replicator.changes.notify_changes_received

    def edit_and_confirm() -> None:
        replica.onec.edit("change", PARTIES, key, Description="Два")
        confirm()

    monkeypatch.setattr(replica.replicator.changes, "notify_changes_received", edit_and_confirm)
    replica.replicator.run_once()
    monkeypatch.undo()
    assert next(row for row in replica.rows(PARTIES) if row["Ref_Key"] == key.replace("-", ""))["Description"] == "Раз"
    replica.replicator.run_once()
    check_objects(replica, PARTIES)


def test_unposting_empties_the_record_set(replica: Replica) -> None:
    key = next(row for row in replica.onec.truth(SHIPMENT) if row["Posted"])["Ref_Key"]
    recorder = key.replace("-", "")
    replica.replicator.run_once()
    assert any(row["Recorder"] == recorder for row in replica.rows(REGISTER, live=True))
    replica.onec.edit("unpost", SHIPMENT, key)
    replica.replicator.run_once()
    assert not any(row["Recorder"] == recorder for row in replica.rows(REGISTER, live=True))
    replica.onec.edit("post", SHIPMENT, key)
    replica.replicator.run_once()
    assert movements(replica) == true_movements(replica.onec)


def test_a_physical_deletion_is_a_tombstone_that_onecdc_leaves_alone(replica: Replica) -> None:
    key = replica.onec.edit("create", PARTIES, Description="Исчезнет")
    replica.replicator.run_once()
    replica.onec.edit("delete", PARTIES, key)
    replica.replicator.run_once()
    assert replica.replicator.changes.entries_read == 0
    row = next(row for row in replica.rows(PARTIES) if row["Ref_Key"] == key.replace("-", ""))
    assert row["is_deleted_or_empty"] is False
    reload_until(replica, PARTIES, partial(nothing_extra, replica, PARTIES))
    check_objects(replica, PARTIES)


@pytest.mark.parametrize(
    "rule", [{"action": "cut", "bytes": 400}, {"action": "drop_after"}, {"action": "error", "error": "internal"}]
)
def test_a_lost_packet_is_read_again(replica: Replica, rule: Record) -> None:
    replica.onec.edit("create", PARTIES, Description=f"Потерян: {rule['action']}")
    before = replica.onec.node()["ReceivedNo"]
    with replica.onec.fault(path="SelectChanges", times=1, **rule), pytest.raises(requests.RequestException):
        replica.replicator.run_once()
    assert replica.onec.node()["ReceivedNo"] == before
    replica.replicator.run_once()
    check_objects(replica, PARTIES)


def test_a_page_that_is_too_heavy_is_asked_for_in_smaller_parts(replica: Replica) -> None:
    replica.onec.admin("requests", method="DELETE")
    with replica.onec.fault(action="error", error="crash", path=rf"{SHIPMENT}\?", times=1):
        replica.replicator.full_load(SHIPMENT, batch_size=40)
    asked = [line for line in replica.onec.admin("requests") if line["path"].endswith(SHIPMENT)]
    assert [line["status"] for line in asked[:2]] == [500, 200]
    assert ["$top=40" in line["query"] for line in asked[:2]] == [True, False]
    check_objects(replica, SHIPMENT)
    check_sections(replica, SHIPMENT)


def test_another_node_is_refused(replica: Replica) -> None:
    replica.replicator.changes.queue_guid, own = NO_KEY, replica.replicator.changes.queue_guid
    try:
        with pytest.raises(ValueError, match="is not a node"):
            replica.replicator.changes.read_changes()
    finally:
        replica.replicator.changes.queue_guid = own
