"""From a contact's status to intents: one for each accounting that does not know the client yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from core.errors import ConfigError
from core.settings import ConnectionSettings
from mapping.outbound import OutboundMapping
from sync.context import App
from sync.push import intents
from sync.push.ask import close_reviews, request_push
from sync.push.bind import load_own_binding
from sync.versions import load_ruling

ENTITY = "counterparty"


@dataclass(frozen=True, slots=True)
class Target:
    """An accounting that clients are made known to. `outbound` is None where the mapping cannot be read."""

    settings: ConnectionSettings
    outbound: OutboundMapping | None
    country: str = "RU"

    def why_waiting(self, contact: Mapping[str, Any]) -> str:
        """Why a write would have to wait; empty when it need not."""
        missing = self.outbound.missing(contact) if self.outbound else []
        if missing:
            return f"waits for {' and '.join(missing)}"
        off = self.settings.write == "off"
        return f"waits: writing into {self.settings.name} is switched off (write = off)" if off else ""


def load_targets(app: App) -> list[Target]:
    """All accountings whose mapping says how a customer is written. Reads files and store, outside of a transaction."""
    targets = []
    for settings in app.settings.connections.values():
        if settings.role != "accounting" or not settings.mapping:
            continue
        try:
            mapping = load_ruling(app, settings, publish=False)
        except ConfigError:
            targets.append(Target(settings, None))
            continue
        if ENTITY in mapping.outbound:
            targets.append(Target(settings, mapping.outbound[ENTITY], mapping.country))
    return targets


def plan_pushes(conn: Connection, now: datetime, targets: list[Target], contact: Mapping[str, Any]) -> list[str]:
    """Record what follows from a contact's status, in the caller's transaction; returns remarks for the person.

    A client that an accounting does not know gets one intent there, due or waiting; a request lets a running service
    act within one tick. Who is no client any more is taken out of the queues, unless something has been sent already.
    """
    if contact["status"] == "client":
        return [remark for target in targets if (remark := _plan(conn, now, target, contact))]
    for target in targets:
        withdraw(conn, now, target.settings.name, contact["id"])
    return []


def _plan(conn: Connection, now: datetime, target: Target, contact: Mapping[str, Any]) -> str:
    name, entity_id = target.settings.name, contact["id"]
    if load_own_binding(conn, name, entity_id) is not None:
        return ""
    waits = target.why_waiting(contact)
    latest = intents.load_latest(conn, name, entity_id)
    refused_change = latest is not None and latest.action == intents.UPDATE and latest.state == "dead"
    if latest is None or latest.state in ("done", "discarded") or refused_change:
        _add(conn, now, name, entity_id, waits)
    elif latest.state in ("waiting", "dead", "due"):
        plan_again(conn, now, latest, waits)
    if waits:
        return f"{name}: {waits}"
    request_push(conn, now, name)
    return ""


def _add(conn: Connection, now: datetime, connection: str, entity_id: UUID, waits: str) -> None:
    """The unique index decides between two commands that make the same contact a client at the same moment."""
    try:
        with conn.begin_nested():
            intents.add(conn, now, connection, entity_id, state="waiting" if waits else "due", reason=waits or None)
    except IntegrityError:
        return


def plan_again(conn: Connection, now: datetime, intent: intents.Intent, waits: str) -> None:
    """A contact was changed while its intent waited, or after accounting had refused it: that is worth another try."""
    state = "waiting" if waits else "due"
    if state == intent.state:
        intents.move_reason(conn, intent, now, waits or intent.reason or "")
    else:
        intents.move(conn, intent, state, now, reason=waits or None, next_attempt_at=None)


def withdraw(conn: Connection, now: datetime, connection: str, entity_id: UUID) -> None:
    """Take the making of a card out of the queues, as far as nothing of it has been sent."""
    intent = intents.load_open(conn, connection, entity_id)
    if (
        intent is not None
        and intent.state in ("waiting", "review", "due")
        and intent.step == 0
        and intent.action == "create"
    ):
        intents.move(conn, intent, "discarded", now, reason="no longer a client")
        close_reviews(conn, now, connection, entity_id)
