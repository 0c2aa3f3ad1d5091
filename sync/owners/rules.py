"""Who owns a field, and what becomes of two values that differ. Pure (design §5-9).

A side is an outside system, or the store with all that people enter there. Of each field that two sides may write, the
binding remembers a pair of fingerprints: what was last seen *there*, and what was *here* when the two were last looked
at together. A side whose fingerprint differs now has changed its value since.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal

from mapping.entity import EntityMapping
from mapping.hashing import hash_content
from mapping.model import ENTITIES

Pair = tuple[str, str] | tuple[str, str, tuple[str, ...]]
"""Fingerprints of a value: (last seen there, here at that moment).

Of a list that was written there and is kept otherwise also what of ours is not kept: nobody has taken that away.
"""
Who = Literal["theirs", "ours", "newest", "review"]
"""Whose value rules, seen from one connection: its own, any other side's, whoever changed it last, a person's word."""
ENTITY = "counterparty"
"""The one entity that more than one side writes."""
PLAIN: Final = 2
"""So long is a pair that tells nothing of a list that is kept otherwise."""
_LENGTH = 16
_NOTHING: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the mapping of a connection says of one field: whose it is, and which way its changes travel."""

    name: str
    column: str
    owner: str = "accounting"
    direction: str = "in"

    @property
    def sends(self) -> bool:
        """Whether a change of ours is made known there."""
        return self.direction in ("out", "both")

    def who(self, role: str, *, leads: bool = True) -> Who:
        """Whose value rules. Of several accountings with the same customer only one leads: the others fill gaps.

        What the CRM owns is written in the CRM and in the store alike: between those two the newer counts.
        """
        if self.owner == "newest" or (self.owner == role == "crm" and self.sends and leads):
            return "newest"
        if self.owner == "review":
            return "review"
        return "theirs" if self.owner == role and leads else "ours"


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a field: the value that we hold from now on, and what follows from it.

    `seen` is the pair to remember, None for none. `lost` names the side whose value gave way: both go into the audit.
    `send`: our value is to be made known there. `ask`: a person decides, ours stays until then.
    """

    value: Any
    seen: Pair | None = None
    lost: Literal["", "ours", "theirs"] = ""
    send: bool = False
    ask: bool = False


def build_ownerships(mapped: EntityMapping | None, sendable: Container[str] = ()) -> dict[str, Ownership]:
    """By field: what a mapping says of those that it reads; a field that it does not speak of is accounting's.

    `sendable`: fields for which the mapping says how a change is written there; no other is ever sent.
    """
    spec = ENTITIES[ENTITY]
    columns = {name: name for name in spec.fields if name != "attributes"} | {name: f"{name}_id" for name in spec.refs}
    owners = mapped.owners if mapped else {}
    directions = {name: way for name, way in mapped.directions.items() if name in sendable} if mapped else {}
    return {
        name: Ownership(name, column, owners.get(name, "accounting"), directions.get(name, "in"))
        for name, column in columns.items()
    }


def is_empty(value: object) -> bool:
    """Whether a side has nothing to say of a field."""
    return value in _NOTHING


def fingerprint(value: object) -> str:
    """Equal values, equal text; "" for none. The order of phones or addresses is no difference."""
    if is_empty(value):
        return ""
    if isinstance(value, list):
        value = sorted(str(item) for item in value)
    elif isinstance(value, Decimal):
        value = format(value.normalize(), "f")
    elif not isinstance(value, bool | int):
        value = str(value).strip()
    return hash_content(value)[:_LENGTH]


def settle(rule: Ownership, who: Who, ours: Any, theirs: Any, seen: Pair | None) -> Settled:
    """What becomes of a field whose record has just been read there.

    Guarantees that an empty value blanks nothing, that the first look at two values that differ changes neither, and
    that the same value on both sides is no conflict. Lists of two sides that were apart are joined: see `is_joined`.
    What the other side did not keep of a list that we wrote stays here when its people change the rest.
    """
    here, there = fingerprint(ours), fingerprint(theirs)
    tracked = rule.sends or rule.owner in ("newest", "review")
    if here == there:
        return Settled(ours, (there, here) if tracked else None)
    if not there:
        held_the_same = seen is not None and seen[0] == seen[1] and rule.owner == "newest"
        return Settled(ours, seen if seen is None or held_the_same else ("", seen[1]))
    if not here:
        return Settled(theirs, (there, there) if tracked else None)
    news_there = seen is None or seen[0] != there
    news_here = seen is not None and seen[1] != here
    if who == "theirs":
        return Settled(theirs, (there, there) if tracked else None, lost="ours" if news_here else "")
    if who == "ours":
        return _keep_ours(rule, ours, (there, here), seen, news_there=news_there, news_here=news_here)
    unkept = load_unkept(seen, ours) if who == "newest" else []
    if news_there and who == "newest" and (is_joined(rule, ours, theirs, seen) or (unkept and news_here)):
        both = join(ours, theirs)
        more = fingerprint(both) != there
        return Settled(both, (there, "" if more else fingerprint(both)), send=more)
    if news_there and unkept:
        held = join(theirs, unkept)
        return Settled(held, build_pair(there, held, theirs))
    settled = _let_the_newer_win(who, ours, theirs, (there, here), seen, news_there=news_there, news_here=news_here)
    return settled if rule.sends else replace(settled, send=False)


def _keep_ours(
    rule: Ownership, ours: Any, now: Pair, seen: Pair | None, *, news_there: bool, news_here: bool
) -> Settled:
    """Another side owns it. A change there is undone where the mapping sends the field; else it is only noted."""
    if seen is None or not rule.sends:
        return Settled(ours, now, lost="theirs" if news_there else "")
    return Settled(ours, seen, lost="theirs" if news_there else "", send=news_there or news_here)


def _let_the_newer_win(
    who: Who, ours: Any, theirs: Any, now: Pair, seen: Pair | None, *, news_there: bool, news_here: bool
) -> Settled:
    """Whoever has changed it since; when both have, a person decides or what has just been read counts as the newer."""
    if not news_there:
        return Settled(ours, seen, send=news_here)
    if not news_here:
        return Settled(theirs, (now[0], now[0]))
    if who == "review":
        return Settled(ours, seen, ask=True)
    return Settled(theirs, (now[0], now[0]), lost="ours")


def is_joined(rule: Ownership, ours: Any, theirs: Any, seen: Pair | None) -> bool:
    """Whether two lists (phones, e-mails) are put together instead of one giving way to the other.

    As long as two sides have never held the same, a number that is on one of them only has been taken away by nobody:
    whoever adds one to his list must not make the other side lose all of its own. A side that is never written cannot
    come to hold the same, and loses nothing: there the newer list counts. Two that differ only in how the other side
    keeps what we wrote are not apart.
    """
    apart = seen is None or (len(seen) == PLAIN and seen[0] != seen[1])
    lists = isinstance(ours, list) and isinstance(theirs, list)
    return rule.sends and rule.owner == "newest" and apart and lists


def join(ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Both lists as one: ours in their order, then what only the other has."""
    return ours + [one for one in theirs if one not in ours]


def build_pair(there: str, ours: Any, kept: Any) -> Pair:
    """What to remember where ours is known there, and is kept as it is read: equal, or with what of a list is not kept.

    A side that holds more than it was given has something of its own: of that nothing is known.
    """
    here = fingerprint(ours)
    if here != there and isinstance(ours, list) and isinstance(kept, list) and len(kept) <= len(ours):
        return there, here, tuple(one for one in ours if one not in kept)
    return there, here


def load_unkept(seen: Pair | None, ours: Any) -> list[Any]:
    """What of our list the other side did not keep when it was written there."""
    return [one for one in seen[2] if one in ours] if seen is not None and len(seen) != PLAIN else []


def build_sent(rule: Ownership, ours: Any, theirs: Any, seen: Pair | None) -> Any:
    """The value that is written there: ours, with what they alone have where the two are joined."""
    return join(ours, theirs) if is_joined(rule, ours, theirs, seen) else ours


def wants_sending(rule: Ownership, who: Who, ours: Any, theirs: Any, seen: Pair | None) -> bool:
    """Whether our value is to be sent, now that theirs has been read: it has changed here, or theirs must give way."""
    if not rule.sends or seen is None or is_empty(ours) or fingerprint(ours) == fingerprint(theirs):
        return False
    news_here, news_there = seen[1] != fingerprint(ours), seen[0] != fingerprint(theirs)
    if who == "ours":
        return news_here or (news_there and not is_empty(theirs))
    return who != "theirs" and news_here and not (who == "review" and news_there)


def load_pair(seen: Mapping[str, Any] | None, name: str) -> Pair | None:
    """What a binding remembers of a field."""
    found = (seen or {}).get(name)
    if not found:
        return None
    there, here, *unkept = found
    return (str(there), str(here), tuple(map(str, unkept[0]))) if unkept else (str(there), str(here))
