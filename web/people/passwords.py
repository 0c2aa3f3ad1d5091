"""Passwords: argon2 hashes, made and compared a few at a time because each takes 64 MB."""

from __future__ import annotations

import secrets
import string
import threading

from pwdlib import PasswordHash

from core.errors import UsageError

SHORTEST, LONGEST = 10, 200
_AT_ONCE = 2
_SIGNS = string.ascii_letters + string.digits
_hashing = PasswordHash.recommended()
_turn = threading.BoundedSemaphore(_AT_ONCE)
_nobody = _hashing.hash(secrets.token_urlsafe(16))
"""Compared with when there is no such user, so that the time of an answer tells nothing."""


def check_password(password: str, login: str) -> None:
    """Make sure that a new password is worth having. Raises UsageError, which never repeats it."""
    again = "choose another one: sverka user password NAME"
    if not SHORTEST <= len(password) <= LONGEST or not _is_text(password):
        raise UsageError(f"A password has {SHORTEST} to {LONGEST} characters.", next_step=again)
    if password.casefold() == login.casefold() or len(set(password)) < 4:
        raise UsageError("This password is too easy to guess.", next_step=again)


def make_password() -> str:
    """A new password that nobody can guess, of letters and digits."""
    return "".join(secrets.choice(_SIGNS) for _ in range(18))


def hash_password(password: str) -> str:
    """The argon2 hash that is kept instead of the password."""
    with _turn:
        return _hashing.hash(password)


def verify_password(password: str, kept: str | None) -> bool:
    """Whether the password is the one that was hashed; as slow where there is none to compare with."""
    if len(password) > LONGEST or not _is_text(password):
        return False
    with _turn:
        fits = _hashing.verify(password, kept or _nobody)
    return fits and kept is not None


def _is_text(password: str) -> bool:
    """A lone half of a character cannot be written as UTF-8."""
    return not any("\ud800" <= sign <= "\udfff" for sign in password)
