"""An application's tokens, and who keeps them: they are renewed one process at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an application comes in with: a token for an hour, the one to get the next with, and where to ask."""

    access: str
    refresh: str
    expires_at: datetime
    endpoint: str

    def __repr__(self) -> str:
        return "Tokens(***)"


class TokenVault(Protocol):
    """Keeps an application's tokens for all our processes. A refresh token works once, so only one may use it."""

    def load(self) -> Tokens | None:
        """The tokens as they stand; None where none were ever kept."""

    def exclusive(self) -> AbstractContextManager[Tokens | None]:
        """Be the only one to renew them; gives them as they stand now. Raises TransientError when it takes too long."""

    def save(self, tokens: Tokens) -> None:
        """Keep a new pair, for good, before it is used."""
