"""Connections, runs, what was received and what it is bound to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _connection()
    _lease()
    _slot()
    _tick()
    _request()
    _cursor()
    _run()
    _run_counter()
    _landing()
    _binding()


def _connection() -> None:
    op.create_table(
        "connection",
        sa.Column("name", sa.String(length=100), primary_key=True),
        sa.Column("paused_reason", sa.Text()),
        sa.Column("paused_at", moment),
        sa.Column("paused_entities", json),
        sa.Column("breaker", sa.String(length=10), nullable=False, server_default="closed"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("breaker_until", moment),
        sa.Column("last_ok_at", moment),
        sa.Column("facts", json),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=150), primary_key=True),
        sa.Column("owner", sa.String(length=80)),
        sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("until", moment),
    )


def _slot() -> None:
    op.create_table(
        "slot",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("start", moment, primary_key=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.Uuid()),
    )


def _tick() -> None:
    op.create_table(
        "tick",
        sa.Column("name", sa.String(length=40), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("host", sa.String(length=200)),
    )


def _request() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("arguments", json, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("claimed_at", moment),
        sa.Column("done_at", moment),
        sa.Column("result", json),
    )
    op.create_index(
        "ix_request_open",
        "request",
        ["connection"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _cursor() -> None:
    op.create_table(
        "cursor",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("state", json, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("fresh_at", moment),
        sa.Column("swept_at", moment),
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("slot", moment),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment),
        sa.Column("requests", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("writes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.Column("message", sa.Text()),
        sa.Column("notices", json),
    )
    op.create_index("ix_run_connection_started", "run", ["connection", "started_at"])
    op.create_index(
        "uq_run_running",
        "run",
        ["connection"],
        unique=True,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )


def _run_counter() -> None:
    op.create_table(
        "run_counter",
        sa.Column("run_id", sa.Uuid(), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("direction", sa.String(length=4), primary_key=True),
        sa.Column("status", sa.String(length=20), nullable=False, server_default="ok"),
        sa.Column("read", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("updated", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("deleted", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unchanged", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("filtered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("parked", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("review", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("dead", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("linked", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("uncertain", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("requests", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("message", sa.Text()),
    )


def _landing() -> None:
    op.create_table(
        "landing",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("external_id", sa.String(length=200), primary_key=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("fetched_at", moment, nullable=False),
    )


def _binding() -> None:
    op.create_table(
        "binding",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("external_id", sa.String(length=200), primary_key=True),
        sa.Column("entity_id", sa.Uuid()),
        sa.Column("source", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("version", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("hash", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("written_hash", sa.String(length=64)),
        sa.Column("state", sa.String(length=12), nullable=False, server_default="bound"),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("date", moment),
        sa.Column("fetch_seq", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.Column("missing_since", moment),
        sa.Column("code", sa.String(length=100)),
    )
    op.create_index("ix_binding_entity_id", "binding", ["entity", "entity_id"])
    op.create_index(
        "ix_binding_parked",
        "binding",
        ["connection", "entity"],
        sqlite_where=sa.text("state = 'parked'"),
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_index("ix_binding_source_date", "binding", ["connection", "source", "date"])
