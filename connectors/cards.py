"""A CRM as a place to show things: cards by type, written many at a time, found again by our own key.

What is general of all CRMs; how each of them does it stays in its folder. Cards are desired states: writing the same
one again changes nothing there, so an update may always be repeated; a *creation* of which no answer came is looked up
by our key before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from connectors.base import Connector, RawRecord
from core.errors import SverkaError

By = Literal["key", "tax_id", "phone", "email"]
"""What cards are looked for by: our own key, the tax id of their requisites, a phone or an e-mail."""

FieldKind = Literal["text", "integer", "number", "money", "date", "datetime", "boolean", "url"]


@dataclass(frozen=True, slots=True)
class CardField:
    """A field of our own in the CRM, made where it is missing and found again by its code."""

    code: str
    kind: FieldKind
    labels: Mapping[str, str]
    """By language: en, ru, uk."""


@dataclass(frozen=True, slots=True)
class CardType:
    """One type of card that we write: a company, a contact, or a type of ours like "orders".

    Attributes:
        name: what the mapping calls it, and the connector knows it by.
        own: a type that the CRM does not have by itself and that is made for us.
        titles: its name for people by language, where it is ours.
        fields: our own fields on it.
    """

    name: str
    own: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    fields: Sequence[CardField] = ()


@dataclass(frozen=True, slots=True)
class CardRef:
    """The value of a field that names another card, by that card's external id."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Card:
    """What one card shall show. `external_id` None: it is to be made, under `key`.

    `fields` are by the CRM's own names or by codes of `CardField`; `requisites` are legal details, where the CRM keeps
    them apart. A value None empties a field; a field that is not named is left alone. Money is (amount, currency);
    another card is a `CardRef`.
    """

    type: str
    key: str
    external_id: str | None
    fields: Mapping[str, object]
    requisites: Mapping[str, object] = field(default_factory=dict)
    phones: Sequence[str] = ()
    emails: Sequence[str] = ()
    """Added where they are missing; none is ever taken away."""


@dataclass(frozen=True, slots=True)
class CardResult:
    """What became of one card. `error` with an `external_id`: the card is there, a part of it is not.

    `otherwise`: phones and e-mails that were not added, because they stand there in another writing.
    """

    key: str
    external_id: str | None = None
    error: SverkaError | None = None
    otherwise: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CardHit:
    """A card that was found, with what a person needs to tell it from others."""

    external_id: str
    title: str
    tax_id: str = ""
    registration_code: str = ""
    key: str = ""
    """Under which key of ours it stands; empty when it is nobody's, "?" when another program's."""
    own_firm: bool = False


@dataclass(frozen=True, slots=True)
class ListedCard:
    """A card whole, as a first link compares it with our customers.

    Attributes:
        external_id, title, key, own_firm: as of a hit.
        legal: tax id and registration code of each of its requisites.
        phones, emails: as people have typed them.
        raw: the card as it would be read like any record.
    """

    external_id: str
    title: str
    key: str
    own_firm: bool
    legal: tuple[tuple[str, str], ...]
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    raw: RawRecord


@dataclass(frozen=True, slots=True)
class Made:
    """Something that `setup` makes or has found."""

    what: str
    state: Literal["there", "made", "missing"]


@runtime_checkable
class CardTarget(Connector, Protocol):
    """A CRM whose cards we write."""

    def setup(self, types: Sequence[CardType], *, dry_run: bool) -> list[Made]:
        """Make types and fields that are missing; with `dry_run` only tell them. Idempotent.

        Raises:
            ConfigError: rights or the plan do not allow it.
        """

    def field_name(self, kind: str, code: str) -> str:
        """The CRM's own name of a field of ours. Raises ValueError for a code that it would not take."""

    def find_cards(self, kind: str, by: By, values: Sequence[str]) -> dict[str, list[CardHit]]:
        """Cards of a type for each of the values, asked live, in as few requests as the other side takes."""

    def write_cards(self, cards: Sequence[Card]) -> list[CardResult]:
        """Write these cards, each with a result of its own, in the same order. Raises nothing of a single card.

        A result's error says what is known: RecordError refused, TransientError certainly not done, UncertainOutcome
        perhaps done.

        Raises:
            ConfigError, SchemaDrift: nothing can be written at all; what was written before has been told by results of
            earlier calls.
        """

    def link_to(self, kind: str, external_id: str) -> str:
        """Where a person opens the card."""

    def claim_card(self, kind: str, external_id: str, key: str) -> CardResult:
        """Put our key on a card that is there; nothing else of it changes. Refused where it has another's."""


@runtime_checkable
class CardLister(CardTarget, Protocol):
    """A CRM whose cards can be gone through as a whole, and claimed many at a time."""

    def list_cards(self, kind: str) -> Iterator[list[ListedCard]]:
        """Every card of a type once, in pages of any size, in as few requests as the other side takes.

        Raises:
            TransientError: it broke off; what came so far is not all.
        """

    def claim_cards(self, kind: str, keys: Mapping[str, str]) -> list[CardResult]:
        """Put our key on each card (external id -> key) that has none; nothing else of it changes.

        In the order given, each with a result of its own: ConflictError where it stands under another key, RecordError
        where it is gone, UncertainOutcome where nobody knows; asked again it says.
        """
