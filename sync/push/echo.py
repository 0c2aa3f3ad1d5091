"""Our own write coming back from accounting: recognised by the hash of what it kept, and dropped.

Without this guard a value that accounting cut or tidied on writing would come back as a change of theirs, go out
again as a change of ours, and never come to rest.
"""

from __future__ import annotations

from collections.abc import Mapping

from mapping.model import MappedRecord


def is_echo(binding_row: Mapping[str, object], record: MappedRecord) -> bool:
    """Whether a record that arrives is what our own last write (or link) left behind, and nothing newer.

    A card that somebody changed since, and then changed back, is *not* an echo: something else has been applied in
    between, so the content last applied (`hash`) differs from the content last written (`written_hash`). Nor is one
    whose applied content was forgotten on purpose (`hash` empty): a repair wants it applied whatever it is.
    """
    written = binding_row.get("written_hash")
    if not written or record.deleted:
        return False
    return record.hash == written and binding_row.get("hash") == written
