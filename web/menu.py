"""The menu: each module of pages says what of it stands there, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from store.queries.customers.rights import ROLES, Role


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: its place, path, English title (marked with `N_`) and the roles that see it."""

    place: int
    path: str
    title: str
    roles: tuple[Role, ...] = ROLES


@cache
def _items() -> tuple[Item, ...]:
    from web.pages import load_menu  # noqa: PLC0415 pages themselves show the menu

    return tuple(sorted(load_menu(), key=lambda item: item.place))


def menu_of(role: Role) -> list[Item]:
    """What a role sees, in order."""
    return [item for item in _items() if role in item.roles]
