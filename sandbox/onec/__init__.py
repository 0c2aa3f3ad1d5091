"""Stand-in of a 1C:Бухгалтерия 3.0 infobase published over OData v3, strict where the fact sheet is (see README.md)."""

from __future__ import annotations

from sandbox.onec.base import Base
from sandbox.onec.company import build_company
from sandbox.onec.schema import Layout
from sandbox.onec.server import OnecServer

__all__ = ["Base", "Layout", "OnecServer", "build_company"]
