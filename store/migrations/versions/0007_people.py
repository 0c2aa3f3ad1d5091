"""People who log in: users with their roles, sessions, tokens of the API, departments and substitutes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

moment = sa.DateTime(timezone=True)
json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _users()
    _records_of_users()
    _substitutes()
    _sessions()
    _tokens()
    _attempts()
    _lists_of_customers()
    _found_by()
    _sorted_by()
    _set_here()
    op.add_column("connection", sa.Column("paused_by", sa.String(length=100)))
    _looked_at_by_ops()
    _drafts()
    _declared()


def _users() -> None:
    op.create_table(
        "department",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(length=200), nullable=False),
    )
    op.create_index("uq_department_name", "department", ["name"], unique=True)
    op.create_table(
        "user",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=5)),
        sa.Column("timezone", sa.String(length=60)),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("manager_id", sa.Uuid()),
        sa.Column("department_id", sa.Uuid()),
        sa.Column("may_export", sa.Boolean()),
        sa.Column("on_call", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("uq_user_login", "user", ["login"], unique=True)
    op.create_index("uq_user_manager_id", "user", ["manager_id"], unique=True)
    op.create_index("ix_user_department_id", "user", ["department_id"])


def _records_of_users() -> None:
    op.create_table(
        "user_record",
        sa.Column("manager_id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
    )
    op.create_index("ix_user_record_user_id", "user_record", ["user_id"])


def _substitutes() -> None:
    op.create_table(
        "substitute",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("manager_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date()),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
    )
    op.create_index("uq_substitute_start", "substitute", ["user_id", "manager_id", "first_day"], unique=True)
    op.create_index("ix_substitute_manager_id", "substitute", ["manager_id"])


def _sessions() -> None:
    op.create_table(
        "session",
        sa.Column("hash", sa.String(length=64), primary_key=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment),
        sa.Column("address", sa.String(length=60), nullable=False, server_default=""),
        sa.Column("agent", sa.String(length=200), nullable=False, server_default=""),
    )
    op.create_index("ix_session_user_id", "session", ["user_id"])
    op.create_index("ix_session_expires_at", "session", ["expires_at"])


def _tokens() -> None:
    op.create_table(
        "api_token",
        sa.Column("hash", sa.String(length=64), primary_key=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sa.Column("used_at", moment),
        sa.Column("revoked_at", moment),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])


def _attempts() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("key", sa.String(length=64), primary_key=True),
        sa.Column("since", moment, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
    )
    op.create_index("ix_login_attempt_since", "login_attempt", ["since"])


def _lists_of_customers() -> None:
    """A list is paged by name, of all customers and of a manager's."""
    op.create_index("ix_counterparties_name", "counterparties", ["name", "id"])
    op.create_index("ix_counterparties_manager_name", "counterparties", ["manager_id", "name", "id"])
    op.create_index("ix_counterparties_head_id", "counterparties", ["head_id"])
    for name in ("industry", "region", "category", "segment"):
        filled = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_counterparties_{name}", "counterparties", [name], sqlite_where=filled, postgresql_where=filled
        )
    op.create_index("ix_contracts_counterparty_id", "contracts", ["counterparty_id"])
    op.create_index("ix_persons_counterparty_id", "persons", ["counterparty_id"])
    op.create_index("ix_persons_updated_at", "persons", ["updated_at"])
    op.create_index("ix_contracts_updated_at", "contracts", ["updated_at"])
    tail = sa.text("ltrim(substr(number, length(rtrim(number, '0123456789')) + 1), '0')")
    for table in ("orders", "shipments", "returns", "payments"):
        op.create_index(f"ix_{table}_number", table, ["number"])
        op.create_index(f"ix_{table}_number_tail", table, [tail])


def _found_by() -> None:
    """Words of customers; filled by the next run, as all of this is."""
    word = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
    op.create_table(
        "customer_word",
        sa.Column("counterparty_id", sa.Uuid(), primary_key=True),
        sa.Column("word", word, primary_key=True),
        sa.Column("person", sa.String(length=36), primary_key=True, server_default=""),
    )
    op.create_index("ix_customer_word_word", "customer_word", ["word", "counterparty_id"])
    named = sa.text("person <> ''")
    op.create_index("ix_customer_word_person", "customer_word", ["person"], sqlite_where=named, postgresql_where=named)
    op.create_table(
        "word_form",
        sa.Column("form", word, primary_key=True),
        sa.Column("word", word, primary_key=True),
    )


def _sorted_by() -> None:
    op.create_table(
        "customer_figure",
        sa.Column("counterparty_id", sa.Uuid(), primary_key=True),
        sa.Column("currency", sa.String(length=10), nullable=False, server_default=""),
        sa.Column("amount", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("overdue", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("overdue_since", sa.Date()),
        sa.Column("over", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last_order_at", moment, nullable=False),
        sa.Column("last_shipment_at", moment, nullable=False),
        sa.Column("last_payment_at", moment, nullable=False),
    )
    for name in ("amount", "overdue", "over", "last_order_at", "last_shipment_at", "last_payment_at"):
        op.create_index(f"ix_customer_figure_{name}", "customer_figure", [name, "counterparty_id"])
    op.create_table(
        "customer_mark",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("passed_at", moment, nullable=False),
    )


def _set_here() -> None:
    """Limits and terms that are set here, where accounting does not keep them."""
    op.create_table(
        "own_value",
        sa.Column("entity", sa.String(length=20), primary_key=True),
        sa.Column("entity_id", sa.Uuid(), primary_key=True),
        sa.Column("field", sa.String(length=40), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text()),
        sa.Column("set_by", sa.String(length=100), nullable=False),
        sa.Column("set_at", moment, nullable=False),
    )


def _drafts() -> None:
    """What admins work at on the pages: one draft a mapping."""
    op.create_table(
        "mapping_draft",
        sa.Column("name", sa.String(length=100), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("based_on", sa.String(length=64)),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )


def _declared() -> None:
    """What a base says of its sets, so that pages need not ask it at every look."""
    op.create_table(
        "declared_set",
        sa.Column("connection", sa.String(length=100), primary_key=True),
        sa.Column("name", sa.String(length=200), primary_key=True),
        sa.Column("section", sa.String(length=200), primary_key=True),
        sa.Column("kinds", json, nullable=False),
        sa.Column("at", moment, nullable=False),
    )


def _looked_at_by_ops() -> None:
    """Since when and why a breaker is open, how far a run has come, which records it has touched last."""
    op.add_column("connection", sa.Column("breaker_since", moment))
    op.add_column("connection", sa.Column("breaker_reason", sa.Text()))
    op.add_column("lease", sa.Column("told", json))
    op.create_index("ix_run_started_at", "run", ["started_at"])
    op.create_index("ix_binding_fetch_seq", "binding", ["connection", "fetch_seq"])
