"""What waits, what failed, what a person must choose; versions of mappings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _parked()
    _intent()
    _dead_letter()
    _review()
    _reconciliation()
    _reconciliation_line()
    _mapping_version()
    _audit()


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("external_id", sa.String(length=200), primary_key=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("needs_entity", sa.String(length=40), nullable=False),
        sa.Column("needs_id", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", moment),
        sa.Column("since", moment, nullable=False),
    )
    op.create_index("ix_parked_needs", "parked", ["connection", "needs_entity", "needs_id"])


def _intent() -> None:
    op.create_table(
        "intent",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("client_key", sa.String(length=100), nullable=False),
        sa.Column("steps", json, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", moment),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("external_id", sa.String(length=200)),
        sa.Column("external_code", sa.String(length=100)),
        sa.Column("owner", sa.String(length=80)),
        sa.Column("until", moment),
    )
    op.create_index(
        "ix_intent_due",
        "intent",
        ["connection", "next_attempt_at"],
        sqlite_where=sa.text("state IN ('waiting', 'due', 'uncertain', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'due', 'uncertain', 'sending')"),
    )
    op.create_index(
        "uq_intent_open",
        "intent",
        ["connection", "entity", "entity_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'review', 'due', 'sending', 'uncertain')"),
        postgresql_where=sa.text("state IN ('waiting', 'review', 'due', 'sending', 'uncertain')"),
    )


def _dead_letter() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("direction", sa.String(length=4), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("error_class", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("first_at", moment, nullable=False),
        sa.Column("last_at", moment, nullable=False),
        sa.Column("next_attempt_at", moment),
        sa.Column("source", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("payload", json),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.Column("run_id", sa.Uuid()),
        sa.Column("note", sa.Text()),
        sa.UniqueConstraint("number", name=op.f("uq_dead_letter_number")),
    )
    op.create_index("ix_dead_letter_state", "dead_letter", ["state", "connection"])
    op.create_index(
        "uq_dead_letter_open",
        "dead_letter",
        ["connection", "entity", "external_id", "direction"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'retrying')"),
        postgresql_where=sa.text("state IN ('open', 'retrying')"),
    )


def _review() -> None:
    op.create_table(
        "review",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.Uuid()),
        sa.Column("intent_id", sa.Uuid()),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("candidates", json, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("decision", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("decided_at", moment),
        sa.Column("decided_by", sa.String(length=100)),
        sa.UniqueConstraint("number", name=op.f("uq_review_number")),
    )
    op.create_index(
        "uq_review_open",
        "review",
        ["connection", "entity", "entity_id", "kind"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _reconciliation() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("unexplained", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("summary", json, nullable=False),
    )
    op.create_index("ix_reconciliation_connection_at", "reconciliation", ["connection", "at"])


def _reconciliation_line() -> None:
    op.create_table(
        "reconciliation_line",
        sa.Column("reconciliation_id", sa.Uuid(), primary_key=True),
        sa.Column("line", sa.Integer(), primary_key=True),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("details", json, nullable=False),
    )


def _mapping_version() -> None:
    op.create_table(
        "mapping_version",
        sa.Column("hash", sa.String(length=64), primary_key=True),
        sa.Column("name", sa.String(length=100), primary_key=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("published_at", moment),
    )
    op.create_index(
        "uq_mapping_version_published",
        "mapping_version",
        ["name"],
        unique=True,
        sqlite_where=sa.text("state = 'published'"),
        postgresql_where=sa.text("state = 'published'"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("before", json),
        sa.Column("after", json),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
