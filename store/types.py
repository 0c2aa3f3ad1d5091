"""Own column types, so that money and time mean the same on SQLite and PostgreSQL.

SQLite keeps NUMERIC as a float and drops the offset of times (reference/dependencies.md §2.2), hence whole numbers and
UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import JSON, TypeDecorator

from core.money import from_minor, to_minor

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""JSON; None is stored as NULL, not as the JSON word null."""


class Money(TypeDecorator[Decimal]):
    """An amount as a 64-bit whole number of ten-thousandths: exact sums on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """The whole number to store."""
        return None if value is None else to_minor(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """The amount that was stored. PostgreSQL sums BIGINT to NUMERIC, hence the conversion to int."""
        return None if value is None else from_minor(int(value))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment: stored as UTC, read back as aware UTC. A naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC; SQLite gets it without the offset that it would drop anyway."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone must not be stored")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
