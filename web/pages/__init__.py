"""Pages: one module a theme, found by itself here and in the folders below: a `router`, and perhaps a `MENU`."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from fastapi import APIRouter

from web.menu import Item


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(found.name for found in pkgutil.walk_packages(__path__, f"{__name__}."))
    return tuple(import_module(name) for name in names)


def load_routers() -> list[APIRouter]:
    """The routers of all modules of pages, by the modules' names."""
    return [module.router for module in _modules() if hasattr(module, "router")]


def load_menu() -> list[Item]:
    """What all modules of pages put into the menu."""
    return [item for module in _modules() for item in getattr(module, "MENU", ())]
