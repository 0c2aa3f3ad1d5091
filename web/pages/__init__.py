"""Pages: one module a theme, found by itself. A module has a `router` and may have a `MENU` of `web.menu.Item`s."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

from fastapi import APIRouter

from web.menu import Item


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}") for name in names)


def load_routers() -> list[APIRouter]:
    """The routers of all modules of pages, by the modules' names."""
    return [module.router for module in _modules() if hasattr(module, "router")]


def load_menu() -> list[Item]:
    """What all modules of pages put into the menu."""
    return [item for module in _modules() for item in getattr(module, "MENU", ())]
