"""Who is it? Only the tax id links, and nothing is ever guessed (design §5-8).

Own binding first; then the INN, with the KPP where both sides have one, asked of accounting *live* and looked up in the
mirror. Exactly one card links; none creates; several go to a person, as does a hit by phone, e-mail or name alone.
Matching looks at all customers, whatever the person asking may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast
from uuid import UUID

from sqlalchemy import Connection, select

from connectors.base import RawRecord, RecordSource, RecordTarget
from core.errors import ConflictError, SchemaDrift
from mapping.model import SourceSet
from mapping.outbound import MatchRule
from store.engine import reading
from store.entities import counterparties
from store.tables import binding
from sync.context import RunContext
from sync.push.mirror import load_bound_same_inn, load_other_contacts, load_weak_hits
from sync.push.names import normalise_name
from sync.room.writing import asking

Strength = Literal["same", "branch", "weak"]
SAME_CODE = "same KPP"
SAID_DIFFERENT = "a person has said that it is somebody else's card, and now its INN and KPP say that it is his"
"""Why a card that would be linked is asked about once more: a rule never overrules a person."""
NOT_COMPARABLE = "not_comparable"
BRANCHES = "branches"
"""The mapping's setting for a card with the same INN and another KPP: "review" (default) or "create" (own card)."""


class NeedsPerson(ConflictError):
    """More than one answer is possible in the middle of the work: the intent goes to the review queue.

    `rows`: cards that we seem to have made ourselves, when an answer was lost.
    """

    def __init__(self, message: str, *, next_step: str | None = None, rows: Sequence[RawRecord] = ()) -> None:
        super().__init__(message, next_step=next_step)
        self.rows = list(rows)


class PushConnector(RecordSource, RecordTarget, Protocol):
    """What writing needs of a connector: it can be asked and it can be told."""


@dataclass(slots=True)
class Candidate:
    """One card that could be meant, and why. `blocked`: why it cannot be taken without a person."""

    external_id: str
    name: str
    tax_id: str
    registration_code: str
    code: str
    strength: Strength
    reasons: list[str]
    blocked: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the review keeps and shows it."""
        reasons = [*self.reasons, self.blocked] if self.blocked else self.reasons
        return {
            "external_id": self.external_id,
            "name": self.name,
            "tax_id": self.tax_id,
            "registration_code": self.registration_code,
            "code": self.code,
            "strength": self.strength,
            "reasons": reasons,
        }


@dataclass(slots=True)
class Match:
    """The answer: link to `hit`, create, or ask a person.

    `mentioned`: cards that are none (folders, deleted). `said`: a person has answered this question before.
    """

    action: Literal["link", "create", "review"]
    reason: str
    hit: RawRecord | None = None
    candidates: list[Candidate] = field(default_factory=list)
    mentioned: list[str] = field(default_factory=list)
    said: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What people have said before about this contact: cards that he is not, or is, and whether a twin by INN is meant.

    `new`: he is somebody new. `force`: although accounting has his INN. `doubt`: why his INN alone does not link him.
    """

    new: bool = False
    rejected: frozenset[str] = frozenset()
    force: bool = False
    same: frozenset[str] = frozenset()
    doubt: str = ""

    def rules_out(self, candidate: Candidate) -> bool:
        """Whether this pair has been asked and answered. A twin by INN stays in question unless it was forced."""
        return candidate.external_id in self.rejected and (candidate.strength != "same" or self.force)


def text_of(data: Mapping[str, object], name: str | None) -> str:
    """A text of a raw record without the padding that fixed-length strings carry."""
    value = data.get(name) if name else None
    return "" if value is None else str(value).strip()


def target_of(ctx: RunContext) -> PushConnector:
    """The run's connector as one that can be written to."""
    return cast("PushConnector", ctx.connector)


def find_match(ctx: RunContext, rule: MatchRule, contact: Mapping[str, Any], decided: Decided) -> Match:
    """Find out whether accounting knows a contact. Reads only; asks live, outside of any transaction.

    Raises:
        TransientError: accounting did not answer; nothing is concluded from that.
    """
    mentioned: list[str] = []
    known = _usable(_fetch_unseen(ctx, rule, sorted(decided.same)), rule, mentioned)
    if len(known) == 1:  # asked and answered; the card is there
        return Match("link", "a person has said before that this is his card", known[0], [], mentioned, said=True)
    strong = _usable(_fetch_same_inn(ctx, rule, contact), rule, mentioned) if contact["tax_id"] else []
    with reading(ctx.app.engine) as conn:
        twins = load_other_contacts(conn, ctx.name, contact)
        candidates = [_judge(conn, ctx, rule, contact, raw) for raw in strong]
    if twins and not decided.new:
        why = "; ".join(f"the contact {twin} has the same INN" for twin in twins)
        return Match("review", f"Another contact has this INN: {why}.", None, candidates, mentioned)
    kept = [candidate for candidate in candidates if not decided.rules_out(candidate)]
    if kept:
        said = SAID_DIFFERENT if any(one.external_id in decided.rejected for one in kept) else ""
        doubt = (contact["marks"] or {}).get("tax_id", "") or decided.doubt or said
        return _by_inn(kept, strong, mentioned, _Rules(str(ctx.mapping.settings.get(BRANCHES, "review")), doubt))
    return _by_likeness(ctx, rule, contact, decided, mentioned, known={raw.external_id for raw in strong})


def _fetch_same_inn(ctx: RunContext, rule: MatchRule, contact: Mapping[str, Any]) -> list[RawRecord]:
    """Cards with the INN: by a live question, and those of the mirror that it may have missed, asked for by key."""
    inn = str(contact["tax_id"])
    with asking(ctx, "find-records"):
        found = {raw.external_id: raw for raw in target_of(ctx).find_records(rule.source, {rule.tax_id: inn})}
    with reading(ctx.app.engine) as conn:
        mirrored = load_bound_same_inn(conn, ctx.name, contact)
    unseen = [key for key in mirrored if key not in found]
    found |= {raw.external_id: raw for raw in _fetch_unseen(ctx, rule, unseen)}
    return [raw for raw in found.values() if text_of(raw.data, rule.tax_id) == inn]


def _fetch_unseen(ctx: RunContext, rule: MatchRule, keys: Sequence[str]) -> list[RawRecord]:
    if not keys:
        return []
    with asking(ctx, "fetch-records"):
        return list(target_of(ctx).fetch_records(rule.source, keys))


def _usable(found: Iterable[RawRecord], rule: MatchRule, mentioned: list[str]) -> list[RawRecord]:
    cards = []
    for raw in found:
        what = "a folder" if raw.data.get("IsFolder") is True else "marked for deletion" if raw.deleted else ""
        if what:
            mentioned.append(f"{_name_of(raw, rule)} ({raw.external_id}) is {what} and was not considered")
        else:
            cards.append(raw)
    return cards


def _name_of(raw: RawRecord, rule: MatchRule) -> str:
    return next((text for name in rule.names if (text := text_of(raw.data, name))), raw.external_id)


def _judge(conn: Connection, ctx: RunContext, rule: MatchRule, contact: Mapping[str, Any], raw: RawRecord) -> Candidate:
    theirs, ours = text_of(raw.data, rule.registration_code), contact["registration_code"] or ""
    branch = bool(theirs and ours and theirs != ours)
    reasons = [f"same INN {contact['tax_id']}"]
    reasons.append(
        f"other KPP: {theirs} there, {ours} here"
        if branch
        else "same KPP"
        if theirs and ours
        else "KPP not known on both sides"
    )
    return _candidate(conn, ctx, rule, contact["id"], raw, "branch" if branch else "same", reasons)


def _candidate(
    conn: Connection,
    ctx: RunContext,
    rule: MatchRule,
    contact_id: UUID,
    raw: RawRecord,
    strength: Strength,
    reasons: list[str],
) -> Candidate:
    return Candidate(
        raw.external_id,
        _name_of(raw, rule),
        text_of(raw.data, rule.tax_id),
        text_of(raw.data, rule.registration_code),
        text_of(raw.data, "Code"),
        strength,
        reasons,
        _load_holder(conn, ctx.name, raw.external_id, contact_id),
    )


def build_own(rule: MatchRule, rows: Iterable[RawRecord]) -> list[Candidate]:
    """Cards that carry our marker, for a person to choose from."""
    return [
        Candidate(
            external_id=raw.external_id,
            name=_name_of(raw, rule),
            tax_id=text_of(raw.data, rule.tax_id),
            registration_code=text_of(raw.data, rule.registration_code),
            code=text_of(raw.data, "Code"),
            strength="same",
            reasons=["it carries our mark: made when an answer was lost"],
        )
        for raw in rows
    ]


def _load_holder(conn: Connection, connection: str, external_id: str, contact_id: UUID) -> str:
    """Why the card may not simply be taken; empty when nothing stands against it (a mirrored copy is nobody's).

    Another contact has it already, or its customer and this one have a card each in one and the same CRM.
    """
    query = (
        select(counterparties.c.id, counterparties.c.name, counterparties.c.home)
        .join(binding, binding.c.entity_id == counterparties.c.id)
        .where(
            binding.c.connection == connection, binding.c.entity == "counterparty", binding.c.external_id == external_id
        )
    )
    row = conn.execute(query).first()
    if row is None or row.id == contact_id:
        return ""
    if row.home == "crm":
        return f"it is the card of the contact {row.name!r} already"
    twice = _connections_of(conn, row.id) & _connections_of(conn, contact_id) - {connection}
    return f"{row.name!r}, whose card it is, has a card of his own in {sorted(twice)[0]}" if twice else ""


def _connections_of(conn: Connection, entity_id: UUID) -> set[str]:
    mine = (binding.c.entity == "counterparty", binding.c.entity_id == entity_id, binding.c.deleted.is_(False))
    return set(conn.execute(select(binding.c.connection).where(*mine)).scalars())


@dataclass(frozen=True, slots=True)
class _Rules:
    """What bears on a hit by INN: what to do with branches, and why the contact's own INN is doubtful ("" when not)."""

    branches: str
    doubt: str


def _by_inn(kept: list[Candidate], strong: list[RawRecord], mentioned: list[str], rules: _Rules) -> Match:
    """Exactly one card with the INN, and with the same KPP where branches are about, is the customer."""
    only = _single(kept)
    if only is not None and not only.blocked and not rules.doubt:
        hit = next(raw for raw in strong if raw.external_id == only.external_id)
        return Match("link", f"linked by {', '.join(only.reasons)}", hit, kept, mentioned)
    if rules.branches == "create" and all(candidate.strength == "branch" for candidate in kept):
        return Match("create", "a branch with a card of its own", None, kept, mentioned)
    if len(kept) > 1:
        return Match("review", f"{len(kept)} cards of accounting have this INN.", None, kept, mentioned)
    why = rules.doubt or kept[0].blocked or "accounting knows this INN with another KPP (a branch?)"
    return Match("review", f"Not sure who it is: {why}.", None, kept, mentioned)


def _single(kept: list[Candidate]) -> Candidate | None:
    """The one card that can be meant: the only one, or among branches the only one, and that with the very same KPP."""
    same = [candidate for candidate in kept if candidate.strength == "same"]
    if len(same) != 1:
        return None
    return same[0] if len(kept) == 1 or SAME_CODE in same[0].reasons else None


def _by_likeness(
    ctx: RunContext,
    rule: MatchRule,
    contact: Mapping[str, Any],
    decided: Decided,
    mentioned: list[str],
    known: set[str],
) -> Match:
    """Phone, e-mail or name alone never link: whoever they point to is shown to a person, once."""
    hits = _fetch_same_name(ctx, rule, contact, mentioned)
    with reading(ctx.app.engine) as conn:
        found = load_weak_hits(conn, ctx.name, contact)
    raws = {raw.external_id: raw for raw in hits}
    unseen = [key for key in found if key not in raws]
    fetched = _fetch_unseen(ctx, rule, unseen)
    raws |= {raw.external_id: raw for raw in _usable(fetched, rule, mentioned)}
    with reading(ctx.app.engine) as conn:
        candidates = [
            _candidate(conn, ctx, rule, contact["id"], raw, "weak", found.get(key) or ["same name"])
            for key, raw in raws.items()
            if key not in known and not (_other_inn(raw, rule, contact) and _is_only_similar(found.get(key)))
        ]
    candidates = [candidate for candidate in candidates if not decided.rules_out(candidate)]
    if candidates:
        return Match(
            "review",
            "Only phone, e-mail or name point to somebody; they never link by themselves.",
            None,
            candidates,
            mentioned,
        )
    return Match("create", "accounting does not know this customer", None, [], mentioned)


def _fetch_same_name(
    ctx: RunContext, rule: MatchRule, contact: Mapping[str, Any], mentioned: list[str]
) -> list[RawRecord]:
    wanted = {normalise_name(contact["name"]), normalise_name(contact["legal_name"])} - {""}
    spoken = dict.fromkeys(name for name in (contact["name"], contact["legal_name"]) if name)
    found = {
        raw.external_id: raw
        for attribute in rule.names
        for name in spoken
        for raw in fetch_equal(ctx, rule.source, attribute, name)
    }
    like = [raw for raw in found.values() if wanted & {normalise_name(text_of(raw.data, name)) for name in rule.names}]
    return _usable(like, rule, mentioned)


def fetch_equal(ctx: RunContext, source: SourceSet, attribute: str, value: str) -> list[RawRecord]:
    """Cards whose attribute is the value, asked live; none where the base cannot compare it.

    1C does not compare texts of unlimited length, and a full name often is one (1c-odata.md §3.1): it is asked once.
    """
    closed: list[str] = ctx.state.facts.setdefault(NOT_COMPARABLE, [])
    if attribute in closed:
        return []
    try:
        with asking(ctx, "find-records"):
            return target_of(ctx).find_records(source, {attribute: value})
    except SchemaDrift:
        closed.append(attribute)
        ctx.state.facts_changed = True
        return []


def _is_only_similar(reasons: list[str] | None) -> bool:
    """Nothing but a name somewhat like it; the same name, phone or e-mail is worth a person's look whatever the INN."""
    return reasons is not None and all(reason.startswith("similar name") for reason in reasons)


def _other_inn(raw: RawRecord, rule: MatchRule, contact: Mapping[str, Any]) -> bool:
    """Both sides have an INN and it differs: a name that is merely similar says nothing then."""
    theirs = text_of(raw.data, rule.tax_id)
    return bool(theirs and contact["tax_id"] and theirs != contact["tax_id"])
