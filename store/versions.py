"""Versions of mappings: drafts, the one that is published and rules, and those retired (design §7).

A version is a text and never changes; it is known by its hash. Of each mapping exactly one version is published.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, Engine, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from core.clock import Clock, SystemClock
from core.errors import ConflictError, UsageError
from core.ids import new_id
from store.engine import reading
from store.tables import audit, mapping_version

State = Literal["draft", "published", "retired"]
_TRIES = 20


@dataclass(frozen=True, slots=True)
class MappingVersion:
    """One version of one mapping."""

    name: str
    hash: str
    state: State
    text: str
    author: str
    comment: str | None
    created_at: datetime
    published_at: datetime | None
    number: int | None = None
    """Counts the versions of one mapping, for people."""
    published_by: str | None = None


def text_hash(text: str) -> str:
    """What a version is known by: the same as `Mapping.version` of the complete text (a test compares the two)."""
    return hashlib.blake2b(msgspec.msgpack.encode((text,)), digest_size=20).hexdigest()


def ensure_published(
    engine: Engine, name: str, text: str, author: str, *, version: str | None = None, clock: Clock | None = None
) -> MappingVersion:
    """The published version of a mapping; the first text ever becomes it, later a new text is kept as a draft.

    Safe when several processes start at once: one of them publishes. One query when there is nothing to do.

    Args:
        engine: the store.
        name: the mapping as connections name it: a preset or a file.
        text: the mapping as it is in the preset or file now.
        author: who is written down as the author.
        version: the text's hash; by default over the text alone.
        clock: where the time comes from.
    """
    wanted = version or text_hash(text)
    known = {item.hash: item for item in list_versions(engine, name)}
    ruling = next((item for item in known.values() if item.state == "published"), None)
    if ruling is not None and wanted in known:
        return ruling
    at = (clock or SystemClock()).now()
    with engine.begin() as conn:
        first = ruling is None
        _add(
            conn,
            MappingVersion(
                name, wanted, "published" if first else "draft", text, author, None, at, at if first else None
            ),
        )
        now_ruling = _load_published(conn, name)
        if now_ruling is None:  # the text was there as a draft, and nothing was ever published
            _publish(conn, name, wanted, author, at)
            now_ruling = _load_published(conn, name)
    if now_ruling is None:
        raise ConflictError(f"The mapping {name!r} was changed by someone else just now.", next_step="try again")
    return now_ruling


def published(engine: Engine, name: str) -> MappingVersion | None:
    """The version that rules; None before the first start."""
    with reading(engine) as conn:
        return _load_published(conn, name)


def save_draft(
    engine: Engine,
    name: str,
    text: str,
    author: str,
    *,
    comment: str | None = None,
    version: str | None = None,
    clock: Clock | None = None,
) -> MappingVersion:
    """Keep a text as a draft; one that is kept already keeps its state and takes up the comment, if there is one."""
    wanted = version or text_hash(text)
    with engine.begin() as conn:
        at = (clock or SystemClock()).now()
        _add(conn, MappingVersion(name, wanted, "draft", text, author, comment, at, None))
        if comment:
            mine = (mapping_version.c.name == name, mapping_version.c.hash == wanted)
            conn.execute(update(mapping_version).where(*mine).values(comment=comment))
        return _load(conn, name, wanted)


def list_versions(engine: Engine, name: str | None = None) -> list[MappingVersion]:
    """All versions, newest first; of one mapping when it is named."""
    query = select(mapping_version).order_by(mapping_version.c.created_at.desc(), mapping_version.c.hash)
    if name is not None:
        query = query.where(mapping_version.c.name == name)
    with reading(engine) as conn:
        return [MappingVersion(**row) for row in conn.execute(query).mappings()]


def publish(
    engine: Engine, name: str, version: str, who: str, *, seen: str | None = None, clock: Clock | None = None
) -> MappingVersion:
    """Let a version rule from now on, a retired one too (that is a rollback); the one before retires. Audited.

    Args:
        engine: the store.
        name: the mapping.
        version: the hash, or its beginning when only one version begins so.
        who: the person.
        seen: the version that ruled when the person looked; another one now is told instead of overruled.
        clock: where the time comes from.

    Raises:
        UsageError: no such version, or several begin so.
        ConflictError: someone else published at the same moment, or since `seen`.
    """
    chosen = find_version(engine, name, version)
    try:
        with engine.begin() as conn:
            _publish(conn, name, chosen.hash, who, (clock or SystemClock()).now(), seen)
            return _load(conn, name, chosen.hash)
    except IntegrityError as error:
        raise ConflictError(
            f"Someone else published a version of {name!r} at the same moment.", next_step="sverka mapping diff"
        ) from error


def find_version(engine: Engine, name: str, version: str) -> MappingVersion:
    """The version with this number, or whose hash begins so; raises UsageError when there is none, or more than one."""
    known = list_versions(engine, name)
    numbered = [item for item in known if version.isdecimal() and item.number == int(version)]
    hits = numbered or [item for item in known if version and item.hash.startswith(version)]
    if len(hits) != 1:
        number = "no version" if not hits else f"{len(hits)} versions"
        raise UsageError(f"{name!r} has {number} beginning with {version!r}.", next_step="sverka mapping list")
    return hits[0]


def file_state(engine: Engine, name: str, text: str, *, version: str | None = None) -> State | Literal["unknown"]:
    """What the text of a file is to the store: published, draft or retired; "unknown" when it was never brought in."""
    wanted = version or text_hash(text)
    return next((item.state for item in list_versions(engine, name) if item.hash == wanted), "unknown")


def load_text(conn: Connection, version: str) -> str | None:
    """The text of a version, whatever mapping it is of; None where it is not kept."""
    return conn.scalar(select(mapping_version.c.text).where(mapping_version.c.hash == version).limit(1))


def _add(conn: Connection, version: MappingVersion) -> None:
    """Insert unless the version is there, or (published) another one rules: the unique indexes decide.

    A number that somebody else took at the same moment is one more; then it is tried again.
    """
    build = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    of_name = mapping_version.c.name == version.name
    following = select(func.coalesce(func.max(mapping_version.c.number), 0) + 1).where(of_name).scalar_subquery()
    insert = build(mapping_version).values(asdict(version) | {"number": following}).on_conflict_do_nothing()
    there = select(mapping_version.c.hash).where(of_name, mapping_version.c.hash == version.hash)
    for _ in range(_TRIES):
        conn.execute(insert)
        if conn.execute(there).first() or (version.state == "published" and _load_published(conn, version.name)):
            return


def _publish(conn: Connection, name: str, version: str, who: str, at: datetime, seen: str | None = None) -> None:
    of_name = mapping_version.c.name == name
    before = conn.scalar(select(mapping_version.c.hash).where(of_name, mapping_version.c.state == "published"))
    if before == version:
        return
    ruling = (of_name, mapping_version.c.hash == before, mapping_version.c.state == "published")
    gone = conn.execute(update(mapping_version).where(*ruling).values(state="retired")).rowcount
    if (seen is not None and before != seen) or gone != (before is not None):
        raise ConflictError(
            f"Someone else has published another version of {name!r} meanwhile; yours is kept as a draft.",
            next_step="sverka mapping list, then: sverka mapping diff",
        )
    conn.execute(
        update(mapping_version)
        .where(of_name, mapping_version.c.hash == version)
        .values(state="published", published_at=at, published_by=who)
    )
    row = {"id": new_id(), "at": at, "who": who, "what": "mapping.publish", "subject": name}
    conn.execute(audit.insert(), row | {"before": {"version": before}, "after": {"version": version}})


_PUBLISHED = select(mapping_version).where(
    mapping_version.c.name == bindparam("wanted"), mapping_version.c.state == "published"
)
"""Asked before every page, and therefore made once."""


def _load_published(conn: Connection, name: str) -> MappingVersion | None:
    row = conn.execute(_PUBLISHED, {"wanted": name}).mappings().one_or_none()
    return None if row is None else MappingVersion(**row)


def _load(conn: Connection, name: str, version: str) -> MappingVersion:
    query = select(mapping_version).where(mapping_version.c.name == name, mapping_version.c.hash == version)
    return MappingVersion(**conn.execute(query).mappings().one())
