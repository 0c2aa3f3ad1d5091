"""Where the reading of a set stands: windows without gaps, of constant size, that end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.pull.cursor import (
    EntityCursor,
    Load,
    SourceCursor,
    advance_load,
    begin_load,
    begin_pass,
    dump_state,
    end_pass,
    is_full_due,
    parse_state,
)

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_set_without_dates_is_one_open_window() -> None:
    load = begin_load(NOW, None, dated=False)
    assert (load.start, load.end) == (None, None)
    onward = advance_load(load, 50, 50, None)
    assert onward is not None and onward.position == 50
    assert advance_load(onward, 3, None, None) is None


@given(
    since=st.one_of(st.none(), st.integers(0, 3000).map(lambda days: NOW - days * DAY)),
    counts=st.lists(st.integers(0, 20_000), min_size=400, max_size=400),
)
def test_windows_join_without_gap_and_end(since: datetime | None, counts: list[int]) -> None:
    load: Load | None = begin_load(NOW, since, dated=True)
    assert load is not None and load.end is None
    for count in counts:
        assert load is not None
        following = advance_load(load, count, None, since)
        if following is None:
            break
        assert following.end == load.start
        assert following.start is None or following.end is None or following.start < following.end
        assert since is None or (following.start is not None and following.start >= since)
        load = following
    else:
        pytest.fail("the load does not end")
    assert load.start == since


def test_pages_stay_in_their_window() -> None:
    load = begin_load(NOW, None, dated=True)
    onward = advance_load(load, 20, 20, None)
    assert onward is not None
    assert (onward.window, onward.position, onward.read) == (load.window, 20, 20)


def test_full_is_due_by_order_after_a_load_and_once_a_night() -> None:
    night = NOW - timedelta(hours=7)
    assert is_full_due(SourceCursor(), ordered=False, night=None)
    assert is_full_due(SourceCursor(swept=NOW), ordered=True, night=None)
    assert not is_full_due(SourceCursor(swept=NOW), ordered=False, night=night)
    assert is_full_due(SourceCursor(swept=night - DAY), ordered=False, night=night)
    assert not is_full_due(SourceCursor(swept=night - DAY), ordered=False, night=None)


def test_a_pass_goes_on_where_it_stopped_or_begins_anew() -> None:
    near = NOW - 45 * DAY
    first = begin_pass(SourceCursor(), NOW, near, anew=False)
    assert (first.past, first.pass_started) == (near, NOW)
    later = begin_pass(first, NOW + DAY, near + DAY, anew=False)
    assert later == first
    assert begin_pass(first, NOW + DAY, near + DAY, anew=True).past == near + DAY
    assert end_pass(later, NOW + DAY) == SourceCursor(swept=NOW)


def test_state_survives_being_written_down() -> None:
    state = EntityCursor(
        {"a": SourceCursor(Load(NOW, None, 30, 7, 9)), "b": SourceCursor(None, True, NOW - DAY, NOW, NOW - 2 * DAY)},
        relink=True,
        tries=2,
    )
    assert parse_state(dump_state(state)) == state
    assert parse_state({}) == EntityCursor()


def test_an_entity_is_swept_when_its_last_set_is() -> None:
    assert EntityCursor({"a": SourceCursor(swept=NOW)}).swept_at == NOW
    assert EntityCursor({"a": SourceCursor(swept=NOW), "b": SourceCursor()}).swept_at is None
    assert EntityCursor({"a": SourceCursor(swept=NOW), "b": SourceCursor(swept=NOW - DAY)}).swept_at == NOW - DAY
    assert EntityCursor().swept_at is None
