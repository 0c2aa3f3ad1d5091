"""The world of the push tests, and one of two bases."""

from tests.integration.sync_push.world import world

__all__ = ["world"]
