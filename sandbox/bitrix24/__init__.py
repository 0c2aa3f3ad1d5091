"""A stand-in of a Bitrix24 portal: its REST over real HTTP, with its limits, its errors and its habits (README.md)."""

from sandbox.bitrix24.build import build_portal
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.server import BitrixServer

__all__ = ["BitrixServer", "Portal", "build_portal"]
