"""The fingerprint of what a mapping made of a record: equal content, equal hash (design §5-3)."""

from __future__ import annotations

import hashlib

import msgspec

from mapping.model import MappedLine, MappedRecord

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_SIZE = 20


def hash_content(value: object) -> str:
    """Hash of plain values; the order of keys does not matter."""
    return hashlib.blake2b(_encode(value), digest_size=_SIZE).hexdigest()


def hash_record(record: MappedRecord) -> str:
    """Hash over the mapped content: fields, references, lines, deletion and marks. Not over version, source and key."""
    lines = {name: [_line(row) for row in rows] for name, rows in record.lines.items()}
    return hash_content((record.fields, record.refs, lines, record.deleted, record.marks))


def hash_text(*texts: str) -> str:
    """Hash of a mapping's text with everything that it extends."""
    return hash_content(texts)


def _line(row: MappedLine) -> tuple[dict[str, object], dict[str, str | None]]:
    return row.fields, row.refs
