"""Broken twins of the connector: each must be caught by the test that is there for it.

A twin is the connector with one thought left out; the contract test is run against it and has to fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.http import HttpClient, HttpFailure
from connectors.onec_odata import (
    atom,
    balances,
    changes,
    decoder,
    errors,
    fields,
    movements,
    records,
    registers,
    sessions,
    url,
    writing,
)
from connectors.onec_odata.body import BodyBuilder
from connectors.onec_odata.connector import OnecODataConnector
from connectors.onec_odata.errors import NO_CONNECTION, RULES
from core.clock import local_from_utc
from core.errors import SverkaError
from sandbox.onec.schema import Layout
from tests.contract import test_every_connector as every
from tests.contract.onec_odata import test_onec as onec
from tests.contract.onec_odata import test_onec_feed as feed
from tests.contract.onec_odata.stand import OnecStand
from tests.contract.stands import stand_of

Twin = Callable[[pytest.MonkeyPatch], None]


def reader(stand: OnecStand) -> OnecODataConnector:
    connector = stand.connect()
    assert isinstance(connector, OnecODataConnector)
    return connector


def sweeps_without_overlap(patch: pytest.MonkeyPatch) -> None:
    def sweep(self: Any, source: Any, question: Any) -> Any:
        position = 0
        while True:
            rows, top = self._sweep_page(source, replace(question, skip=position))
            yield rows
            if len(rows) < top:
                return
            position += len(rows)

    patch.setattr(records.RecordReader, "_sweep", sweep)


def forgets_the_filter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fields.Book, "adapted_filter", lambda *_: "")


def takes_the_windows_end_in(patch: pytest.MonkeyPatch) -> None:
    ask = records.RecordReader._period
    patch.setattr(records.RecordReader, "_period", lambda *a: ask(*a).replace(" lt ", " le "))


def takes_utc_for_local(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(records, "local_from_utc", lambda moment, zone: moment.replace(tzinfo=None))


def reads_numbers_as_floats(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decoder, "_objects", msgspec.json.Decoder(dict[str, Any]))


def believes_any_404(patch: pytest.MonkeyPatch) -> None:
    loose = tuple(replace(r, codes=frozenset()) if r.name == "not_found" else r for r in RULES)
    patch.setattr(errors, "RULES", loose)


def takes_no_answer_for_not_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(errors, "NO_ANSWER", NO_CONNECTION)


def repeats_writes(patch: pytest.MonkeyPatch) -> None:
    send = HttpClient.send

    def twice(self: Any, method: str, address: str, **more: Any) -> Any:
        try:
            return send(self, method, address, **more)
        except HttpFailure:
            return send(self, method, address, **more)

    patch.setattr(HttpClient, "send", twice)


def compares_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writing, "differences", lambda *_: {})


def skips_line_numbers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BodyBuilder, "_rows", lambda self, name, field, rows, write: {field: rows})


def ignores_currency(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(balances.BalanceReader, "_currency", lambda *_: None)


def trusts_the_rows(patch: pytest.MonkeyPatch) -> None:
    for reader in (balances, registers):
        patch.setattr(reader, "difference", lambda *_: "")


def counts_both_sides_as_debit(patch: pytest.MonkeyPatch) -> None:
    take = movements.MovementReader._entry

    def positive(self: Any, *arguments: Any) -> Any:
        return (replace(entry, amount=abs(entry.amount)) for entry in take(self, *arguments))

    patch.setattr(movements.MovementReader, "_entry", positive)


def asks_the_day_after(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(balances, "local_from_utc", lambda moment, zone: local_from_utc(moment, zone) + timedelta(days=20))


def confirms_by_its_own_counter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes.ChangeReader, "_received", lambda _: 0)


def overlooks_tombstones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes, "deleted_entry", lambda _: None)


def keeps_atom_as_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(atom, "typed", lambda text, kind, name="": text)


def keeps_the_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "finish", lambda *_: None)


def clings_to_a_lost_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions.Session, "was_to_blame", lambda *_: False)


def compares_bare_guids(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(url, "cast", lambda value, _: url.guid(value))


def knows_no_metadata_and_one_spelling(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fields.Book, "metadata", lambda _: None)
    patch.setattr(fields.Book, "spellings", lambda _, name, a: [fields.Spelling(f"{a}_Key", "key")])


def never_reads_metadata_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fields.Book, "refresh", lambda _: False)


def with_pages(test: Callable[..., None]) -> Callable[[OnecStand, pytest.MonkeyPatch], None]:
    return lambda stand, patch: test(stand, reader(stand), patch)


def read(test: Callable[..., None], *more: object) -> Callable[[OnecStand, pytest.MonkeyPatch], None]:
    return lambda stand, _: test(stand, reader(stand), *more)


def alone(test: Callable[..., None], *more: object) -> Callable[[OnecStand, pytest.MonkeyPatch], None]:
    return lambda *_: test(*more)


def here(test: Callable[..., None], *more: object) -> Callable[[OnecStand, pytest.MonkeyPatch], None]:
    return lambda stand, _: test(stand, *more)


CAUGHT_BY: list[tuple[Twin, Callable[[OnecStand, pytest.MonkeyPatch], None]]] = [
    (sweeps_without_overlap, with_pages(every.test_rows_that_move_while_they_are_read_are_not_lost)),
    (forgets_the_filter, read(every.test_a_sweep_gives_every_key_once)),
    (forgets_the_filter, read(every.test_pages_give_every_record)),
    (takes_the_windows_end_in, read(every.test_a_window_is_half_open)),
    (takes_utc_for_local, read(every.test_a_window_is_half_open)),
    (reads_numbers_as_floats, read(every.test_the_raw_text_says_what_the_data_says)),
    (believes_any_404, here(onec.test_a_wrong_publication_is_not_an_empty_base)),
    (takes_no_answer_for_not_sent, read(every.test_a_lost_answer_is_uncertain_and_is_not_sent_again)),
    (repeats_writes, read(every.test_a_lost_answer_is_uncertain_and_is_not_sent_again)),
    (repeats_writes, read(every.test_a_write_without_a_readable_answer_is_uncertain, "drop_before")),
    (compares_nothing, here(onec.test_over_long_text_and_unknown_fields_are_told)),
    (skips_line_numbers, here(onec.test_a_section_arrives_with_its_rows)),
    (ignores_currency, read(every.test_balances_are_true_to_the_kopeck)),
    (trusts_the_rows, here(onec.test_an_emptied_answer_is_asked_again_and_is_never_whole)),
    (counts_both_sides_as_debit, read(every.test_movements_add_up_to_the_balance)),
    (asks_the_day_after, here(onec.test_balances_of_a_moment, 200)),
    (confirms_by_its_own_counter, here(feed.test_an_edit_after_the_packet_survives_its_confirmation)),
    (overlooks_tombstones, alone(feed.test_changes_come_until_they_are_confirmed, False)),
    (keeps_atom_as_text, here(feed.test_a_change_says_what_a_page_says)),
    (keeps_the_session, alone(feed.test_a_session_is_kept_and_given_back)),
    (clings_to_a_lost_session, alone(feed.test_a_lost_session_is_begun_anew_on_a_read, 400)),
    (compares_bare_guids, read(every.test_a_customers_keys)),
    (compares_bare_guids, read(every.test_movements_add_up_to_the_balance)),
    (knows_no_metadata_and_one_spelling, alone(onec.test_both_spellings_of_references, Layout(), True)),
    (never_reads_metadata_again, alone(onec.test_metadata_is_read_again_when_a_set_is_published_later)),
]


@pytest.mark.parametrize(("twin", "test"), CAUGHT_BY, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_twin_is_caught(
    twin: Twin, test: Callable[[OnecStand, pytest.MonkeyPatch], None], stand: OnecStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin(monkeypatch)
    try:
        test(stand, monkeypatch)
    except (AssertionError, pytest.fail.Exception, SverkaError):
        return
    pytest.fail(f"{twin.__name__} went unnoticed")


def test_a_kind_without_a_stand_fails() -> None:
    with pytest.raises(ModuleNotFoundError):
        stand_of("no_such_kind")
