"""`[alerts]` and rates as people write them; quiet hours over midnight, over each other and over daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from core.alerting import AlertSettings
from core.errors import ConfigError
from core.sections import parse_rate, quiet_until
from core.settings import load_settings

MOSCOW, KYIV = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Kyiv")
EMAIL = {"host": "mail", "from": "a@b.c", "to": ["ops@example.com"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "stretches", "end"),
    [
        ("2026-01-15T18:59", ("22:00-07:00",), None),  # 21:59 in Moscow
        ("2026-01-15T19:00", ("22:00-07:00",), "2026-01-16T04:00"),
        ("2026-01-16T03:59", ("22:00-07:00",), "2026-01-16T04:00"),
        ("2026-01-16T04:00", ("22:00-07:00",), None),
        ("2026-01-15T19:00", ("22:00-02:00", "01:00-07:00"), "2026-01-16T04:00"),
        ("2026-01-15T10:00", ("12:30-13:30", "22:00-07:00"), "2026-01-15T10:30"),
        ("2026-01-15T10:00", (), None),
    ],
)
def test_quiet_hours_end(now: str, stretches: tuple[str, ...], end: str | None) -> None:
    assert quiet_until(at(now), MOSCOW, stretches) == (at(end) if end else None)


def test_quiet_hours_follow_the_wall_clock() -> None:
    """In the night to 2026-03-29 Kyiv's clocks go forward: 07:00 comes an hour earlier."""
    assert quiet_until(at("2026-03-28T22:00"), KYIV, ("22:00-07:00",)) == at("2026-03-29T04:00")
    assert quiet_until(at("2026-03-27T22:00"), KYIV, ("22:00-07:00",)) == at("2026-03-28T05:00")


@pytest.mark.parametrize(("text", "seconds"), [("2/s", 0.5), ("120/m", 0.5), ("1000 / h", 3.6), ("7/S", 0.142857)])
def test_rates(text: str, seconds: float) -> None:
    assert parse_rate(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["2", "0/s", "-1/s", "2/d", "2.5/s", "", "fast"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="2/s"):
        parse_rate(text)


def test_all_mistakes_are_named_and_no_value_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        """
[alerts]
language = "xx"
quiet = ["late"]
timezone = "Moscow"
urgent = ["everything"]
[alerts.email]
host = "mail"
from = "canary@x\\r\\nBcc: y@z"
to = []
[alerts.webhook]
url = "https://canary"
header = "X: canary"
""",
        "utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    for key in ("language", "quiet", "timezone", "urgent.0", "email.from", "email.to", "webhook.header"):
        assert f"alerts.{key}" in caught.value.message
    assert "canary" not in caught.value.message


def test_who_is_told_higher_up_needs_a_time() -> None:
    with pytest.raises(ValidationError, match="escalate_after"):
        AlertSettings.model_validate({"email": EMAIL | {"escalate_to": ["boss@example.com"]}})
    fine = AlertSettings.model_validate(
        {
            "email": EMAIL | {"escalate_to": ["boss@example.com"]},
            "escalate_after": "2h",
            "webhook": {"url": "https://x"},
        }
    )
    assert fine.channels == ("email", "webhook")
    assert fine.email is not None and fine.email.server_port == 587


def test_the_environment_sets_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"SVERKA_ALERTS__SILENT_AFTER": "20m", "SVERKA_ALERTS__QUIET": '["22:00-07:00"]'}
    alerts = load_settings(environ=environ).alerts
    assert (alerts.silent_after, alerts.quiet) == (timedelta(minutes=20), ("22:00-07:00",))
