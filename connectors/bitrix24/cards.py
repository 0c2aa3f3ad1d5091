"""Cards written in batches of fifty commands, each with a result of its own (bitrix24.md §4, §6, §11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.bitrix24.answers import BatchReply, Reply
from connectors.bitrix24.emptying import build_emptying
from connectors.bitrix24.errors import Verdict
from connectors.bitrix24.legal import ASKED, Presets, choose_requisite
from connectors.bitrix24.types import TypeOf, Types, element_id, external_id
from connectors.bitrix24.wire import LONGEST_BATCH, Params, Wire
from connectors.cards import Card, CardRef, CardResult
from core.errors import ConfigError, RecordError, SchemaDrift, SverkaError, TransientError, UncertainOutcome, Where

_NAMED = 3
"""So many missing fields are named one by one."""
Commands = dict[str, tuple[str, Params]]


@dataclass(slots=True)
class Draft:
    """One card on its way: its commands, and what is known of the element already."""

    card: Card
    kind: TypeOf
    place: int
    commands: Commands = field(default_factory=dict)
    multifields: list[dict[str, Any]] = field(default_factory=list)
    requisite: str = ""

    @property
    def main(self) -> str:
        """The name of the command that writes the element itself."""
        return f"c{self.place}"

    @property
    def legal(self) -> str:
        """The name of the command that writes its requisites."""
        return f"r{self.place}"


class CardWriter:
    """Writes cards of one portal under one originator."""

    def __init__(self, wire: Wire, types: Types, originator: str, zone: ZoneInfo) -> None:
        self._wire, self._types, self._originator, self._zone = wire, types, originator, zone
        self._presets = Presets(wire)

    def write(self, cards: Sequence[Card]) -> list[CardResult]:
        """Write them, as many a batch as fit; the commands of one card stay together."""
        drafts = [Draft(card, self._types.get(card.type), place) for place, card in enumerate(cards)]
        results: dict[int, CardResult] = {}
        ready = self._looked_up([draft for draft in drafts if self._is_known(draft, results)], results)
        sent = False
        for group in _packed(ready):
            try:
                results |= self._send(group)
            except (ConfigError, SchemaDrift) as error:
                if not sent:
                    raise
                results |= {one.place: CardResult(one.card.key, one.card.external_id, _on(error, one)) for one in group}
            sent = True
        return [results[draft.place] for draft in drafts]

    def _is_known(self, draft: Draft, results: dict[int, CardResult]) -> bool:
        """Unknown field names are passed over by the portal in silence, so they are refused here (§2)."""
        known = set(draft.kind.fields) | {str(one.get("upperName")) for one in draft.kind.fields.values()}
        unknown = [name for name in draft.card.fields if name not in known]
        if unknown:
            more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
            names = f"{', '.join(unknown[:_NAMED])}{more}"
            error = SchemaDrift(f"The portal has no field {names} on {draft.card.type}.", next_step="sverka doctor")
            results[draft.place] = CardResult(draft.card.key, draft.card.external_id, error)
        return not unknown

    def _looked_up(self, drafts: list[Draft], results: dict[int, CardResult]) -> list[Draft]:
        """Phones to add and requisites to change need to know what is there; everything else does not."""
        asking = [one for one in drafts if one.card.external_id is not None and _needs_look(one.card)]
        for start in range(0, len(asking), LONGEST_BATCH // 2):
            self._look(asking[start : start + LONGEST_BATCH // 2], results)
        return [self._with_commands(one) for one in drafts if one.place not in results]

    def _look(self, drafts: Sequence[Draft], results: dict[int, CardResult]) -> None:
        commands: Commands = {}
        for one in drafts:
            number, element = one.kind.number, element_id(one.card.external_id or "")
            commands[one.main] = ("crm.item.get", {"entityTypeId": number, "id": element})
            wanted = {"ENTITY_TYPE_ID": number, "ENTITY_ID": element}
            commands[one.legal] = ("crm.requisite.list", {"filter": wanted, "select": ASKED, "order": {"ID": "ASC"}})
        found = self._batch(commands, write=False)
        for one in drafts:
            missing = found if isinstance(found, SverkaError) else _refused(found, one)
            if missing is not None:
                results[one.place] = CardResult(one.card.key, one.card.external_id, missing)
                continue
            assert isinstance(found, BatchReply)  # noqa: S101 - an error was told above
            one.multifields = list(found.replies[one.main].result["item"].get("fm") or [])
            one.requisite = choose_requisite(found.replies[one.legal].result, one.card.requisites)

    def _with_commands(self, draft: Draft) -> Draft:
        card, number = draft.card, draft.kind.number
        fields = {name: self._value(draft.kind, name, value) for name, value in card.fields.items()}
        added = _multifields(card, draft.multifields)
        if added:
            fields["fm"] = added
        shared = {"entityTypeId": number, "useOriginalUfNames": "Y"}
        owner: object
        if card.external_id is None:
            fields |= self._keys(draft.kind, card.key)
            draft.commands[draft.main] = ("crm.item.add", {**shared, "fields": fields})
            owner = f"$result[{draft.main}][item][id]"
        else:
            owner = element_id(card.external_id)
            if fields:
                draft.commands[draft.main] = ("crm.item.update", {**shared, "id": owner, "fields": fields})
        if card.requisites:
            draft.commands[draft.legal] = self._requisite(draft, owner)
        return draft

    def _keys(self, kind: TypeOf, key: str) -> dict[str, object]:
        if kind.key_field == "xmlId":
            return {"xmlId": f"{self._originator}:{key}"}
        return {"originatorId": self._originator, "originId": key}

    def _requisite(self, draft: Draft, owner: object) -> tuple[str, Params]:
        given = {name: value for name, value in draft.card.requisites.items() if value not in (None, "")}
        if draft.requisite:
            return "crm.requisite.update", {"id": draft.requisite, "fields": given}
        fields = {
            "ENTITY_TYPE_ID": draft.kind.number, "ENTITY_ID": owner, "PRESET_ID": self._presets.choose(given),
            "NAME": str(draft.card.fields.get("title") or given.get("RQ_COMPANY_NAME") or "1C"), **given,
        }  # fmt: skip
        return "crm.requisite.add", {"fields": fields}

    def _value(self, kind: TypeOf, name: str, value: object) -> object:
        """Money as the portal writes it, moments in its own zone and without T (§6, known defects)."""
        if isinstance(value, CardRef):
            return element_id(value.external_id)
        if isinstance(value, tuple):
            amount, currency = value
            return f"{amount}|{currency}" if _kind_of(kind, name) == "money" else amount
        if isinstance(value, datetime):
            return value.astimezone(self._zone).isoformat(timespec="seconds")
        return value.isoformat() if isinstance(value, date) else value

    def _send(self, group: Sequence[Draft]) -> dict[int, CardResult]:
        commands = {name: command for one in group for name, command in one.commands.items()}
        found = self._batch(commands, write=True) if commands else BatchReply()
        if isinstance(found, SverkaError):
            return {one.place: CardResult(one.card.key, one.card.external_id, _on(found, one)) for one in group}
        results = {one.place: _result(found, one) for one in group}
        return results | self._empty([one for one in group if results[one.place].error is None], found)

    def _empty(self, group: Sequence[Draft], found: BatchReply) -> dict[int, CardResult]:
        """What the portal has kept although it was to be emptied, by the older way; results where that fails."""
        commands: Commands = {}
        for one in group:
            reply = found.replies.get(one.main)
            if reply is not None and one.card.external_id is not None:
                number = element_id(one.card.external_id)
                order = build_emptying(one.kind, number, one.card.fields, reply.result["item"])
                commands |= {one.main: order} if order is not None else {}
        try:
            told = self._batch(commands, write=True) if commands else BatchReply()
        except (ConfigError, SchemaDrift) as stopped:  # the cards have been written: that must not be forgotten
            told = stopped
        failed: dict[int, CardResult] = {}
        for one in group:
            if one.main in commands and (isinstance(told, SverkaError) or one.main not in told.replies):
                error = _on(told, one) if isinstance(told, SverkaError) else _failure(told.refusals.get(one.main), one)
                failed[one.place] = CardResult(one.card.key, one.card.external_id, error)
        return failed

    def _batch(self, commands: Commands, *, write: bool) -> BatchReply | SverkaError:
        """What a batch came to; a failure of the whole is every card's own. Raises what stops everything."""
        try:
            return self._wire.batch(commands, write=write)
        except (TransientError, UncertainOutcome, RecordError) as error:
            return error


def _needs_look(card: Card) -> bool:
    return bool(card.phones or card.emails or card.requisites)


def _kind_of(kind: TypeOf, name: str) -> str:
    told = kind.fields.get(name) or next((one for one in kind.fields.values() if one.get("upperName") == name), {})
    return str(told.get("type", ""))


def _packed(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """Groups whose commands fit one batch."""
    group: list[Draft] = []
    size = 0
    for one in drafts:
        if group and size + len(one.commands) > LONGEST_BATCH:
            yield group
            group, size = [], 0
        group.append(one)
        size += len(one.commands)
    if group:
        yield group


def _refused(found: BatchReply, one: Draft) -> SverkaError | None:
    for name in (one.main, one.legal):
        if name in found.refusals:
            return found.refusals[name].error(write=True, where=_where(one))
        if name not in found.replies:
            return TransientError("Bitrix24 left out a command of a batch.", where=_where(one))
    return None


def _where(one: Draft) -> Where:
    return Where(entity=one.card.type, external_id=one.card.external_id)


def _on(error: SverkaError, one: Draft) -> SverkaError:
    """The failure of a whole batch, told of one card of it."""
    told = type(error)(error.message, next_step=error.next_step, where=_where(one), detail=error.detail)
    if isinstance(told, TransientError) and isinstance(error, TransientError):
        told.retry_after = error.retry_after
    return told


def _result(found: BatchReply, one: Draft) -> CardResult:
    """One card's result: its requisites may have been refused while the card itself is there (§11)."""
    key, known = one.card.key, one.card.external_id
    for name in one.commands:
        reply = found.replies.get(name)
        if reply is not None and name == one.main:
            known = known or _made(reply, one)
        elif reply is None:
            return CardResult(key, known, _failure(found.refusals.get(name), one))
    return CardResult(key, known, otherwise=_in_other_writing(one.card, one.multifields))


def _made(reply: Reply, one: Draft) -> str:
    return external_id(one.kind.number, reply.result["item"]["id"])


def _failure(verdict: Verdict | None, one: Draft) -> SverkaError:
    if verdict is None:
        return UncertainOutcome("Bitrix24's answer does not tell what became of a command.", where=_where(one))
    return verdict.error(write=True, where=_where(one))


def _multifields(card: Card, there: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Phones and e-mails that are not there yet, in the way new ones are written (§6, Multifields)."""
    known = {(str(one["typeId"]), _reduced(str(one["typeId"]), str(one["value"]))) for one in there}
    added: dict[str, dict[str, str]] = {}
    for kind, values in (("PHONE", card.phones), ("EMAIL", card.emails)):
        for value in values:
            if (kind, _reduced(kind, value)) not in known:
                known.add((kind, _reduced(kind, value)))
                added[f"n{len(added)}"] = {"typeId": kind, "valueType": "WORK", "value": value}
    return added


def _in_other_writing(card: Card, there: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Phones and e-mails that `_multifields` leaves out although nothing is written there just so."""
    added = [str(one["value"]) for one in _multifields(card, there).values()]
    texts = {*added, *(str(one["value"]) for one in there)}
    return tuple(value for value in (*card.phones, *card.emails) if value not in texts)


def _reduced(kind: str, value: str) -> str:
    """People write one number in many ways: the last ten digits tell numbers apart well enough to add none twice."""
    return value.strip().casefold() if kind == "EMAIL" else re.sub(r"\D", "", value)[-10:]
