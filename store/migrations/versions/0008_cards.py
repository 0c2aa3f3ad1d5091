"""What showing cards in CRMs needs besides: watermarks, links that a person has agreed to, stage moves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _orders_of_deals()
    _cards_shown()


def _orders_of_deals() -> None:
    """What was shipped and paid of an order is found by the order."""
    for table in ("deals", "activities"):
        op.create_index(f"ix_{table}_updated_at", table, ["updated_at"])
    named = {"shipments": ["order"], "returns": ["shipment"], "payments": ["order"]}
    for table, references in (named | {"payment_allocations": ["order", "shipment"]}).items():
        for name in references:
            _partial(f"ix_{table}_{name}_id", table, [f"{name}_id"], f"{name}_id IS NOT NULL")


def _cards_shown() -> None:
    """What a card shows, how far that is known, and what has changed since."""
    for column in (sa.Column("as_of", moment), sa.Column("known", json), sa.Column("bound_at", moment)):
        op.add_column("outbox", column)
    op.create_index("ix_outbox_bound_at", "outbox", ["connection", "card", "bound_at"])
    _partial("ix_outbox_dead", "outbox", ["connection", "card"], "state = 'dead'")
    op.create_table(
        "outbox_mark",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("card", sa.String(length=40), primary_key=True),
        sa.Column("since", moment),
        sa.Column("mapping_version", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("pass_started", moment),
        sa.Column("pass_after", sa.Uuid()),
        sa.Column("passed_at", moment),
    )
    op.create_index("ix_counterparties_updated_at", "counterparties", ["updated_at"])
    op.create_index("ix_balances_as_of", "balances", ["as_of"])
    op.add_column("balances", sa.Column("settled_at", moment))
    op.create_index("ix_balances_settled_at", "balances", ["settled_at"])
    op.add_column("binding", sa.Column("foreign_key", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_index("ix_intent_updated_at", "intent", ["updated_at"])


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
