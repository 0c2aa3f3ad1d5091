"""People who log in: users with their roles, sessions, tokens of the API, departments and substitutes."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
