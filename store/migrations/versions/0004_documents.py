"""Documents with their lines, balances and movements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _orders()
    _shipments()
    _returns()
    _payments()
    _order_lines()
    _shipment_lines()
    _return_lines()
    _payment_allocations()
    _balances()
    _movements()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text()),
        sa.Column("date", moment, nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("status", sa.Text()),
        sa.Column("pay_until", sa.Date()),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("ix_orders_counterparty_date", "orders", ["counterparty_id", "date"])
    op.create_index(
        "ix_orders_unresolved",
        "orders",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )
    op.create_index("ix_orders_updated_at", "orders", ["updated_at"])


def _shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text()),
        sa.Column("date", moment, nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("pay_until", sa.Date()),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("ix_shipments_counterparty_date", "shipments", ["counterparty_id", "date"])
    op.create_index(
        "ix_shipments_unresolved",
        "shipments",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )
    op.create_index("ix_shipments_updated_at", "shipments", ["updated_at"])


def _returns() -> None:
    op.create_table(
        "returns",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text()),
        sa.Column("date", moment, nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("shipment_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("ix_returns_counterparty_date", "returns", ["counterparty_id", "date"])
    op.create_index(
        "ix_returns_unresolved",
        "returns",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )
    op.create_index("ix_returns_updated_at", "returns", ["updated_at"])


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Text()),
        sa.Column("date", moment, nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text()),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("ix_payments_counterparty_date", "payments", ["counterparty_id", "date"])
    op.create_index(
        "ix_payments_unresolved",
        "payments",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )
    op.create_index("ix_payments_updated_at", "payments", ["updated_at"])


def _order_lines() -> None:
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Uuid(), primary_key=True),
        sa.Column("line_number", sa.Integer(), primary_key=True),
        sa.Column("section", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("quantity", sa.BigInteger()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("vat_rate", sa.Text()),
        sa.Column("vat_amount", sa.BigInteger()),
        sa.Column("product_id", sa.Uuid()),
        sa.Column("unresolved", json),
    )
    op.create_index(
        "ix_order_lines_unresolved",
        "order_lines",
        ["order_id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _shipment_lines() -> None:
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_id", sa.Uuid(), primary_key=True),
        sa.Column("line_number", sa.Integer(), primary_key=True),
        sa.Column("section", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("quantity", sa.BigInteger()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("vat_rate", sa.Text()),
        sa.Column("vat_amount", sa.BigInteger()),
        sa.Column("product_id", sa.Uuid()),
        sa.Column("unresolved", json),
    )
    op.create_index(
        "ix_shipment_lines_unresolved",
        "shipment_lines",
        ["shipment_id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _return_lines() -> None:
    op.create_table(
        "return_lines",
        sa.Column("return_id", sa.Uuid(), primary_key=True),
        sa.Column("line_number", sa.Integer(), primary_key=True),
        sa.Column("section", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("quantity", sa.BigInteger()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("vat_rate", sa.Text()),
        sa.Column("vat_amount", sa.BigInteger()),
        sa.Column("product_id", sa.Uuid()),
        sa.Column("unresolved", json),
    )
    op.create_index(
        "ix_return_lines_unresolved",
        "return_lines",
        ["return_id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _payment_allocations() -> None:
    op.create_table(
        "payment_allocations",
        sa.Column("payment_id", sa.Uuid(), primary_key=True),
        sa.Column("line_number", sa.Integer(), primary_key=True),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("settlement_amount", sa.BigInteger()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("shipment_id", sa.Uuid()),
        sa.Column("unresolved", json),
    )
    op.create_index(
        "ix_payment_allocations_unresolved",
        "payment_allocations",
        ["payment_id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("counterparty_key", sa.String(length=200), nullable=False),
        sa.Column("contract_key", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("organisation_key", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("currency_key", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency", sa.String(length=10), nullable=False),
        sa.Column("receivable", sa.BigInteger(), nullable=False),
        sa.Column("advance", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("overdue", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("overdue_since", sa.Date()),
        sa.Column("overdue_rule", sa.String(length=20)),
        sa.Column("unexplained", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("source", sa.String(length=10), nullable=False, server_default="register"),
        sa.Column("as_of", moment, nullable=False),
    )
    op.create_index("ix_balances_counterparty_id", "balances", ["counterparty_id"])
    op.create_index(
        "uq_balances_key",
        "balances",
        ["connection", "counterparty_key", "contract_key", "organisation_key", "currency_key"],
        unique=True,
    )


def _movements() -> None:
    op.create_table(
        "movements",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("counterparty_key", sa.String(length=200), nullable=False),
        sa.Column("contract_key", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("organisation_key", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("currency", sa.String(length=10), nullable=False),
        sa.Column("recorder_set", sa.String(length=200), nullable=False),
        sa.Column("recorder", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=40)),
        sa.Column("date", moment),
        sa.Column("amount", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_movements_counterparty", "movements", ["connection", "counterparty_key"])
