"""Values as each language writes them: amounts, days, moments, ages, phones. Amounts come as decimal text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers
from babel import dates, numbers
from babel.core import Locale

from core.clock import on_wall_clock
from web.show.texts import translations

DASH = "—"
_KEPT_PHONE = re.compile(r"(?<![\w+])\+\d{7,15}(?:;ext=\d{1,9})?(?!\w)")
"""A phone as records keep it (RFC 3966 without its "tel:"), within a text."""
_WRITTEN = {"en": "en_GB"}
"""Days before months, and 24 hours, as all others here read them."""


class Writer:
    """Writes values in one language and on one wall clock."""

    def __init__(self, language: str, zone: tzinfo = UTC, now: datetime | None = None) -> None:
        self._language = language
        self.locale = Locale.parse(_WRITTEN.get(language, language))
        self.zone = zone
        self._now = now

    def money(self, amount: Any, currency: Any = None) -> str:
        """As in 1 500,00 ₽; without a currency the bare number; a dash for none."""
        value = _decimal(amount)
        if value is None:
            return DASH
        code = currency.get("code") if isinstance(currency, dict) else currency
        if not code:
            return str(numbers.format_decimal(value, format="#,##0.00", locale=self.locale))
        if numbers.get_currency_symbol(str(code), self.locale) == code:  # no sign of its own: a space has to part them
            return str(numbers.format_currency(value, str(code), format="#,##0.00\xa0¤", locale=self.locale))
        return str(numbers.format_currency(value, str(code), locale=self.locale))

    def number(self, value: Any) -> str:
        """A number with its groups of three."""
        amount = _decimal(value)
        return DASH if amount is None else str(numbers.format_decimal(amount, locale=self.locale))

    def day(self, value: Any) -> str:
        """A date; of a moment the day on the reader's wall clock."""
        found = self._moment(value)
        return DASH if found is None else str(dates.format_date(found, format="medium", locale=self.locale))

    def moment(self, value: Any) -> str:
        """Day and time on the reader's wall clock."""
        found = self._moment(value)
        if found is None:
            return DASH
        if not isinstance(found, datetime):
            return self.day(found)
        return str(dates.format_datetime(found, format="short", tzinfo=self.zone, locale=self.locale))

    def clock(self, value: Any) -> str:
        """The time of day alone."""
        found = self._moment(value)
        if not isinstance(found, datetime):
            return self.day(value)
        return str(dates.format_time(found, format="short", tzinfo=self.zone, locale=self.locale))

    def ago(self, value: Any) -> str:
        """How long ago: "3 minutes ago". Takes a moment, or the number of seconds that have gone by."""
        if value is None:
            return DASH
        if not isinstance(value, int | float):
            found = self._moment(value)
            if not isinstance(found, datetime) or self._now is None:
                return self.day(value)
            value = (self._now - found).total_seconds()
        gone = timedelta(seconds=-max(float(value), 1.0))  # none at all would be told as what is to come
        return str(dates.format_timedelta(gone, add_direction=True, threshold=1.5, locale=self.locale))

    def span(self, seconds: float) -> str:
        """A stretch of time: "15 minutes"."""
        return str(dates.format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self.locale))

    def phone(self, value: Any) -> str:
        """A phone in groups, its extension in words: "+7 926 806-01-37 ext. 58"; as it is where it is no number."""
        number = _parse_phone(value)
        if number is None:
            return str(value)
        extension, number.extension = number.extension, None
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        behind = translations(self._language).gettext("ext. %(number)s")
        return f"{shown} {behind % {'number': extension}}" if extension else shown

    def phones_in(self, text: str) -> str:
        """A sentence in which phones stand as records keep them, with each written as people do."""
        return _KEPT_PHONE.sub(lambda found: self.phone(found[0]), text)

    def phone_link(self, value: Any) -> str:
        """What a telephone dials: "tel:+79268060137;ext=58"; what is no number goes without its spaces."""
        number = _parse_phone(value)
        if number is None:
            return f"tel:{''.join(str(value).split())}"
        plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return f"tel:{plain};ext={number.extension}" if number.extension else f"tel:{plain}"

    def _moment(self, value: Any) -> date | datetime | None:
        if isinstance(value, str) and value:
            value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
        if isinstance(value, datetime):
            return on_wall_clock(value, self.zone)
        return value if isinstance(value, date) else None


def _parse_phone(value: Any) -> phonenumbers.PhoneNumber | None:
    """With its country in front, as records keep phones: a number without one could be anybody's."""
    try:
        number = phonenumbers.parse(str(value))
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
