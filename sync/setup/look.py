"""A read-only look at a base before anything is switched on (design §7, `sverka audit`).

Counts twins, cards without a tax id, debts that nobody is responsible for, and how contacts of the store would match;
keeps only keys and tax ids of the base in memory, page by page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.base import BalanceSource, RawRecord, RecordSource, SourceSet, Window
from core.errors import ConfigError, RecordError, SchemaDrift
from core.money import format_amount
from core.settings import ConnectionSettings
from mapping.model import MappedRecord
from mapping.rules import Mapping
from store.queries.export import iter_export
from sync.context import App, Progress
from sync.room.opening import open_for
from sync.versions import load_named


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of one counterparty while looking."""

    external_id: str
    name: str
    tax_id: str
    registration_code: str
    manager: str | None
    contacts: tuple[str, ...]


@dataclass(slots=True)
class Look:
    """The report: sections of rows, each row one thing that a person may want to mend."""

    counterparties: int = 0
    sections: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def add(self, section: str, **row: str) -> None:
        """One more row in a section."""
        self.sections.setdefault(section, []).append(row)


SECTIONS = ("unpublished sets", "unreadable cards", "twins", "no tax id", "debts with nobody responsible", "contacts")


def look(app: App, name: str, progress: Progress) -> Look:
    """Read the base and report; writes nothing anywhere."""
    settings = app.settings.connection(name)
    mapping = load_named(app, settings)
    report = Look(sections={section: [] for section in SECTIONS})
    connector = open_for(app, settings)
    with closing(connector):
        if not isinstance(connector, RecordSource):
            raise ConfigError(f"Connection {name!r} cannot be read record by record.")
        _look_at_sets(connector, mapping, report)
        cards = {card.external_id: card for card in _cards(connector, settings, mapping, report, progress)}
        report.counterparties = len(cards)
        _look_for_twins(cards, report)
        if isinstance(connector, BalanceSource):
            own = _accounting_currency(connector, settings, mapping)
            _look_at_balances(connector, mapping, cards, own, report)
    _look_at_contacts(app, cards, report)
    return report


def _look_at_sets(connector: RecordSource, mapping: Mapping, report: Look) -> None:
    for entity in mapping.entities.values():
        for source in entity.sources:
            if not connector.is_published(source.name):
                report.add("unpublished sets", entity=entity.entity, set=source.name)


def _cards(
    connector: RecordSource, settings: ConnectionSettings, mapping: Mapping, report: Look, progress: Progress
) -> Iterator[Card]:
    entity = mapping.entities["counterparty"]
    done = 0
    for source in entity.sources:
        for raw in _records(connector, source):
            done += 1
            progress.step("counterparties", done)
            try:
                record = entity.build(source.name, raw.data, settings.zone)
            except RecordError as error:
                report.add("unreadable cards", external_id=raw.external_id, reason=error.message)
                continue
            if record is not None and not record.deleted:
                yield _card(record)


def _records(connector: RecordSource, source: SourceSet) -> Iterator[RawRecord]:
    position: int | None = 0
    while position is not None:
        page = connector.fetch_page(source, Window(), position)
        yield from page.records
        position = page.next_position


def _card(record: MappedRecord) -> Card:
    def text(name: str) -> str:
        return str(record.fields.get(name) or "")

    contacts = [*_texts(record.fields.get("phones")), *_texts(record.fields.get("emails"))]
    return Card(
        external_id=record.external_id,
        name=text("name"),
        tax_id=text("tax_id"),
        registration_code=text("registration_code"),
        manager=record.refs.get("manager"),
        contacts=tuple(contacts),
    )


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _look_for_twins(cards: dict[str, Card], report: Look) -> None:
    by_identity: dict[tuple[str, str], list[Card]] = defaultdict(list)
    for card in cards.values():
        if card.tax_id:
            by_identity[card.tax_id, card.registration_code].append(card)
        else:
            report.add("no tax id", name=card.name, external_id=card.external_id)
    for (tax_id, code), group in sorted(by_identity.items()):
        if len(group) > 1:
            names = "; ".join(f"{card.name} ({card.external_id})" for card in group)
            report.add("twins", tax_id=tax_id, registration_code=code, cards=names)


def _accounting_currency(connector: RecordSource, settings: ConnectionSettings, mapping: Mapping) -> set[str | None]:
    """How balances name the accounting currency: not at all, or by its key."""
    found: set[str | None] = {None}
    entity = mapping.entities.get("currency")
    for source in entity.sources if entity is not None else ():
        if not connector.is_published(source.name):
            continue
        for raw in _records(connector, source):
            record = entity.build(source.name, raw.data, settings.zone) if entity is not None else None
            if record is not None and record.fields.get("code") == mapping.accounting_currency:
                found.add(record.external_id)
    return found


def _look_at_balances(
    connector: BalanceSource, mapping: Mapping, cards: dict[str, Card], own: set[str | None], report: Look
) -> None:
    """Debts, where the base shows its register; where it does not, that is one of the sets that are missing."""
    try:
        _look_at_debts(connector, mapping, cards, own, report)
    except SchemaDrift:
        name = mapping.balance.register if mapping.balance is not None else ""
        if not isinstance(connector, RecordSource) or connector.is_published(name):
            raise
        report.add("unpublished sets", entity="balance", set=name)


def _look_at_debts(
    connector: BalanceSource, mapping: Mapping, cards: dict[str, Card], own: set[str | None], report: Look
) -> None:
    if mapping.balance is None:
        return
    debts: dict[str, Decimal] = defaultdict(Decimal)
    for row in connector.fetch_balances(mapping.balance).rows:
        if row.currency in own:
            debts[row.counterparty] += row.debit - row.credit
    for key, amount in sorted(debts.items(), key=lambda item: -item[1]):
        card = cards.get(key)
        if amount > 0 and card is not None and card.manager is None:
            report.add("debts with nobody responsible", name=card.name, external_id=key, amount=format_amount(amount))


def _look_at_contacts(app: App, cards: dict[str, Card], report: Look) -> None:
    """How contacts of the store would match: sure by tax id, likely by phone or e-mail, else none."""
    by_tax_id: dict[str, list[Card]] = defaultdict(list)
    by_contact: dict[str, list[Card]] = defaultdict(list)
    for card in cards.values():
        by_tax_id[card.tax_id].append(card)
        for value in card.contacts:
            by_contact[value].append(card)
    with app.engine.connect() as conn:
        for contact in iter_export(conn, "contacts"):
            tax_id = str(contact.get("tax_id") or "")
            sure = by_tax_id.get(tax_id, []) if tax_id else []
            values = [*_texts(contact.get("phones")), *_texts(contact.get("emails"))]
            likely = [card for value in values for card in by_contact.get(value, [])]
            verdict = "sure" if len(sure) == 1 else "several" if sure else "likely" if likely else "none"
            names = "; ".join(dict.fromkeys(card.name for card in sure or likely))
            report.add("contacts", name=str(contact["name"]), match=verdict, cards=names)
