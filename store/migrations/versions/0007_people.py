"""People who log in: users with their roles, sessions, tokens of the API, departments and substitutes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _users()
    _substitutes()
    _sessions()
    _tokens()
    _attempts()
    _lists_of_customers()


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
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )
    op.create_index("uq_user_login", "user", ["login"], unique=True)
    op.create_index("uq_user_manager_id", "user", ["manager_id"], unique=True)
    op.create_index("ix_user_department_id", "user", ["department_id"])


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
