"""Which card is it? Found by our key, else by the tax id and nothing else; asked live before anything is made.

One card with the tax id, and nobody's, is the customer's: it is claimed. Several, another's, another registration code,
or a phone or e-mail alone go to a person with the reasons (design §5-8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection

from connectors.cards import By, CardHit
from store.bulk import select_in
from store.engine import reading
from store.queries.customers.outward import CUSTOMER
from store.tables import match_decision, review
from sync.link.agreed import load_held
from sync.link.ours import Ours, add_alike, load_holders
from sync.outbox.desk import Desk, Subject
from sync.outbox.rows import CardRow
from sync.push.ask import load_decided
from sync.push.match import BRANCHES, SAID_DIFFERENT, Decided
from sync.push.mirror import is_branch
from sync.room.writing import asking

Hits = Mapping[str, list[CardHit]]


@dataclass(frozen=True, slots=True)
class Found:
    """found: it stands under our key · link: this card is to be claimed · create · review · hold: a person has it."""

    action: Literal["found", "link", "create", "review", "hold"]
    external_id: str = ""
    reason: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Answers:
    """What the CRM has said about some customers, by value."""

    keys: Hits = field(default_factory=dict)
    tax_ids: Hits = field(default_factory=dict)
    alike: Mapping[UUID, list[tuple[str, str]]] = field(default_factory=dict)
    """Of our customers the others of ours who have the same tax id: names and registration codes."""
    phones: Hits = field(default_factory=dict)
    emails: Hits = field(default_factory=dict)


def find_which(desk: Desk, rows: Sequence[CardRow], subjects: Mapping[UUID, Subject]) -> dict[UUID, Found]:
    """What each of these cards is there; asks in few questions for all of them together.

    Raises:
        TransientError, ConfigError: the CRM did not answer; nothing is concluded from that.
    """
    answers = Answers(keys=_without_given_away(desk, _ask(desk, "key", [row.key for row in rows])))
    open_rows = [row for row in rows if not answers.keys.get(row.key)]
    decided = _load_decided(desk, [row.entity_id for row in rows])
    open_rows += [row for row in rows if _is_none_of_several(row, answers, decided)]
    held: set[UUID] = set()
    if desk.card.entity == CUSTOMER and open_rows:
        with reading(desk.ctx.app.engine) as conn:
            ids = [row.entity_id for row in open_rows]
            held = load_held(conn, desk.name, ids)
        _ask_who(desk, answers, [subjects[row.entity_id].shown for row in open_rows if row.entity_id not in held])
        _find_rivals(desk, answers, [subjects[row.entity_id].shown for row in open_rows])
    found = {row.entity_id: _judge(desk, row, subjects[row.entity_id].shown, answers, decided, held) for row in rows}
    return found | _find_twins(desk, found, subjects)


def _without_given_away(desk: Desk, hits: Hits) -> Hits:
    """Cards under our key but for those that a person has given to another customer: they keep the key, and are his."""
    if desk.card.entity != CUSTOMER or not hits:
        return hits
    with reading(desk.ctx.app.engine) as conn:
        holders = load_holders(conn, desk.name, [one.external_id for found in hits.values() for one in found])
    return {
        key: [one for one in found if one.external_id not in holders or str(holders[one.external_id][0]) == key]
        for key, found in hits.items()
    }


def _load_decided(desk: Desk, ids: Sequence[UUID]) -> dict[UUID, Decided]:
    with reading(desk.ctx.app.engine) as conn:
        return {key: load_decided(conn, desk.name, key) for key in _load_spoken_of(conn, desk.name, ids)}


def _left_of(row: CardRow, answers: Answers, said: Decided) -> list[CardHit]:
    """Cards under our key but for those that a person has said are not his; of several the one that he has said is."""
    ours = answers.keys.get(row.key, [])
    chosen = [one for one in ours if one.external_id in said.same]
    if len(ours) > 1 and len(chosen) == 1:
        return chosen
    return [one for one in ours if one.external_id not in said.rejected]


def _is_none_of_several(row: CardRow, answers: Answers, decided: Mapping[UUID, Decided]) -> bool:
    """Whether cards stand under our key, and a person has said that he is none of them."""
    said = decided.get(row.entity_id)
    return said is not None and bool(answers.keys.get(row.key)) and not _left_of(row, answers, said)


def _load_spoken_of(conn: Connection, name: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these customers about whom somebody has ever said something."""
    found: set[UUID] = set()
    for table in (match_decision, review):
        rows = select_in(conn, table, (table.c.entity_id,), table.c.entity_id, ids, connection=name)
        found |= {row.entity_id for row in rows}
    return found


def _find_twins(desk: Desk, found: Mapping[UUID, Found], subjects: Mapping[UUID, Subject]) -> dict[UUID, Found]:
    """Customers of ours with one tax id who would all be made now: the first is, about the others a person is asked."""
    first: dict[tuple[str, str], str] = {}
    twins: dict[UUID, Found] = {}
    for key in (key for key, one in found.items() if one.action == "create" and desk.card.entity == CUSTOMER):
        shown = subjects[key].shown
        if not _tax_id(shown):
            continue
        same = (_tax_id(shown), str(shown["registration_code"] or ""))
        if same in first:
            why = f"{first[same]} has the same tax id {same[0]} and gets a card in {desk.name} now."
            twins[key] = Found("review", reason=f"Not sure whether he is somebody else: {why}")
        first.setdefault(same, str(shown["name"]))
    return twins


def _ask(desk: Desk, by: By, values: Iterable[str]) -> Hits:
    wanted = list(dict.fromkeys(value for value in values if value))
    if not wanted:
        return {}
    with asking(desk.ctx, "find-cards"):
        return desk.target.find_cards(desk.card.name, by, wanted)


def _ask_who(desk: Desk, answers: Answers, customers: Sequence[Mapping[str, Any]]) -> None:
    """By tax id first; those whom nobody has it of also by phone and e-mail."""
    answers.tax_ids = _ask(desk, "tax_id", (_tax_id(one) for one in customers))
    unknown = [one for one in customers if not answers.tax_ids.get(_tax_id(one))]
    answers.phones = _ask(desk, "phone", (value for one in unknown for value in one["phones"] or ()))
    answers.emails = _ask(desk, "email", (value for one in unknown for value in one["emails"] or ()))


def _find_rivals(desk: Desk, answers: Answers, customers: Sequence[Mapping[str, Any]]) -> None:
    """Who else here could have the card with a customer's tax id: it is his only where there is one on each side."""
    found = {one["id"]: Ours(one) for one in customers if answers.tax_ids.get(_tax_id(one))}
    if found:
        with reading(desk.ctx.app.engine) as conn:
            add_alike(conn, desk.name, found)
        answers.alike = {key: one.alike for key, one in found.items()}


def _rivals(ours: str, hit: CardHit, alike: Sequence[tuple[str, str]]) -> list[str]:
    """Others of ours whose the card may be just as well, by their registration codes."""
    exact = bool(ours) and hit.registration_code == ours and all(code and code != ours for _, code in alike)
    return [] if exact else [name for name, code in alike if not is_branch(code, hit.registration_code)]


def _tax_id(customer: Mapping[str, Any]) -> str:
    return str(customer["tax_id"] or "")


def _judge(
    desk: Desk, row: CardRow, shown: Mapping[str, Any], answers: Answers, decided: Mapping[UUID, Decided],
    held: set[UUID],
) -> Found:  # fmt: skip
    said = decided.get(row.entity_id, Decided())
    ours = _left_of(row, answers, said)
    if len(ours) == 1:
        return Found("found", ours[0].external_id)
    if ours:
        why = f"{len(ours)} cards of {desk.name} stand under our key."
        return Found("review", reason=why, candidates=[_candidate(one, "same", "it carries our key") for one in ours])
    if row.entity_id in held:
        return Found("hold", reason="a person is asked who it is: sverka review list")
    if desk.card.entity != CUSTOMER:
        return Found("create")
    if len(said.same) == 1:
        return Found("link", next(iter(said.same)), "a person has said that this is his card")
    return _by_tax_id(desk, shown, answers, said) or _by_likeness(desk, shown, answers, said) or Found("create")


def _by_tax_id(desk: Desk, shown: Mapping[str, Any], answers: Answers, said: Decided) -> Found | None:
    ours = shown["registration_code"]
    told_of = answers.tax_ids.get(_tax_id(shown), [])
    hits = [one for one in told_of if not one.own_firm and not _is_ruled_out(ours, one, said)]
    if not hits:
        return None
    same = [one for one in hits if not is_branch(ours, one.registration_code)]
    exact = [one for one in same if ours and one.registration_code == ours]
    same = exact if len(exact) == 1 else same
    if not same and desk.ctx.mapping.settings.get(BRANCHES) == "create":
        return Found("create", reason="a branch with a card of its own")
    doubt = (shown["marks"] or {}).get("tax_id", "")
    if not doubt and any(one.external_id in said.rejected for one in same):
        doubt = SAID_DIFFERENT
    rivals = _rivals(ours or "", same[0], answers.alike.get(shown["id"], [])) if len(same) == 1 else []
    if rivals and not doubt:
        doubt = f"other customers here have this tax id too: {', '.join(rivals[:3])}"
    if len(same) == 1 and len(hits) == len(same) and not same[0].key and not doubt:
        return Found("link", same[0].external_id, f"linked by the tax id {shown['tax_id']}")
    if len(exact) == 1 and not exact[0].key and not doubt:
        return Found("link", exact[0].external_id, f"linked by the tax id {shown['tax_id']} and code {ours}")
    why = doubt or _why_not(desk, same, hits)
    told = [_candidate(one, "same" if one in same else "branch", f"same tax id {shown['tax_id']}") for one in hits]
    return Found("review", reason=f"Not sure which card of {desk.name} it is: {why}.", candidates=told)


def _is_ruled_out(ours: str | None, hit: CardHit, said: Decided) -> bool:
    """Whether a person has said that this is somebody else's card; of one that may be a twin only by force."""
    return hit.external_id in said.rejected and (said.force or is_branch(ours, hit.registration_code))


def _why_not(desk: Desk, same: Sequence[CardHit], hits: Sequence[CardHit]) -> str:
    if len(same) > 1:
        return f"{len(same)} cards have this tax id"
    if not same:
        return "a card there has this tax id with another registration code (a branch?)"
    if same[0].key:
        return "the card with this tax id stands under another key"
    return f"{len(hits)} cards have this tax id"


def _by_likeness(desk: Desk, shown: Mapping[str, Any], answers: Answers, said: Decided) -> Found | None:
    """Phone or e-mail alone never link: whoever they point to is shown to a person, once."""
    reasons: dict[str, list[str]] = {}
    cards: dict[str, CardHit] = {}
    for values, hits, word in ((shown["phones"], answers.phones, "phone"), (shown["emails"], answers.emails, "e-mail")):
        for value in values or ():
            for one in hits.get(value, []):
                if not one.own_firm and one.external_id not in said.rejected:
                    cards[one.external_id] = one
                    reasons.setdefault(one.external_id, []).append(f"same {word} {value}")
    if not cards:
        return None
    told = [_candidate(one, "weak", *reasons[key]) for key, one in cards.items()]
    why = "Only phone or e-mail point to somebody; they never link by themselves."
    return Found("review", reason=why, candidates=told)


def _candidate(hit: CardHit, strength: str, *reasons: str) -> dict[str, Any]:
    blocked = ["it stands under another key"] if hit.key else []
    return {
        "external_id": hit.external_id, "name": hit.title, "tax_id": hit.tax_id,
        "registration_code": hit.registration_code, "code": "", "strength": strength, "reasons": [*reasons, *blocked],
    }  # fmt: skip
