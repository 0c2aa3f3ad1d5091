"""The grammar of what a CRM's cards show: `[cards.NAME]` of a rule file.

[cards.company]                 entity; when (shown at all), create (made where it is not there), phones, emails
[cards.order]                   with a title: a type of card of our own; parent = { company = "companyId" }, deal_field
[cards.NAME.own.CODE]           a field of ours: its kind, its labels, what it shows; rules call it "@CODE"
[cards.NAME.fields]             kept equal: set right again when a person has changed it there
[cards.NAME.new]                given only to a card that is made by us
[cards.NAME.requisites]         legal details, where the CRM keeps them apart
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from mapping.cleaners.common import CleanerStep
from mapping.grammar.manners import Model, Off, Paths, Scalar, TitleField, as_rules

ShownKind = Literal["text", "integer", "number", "money", "date", "datetime", "boolean", "url"]
"""What a field of a card holds."""
CODE = r"^[a-z][a-z0-9_]{0,29}$"
"""A code of ours, of a card or of a field: CRMs put their own prefix before it and cut or refuse longer names."""


class ShownValue(Model):
    """What a field shows: the first of `from` that is filled, a constant, a formula, or several put into `words`.

    `empty`: "keep" leaves the CRM's value alone where there is nothing to show, "clear" empties it.
    """

    from_: Paths | None = Field(default=None, alias="from")
    value: Scalar | None = None
    formula: str | None = None
    words: list[str] | None = None
    by: str = Field(default=", ", max_length=10)
    when: str | None = None
    steps: list[CleanerStep] = Field(default_factory=list)
    table: str | None = None
    kind: ShownKind | None = None
    empty: Literal["keep", "clear"] | None = None

    @property
    def origins(self) -> int:
        """How many of from, value, formula, words are said."""
        return sum(origin is not None for origin in (self.from_, self.value, self.formula, self.words))


class ShowRule(ShownValue):
    """A rule for a field of the CRM."""

    @model_validator(mode="after")
    def _one_origin(self) -> ShowRule:
        if self.origins != 1:
            raise ValueError("needs exactly one of from, value, formula, words")
        return self


Shows = Annotated[
    list[ShowRule] | Off,
    BeforeValidator(as_rules, json_schema_input_type=str | ShowRule | list[str | ShowRule] | Off),
]


class OwnRule(ShownValue):
    """A field of ours on the CRM's card; where it has no origin, a rule for "@CODE" under fields or new fills it."""

    kind: ShownKind
    labels: TitleField

    @model_validator(mode="after")
    def _at_most_one_origin(self) -> OwnRule:
        if self.origins > 1:
            raise ValueError("needs exactly one of from, value, formula, words")
        return self


class CardRule(Model):
    """One type of card. `title`: a type that the CRM does not have by itself and that is made for us.

    `own_like`: it has the fields of ours that the card named so has, too.
    """

    entity: Literal["counterparty", "order", "shipment", "return", "payment", "deal"]
    title: TitleField | Off = False
    when: str | bool = True
    create: str | bool = True
    parent: dict[str, str] = Field(default_factory=dict)
    deal_field: str | Off = False
    phones: Paths | Off = False
    emails: Paths | Off = False
    own: dict[str, OwnRule | Off] = Field(default_factory=dict)
    own_like: str | Off = False
    fields: dict[str, Shows] = Field(default_factory=dict)
    new: dict[str, Shows] = Field(default_factory=dict)
    requisites: dict[str, Shows] = Field(default_factory=dict)
