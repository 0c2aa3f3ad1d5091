"""Slots, breaker, faults, filters, decisions, judgement: the pure parts of the pulling side."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from connectors.base import RawRecord
from core.errors import RecordError
from mapping.model import MappedRecord, SourceSet
from store.tables.records import BEFORE_SINCE, OUTSIDE
from sync.context import Counters
from sync.pull.bindings import is_current
from sync.pull.dead import FIRST_RETRY, LONGEST_RETRY, Failure, fingerprint
from sync.pull.decide import decide
from sync.pull.drift import logical
from sync.pull.prepare import Item, business_date, matches_filter
from sync.pull.seen import SeenKeys
from sync.room.breaker import LONGEST_PAUSE, pause_after
from sync.room.faults import fault_from_environment
from sync.room.retrying import build_pause
from sync.room.runs import judge
from sync.room.slots import is_quiet, last_night, slot_start

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 1, 15, 9, 7, 42, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def test_slots_are_the_same_for_everybody() -> None:
    assert slot_start(NOW, timedelta(minutes=5)) == datetime(2026, 1, 15, 9, 5, tzinfo=UTC)
    assert slot_start(NOW.astimezone(MOSCOW), timedelta(minutes=5)) == slot_start(NOW, timedelta(minutes=5))
    assert slot_start(NOW, timedelta(seconds=1)) == NOW


@pytest.mark.parametrize(
    ("stretch", "quiet"), [("12:00-12:30", True), ("12:08-13:00", False), ("23:00-12:08", True), ("13:00-12:00", False)]
)
def test_quiet_hours_are_the_other_sides(stretch: str, quiet: bool) -> None:
    assert is_quiet(NOW, MOSCOW, (stretch,)) is quiet


def test_the_last_night() -> None:
    assert last_night(NOW, MOSCOW, time(2)) == datetime(2026, 1, 14, 23, tzinfo=UTC)
    assert last_night(NOW, MOSCOW, time(13)) == datetime(2026, 1, 14, 10, tzinfo=UTC)


def test_the_breaker_rests_longer_and_longer() -> None:
    pauses = [pause_after(failures, None) for failures in range(3, 30)]
    assert pauses == sorted(pauses) and pauses[-1] == LONGEST_PAUSE
    assert pause_after(3, 7200.0) == timedelta(hours=2)


def test_letters_rest_longer_and_longer() -> None:
    pauses = [build_pause(attempts, FIRST_RETRY, LONGEST_RETRY, lambda: 1.0) for attempts in range(1, 40)]
    assert pauses == sorted(pauses) and pauses[-1] == LONGEST_RETRY
    assert build_pause(39, FIRST_RETRY, LONGEST_RETRY, lambda: 0.25) < LONGEST_RETRY


def test_letters_of_one_cause_share_a_fingerprint() -> None:
    def mark(message: str, entity: str = "order") -> str:
        return fingerprint(Failure(entity, "x", "map", RecordError(message)))

    assert mark("The year 209 is odd in '7'.") == mark("The year 3 is odd in 'abc'.")
    assert mark("The year 209 is odd.") != mark("The sum 209 is odd.")
    assert mark("The year 209 is odd.") != mark("The year 209 is odd.", "payment")


def test_faults_count_and_name_only_known_points(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append(number))
    fault_from_environment({})("page.before")
    hit = fault_from_environment({"SVERKA_FAULT": "page.after:2"})
    hit("page.after")
    hit("page.before")
    assert killed == []
    hit("page.after")
    assert killed == [9]


@pytest.mark.parametrize(
    ("text", "data", "answer"),
    [
        ("", {}, True),
        ("IsFolder eq false", {"IsFolder": False}, True),
        ("IsFolder eq false", {"IsFolder": True}, False),
        ("IsFolder eq true and ВидОперации eq 'Товары'", {"IsFolder": True, "ВидОперации": "Услуги"}, False),
        ("ВидОперации ne 'Товары'", {"ВидОперации": "Услуги  "}, True),
        (
            "Owner_Key eq guid'11111111-2222-3333-4444-555555555555'",
            {"Owner_Key": "11111111-2222-3333-4444-555555555555"},
            True,
        ),
        ("IsFolder eq false", {}, None),
        ("substringof('x', Description) and IsFolder eq false", {"IsFolder": True}, False),
        ("substringof('x', Description)", {"Description": "x"}, None),
    ],
)
def test_filters_are_understood_or_left_open(text: str, data: dict[str, object], answer: bool | None) -> None:
    assert matches_filter(text, data) is answer


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-15T12:00:00", datetime(2026, 1, 15, 9, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("no date", None),
        (17, None),
        (None, None),
    ],
)
def test_business_dates(value: object, moment: datetime | None) -> None:
    assert business_date(SourceSet("order", "X", date="Date"), {"Date": value}, MOSCOW) == moment
    assert business_date(SourceSet("order", "X"), {"Date": value}, MOSCOW) is None


def known(**changed: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "entity_id": uuid4(), "version": "v1", "hash": "h1", "written_hash": None, "state": "bound", "deleted": False,
        "date": None, "fetch_seq": 1, "mapping_version": "m", "missing_since": None,
    }  # fmt: skip
    return base | changed


def item(version: str = "v2", content: str = "h1", bound: dict[str, Any] | None = None, **how: Any) -> Item:
    raw = RawRecord("X", "k", version, False, b"{}", {})
    record = MappedRecord("order", "k", {}, hash=content, deleted=how.pop("deleted", False))
    return Item(raw, how.pop("record", record), known=bound, **how)


LEFT = known(state="filtered", mapping_version=BEFORE_SINCE)
OUT = known(state="filtered", mapping_version=OUTSIDE)


@pytest.mark.parametrize(
    ("given", "action", "outcome"),
    [
        (item(), "write", "created"),
        (item(bound=known(entity_id=None, state="filtered")), "write", "created"),
        (item(bound=known()), "version", "unchanged"),
        (item("v1", bound=known()), "nothing", "unchanged"),
        (item("v1", bound=known(missing_since=NOW)), "version", "unchanged"),
        (item(content="h2", bound=known()), "write", "updated"),
        (item(content="h2", bound=known(), deleted=True), "write", "deleted"),
        (item(content="h1", bound=known(state="deleted"), deleted=True), "version", "unchanged"),
        (item(bound=known(deleted=True, state="deleted")), "write", "updated"),
        (item(bound=known(state="dead")), "write", "updated"),
        (item(content="h2", bound=known(fetch_seq=99)), "nothing", "unchanged"),
        (item(content="h1", bound=known(written_hash="h1")), "version", "filtered"),
        (item(content="h2", bound=known(written_hash="h2", hash="h3")), "write", "updated"),
        (item(record=None, error=RecordError("no")), "dead", "dead"),
        (item(record=None, left_out="filtered"), "leave", "filtered"),
        (item(record=None, left_out="filtered", bound=known()), "leave", "deleted"),
        (item("v1", record=None, left_out="filtered", bound=known(state="filtered")), "nothing", "filtered"),
        (item(record=None, left_out="before", bound=known(state="filtered")), "leave", "filtered"),
        (item(record=None, left_out="before", bound=LEFT), "version", "filtered"),
        (item(record=None, left_out="outside", bound=known(state="filtered")), "leave", "filtered"),
        (item("v1", record=None, left_out="outside", bound=OUT), "nothing", "filtered"),
        (item("v1", record=None, left_out="filtered", bound=OUT), "leave", "filtered"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_record(given: Item, action: str, outcome: str) -> None:
    assert decide(given, 7, "m") == action
    assert given.outcome == outcome


@pytest.mark.parametrize(
    ("bound", "version", "deleted", "current"),
    [
        (None, "v1", False, False),
        (known(), "v1", False, True),
        (known(), "v2", False, False),
        (known(), "", False, False),
        (known(), "v1", True, False),
        (known(state="deleted"), "v1", True, True),
        (known(deleted=True), "v1", False, False),
        (known(state="filtered"), "v1", False, True),
        (known(state="dead", mapping_version="older"), "v1", False, False),
        (LEFT, "v1", False, False),
        (OUT, "v1", False, False),
    ],
)
def test_what_need_not_be_read_again(bound: dict[str, Any] | None, version: str, deleted: bool, current: bool) -> None:
    assert is_current(bound, version, deleted=deleted, mapping_version="m") is current


def test_a_run_is_never_better_than_its_worst_part() -> None:
    good, left, wrong = (
        Counters("order", "in", 1, {"created": 1}),
        Counters("order", "in", 1, {"dead": 1}),
        Counters("order", "in", 1),
    )
    assert judge([good], [], "") == ("ok", "")
    assert judge([good, left], [], "")[0] == "partial"
    assert judge([good], ["shipments is paused"], "")[0] == "partial"
    assert judge([good, wrong], [], "")[0] == "failed"
    assert judge([good], [], "No answer.") == ("failed", "No answer.")
    with pytest.raises(ValueError, match="no outcome"):
        good.add("linked")


def test_seen_keys() -> None:
    seen = SeenKeys(b"salt")
    seen.add(f"key-{number}" for number in range(1000))
    assert "key-7" in seen and "key-1000" not in seen
    seen.add(["key-1000"])
    assert "key-1000" in seen and len(seen) == 1001


def test_spellings_of_one_attribute() -> None:
    assert {logical(name) for name in ("Контрагент_Key", "Контрагент", "Контрагент_Type")} == {"Контрагент"}
