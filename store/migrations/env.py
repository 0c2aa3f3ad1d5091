"""What Alembic runs. The connection and its transaction come from the caller (`store.upgrade`)."""

from alembic import context

import store.entities  # noqa: F401 (brings its tables)
from store.tables import metadata

OURS = set(metadata.tables) | {"alembic_version"}


def include_name(name: str | None, type_: str, parent_names: object) -> bool:
    """Tables of others in the same database (a broker's, for one) are none of our business."""
    return type_ != "table" or name in OURS


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=True,
    transactional_ddl=True,  # SQLite too: one transaction around everything
)
with context.begin_transaction():
    context.run_migrations()
