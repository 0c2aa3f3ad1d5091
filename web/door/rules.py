"""Who a route is for: every route says so, beside its path; one that does not is answered to nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from store.queries.customers.rights import ROLES, Role

Handler = TypeVar("Handler", bound=Callable[..., Any])
_RULE = "__sverka_rule__"
Right = Literal["export"]
"""What can be given to a person beside his role, or taken from him."""
RIGHTS: dict[Right, tuple[Role, ...]] = {"export": ("head", "admin")}
"""The roles that have a right where nobody has decided otherwise for the person."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that a route is for, and what kind of thing its path names.

    `public`: for everybody, logged in or not. `about`: the kind of thing that a path like "/customers/{key}" names; a
    test tries each role on one that is not its own, and fails for a kind that it cannot make. `right`: what takes more
    than the role.
    """

    roles: tuple[Role, ...]
    public: bool = False
    about: str | None = None
    right: Right | None = None


def allow(*roles: Role, about: str | None = None, right: Right | None = None) -> Callable[[Handler], Handler]:
    """Declare that a route is for users of these roles, and for those of them alone who have the right.

    Stands below the decorator that gives the path.
    """
    if not roles or not set(roles) <= set(ROLES):
        raise ValueError(f"a route is for one or more of {ROLES}")
    return _declare(Rule(roles, about=about, right=right))


def everyone(handler: Handler) -> Handler:
    """Declare that a route is for all who are logged in."""
    return _declare(Rule(ROLES))(handler)


def everyone_about(about: str) -> Callable[[Handler], Handler]:
    """The same for a route whose path names a thing."""
    return _declare(Rule(ROLES, about=about))


def public(handler: Handler) -> Handler:
    """Declare that a route is for everybody, logged in or not."""
    return _declare(Rule((), public=True))(handler)


def rule_of(handler: object) -> Rule | None:
    """What a handler declares; None where it declares nothing."""
    found = getattr(handler, _RULE, None)
    return found if isinstance(found, Rule) else None


def _declare(rule: Rule) -> Callable[[Handler], Handler]:
    def mark(handler: Handler) -> Handler:
        setattr(handler, _RULE, rule)
        return handler

    return mark
