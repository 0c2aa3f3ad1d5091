"""Events of a portal: the offline queue of an application, and calls to our own address (bitrix24.md §7).

The queue is read with `clear=0`: events that a pack has reserved are told again after a crash, by their process, until
that is cleared. Our own writes are kept out of it by `auth_connector`. A call from outside is a hint: only its number
is looked at, and only when its token is the one that we know.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from connectors.base import SourceSet
from connectors.bitrix24.answers import BatchReply
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.types import LISTS, STANDARD, Types, external_id
from connectors.bitrix24.wire import LONGEST_BATCH, PAGE, Params, Wire, rows_of
from connectors.following import EventPack, Hint, Touched
from core.errors import ConfigError, Where

ACTIONS = ("ADD", "UPDATE", "DELETE")
MOST_PACKS = 20
"""Packs of fifty that one run takes; what is left waits for the next."""
LONGEST_QUEUE = 2 * MOST_PACKS * LONGEST_BATCH
"""Entries of the queue that are looked through for packs of a run that did not come to its end."""
LONGEST_NUMBER = 18
_STANDARD = {"COMPANY": "company", "CONTACT": "contact", "DEAL": "deal"}
_DYNAMIC = "DYNAMICITEM"
_BOUND_ALREADY = "ERROR_EVENT_BINDING_EXISTS"


class Events:
    """The offline queue of one application."""

    def __init__(self, wire: Wire, types: Types) -> None:
        self._wire, self._types = wire, types
        self._connector = wire.options.originator
        self._bound = False

    @property
    def available(self) -> bool:
        """Whether we have come in as an application: a webhook has no queue."""
        return self._wire.options.webhook is None

    def fetch(self, sources: Sequence[SourceSet]) -> EventPack:
        """What has happened to elements of these sets since it was confirmed last; at first the queue is asked for.

        Raises:
            ConfigError: the application may not have events.
        """
        names = {source.name for source in sources} - LISTS.keys()
        if not self._bound:
            self._bind(names)
        left = self._left_over()
        touched, tokens = list(left.touched), list(left.tokens)
        for _ in range(MOST_PACKS):
            pack, full = self._take()
            touched += pack.touched
            tokens += pack.tokens
            if not full:
                break
        wanted = [one for one in dict.fromkeys(touched) if one[0] in names]
        return EventPack(wanted, list(dict.fromkeys(tokens)))

    def _bind(self, names: set[str]) -> None:
        """Handlers vanish when an application is installed anew: looked at with every connection."""
        there = {str(row.get("event", "")).upper() for row in rows_of(self._wire.call("event.get").result)
                 if str(row.get("offline", "0")) == "1"}  # fmt: skip
        kinds = [kind for kind, name in _STANDARD.items() if name in names]
        kinds += [_DYNAMIC] if names - set(STANDARD) or "invoice" in names else []
        wanted = [event for kind in kinds for action in ACTIONS if (event := f"ONCRM{kind}{action}") not in there]
        commands: dict[str, tuple[str, Params]] = {
            f"b{place}": (
                "event.bind", {"event": event, "event_type": "offline", "auth_connector": self._connector},
            )
            for place, event in enumerate(wanted)
        }  # fmt: skip
        if commands:
            self._check_bound(self._wire.batch(commands))
        self._bound = True

    def _check_bound(self, found: BatchReply) -> None:
        for refusal in found.refusals.values():
            if refusal.code != _BOUND_ALREADY:
                raise refusal.error(where=Where(entity="event.bind"))

    def _left_over(self) -> EventPack:
        """Packs of a run that did not come to its end: reserved, and told by no other question than this."""
        asked = {"filter": {"ERROR": 0}, "order": {"ID": "ASC"}, "auth_connector": self._connector}
        held: list[dict[str, Any]] = []
        for page in range(LONGEST_QUEUE // PAGE):
            try:
                rows = rows_of(self._wire.call("event.offline.list", {**asked, "start": page * PAGE}).result)
            except ConfigError:  # only an administrator may: what was reserved is found by moment, by sweep
                return EventPack()
            held += [row for row in rows if row.get("PROCESS_ID")]
            if len(rows) < PAGE:
                break
        else:  # the last pack may go on behind what was read: it is not to be confirmed yet
            held = [row for row in held if row["PROCESS_ID"] != held[-1]["PROCESS_ID"]]
        return EventPack(self._touched(held), [str(row["PROCESS_ID"]) for row in held])

    def _take(self) -> tuple[EventPack, bool]:
        """The next pack, reserved for us, and whether there may be more."""
        asked = {"clear": 0, "limit": LONGEST_BATCH, "auth_connector": self._connector}
        told = self._wire.call("event.offline.get", asked).result
        rows = [row for row in told.get("events") or [] if isinstance(row, Mapping)]
        process = str(told.get("process_id") or "")
        return EventPack(self._touched(rows), [process] if process else []), len(rows) == LONGEST_BATCH

    def _touched(self, rows: Sequence[Mapping[str, Any]]) -> list[Touched]:
        return [
            one for row in rows
            for one in touched_by(str(row.get("EVENT_NAME") or ""), _fields(row.get("EVENT_DATA")), self._types)
        ]  # fmt: skip

    def confirm(self, pack: EventPack) -> None:
        """Take what a pack holds out of the queue."""
        for token in pack.tokens:
            self._wire.call("event.offline.clear", {"process_id": token, "auth_connector": self._connector})


def _fields(data: object) -> Mapping[str, Any]:
    found = data.get("FIELDS") if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def touched_by(event: str, fields: Mapping[str, Any], types: Types | None = None) -> Iterator[Touched]:
    """What an event is about; nothing where it is none of elements that we read."""
    name = event.upper().removeprefix("ONCRM")
    action = next((one for one in ACTIONS if name.endswith(one)), "")
    kind, number = name.removesuffix(action), str(fields.get("ID") or "")
    if not action or not number.isascii() or not number.isdigit() or len(number) > LONGEST_NUMBER:
        return
    if kind in _STANDARD:
        yield _STANDARD[kind], external_id(STANDARD[_STANDARD[kind]], number)
    elif kind.startswith(_DYNAMIC) and types is not None:
        wanted = str(fields.get("ENTITY_TYPE_ID") or "")
        names = ["invoice"] if wanted == str(STANDARD["invoice"]) else []
        names += [one for one, row in types.smart().items() if str(row["entityTypeId"]) == wanted]
        yield from ((one, number) for one in names)


def read_hint(options: Bitrix24Options, body: bytes) -> Hint | None:
    """What a call from the portal is about; None where its token is not the one that `application_token` names.

    Never trusted beyond the number: whatever else the body says is not looked at.
    """
    try:
        pairs = dict(parse_qsl(body.decode(), max_num_fields=200))
    except (UnicodeDecodeError, ValueError):
        return None
    known = options.application_token.reveal() if options.application_token is not None else ""
    given = pairs.get("auth[application_token]", "")
    if not known or not hmac.compare_digest(known.encode(), given.encode()):
        return None
    fields = {"ID": pairs.get("data[FIELDS][ID]", "")}
    return Hint(tuple(touched_by(pairs.get("event", ""), fields)))
