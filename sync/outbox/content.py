"""What one card shall show, as it is compared and as it is sent. Pure.

A card that was there before us is left as it is at its first link: only fields of ours are filled. Of everything else
it is remembered what we would have shown then (`known`), and a field is sent when that has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from connectors.cards import Card, CardRef
from mapping.cards.program import CardMapping, Filled
from mapping.hashing import hash_content

OWN = "@"
"""Before the code of a field of ours."""
KEPT, LEGAL, CONTACTS, TIED = "kept", "requisites", "contacts", "tied"
_DIGITS = 12
FieldName = Callable[[str], str]
"""The CRM's own name of a field of ours."""


@dataclass(frozen=True, slots=True)
class Ties:
    """The cards that a card hangs on: the CRM's field -> the other card's external id.

    `loose`: fields that are emptied when what we have tied is to hang there no more (its deal); others are left alone.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    loose: tuple[str, ...] = ()


NO_TIES = Ties()


@dataclass(frozen=True, slots=True)
class Content:
    """What a card shall show: `fields` are kept equal, ties among them; `new` is only for a card that is made."""

    filled: Filled
    ties: Ties = NO_TIES

    @property
    def hash(self) -> str:
        """Equal when the card shows the same."""
        one = self.filled
        return hash_content((one.fields, one.requisites, one.phones, one.emails, dict(self.ties.fields)))

    @property
    def legal(self) -> str:
        """A fingerprint of the legal details."""
        return _print(self.filled.requisites)

    @property
    def contacts(self) -> str:
        """A fingerprint of phones and e-mails."""
        return _print((sorted(self.filled.phones), sorted(self.filled.emails)))


def build_content(mapping: CardMapping, shown: Mapping[str, Any], zone: ZoneInfo, ties: Ties = NO_TIES) -> Content:
    """What the mapping makes of a record. Raises RecordError for a value that cannot be built."""
    return Content(mapping.fill(shown, zone), ties)


def build_first_link(content: Content) -> dict[str, Any]:
    """What to leave alone on a card that was there before us, as long as ours does not change."""
    theirs = {name: _print(value) for name, value in content.filled.fields.items() if not name.startswith(OWN)}
    return {KEPT: theirs, LEGAL: content.legal, CONTACTS: content.contacts}


def build_known(content: Content, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """What to remember once the card shows this: what was left alone so far, where it is still the same."""
    kept = {name: seen for name, seen in (known or {}).get(KEPT, {}).items() if _is_kept(content, name, seen)}
    tied = [name for name in content.ties.loose if name in content.ties.fields]
    more = {**({KEPT: kept} if kept else {}), **({TIED: tied} if tied else {})}
    return {**more, LEGAL: content.legal, CONTACTS: content.contacts}


def _is_kept(content: Content, name: str, seen: str) -> bool:
    return name in content.filled.fields and _print(content.filled.fields[name]) == seen


def build_card(
    mapping: CardMapping, key: str, external_id: str | None, content: Content, known: Mapping[str, Any] | None,
    name_of: FieldName,
) -> Card:  # fmt: skip
    """The card as it is sent: all that is kept equal, but for what the first link left alone and has not moved.

    Legal details, phones and e-mails are sent only where they have changed: they cost questions of their own.
    """
    kept: Mapping[str, str] = (known or {}).get(KEPT, {})
    fields: dict[str, object] = {
        name: value
        for name, value in content.filled.fields.items()
        if name not in kept or not _is_kept(content, name, kept[name])
    }
    if external_id is None:
        fields = {**content.filled.new, **fields}
    named = {_named(name, name_of): value for name, value in fields.items()}
    named |= {name: None for name in (known or {}).get(TIED, ()) if name in content.ties.loose}
    named |= {name: CardRef(other) for name, other in content.ties.fields.items()}
    fresh, filled = known or {}, content.filled
    legal = filled.requisites if fresh.get(LEGAL) != content.legal else {}
    reach = fresh.get(CONTACTS) != content.contacts
    return Card(
        mapping.name, key, external_id, named, legal,
        filled.phones if reach else (), filled.emails if reach else (),
    )  # fmt: skip


def _named(name: str, name_of: FieldName) -> str:
    return name_of(name.removeprefix(OWN)) if name.startswith(OWN) else name


def _print(value: object) -> str:
    return hash_content(value)[:_DIGITS]
