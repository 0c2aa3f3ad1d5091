"""What a handler raises when it cannot answer: turned into a page, or into problem+json for the API."""

from __future__ import annotations


class LoginNeeded(Exception):
    """Nobody is logged in, and the route is not for everybody."""


class Forbidden(Exception):
    """The route is not for this role; `stale`: the deed did not come from a page of ours, or from too old a one."""

    def __init__(self, *, stale: bool = False) -> None:
        super().__init__("stale" if stale else "role")
        self.stale = stale


class Missing(Exception):
    """There is no such thing, or it is not the asker's to see: the answer is the same."""
