"""The world of the push tests."""

from tests.integration.sync_push.world import world

__all__ = ["world"]
