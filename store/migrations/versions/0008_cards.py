"""What showing cards in CRMs needs besides: watermarks, links that a person has agreed to, stage moves."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing yet."""
