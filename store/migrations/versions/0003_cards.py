"""Organisations, products, customers, contracts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _organisations()
    _currencies()
    _managers()
    _groups()
    _products()
    _counterparties()
    _persons()
    _contracts()


def _organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("tax_id", sa.Text()),
        sa.Column("registration_code", sa.Text()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_organisations_unresolved",
        "organisations",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _currencies() -> None:
    op.create_table(
        "currencies",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("numeric_code", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_currencies_unresolved",
        "currencies",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _managers() -> None:
    op.create_table(
        "managers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("active", sa.Boolean()),
        sa.Column("department", sa.Text()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_managers_unresolved",
        "managers",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("parent_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_groups_unresolved",
        "groups",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("sku", sa.Text()),
        sa.Column("service", sa.Boolean()),
        sa.Column("attributes", json),
        sa.Column("group_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_products_unresolved",
        "products",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _counterparties() -> None:
    op.create_table(
        "counterparties",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("tax_id", sa.Text()),
        sa.Column("registration_code", sa.Text()),
        sa.Column("ogrn", sa.Text()),
        sa.Column("okpo", sa.Text()),
        sa.Column("phones", json),
        sa.Column("emails", json),
        sa.Column("addresses", json),
        sa.Column("industry", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("segment", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("credit_limit", sa.BigInteger()),
        sa.Column("payment_days", sa.BigInteger()),
        sa.Column("comment", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("attributes", json),
        sa.Column("group_id", sa.Uuid()),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("head_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("home", sa.String(length=10), nullable=False, server_default="accounting"),
        sa.Column("search", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("ix_counterparties_home", "counterparties", ["home"])
    op.create_index("ix_counterparties_tax_id", "counterparties", ["tax_id"])
    op.create_index(
        "ix_counterparties_unresolved",
        "counterparties",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text()),
        sa.Column("phones", json),
        sa.Column("emails", json),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_persons_unresolved",
        "persons",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )


def _contracts() -> None:
    op.create_table(
        "contracts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("number", sa.Text()),
        sa.Column("date", sa.Date()),
        sa.Column("valid_until", sa.Date()),
        sa.Column("kind", sa.Text()),
        sa.Column("payment_days", sa.BigInteger()),
        sa.Column("credit_limit", sa.BigInteger()),
        sa.Column("closed", sa.Boolean()),
        sa.Column("counterparty_id", sa.Uuid()),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("currency_id", sa.Uuid()),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("marks", json),
        sa.Column("unresolved", json),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index(
        "ix_contracts_unresolved",
        "contracts",
        ["id"],
        sqlite_where=sa.text("unresolved IS NOT NULL"),
        postgresql_where=sa.text("unresolved IS NOT NULL"),
    )
