"""Cards in CRMs, deals and activities out of them, the tokens of applications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _outbox()
    _token()
    _deal_order()
    _deals()
    _activities()


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("card", sa.String(length=40), primary_key=True),
        sa.Column("entity_id", sa.Uuid(), primary_key=True),
        sa.Column("external_id", sa.String(length=200)),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("sent_hash", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("reason", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_attempt_at", moment),
        sa.Column("mapping_version", sa.String(length=64)),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("sent_at", moment),
    )
    op.create_index("ix_outbox_entity_id", "outbox", ["entity_id"])
    due = "state IN ('new', 'due', 'sending', 'uncertain')"
    _partial("ix_outbox_due", "outbox", ["connection", "card", "next_attempt_at"], due)
    named = "external_id IS NOT NULL"
    _partial("uq_outbox_external_id", "outbox", ["connection", "card", "external_id"], named, unique=True)


def _token() -> None:
    op.create_table(
        "token",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("access", sa.Text(), nullable=False, server_default=""),
        sa.Column("refresh", sa.Text(), nullable=False, server_default=""),
        sa.Column("endpoint", sa.Text(), nullable=False, server_default=""),
        sa.Column("expires_at", moment),
        sa.Column("holder", sa.String(length=80)),
        sa.Column("held_until", moment),
    )


def _deal_order() -> None:
    op.create_table(
        "deal_order",
        sa.Column("order_id", sa.Uuid(), primary_key=True),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("decided_at", moment, nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
    )
    op.create_index("ix_deal_order_deal_id", "deal_order", ["deal_id"])


def _deals() -> None:
    op.create_table(
        "deals",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text()),
        sa.Column("date", moment),
        sa.Column("pipeline", sa.Text()),
        sa.Column("stage", sa.Text()),
        sa.Column("stage_since", moment),
        sa.Column("outcome", sa.Text()),
        sa.Column("probability", sa.BigInteger()),
        sa.Column("expected_date", sa.Date()),
        sa.Column("lost_reason", sa.Text()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("person_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        *_common(),
    )
    _entity_indexes("deals")


def _activities() -> None:
    op.create_table(
        "activities",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("date", moment, nullable=False),
        sa.Column("direction", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("completed", sa.Boolean()),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("deal_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        *_common(),
    )
    _entity_indexes("activities")


def _common() -> list[sa.Column[object]]:
    return [
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    ]


def _entity_indexes(table: str) -> None:
    op.create_index(f"ix_{table}_counterparty_id", table, ["counterparty_id"])
    op.create_index(f"ix_{table}_manager_date", table, ["manager_id", "date"])
    _partial(f"ix_{table}_unresolved", table, ["id"], "unresolved IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
