"""Random keys that a browser or a machine shows to be known, and what is kept of them: a hash, never the key."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_PREFIX = "sverka_"  # noqa: S105 by it a token that leaked is recognised
_BYTES = 32


def new_key(prefix: str = "") -> str:
    """A key that nobody can guess."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hash_key(key: str) -> str:
    """What is kept of a key; it has so many random bits that a plain hash is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(key: str) -> str:
    """What forms of this key's browser carry: derived from it, and of no use to get at it."""
    return hashlib.sha256(b"form\0" + key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
