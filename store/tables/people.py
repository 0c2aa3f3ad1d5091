"""Who logs in: people with their roles, departments, who stands in for whom, sessions, tokens, attempts to log in."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, String, Table, Text, Uuid, text

from store.tables.base import metadata
from store.types import UtcDateTime

department = Table(
    "department",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(200), nullable=False),
    Index("uq_department_name", "name", unique=True),
)

user = Table(
    "user",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("login", String(100), nullable=False),  # casefolded
    Column("name", String(200), nullable=False),
    Column("password_hash", Text),  # argon2; without one nobody logs in
    Column("role", String(10), nullable=False),  # manager, head, admin, ops
    Column("language", String(5)),  # none: as the browser asks
    Column("timezone", String(60)),  # none: accounting's
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("manager_id", Uuid),  # the manager that he is in accounting and in the CRM
    Column("department_id", Uuid),  # a head without one sees all
    Column("may_export", Boolean),  # none: as his role may
    Column("on_call", Boolean, nullable=False, server_default=text("false")),  # sees who owes what when the phone rings
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("uq_user_login", "login", unique=True),
    Index("uq_user_manager_id", "manager_id", unique=True),
    Index("ix_user_department_id", "department_id"),
)

user_record = Table(  # every manager's record that is one and the same person: his in 1C, his in the CRM
    "user_record",
    metadata,
    Column("manager_id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Index("ix_user_record_user_id", "user_id"),
)

substitute = Table(  # who sees the customers of a manager in his stead
    "substitute",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("manager_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date),  # none: handed over for good
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(100), nullable=False),
    Index("uq_substitute_start", "user_id", "manager_id", "first_day", unique=True),
    Index("ix_substitute_manager_id", "manager_id"),
)

session = Table(  # one log-in of a browser; the cookie's value is kept only as a hash
    "session",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("id", Uuid, nullable=False),  # by what its owner ends it
    Column("user_id", Uuid, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),  # to a minute or so
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("address", String(60), nullable=False, server_default=""),
    Column("agent", String(200), nullable=False, server_default=""),
    Index("ix_session_user_id", "user_id"),
    Index("ix_session_expires_at", "expires_at"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("name", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index("ix_api_token_user_id", "user_id"),
)

login_attempt = Table(  # how often somebody has tried of late; counted before any password is looked at
    "login_attempt",
    metadata,
    Column("key", String(64), primary_key=True),  # a hash: of an address, or of a log-in name
    Column("since", UtcDateTime, nullable=False),
    Column("number", Integer, nullable=False),
    Index("ix_login_attempt_since", "since"),
)
