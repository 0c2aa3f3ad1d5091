"""The configurations that the stand-in can be: one module (or a few of one prefix) each, listed here by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from sandbox.onec.configurations.kind import Configuration

MODULES: dict[str, str] = {
    "bp30": "bp30", "ut11": "ut11", "ka2": "ut11_relatives", "erp2": "ut11_relatives", "unf": "unf", "upp13": "upp",
    "utp_ua": "ukraine", "bas": "ukraine",
}  # fmt: skip
"""Name of a configuration -> module here whose ``CONFIGURATIONS`` has it."""


def names() -> list[str]:
    """All that can be asked for."""
    return list(MODULES)


def find_configuration(name: str) -> Configuration:
    """Configuration by its name; ValueError says which there are."""
    if name not in MODULES:
        raise ValueError(f"no configuration {name!r}: {', '.join(MODULES)}")
    module = import_module(f"sandbox.onec.configurations.{MODULES[name]}")
    found: dict[str, Callable[[], Configuration]] = module.CONFIGURATIONS
    return found[name]()
