"""Alerts, a common budget of requests, decisions that are remembered, mappings that are carried over."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _alert()
    _alert_delivery()
    _rate()
    _match_decision()
    _mapping_case()
    _reapply()
    _new_columns()


def _alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100)),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("details", json),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.Column("escalated_at", moment),
        sa.Column("resolved_at", moment),
    )
    op.create_index("ix_alert_opened_at", "alert", ["opened_at"])
    _partial("uq_alert_open", "alert", ["cause"], "state = 'open'", unique=True)


def _alert_delivery() -> None:
    op.create_table(
        "alert_delivery",
        sa.Column("alert_id", sa.Uuid(), primary_key=True),
        sa.Column("event", sa.String(length=10), primary_key=True),
        sa.Column("channel", sa.String(length=10), primary_key=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", moment),
        sa.Column("sent_at", moment),
        sa.Column("reason", sa.Text()),
    )
    _partial("ix_alert_delivery_due", "alert_delivery", ["next_attempt_at"], "state IN ('due', 'sending')")


def _rate() -> None:
    op.create_table(
        "rate",
        sa.Column("name", sa.String(length=150), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("blocked_until", moment),
    )


def _match_decision() -> None:
    op.create_table(
        "match_decision",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("entity", sa.String(length=40), primary_key=True),
        sa.Column("entity_id", sa.Uuid(), primary_key=True),
        sa.Column("external_id", sa.String(length=200), primary_key=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("decided_at", moment, nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
    )


def _mapping_case() -> None:
    op.create_table(
        "mapping_case",
        sa.Column("name", sa.String(length=100), primary_key=True),
        sa.Column("title", sa.String(length=200), primary_key=True),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("raw", json, nullable=False),
        sa.Column("expected", json, nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", moment, nullable=False),
    )


def _reapply() -> None:
    op.create_table(
        "reapply",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("entity", sa.String(length=40)),
        sa.Column("external_id", sa.String(length=200)),
        sa.Column("counters", json, nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    _partial("uq_reapply_open", "reapply", ["connection"], "state IN ('due', 'running')", unique=True)


def _new_columns() -> None:
    op.add_column("binding", sa.Column("seen", json))
    op.add_column("dead_letter", sa.Column("edited", json))
    op.add_column("dead_letter", sa.Column("decided_at", moment))
    op.add_column("dead_letter", sa.Column("decided_by", sa.String(length=100)))
    op.create_index("ix_dead_letter_fingerprint", "dead_letter", ["fingerprint"])
    op.create_index("ix_dead_letter_record", "dead_letter", ["connection", "entity", "external_id"])
    _partial("ix_dead_letter_due", "dead_letter", ["next_attempt_at"], "state IN ('open', 'retrying')")
    _partial("ix_dead_letter_edited", "dead_letter", ["connection"], "edited IS NOT NULL")
    op.create_index("ix_parked_due", "parked", ["next_attempt_at"])
    asked_by = sa.Column("asked_by", sa.String(length=20), nullable=False, server_default="order")
    op.add_column("reconciliation", asked_by)
    op.add_column("reconciliation", sa.Column("repaired", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("reconciliation", sa.Column("seconds", sa.Float(), nullable=False, server_default="0"))
    op.add_column("mapping_version", sa.Column("number", sa.Integer()))
    op.add_column("mapping_version", sa.Column("published_by", sa.String(length=100)))
    _number_versions()


def _number_versions() -> None:
    """Versions that are there already are counted in the order in which they came."""
    op.execute(
        "UPDATE mapping_version SET number = (SELECT count(*) FROM mapping_version AS older"
        " WHERE older.name = mapping_version.name AND (older.created_at < mapping_version.created_at"
        " OR (older.created_at = mapping_version.created_at AND older.hash <= mapping_version.hash)))"
    )
    _partial("uq_mapping_version_number", "mapping_version", ["name", "number"], "number IS NOT NULL", unique=True)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
