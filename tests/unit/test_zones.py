"""Whatever people read has one wall clock: the first accounting connection's; JSON keeps its offsets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cli.words import moment, readable
from core.clock import ManualClock
from core.settings import Settings
from store.engine import open_engine
from sync.alerts.words import render
from sync.context import App
from sync.reconcile.result import Line

MOSCOW = ZoneInfo("Europe/Moscow")
MIDNIGHT = datetime(2024, 10, 26, 21, tzinfo=UTC)
"""00:00 of the 27th in Moscow."""


def test_a_document_of_midnight_is_named_by_the_day_of_accounting() -> None:
    line = Line("extra_document", "order", None, date=MIDNIGHT, since=MIDNIGHT)
    row = line.to_row(MOSCOW)
    assert (row["date"], row["since"]) == ("2024-10-27", "2024-10-27")
    assert line.to_json()["document"]["date"] == "2024-10-26T21:00:00+00:00"


def test_moments_have_one_form() -> None:
    shown = "2024-10-27 00:00"
    assert moment(MIDNIGHT, MOSCOW) == moment(MIDNIGHT.isoformat(), MOSCOW) == shown
    assert moment("2024-10-27") == "2024-10-27" and moment(None) == ""
    nested = {"at": MIDNIGHT, "steps": [{"sent_at": "2024-10-26T21:00:00.5+00:00"}], "note": "2024-10-26T21:00:00"}
    assert readable(nested, MOSCOW) == {"at": shown, "steps": [{"sent_at": shown}], "note": "2024-10-26T21:00:00"}


def test_the_zone_is_that_of_the_first_accounting() -> None:
    crm = {"name": "crm", "connector": "bitrix24", "role": "crm"}
    accounting = {"name": "books", "connector": "onec_odata", "role": "accounting", "timezone": "Asia/Yekaterinburg"}
    engine = open_engine("sqlite://")
    empty = App(Settings(), engine, ManualClock(), "test")
    assert empty.zone is UTC
    settings = Settings.model_validate({"connections": {"crm": crm, "books": accounting}})
    assert App(settings, engine, ManualClock(), "test").zone == ZoneInfo("Asia/Yekaterinburg")
    engine.dispose()


def test_texts_that_are_kept_are_in_that_zone() -> None:
    said = render("no_tick", {"since": MIDNIGHT.isoformat()}, zone=MOSCOW)
    assert "since 2024-10-27 00:00:" in said.text
