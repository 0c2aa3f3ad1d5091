"""The OData connector against the stand-in of 1C: its change feed and its sessions (1c-odata.md §§4.3, 7)."""

from __future__ import annotations

import pytest

from core.errors import ConfigError, RecordError, TransientError
from sandbox.onec.exchange import pending
from sandbox.onec.sessions import Sessions
from tests.contract.onec_odata.stand import (
    PARTIES,
    PLAN,
    SHIPMENTS,
    OnecStand,
    connect,
    keys,
    node_of,
    open_stand,
)

# ---------------------------------------------------------------- change feed


@pytest.mark.parametrize("json_changes", [False, True])
def test_changes_come_until_they_are_confirmed(json_changes: bool) -> None:
    with open_stand(json_changes=json_changes) as stand:
        node = node_of(stand)
        connector = connect(stand, exchange_plan=PLAN, node=node.upper())
        sources = [PARTIES, SHIPMENTS]
        connector.confirm_changes(connector.fetch_changes(sources).message_no)
        shipment, party = sorted(stand.keys(SHIPMENTS))[0], sorted(stand.keys(PARTIES))[0]
        gone = sorted(stand.keys(SHIPMENTS))[-1]
        stand.base.touch(SHIPMENTS.name, shipment)
        stand.base.change(PARTIES.name, party, {"Description": "Новое имя"})
        stand.base.delete(SHIPMENTS.name, gone)
        for _ in range(2):
            packet = connector.fetch_changes(sources)
            assert {(r.source, r.external_id, r.entity) for r in packet.records} == {
                (SHIPMENTS.name, shipment, "shipment"),
                (PARTIES.name, party, "counterparty"),
            }
            assert packet.deleted == [(SHIPMENTS.name, gone)]
        connector.confirm_changes(connector.fetch_changes(sources).message_no)
        assert connector.fetch_changes(sources).records == []
        assert pending(stand.base, node) == []


def test_an_edit_after_the_packet_survives_its_confirmation(stand: OnecStand) -> None:
    connector = connect(stand, exchange_plan=PLAN, node=node_of(stand))
    connector.confirm_changes(connector.fetch_changes([SHIPMENTS]).message_no)
    key = sorted(stand.keys(SHIPMENTS))[0]
    stand.base.touch(SHIPMENTS.name, key)
    packet = connector.fetch_changes([SHIPMENTS])
    stand.base.touch(SHIPMENTS.name, key)
    connector.confirm_changes(packet.message_no)
    again = connector.fetch_changes([SHIPMENTS])
    assert [record.external_id for record in again.records] == [key]
    assert again.message_no == packet.message_no + 1


def test_a_change_says_what_a_page_says(stand: OnecStand) -> None:
    connector = connect(stand, exchange_plan=PLAN, node=node_of(stand))
    connector.confirm_changes(connector.fetch_changes([SHIPMENTS]).message_no)
    key = sorted(stand.keys(SHIPMENTS))[0]
    stand.base.touch(SHIPMENTS.name, key)
    (changed,) = connector.fetch_changes([SHIPMENTS]).records
    plain = connector.fetch_record(SHIPMENTS, key)
    assert changed.data == {name: value for name, value in plain.data.items() if "@" not in name}
    assert (changed.version, changed.deleted) == (plain.version, plain.deleted)


@pytest.mark.parametrize("fault", ["control_char", "xml_cut", "login_page", "drop_after", "crash"])
def test_a_bad_packet_confirms_nothing_and_comes_again(stand: OnecStand, fault: str) -> None:
    connector = connect(stand, exchange_plan=PLAN, node=node_of(stand))
    stand.base.touch(SHIPMENTS.name, sorted(stand.keys(SHIPMENTS))[0])
    before = pending(stand.base, node_of(stand))
    stand.spoil(fault, method="POST")
    with pytest.raises((TransientError, RecordError)):
        connector.fetch_changes([SHIPMENTS])
    stand.mend()
    assert {change[:3] for change in pending(stand.base, node_of(stand))} == {change[:3] for change in before}
    assert connector.fetch_changes([SHIPMENTS]).records


@pytest.mark.parametrize("options", [{}, {"exchange_plan": PLAN, "node": "ffffffff-ffff-4fff-8fff-ffffffffffff"}])
def test_a_node_that_is_not_ours(stand: OnecStand, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        connect(stand, **options).fetch_changes([SHIPMENTS])


# ---------------------------------------------------------------- sessions


def test_a_session_is_kept_and_given_back() -> None:
    sessions = Sessions(reuse="use")
    with open_stand(sessions=sessions) as stand:
        connector = connect(stand)
        keys(connector, SHIPMENTS)
        keys(connector, PARTIES)
        connector.write_record(stand.example("0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01"))
        assert (sessions.started, len(sessions.alive)) == (1, 1)
        connector.close()
        assert sessions.alive == {}


@pytest.mark.parametrize("status", [400, 404])
def test_a_lost_session_is_begun_anew_on_a_read(status: int) -> None:
    sessions = Sessions(reuse="use", lost_status=status)
    with open_stand(sessions=sessions) as stand:
        connector = connect(stand)
        keys(connector, PARTIES)
        sessions.drop_all()
        assert keys(connector, PARTIES) == stand.keys(PARTIES)


@pytest.mark.parametrize("status", [400, 404])
def test_a_lost_session_on_a_write_is_certainly_not_carried_out(status: int) -> None:
    sessions = Sessions(reuse="use", lost_status=status)
    with open_stand(sessions=sessions) as stand:
        connector = connect(stand)
        keys(connector, PARTIES)
        sessions.drop_all()
        write = stand.example("0b2f6a1e-7b44-4c6e-9d55-0a6c3b1d9e01")
        with pytest.raises(TransientError):
            connector.write_record(write)
        assert stand.count(write) == 0
        connector.write_record(write)
        assert stand.count(write) == 1


def test_a_full_pool_is_transient() -> None:
    sessions = Sessions(reuse="use", pool=0)
    with open_stand(sessions=sessions) as stand, pytest.raises(TransientError):
        keys(connect(stand), PARTIES)


@pytest.mark.parametrize("reuse", ["dontuse", "autouse", "use"])
def test_sessions_are_never_necessary(reuse: str) -> None:
    with open_stand(sessions=Sessions(reuse=reuse)) as stand:
        assert keys(connect(stand, sessions="off"), PARTIES) == stand.keys(PARTIES)
        assert keys(connect(stand), PARTIES) == stand.keys(PARTIES)
