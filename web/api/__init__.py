"""The JSON API, version 1: one module a theme, found by itself. A module has a `router`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from fastapi import APIRouter

VERSION = "1"
PREFIX = f"/api/v{VERSION}"


def load_routers() -> list[APIRouter]:
    """The routers of all modules of the API, by the modules' names."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return [module.router for module in modules if hasattr(module, "router")]
