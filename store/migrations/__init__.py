"""The steps from an empty store to the present one. Run from Python (`store.upgrade`), no `alembic.ini` anywhere."""

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All revisions, oldest first; a test compares with the folder `versions`."""
HEAD = REVISIONS[-1]
