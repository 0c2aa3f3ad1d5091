"""The ordered writes of one intent: what the mapping says is sent, with its placeholders filled live.

A step's object gets a key that we choose and, where the mapping has a place for it, a marker; by one of the two it is
found again when the answer was lost (some bases ignore the key).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from connectors.base import RawRecord, Reference, Write, WriteResult
from core.errors import NotFound, RecordError, SchemaDrift
from mapping.model import SourceSet
from mapping.outbound import MatchRule, check_sendable
from store.engine import reading
from store.tables import binding
from sync.context import RunContext
from sync.push.intents import Intent
from sync.push.match import NeedsPerson, fetch_equal, target_of, text_of
from sync.room.writing import asking

_OMIT = object()
_SHOWN = 60


def rule_of(ctx: RunContext) -> MatchRule:
    """How the mapping identifies a customer in accounting."""
    return ctx.mapping.outbound["counterparty"].match


def build_steps(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The writes that the mapping asks for. What earlier attempts have done stays done; the rest is built anew.

    But for rows of a register: once the card is there, accounting's half of them may already have come back into the
    contact, so what was to be sent stays as it was recorded.
    """
    wanted = ctx.mapping.outbound["counterparty"].steps(contact)
    check_sendable(wanted)
    if not wanted:
        raise RecordError(
            "The mapping says nothing about how a customer is written into accounting.",
            next_step="sverka mapping check",
        )
    rows = [step for step in intent.steps if step.get("known_by")] if intent.step else []
    wanted = [step for step in wanted if not step.known_by] if rows else wanted
    steps = []
    card = rule_of(ctx).source.name
    for number, step in enumerate(wanted):
        old = intent.steps[number] if number < len(intent.steps) else {}
        key = intent.key_of(number, card=step.set == card)
        fresh = {"set": step.set, "role": step.role, "body": step.body, "key": key, "state": "new"}
        fresh |= {"known_by": list(step.known_by)} if step.known_by else {}
        steps.append(old if old.get("state") == "done" else fresh | {"external_id": None, "sent": old.get("sent", 0)})
    return steps + rows


def build_write(ctx: RunContext, intent: Intent) -> Write:
    """The current step ready to send. Asks accounting where the mapping says so, hence never inside a transaction.

    Raises:
        RecordError: something that the card must refer to is not, or not only once, in accounting.
    """
    step = intent.steps[intent.step]
    body, known_by = fill_object(ctx, intent, step["body"]), tuple(step.get("known_by", ()))
    return Write("create", step["set"], "" if known_by else step["key"], body, known_by=known_by)


def fill_object(ctx: RunContext, intent: Intent, body: Mapping[str, Any]) -> dict[str, Any]:
    """A body with its placeholders filled, asked live where the mapping says so; what nobody has is left out."""
    filled = {name: _fill(ctx, intent, value) for name, value in body.items()}
    return {name: value for name, value in filled.items() if value is not _OMIT}


def _fill(ctx: RunContext, intent: Intent, value: Any) -> Any:
    if isinstance(value, list):
        return [_fill(ctx, intent, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$step" in value:
        earlier = intent.steps[int(value["$step"])]
        return Reference(earlier["set"], earlier["external_id"])
    if "$lookup" in value:
        return _fetch_lookup(ctx, value["$lookup"])
    if "$ref" in value:
        with reading(ctx.app.engine) as conn:
            return _load_reference(conn, ctx, value["$ref"])
    return fill_object(ctx, intent, value)


def _fetch_lookup(ctx: RunContext, lookup: Mapping[str, Any]) -> Any:
    """The object that the mapping describes, asked for once a run; left out or refused where there is none."""
    memo = repr(lookup)
    if memo not in ctx.state.lookups:
        ctx.state.lookups[memo] = _ask_lookup(ctx, lookup)
    found = ctx.state.lookups[memo]
    if found is not None:
        return Reference(*found)
    asked = " or ".join(", ".join(f"{key} = {value!r}" for key, value in item.items()) for item in _asked(lookup))
    if "instead" in lookup:
        return lookup["instead"]
    told = f"Accounting has not the one {lookup['set']} that new cards need ({asked or 'any'})"
    if lookup["missing"] == "error":
        raise RecordError(f"{told}.", next_step="add it there or change the mapping, then: sverka dead retry")
    ctx.notice(f"{ctx.name}: {told}; they are written without it.")
    return _OMIT


def _asked(lookup: Mapping[str, Any]) -> list[dict[str, str]]:
    """The questions in order; one with an empty value (a setting not given) is none."""
    return [dict(question) for question in (lookup["where"], *lookup["otherwise"]) if "" not in question.values()]


def _ask_lookup(ctx: RunContext, lookup: Mapping[str, Any]) -> tuple[str, str] | None:
    source = SourceSet(entity="", name=str(lookup["set"]))
    for question in _asked(lookup):
        try:
            with asking(ctx, "find-records"):
                found = target_of(ctx).find_records(source, question)
        except SchemaDrift:  # this base has no such attribute: the next question may fit it
            continue
        alive = [raw for raw in found if not raw.deleted]
        if len(alive) == 1 or (alive and lookup["take"] == "first"):
            return source.name, alive[0].external_id
    return None


def _load_reference(conn: Connection, ctx: RunContext, reference: Mapping[str, Any]) -> Any:
    where = (
        binding.c.connection == ctx.name,
        binding.c.entity == str(reference["entity"]),
        binding.c.entity_id == UUID(str(reference["id"])),
        binding.c.deleted.is_(False),
    )
    row = conn.execute(select(binding.c.external_id, binding.c.source).where(*where).limit(1)).first()
    if row is None:
        ctx.notice(f"{ctx.name}: the {reference['entity']} of a new card is not in this accounting and was left out")
        return _OMIT
    return Reference(row.source, row.external_id)


def describe_differences(result: WriteResult) -> str:
    """What accounting keeps otherwise than it was sent (it cuts and drops silently); empty when nothing."""
    pairs = (
        f"{name}: sent {str(sent)[:_SHOWN]!r}, kept {str(kept)[:_SHOWN]!r}"
        for name, (sent, kept) in result.differences.items()
    )
    return "; ".join(pairs)


def fetch_written(ctx: RunContext, intent: Intent, contact: Mapping[str, Any]) -> RawRecord | None:
    """The object of the current step, if accounting has it: by the chosen key, then among its likes by our marker.

    Raises:
        TransientError: no answer, so nothing is known. NeedsPerson: more than one object of ours is there.
    """
    step, rule = intent.steps[intent.step], rule_of(ctx)
    if step.get("known_by"):
        return _fetch_row(ctx, intent, step)
    main = step["set"] == rule.source.name
    source = rule.source if main else SourceSet(entity="", name=step["set"])
    try:
        with asking(ctx, "fetch-record"):
            return target_of(ctx).fetch_record(source, step["key"])
    except NotFound:
        pass
    alike = _fetch_alike(ctx, source, step, contact, main=main)
    ours = [raw for raw in alike if _is_ours(ctx, raw, intent, contact)]
    if len(ours) > 1:
        keys = ", ".join(raw.external_id for raw in ours)
        raise NeedsPerson(
            f"Accounting holds {len(ours)} objects that we created for {contact['name']}: {keys}.",
            next_step="sverka review list",
            rows=ours if main else (),
        )
    return ours[0] if ours else None


def fetch_card(ctx: RunContext, external_id: str) -> RawRecord:
    """The card as the mapping reads it, with the rows of other sets that belong to it. Raises as the connector does."""
    main = rule_of(ctx).source
    read = (source for source in ctx.mapping.entities["counterparty"].sources if source.name == main.name)
    with asking(ctx, "fetch-record"):
        return target_of(ctx).fetch_record(next(read, main), external_id)


def _fetch_row(ctx: RunContext, intent: Intent, step: Mapping[str, Any]) -> RawRecord | None:
    """A row without a key of its own: there is at most one with these attributes, and it hangs on the card we made."""
    names = step["known_by"]
    known = fill_object(ctx, intent, {name: step["body"][name] for name in names})
    conditions = {name: value if isinstance(value, Reference) else str(value) for name, value in known.items()}
    with asking(ctx, "find-records"):
        found = target_of(ctx).find_records(SourceSet(entity="", name=step["set"], key=names[0]), conditions)
    return found[0] if found else None


def _fetch_alike(
    ctx: RunContext, source: SourceSet, step: Mapping[str, Any], contact: Mapping[str, Any], *, main: bool
) -> list[RawRecord]:
    """Objects that ours could be among: by INN and by each name that was sent."""
    rule = rule_of(ctx)
    asked = [(name, step["body"].get(name)) for name in (rule.names if main else ("Description",))]
    if main and contact["tax_id"]:
        asked.insert(0, (rule.tax_id, contact["tax_id"]))
    found: dict[str, RawRecord] = {}
    for name, value in asked:
        if isinstance(value, str):
            found |= {raw.external_id: raw for raw in fetch_equal(ctx, source, name, value)}
    return list(found.values())


def _is_ours(ctx: RunContext, raw: RawRecord, intent: Intent, contact: Mapping[str, Any]) -> bool:
    """It carries our marker; or it hangs on what we made in a step before (nobody else knew of that)."""
    marker = ctx.mapping.outbound["counterparty"].marker(contact)
    if any(isinstance(value, str) and marker in value for value in raw.data.values()):
        return True
    owners = {step["external_id"] for step in intent.steps if step["state"] == "done"}
    return any(text_of(raw.data, name).lower() in owners for name in raw.data)
