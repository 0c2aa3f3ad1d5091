"""Fixtures of the migration tests."""

from tests.integration.store.counting import count_queries

__all__ = ["count_queries"]
