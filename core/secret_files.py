"""Secrets that a person types on a page: each in a file of its own that only the service may read.

The settings then hold `{ file = "…" }` like any other reference. A file is never written twice: a new secret is a new
file, so that settings and secret change together when the settings do.
"""

from __future__ import annotations

import os
import re
import secrets as randomness
from pathlib import Path

from core.errors import ConfigError
from core.secrets import remember

_OURS = re.compile(r"[a-z0-9_-]{1,80}\.[0-9a-f]{16}")


def keep_secret(folder: Path, name: str, value: str) -> Path:
    """Write a secret into a new file of the folder, readable to our account alone, and cut it out of texts from now on.

    Args:
        folder: where secrets are kept; made when it is not there.
        name: whose secret it is, to find it again by; never the secret itself.
        value: the secret.

    Returns:
        The whole path, for the settings to name.

    Raises:
        ConfigError: the folder or the file cannot be written.
    """
    remember(value)
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.casefold()).strip("-")[:80] or "secret"
    path = folder.absolute() / f"{plain}.{randomness.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        channel = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(channel, "w", encoding="utf-8") as file:
            file.write(value)
            file.flush()
            os.fsync(channel)
    except OSError as error:
        raise ConfigError(
            f"The secret cannot be kept in {folder}: {error.strerror}.",
            next_step="let the service's account write there, or name another folder as [web] secrets",
        ) from error
    return path


def forget_secret(folder: Path, path: str) -> bool:
    """Remove a secret that nothing refers to any more; whether it was one of ours. Files of others are left alone."""
    file = Path(path)
    if file.parent != folder.absolute() or not _OURS.fullmatch(file.name):
        return False
    file.unlink(missing_ok=True)
    return True
