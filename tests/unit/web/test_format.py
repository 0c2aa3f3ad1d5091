"""Values as each language writes them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from web.show.format import DASH, Writer

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")


def plain(text: str) -> str:
    """Without the spaces that do not break."""
    return text.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "amount", "currency", "shown"),
    [
        ("ru", "25892838.28", "RUB", "25 892 838,28 ₽"),
        ("uk", "-1500.00", "UAH", "-1 500,00 ₴"),
        ("en", "1500.50", "RUB", "1,500.50 RUB"),
        ("ru", "0.00", {"code": "RUB"}, "0,00 ₽"),
        ("ru", "1500.5", None, "1 500,50"),
        ("ru", None, "RUB", DASH),
        ("ru", "nonsense", "RUB", DASH),
    ],
)
def test_money(language: str, amount: object, currency: object, shown: str) -> None:
    assert plain(Writer(language).money(amount, currency)) == shown


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "3 minutes ago"), ("ru", "3 минуты назад"), ("uk", "3 хвилини тому")]
)
def test_age(language: str, shown: str) -> None:
    write = Writer(language, MOSCOW, NOW)
    assert write.ago(180) == shown
    assert write.ago(NOW - timedelta(minutes=3)) == shown
    assert write.ago((NOW - timedelta(minutes=3)).isoformat()) == shown


def test_age_of_nothing_and_of_what_is_to_come() -> None:
    assert Writer("en", UTC, NOW).ago(None) == DASH
    assert Writer("en", UTC, NOW).ago(-5) == Writer("en", UTC, NOW).ago(0) == "1 second ago"


def test_moments_are_on_the_readers_wall_clock() -> None:
    assert Writer("ru", MOSCOW).moment(NOW) == "21.11.2026, 15:05"
    assert Writer("ru", MOSCOW).clock(NOW.isoformat()) == "15:05"
    assert Writer("en", MOSCOW).moment(NOW) == "21/11/2026, 15:05"
    assert Writer("uk", ZoneInfo("Europe/Kyiv")).clock(NOW) == "14:05"
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
    assert Writer("ru", MOSCOW).day(late) == Writer("ru", UTC).day(date(2026, 11, 22))


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_a_dash(value: object) -> None:
    write = Writer("uk", UTC, NOW)
    assert {write.day(value), write.moment(value), write.clock(value), write.money(value)} == {DASH}


@pytest.mark.parametrize(
    ("language", "phone", "shown", "link"),
    [
        ("ru", "+79268060137;ext=58", "+7 926 806-01-37 доб. 58", "tel:+79268060137;ext=58"),
        ("uk", "+380441234567;ext=58", "+380 44 123 4567 дод. 58", "tel:+380441234567;ext=58"),
        ("en", "+79268060137;ext=58", "+7 926 806-01-37 ext. 58", "tel:+79268060137;ext=58"),
        ("ru", "+74951234560", "+7 495 123-45-60", "tel:+74951234560"),
        ("ru", "+7 495 123-45-60", "+7 495 123-45-60", "tel:+74951234560"),
        ("ru", "12-34 56", "12-34 56", "tel:12-3456"),
        ("ru", "+7 000", "+7 000", "tel:+7000"),
    ],
)
def test_phones(language: str, phone: str, shown: str, link: str) -> None:
    """For people in groups and words, for the telephone as records keep them; what is no number as it is."""
    write = Writer(language)
    assert (write.phone(phone), write.phone_link(phone)) == (shown, link)


def test_phones_in_a_sentence() -> None:
    said = "тот же телефон +79268060137;ext=58, та же почта a+79268060137@b.c; сумма +12"
    assert Writer("ru").phones_in(said) == said.replace("+79268060137;ext=58", "+7 926 806-01-37 доб. 58")
