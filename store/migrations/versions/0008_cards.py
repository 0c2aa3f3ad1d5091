"""What showing cards in CRMs needs besides: watermarks, links that a person has agreed to, stage moves."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _orders_of_deals()


def _orders_of_deals() -> None:
    """What was shipped and paid of an order is found by the order."""
    for table in ("deals", "activities"):
        op.create_index(f"ix_{table}_updated_at", table, ["updated_at"])
    named = {"shipments": ["order"], "returns": ["shipment"], "payments": ["order"]}
    for table, references in (named | {"payment_allocations": ["order", "shipment"]}).items():
        for name in references:
            _partial(f"ix_{table}_{name}_id", table, [f"{name}_id"], f"{name}_id IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
