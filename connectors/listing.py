"""What a connector is that can name all sets of the other side, for whoever looks for another one to read."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from connectors.base import RecordSource


@runtime_checkable
class ListingSource(RecordSource, Protocol):
    """Can name all sets that it publishes."""

    def list_sets(self) -> list[str] | None:
        """The sets that can be read record by record, sorted; None where the other side does not say."""
