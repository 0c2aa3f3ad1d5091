"""What a CRM must have before cards can be shown in it: fields of ours, and types of card of our own (design §7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from connectors.base import Connector, Finding
from connectors.cards import CardField, CardTarget, CardType, Made
from core.errors import ConfigError, SverkaError, TransientError
from core.settings import ConnectionSettings
from mapping.cards.program import CardMapping
from mapping.rules import Mapping
from sync.context import App
from sync.push.merge import add_audit
from sync.room.lease import claim_lease
from sync.room.opening import open_for
from sync.versions import load_ruling

__all__ = ["Made", "card_type", "examine_cards", "set_up_cards"]

_SHOWN = 5
"""So many missing things doctor names one by one."""
_WAIT = 60.0
"""Seconds that a setup waits for another one of the same CRM."""


def card_type(card: CardMapping) -> CardType:
    """What a connector is told of a card of the mapping."""
    fields = tuple(CardField(one.code, one.kind, one.labels) for one in card.own_fields)
    return CardType(card.name, card.own, card.titles, fields)


def set_up_cards(app: App, settings: ConnectionSettings, who: str, *, dry_run: bool) -> Iterator[Made]:
    """Make what is missing for the cards of the mapping that rules, one card after another; tell what is there.

    Idempotent: what is there is left alone. With `dry_run` nothing is made. A card whose type could not be made does
    not undo those before it: they have been told already. Each thing that was made is in the audit.

    Raises:
        ConfigError: no CRM, a mapping without cards, writing is off, rights or the plan do not allow it.
        SchemaDrift: a field of that name is there and holds something else.
        TransientError: the CRM does not answer, or somebody else sets it up just now.
    """
    cards = _cards_of(settings, load_ruling(app, settings, publish=False))
    if settings.write == "off" and not dry_run:
        raise ConfigError(
            f"Writing into {settings.name} is switched off.",
            next_step=f'set write = "review" or "on" under [connections.{settings.name}], or add --dry-run',
        )
    with closing(open_for(app, settings)) as connector:
        target = _target(settings, connector)
        if dry_run:
            for card in cards.values():
                yield from target.setup([card_type(card)], dry_run=True)
            return
        yield from _make(app, settings, who, target, list(cards.values()))


def _make(
    app: App, settings: ConnectionSettings, who: str, target: CardTarget, cards: list[CardMapping]
) -> Iterator[Made]:
    lease = claim_lease(app, f"setup:{settings.name}", wait=_WAIT)
    if lease is None:
        raise TransientError(
            f"{settings.name} is being set up by somebody else.", next_step=f"sverka crm setup {settings.name}"
        )
    lease.start_heartbeat()
    try:
        for card in cards:
            made = target.setup([card_type(card)], dry_run=False)
            with app.engine.begin() as conn:
                lease.check(conn)
                for one in made:
                    if one.state == "made":
                        add_audit(conn, app.clock.now(), who, "crm.setup", settings.name, after={"made": one.what})
            yield from made
    finally:
        lease.release()


def _cards_of(settings: ConnectionSettings, mapping: Mapping) -> dict[str, CardMapping]:
    if not mapping.cards:
        raise ConfigError(
            f"The mapping {settings.mapping!r} of {settings.name} shows nothing on cards.",
            next_step=f'set mapping = "bitrix24" under [connections.{settings.name}], then: sverka doctor',
        )
    return mapping.cards


def _target(settings: ConnectionSettings, connector: Connector) -> CardTarget:
    if not isinstance(connector, CardTarget):
        raise ConfigError(
            f"{settings.name} is no CRM in which cards are shown.", next_step="sverka crm setup CONNECTION"
        )
    return connector


def examine_cards(name: str, connector: Connector, mapping: Mapping) -> Iterator[Finding]:
    """What doctor says of the cards of a CRM: all there, or what is missing and how it is made. Writes nothing."""
    if not mapping.cards or not isinstance(connector, CardTarget):
        return
    missing: list[str] = []
    number = 0
    for card in mapping.cards.values():
        try:
            found = connector.setup([card_type(card)], dry_run=True)
        except SverkaError as error:
            yield Finding("error", f"card {card.name}", error.message, error.next_step)
            continue
        number += len(found)
        missing += [one.what for one in found if one.state == "missing"]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        text = f"Not set up yet, so not shown: {', '.join(missing[:_SHOWN])}{more}."
        yield Finding("warning", "cards", text, f"sverka crm setup {name}")
    elif number:
        yield Finding("ok", "cards", f"{len(mapping.cards)} cards, all {number} types and fields of ours are there")
