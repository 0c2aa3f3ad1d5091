"""Whose card is whose, said of one customer. Pure: nothing is asked and nothing written here (design §5-8).

Only what identifies links: our key, a person's word, the tax id with the registration code where both sides have one,
exactly one on each side. Phone, e-mail and name point to somebody and never link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sync.link.book import Found, is_good
from sync.link.ours import Ours
from sync.push.match import SAID_DIFFERENT, Candidate, Strength

Group = Literal["linked", "sure", "likely", "review", "none"]
REASONS_SHOWN = 3


@dataclass(slots=True)
class Hits:
    """The cards that one customer's values point to. `weak`: with the reasons; `holders`: who has a card already."""

    by_key: Sequence[Found] = ()
    by_tax_id: Sequence[Found] = ()
    weak: Mapping[str, tuple[Found, list[str]]] = field(default_factory=dict)
    known: Mapping[str, Found] = field(default_factory=dict)
    """Cards of the CRM by external id, of those that he has or that people have spoken of."""
    holders: Mapping[str, tuple[UUID, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Verdict:
    """What is said of a customer. `rule`: by which rule; `card`: his card, where it is known which."""

    group: Group
    rule: str
    reason: str
    card: Found | None = None
    candidates: list[Candidate] = field(default_factory=list)
    ask: bool = False
    """Whether a person is to be asked: what he has left alone is not asked again."""


def judge(ours: Ours, hits: Hits, *, branches: str = "review") -> Verdict:
    """The verdict on one customer.

    Args:
        ours: the customer.
        hits: what was found of him.
        branches: the mapping's word for a card with the same tax id and another registration code: "review", "create".
    """
    return (
        _bound(ours, hits)
        or _said(ours, hits)
        or _by_key(ours, hits)
        or _left(ours)
        or _by_tax_id(ours, hits, branches)
        or _by_likeness(ours, hits)
        or Verdict("none", "none", "nobody there has his tax id, phone, e-mail or name")
    )


def _bound(ours: Ours, hits: Hits) -> Verdict | None:
    if not ours.cards:
        return None
    card = next((hits.known[key] for key in ours.cards if key in hits.known), None)
    if card is None:
        return Verdict("linked", "bound", "linked before; the card was not among those that can be seen now")
    return Verdict("linked", "bound", "linked before", card)


def _said(ours: Ours, hits: Hits) -> Verdict | None:
    chosen = [hits.known[key] for key in sorted(ours.decided.same) if key in hits.known]
    if len(chosen) != 1:
        return None
    return Verdict("sure", "person", "a person has said that this is his card", chosen[0])


def _by_key(ours: Ours, hits: Hits) -> Verdict | None:
    if not hits.by_key:
        return None
    if len(hits.by_key) > 1:
        why = f"{len(hits.by_key)} cards stand under his key: one of them is a copy"
        return _ask("review", "key", why, [_candidate(ours, hits, one, "same", ["our key"]) for one in hits.by_key])
    card = hits.by_key[0]
    holder = _holder(ours, hits, card)
    if holder:
        return _ask("review", "key", holder, [_candidate(ours, hits, card, "same", ["our key"])])
    return Verdict("sure", "key", "the card stands under his key", card)


def _left(ours: Ours) -> Verdict | None:
    if not ours.left:
        return None
    return Verdict("review", "left", "a person has said that he is to be left alone: neither linked nor created")


def _by_tax_id(ours: Ours, hits: Hits, branches: str) -> Verdict | None:
    candidates = [(found, _judge(ours, hits, found)) for found in hits.by_tax_id]
    kept = [(found, one) for found, one in candidates if not ours.decided.rules_out(one)]
    if not kept:
        return None
    same = [(found, one) for found, one in kept if one.strength == "same"]
    shown = [one for _, one in kept]
    if not same and branches == "create":
        return Verdict(
            "none", "branch", "a branch: the same INN is there with another KPP, and he gets a card of his own"
        )
    if not same:
        return _ask("review", "branch", "the CRM knows this INN with another KPP (a branch?)", shown)
    if len(same) > 1 or (len(kept) > 1 and not _is_exact(ours, same[0][0])):
        return _ask("review", "several", f"{len(kept)} cards of the CRM have this INN", shown)
    card, candidate = same[0]
    doubt = _doubt(ours, card) or candidate.blocked
    if not doubt and card.external_id in ours.decided.rejected:
        doubt = SAID_DIFFERENT
    if doubt:
        return _ask("review", "doubt", doubt, shown)
    rule = "INN and KPP" if _is_exact(ours, card) else "INN"
    return Verdict("sure", rule, f"the same {rule}, and exactly one on each side", card, shown)


def _doubt(ours: Ours, card: Found) -> str:
    """What speaks against the only card with his tax id: his own number, or others of ours who could have it too."""
    if ours.doubt:
        return f"his own INN is doubtful: {ours.doubt}"
    rivals = [name for name, code in ours.alike if not _differs(code, card)]
    if rivals and not (_is_exact(ours, card) and all(code and code not in card.codes for _, code in ours.alike)):
        return f"other customers here have this INN too: {', '.join(rivals[:REASONS_SHOWN])}"
    return ""


def _differs(code: str, card: Found) -> bool:
    """Whether a registration code says that the card is another branch's: both sides have one, and none is the same."""
    theirs = [one for one in card.codes if one]
    return bool(code and theirs and code not in theirs and len(theirs) == len(card.codes))


def _is_exact(ours: Ours, card: Found) -> bool:
    return bool(ours.code) and ours.code in card.codes


def _judge(ours: Ours, hits: Hits, card: Found) -> Candidate:
    branch = _differs(ours.code, card)
    reasons = [f"same INN {ours.tax_id}"]
    if branch:
        reasons.append(f"other KPP: {card.code} there, {ours.code} here")
    else:
        reasons.append("same KPP" if _is_exact(ours, card) else "KPP not known on both sides")
    return _candidate(ours, hits, card, "branch" if branch else "same", reasons)


def _candidate(ours: Ours, hits: Hits, card: Found, strength: Strength, reasons: list[str]) -> Candidate:
    blocked = _foreign(ours, card) or _holder(ours, hits, card)
    return Candidate(card.external_id, card.title, card.tax_id, card.code, "", strength, reasons, blocked)


def _foreign(ours: Ours, card: Found) -> str:
    if card.key == "?":
        return "the card stands under another program's key"
    return "the card stands under the key of another customer of ours" if card.key not in ("", str(ours.id)) else ""


def _holder(ours: Ours, hits: Hits, card: Found) -> str:
    holder = hits.holders.get(card.external_id)
    return f"it is the card of {holder[1]!r} here already" if holder and holder[0] != ours.id else ""


def _by_likeness(ours: Ours, hits: Hits) -> Verdict | None:
    """Who has a right tax id that is not his is somebody else, whatever they share."""
    strong = {found.external_id for found in hits.by_tax_id}
    candidates = [
        _candidate(ours, hits, card, "weak", list(dict.fromkeys(reasons)))
        for key, (card, reasons) in hits.weak.items()
        if key not in strong and not _is_another(ours, card)
    ]
    kept = [one for one in candidates if not ours.decided.rules_out(one)]
    if not kept:
        return None
    told = "; ".join(f"{one.name}: {', '.join(one.reasons)}" for one in kept[:REASONS_SHOWN])
    rule = _words(kept)
    return _ask("likely", rule, told, kept)


def _is_another(ours: Ours, card: Found) -> bool:
    return bool(ours.tax_id and not ours.doubt and card.tax_id and card.tax_id != ours.tax_id and is_good(card.tax_id))


def _words(candidates: Sequence[Candidate]) -> str:
    told = " ".join(reason for one in candidates for reason in one.reasons)
    return ", ".join(word for word in ("phone", "e-mail", "name") if word in told)


def _ask(group: Group, rule: str, reason: str, candidates: list[Candidate]) -> Verdict:
    card = None
    if len(candidates) == 1:
        one = candidates[0]
        card = Found(one.external_id, "", one.name, "", one.tax_id, (one.registration_code,))
    return Verdict(group, rule, reason, card, candidates, ask=True)
