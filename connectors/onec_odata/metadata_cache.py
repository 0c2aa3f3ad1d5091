"""The last `$metadata` on disk: a real one takes 23 seconds to load (1c-odata.md §2.2), a cycle must not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import structlog

from connectors.onec_odata.config import OnecODataOptions
from connectors.onec_odata.metadata import Metadata
from core.clock import Clock

log = structlog.get_logger()
_FORMAT = 1
_LARGEST = 256 * 1024 * 1024


class MetadataCache:
    """One file a base and user (what is published depends on rights), believed for so many hours.

    Args:
        folder: where to keep it; None keeps nothing.
    """

    def __init__(self, folder: Path | None, options: OnecODataOptions, clock: Clock) -> None:
        name = hashlib.sha256(f"{_FORMAT}\n{options.url}\n{options.user}".encode()).hexdigest()[:32]
        self._path = folder / f"onec-metadata-{name}.msgpack" if folder is not None else None
        self._seconds = options.metadata_hours * 3600
        self._clock = clock

    def load(self) -> Metadata | None:
        """The kept copy, when there is one that is whole and young enough."""
        if self._path is None or not self._path.is_file() or self._path.stat().st_size > _LARGEST:
            return None
        try:
            metadata = msgspec.msgpack.decode(self._path.read_bytes(), type=Metadata)
        except (msgspec.DecodeError, OSError):
            return None  # a copy that cannot be read is no copy: the base is asked
        age = self._clock.now().timestamp() - metadata.read_at
        return metadata if 0 <= age < self._seconds else None

    def save(self, metadata: Metadata) -> None:
        """Keep a copy; it appears whole or not at all. A folder that cannot be written costs time and nothing else."""
        if self._path is None:
            return
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.msgpack.encode(metadata))
            draft.replace(self._path)
        except OSError as error:
            log.warning("metadata.not-kept", folder=str(self._path.parent), reason=str(error.strerror))

    def drop(self) -> None:
        """Forget the copy."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
