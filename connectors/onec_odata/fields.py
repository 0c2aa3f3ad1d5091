"""How this base spells things: from `$metadata`, and where that cannot be read, from trying (1c-odata.md §2.3).

The same attribute is `Контрагент_Key` in one configuration and `Контрагент` + `Контрагент_Type` in another; standard
fields may be switched off. Names are never assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from connectors.http import HttpFailure
from connectors.onec_odata import url
from connectors.onec_odata.errors import Verdict, judge, judge_failure, judge_unreadable
from connectors.onec_odata.metadata import Metadata, Shape, read_metadata
from connectors.onec_odata.metadata_cache import MetadataCache
from connectors.onec_odata.wire import Wire
from connectors.onec_odata.xml import UnreadableXml
from core.errors import SchemaDrift, TransientError, Where

T = TypeVar("T")
_REFRESH_SECONDS = 600.0
_FIELD_RULES = {"field_missing", "question_refused", "no_such_member", "not_comparable"}
_READ_ON = {"unreadable", "answer_too_large", "not_implemented", "gateway_timeout", "timed_out"}
"""Rules by which `$metadata` (23 s and 17 MB, 1c-odata.md §2.2) cannot be had while the rest may well be read."""
_FOLDER = r"\(?\s*IsFolder\s+(?:eq|ne)\s+(?:true|false)\s*\)?"
_FOLDER_CONDITION = re.compile(rf"^\s*{_FOLDER}\s*$|\s+and\s+{_FOLDER}(?=\s|$)|^\s*{_FOLDER}\s+and\s+", re.I)

_WANTS_FOLDERS = re.compile(r"IsFolder\s+(?:eq\s+true|ne\s+false)", re.I)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a reference attribute is called here, and whether it is composite."""

    name: str
    kind: Literal["key", "composite"]

    def equals(self, key: str, set_name: str) -> str:
        """The condition that the reference points at this object; a composite one needs a cast (1c-odata.md §3.1)."""
        value = url.guid(key) if self.kind == "key" else url.cast(key, set_name)
        return f"{self.name} eq {value}"


class Book:
    """What is known of a base's names: read once, kept on disk, read anew when something unknown shows up."""

    def __init__(self, wire: Wire, cache: MetadataCache) -> None:
        self._wire = wire
        self._cache = cache
        self._metadata: Metadata | None = None
        self._fresh_at: float | None = None
        self._listed: tuple[float, frozenset[str]] | None = None
        self._missing: set[tuple[str, str]] = set()
        self._spelt: dict[tuple[str, str], Spelling] = {}
        self.trouble: Verdict | None = None
        """Why `$metadata` cannot be read, when it cannot."""
        wire.types_of = self.types_of

    def metadata(self) -> Metadata | None:
        """What the base publishes; None where it will not say, and names must be tried.

        Raises:
            TransientError, ConfigError: the base does not answer at all at the moment.
        """
        if self._metadata is None and self._due():
            self._metadata = self._cache.load() or self._read()
        return self._metadata

    def refresh(self) -> bool:
        """Read `$metadata` again because something is not in it; at most every ten minutes. True when it was read."""
        if not self._due():
            return False
        before = self._metadata
        self._metadata = self._read() or before
        return self._metadata is not before

    def forget(self) -> None:
        """The base contradicted what we know of it: the copy on disk is not to be trusted any more."""
        self._cache.drop()

    def shape(self, name: str) -> Shape | None:
        """The shape of a set or virtual table; None where it is not known."""
        metadata = self.metadata()
        return metadata.shape(name) if metadata is not None else None

    def types_of(self, name: str) -> Mapping[str, str]:
        """Property types of a set or row; empty where they are not known."""
        shape = self.shape(name)
        return shape.properties if shape is not None else {}

    def published(self, name: str) -> bool | None:
        """Whether a set is there by `$metadata`; None where that cannot be read.

        A set that a preset names and this base never had is asked about in every run: a copy of `$metadata` is read
        anew only where the base lists the set by now.
        """
        metadata = self.metadata()
        if metadata is not None and name not in metadata.sets and self._may_have(name) and self.refresh():
            metadata = self.metadata()
        return None if metadata is None else name in metadata.sets

    def has(self, name: str, field: str) -> bool | None:
        """Whether a set has a property; None where that is not known."""
        if (name, field) in self._missing:
            return False
        shape = self.shape(name)
        return None if shape is None else field in shape.properties

    def known(self, name: str, fields: Iterable[str | None]) -> list[str]:
        """Those of the fields that the set is not known to lack, each once."""
        return list(dict.fromkeys(field for field in fields if field and self.has(name, field) is not False))

    def learn(self, name: str, verdict: Verdict, optional: Iterable[str | None]) -> bool:
        """Take from a refusal which of the optional fields is missing. False when it speaks of none of them."""
        if verdict.rule.name not in _FIELD_RULES:
            return False
        words = verdict.problem.message
        for field in optional:
            if field and re.search(rf"(?<!\w){re.escape(field)}(?!\w)", words) and (name, field) not in self._missing:
                self._missing.add((name, field))
                self.forget()
                return True
        return False

    def adapted_filter(self, name: str, condition: str) -> str | None:
        """The mapping's filter without `IsFolder` where the set has no folders (1c-odata.md §2.3).

        None when it asks for folders there: nothing can match, and nothing need be asked.
        """
        if "isfolder" not in condition.lower() or self.has(name, "IsFolder") is not False:
            return condition
        shorter = _FOLDER_CONDITION.sub("", condition).strip()
        if "isfolder" in shorter.lower():
            return condition
        return None if _WANTS_FOLDERS.search(condition) else shorter

    def names_of(self, name: str, attribute: str) -> list[str]:
        """The fields that an attribute of any type is read from; as it is written where nothing is declared."""
        shape = self.shape(name)
        if shape is None:
            return [attribute]
        spelt = (attribute, f"{attribute}_Type") if attribute in shape.properties else (f"{attribute}_Key",)
        return [field for field in spelt if field in shape.properties]

    def spellings(self, name: str, attribute: str) -> list[Spelling]:
        """How a reference may be spelt, the likeliest first; one when it is known, none when the set lacks it."""
        known = self._spelt.get((name, attribute))
        if known is not None:
            return [known]
        plain = attribute.removesuffix("_Key")
        both = [Spelling(f"{plain}_Key", "key"), Spelling(plain, "composite")]
        shape = self.shape(name)
        if shape is None:
            return both
        return [spelling for spelling in both if spelling.name in shape.properties]

    def by_spelling(self, name: str, attribute: str, ask: Callable[[Spelling], T | Verdict]) -> T | Verdict:
        """Ask with each possible spelling until the base takes one, and remember it.

        Raises:
            SchemaDrift: the set has no such attribute under any spelling.
        """
        candidates = self.spellings(name, attribute)
        if not candidates and self.refresh():
            candidates = self.spellings(name, attribute)
        refusal: Verdict | None = None
        for spelling in candidates:
            outcome = ask(spelling)
            if not isinstance(outcome, Verdict) or outcome.rule.name not in _FIELD_RULES:
                self._spelt[name, attribute] = spelling
                return outcome
            refusal = outcome
        if refusal is not None:
            return refusal
        raise SchemaDrift(
            f"{name} has no attribute {attribute!r}, nor {attribute}_Key.",
            next_step="sverka mapping check",
            where=Where(entity=name),
        )

    def _may_have(self, name: str) -> bool:
        """Whether the base lists the set; True, too, where it lists nothing: only `$metadata` can tell then."""
        now = self._wire.clock.monotonic()
        if not self._due():
            return False
        if self._listed is None or now - self._listed[0] > _REFRESH_SECONDS:
            found = self._wire.collection("", {})
            rows = [] if isinstance(found, Verdict) else found.rows
            self._listed = now, frozenset(str(row.data.get("name")) for row in rows)
        return not self._listed[1] or name in self._listed[1]

    def _due(self) -> bool:
        return self._fresh_at is None or self._wire.clock.monotonic() - self._fresh_at > _REFRESH_SECONDS

    def _read(self) -> Metadata | None:
        """Read the document; None when it cannot be had but the base may be read without it.

        Raises:
            TransientError, ConfigError: the base itself does not answer or does not let us in.
        """
        outcome = self._ask()
        if isinstance(outcome, Verdict) and self._wire.session.was_to_blame(self._wire.http, outcome):
            outcome = self._ask()
        self._fresh_at = self._wire.clock.monotonic()
        if isinstance(outcome, Metadata):
            self.trouble = None
            self._cache.save(outcome)
            return outcome
        self.trouble = outcome
        error = outcome.error()
        if outcome.rule.name == "credentials" or (
            isinstance(error, TransientError) and outcome.rule.name not in _READ_ON
        ):
            self._fresh_at = None
            raise error
        return None

    def _ask(self) -> Metadata | Verdict:
        limit = self._wire.options.metadata_bytes
        try:
            with self._wire.stream("GET", self._wire.address("$metadata"), limit=limit) as stream:
                if stream.status != 200:
                    return judge(stream.whole())
                try:
                    metadata = read_metadata(stream.file)
                except UnreadableXml as error:
                    return judge_unreadable(stream.whole(), f"$metadata: {error}")
        except HttpFailure as failure:
            return judge_failure(failure)
        metadata.read_at = self._wire.clock.now().timestamp()
        return metadata
