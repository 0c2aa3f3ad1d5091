"""What a CRM's card shall show of a record of ours: compiled from `[cards.NAME]`, run on what the store tells of it.

`shown` is what `store/queries/customers/outward.py` builds: the record's plain fields by canonical name, and figures
that no record holds (a balance, the last order). A document that came last is {number, date, amount, currency}; rules
name its parts `last_order_number` and so on. Amounts are Decimal in `shown["currency"]`, or (amount, currency).
`shown["card"]` is the card of ours that the customer has in this CRM already ("company", "contact"), empty where he
has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import RecordError
from mapping.cards.shown import Data, ask, flatten, texts_of
from mapping.formula import Formula
from mapping.grammar.cards import ShownKind

EMPTY: tuple[object, ...] = (None, "", [])
OMITTED = object()
"""Nothing to say of a field: it is left as it is."""
UTC = ZoneInfo("UTC")
HOUR = timedelta(hours=1)
Showing = Callable[[Data, ZoneInfo], object]
"""The value of a field for a record's data, None to empty it, or `OMITTED`."""


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field of ours on the CRM's card, made there by `sverka crm setup` and found again by its code."""

    code: str
    kind: ShownKind
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filled:
    """What one card shall show. Keys are the CRM's own names; "@code" is the field of ours with that code.

    `fields` are kept equal, `new` are given only to a card that is made. A value None empties the field. Values are
    text, whole numbers, Decimal, bool, date, aware UTC datetime, lists of texts; money is (amount, currency).
    """

    fields: dict[str, object] = field(default_factory=dict)
    new: dict[str, object] = field(default_factory=dict)
    requisites: dict[str, object] = field(default_factory=dict)
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardMapping:
    """One type of card.

    Attributes:
        name: the connector's name of the type ("company", "order"), and that of its rows in the outbox.
        entity: what is shown: counterparty, order, shipment, return or payment.
        titles: by language, where it is a type of our own (`own`).
        parents: cards that it may be tied to -> the CRM's field that takes the number of such a card; a customer is a
            company in one CRM and a contact in another, so there may be several.
        deal_field: the CRM's field that takes the number of its deal; empty for none.
        as_of_every: `as_of` alone makes a card due no more often than this.
    """

    name: str
    entity: str
    titles: Mapping[str, str] = field(default_factory=dict)
    own_fields: tuple[OwnField, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    deal_field: str = ""
    as_of_every: timedelta = HOUR
    wanted: Formula | bool = True
    made: Formula | bool = True
    programs: Mapping[str, tuple[tuple[str, Showing], ...]] = field(default_factory=dict)
    """Under fields, new, requisites: what fills each of them."""
    contacts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Under phones, emails: the names in `shown` that hold them."""

    @property
    def own(self) -> bool:
        """Whether the CRM does not have this type of card by itself."""
        return bool(self.titles)

    @property
    def parent(self) -> str:
        """The first card that it may be tied to; empty for none."""
        return next(iter(self.parents), "")

    @property
    def parent_field(self) -> str:
        """The CRM's field for that one."""
        return self.parents.get(self.parent, "")

    def is_wanted(self, shown: Mapping[str, Any], zone: ZoneInfo = UTC) -> bool:
        """Whether the record is shown on this card at all. Raises RecordError when the condition does not fit it."""
        return _holds(self.wanted, shown, zone)

    def is_made(self, shown: Mapping[str, Any], zone: ZoneInfo = UTC) -> bool:
        """Whether a card is made where there is none. Raises RecordError when the condition does not fit it."""
        return _holds(self.made, shown, zone)

    def fill(self, shown: Mapping[str, Any], zone: ZoneInfo = UTC) -> Filled:
        """What the card shall show; days and moments in texts are those of `zone`'s wall clock.

        Raises:
            RecordError: a value cannot be built; the sentence says which field and why.
        """
        data = flatten(shown)
        made = {name: self._run(name, data, zone) for name in ("fields", "new", "requisites")}
        lists = {name: texts_of(data, names) for name, names in self.contacts.items()}
        return Filled(**made, phones=lists.get("phones", ()), emails=lists.get("emails", ()))

    def _run(self, kind: str, data: Data, zone: ZoneInfo) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, show in self.programs.get(kind, ()):
            try:
                value = show(data, zone)
            except (ValueError, ArithmeticError) as error:
                raise RecordError(
                    f"The card {self.name} cannot show {name}: {str(error)[:300]}.",
                    next_step="mend its rule, then: sverka mapping check",
                ) from error
            if value is not OMITTED:
                found[name] = value
        return found


def _holds(condition: Formula | bool, shown: Mapping[str, Any], zone: ZoneInfo) -> bool:
    return condition if isinstance(condition, bool) else bool(ask(condition, flatten(shown), zone))
