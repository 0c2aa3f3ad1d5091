"""CRMs whose deals go through stages: which pipelines there are, and in which order their stages follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from connectors.base import Connector

Outcome = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one pipeline. `outcome`: what a deal that stands there has come to."""

    pipeline: str
    pipeline_name: str
    id: str
    name: str
    outcome: Outcome = "open"


@runtime_checkable
class StageReader(Connector, Protocol):
    """A CRM that tells its stages. Deals are moved by `CardTarget.write_cards`: a card "deal" with `stage_field`."""

    stage_field: str
    """The CRM's own name of the field that holds a deal's stage."""

    def fetch_stages(self) -> list[Stage]:
        """All stages of all pipelines; those of one in the order in which a deal goes through them."""
