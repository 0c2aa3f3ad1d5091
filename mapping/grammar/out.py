"""The grammar of what goes out into accounting: `[outbound.ENTITY]` of a rule file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from mapping.cleaners.common import CleanerStep
from mapping.grammar.manners import Model, Off, Paths, Scalar, TitleField, as_rules


class LookupRule(Model):
    """An object of the other side that is asked for when sending: `where`, else each of `otherwise`.

    `instead` is the text that is sent where there is none, for a field that takes either.
    """

    set: str
    where: dict[str, str] = Field(default_factory=dict)
    otherwise: list[dict[str, str]] = Field(default_factory=list)
    take: Literal["only", "first"] = "only"
    missing: Literal["omit", "error"] = "omit"
    instead: str | None = None


class BodyRule(Model):
    """One field of what is sent: from our record, a constant, a reference, a lookup or an earlier step.

    `marker` puts our marker behind the text. `optional`: a base that does not know the field drops it: no mistake.
    """

    from_: Paths | None = Field(default=None, alias="from")
    value: Scalar | None = None
    formula: str | None = None
    ref: str | None = None
    lookup: LookupRule | None = None
    step: str | None = None
    marker: bool = False
    when: str | None = None
    steps: list[CleanerStep] = Field(default_factory=list)
    table: str | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> BodyRule:
        origins = (self.from_, self.value, self.formula, self.ref, self.lookup, self.step)
        count = sum(origin is not None for origin in origins)
        if count > 1 or (count == 0 and not self.marker):
            raise ValueError("needs exactly one of from, value, formula, ref, lookup, step")
        return self


Bodies = Annotated[
    list[BodyRule] | Off,
    BeforeValidator(as_rules, json_schema_input_type=str | BodyRule | list[str | BodyRule] | Off),
]


class RowsRule(Model):
    """Rows of a section that is sent: one for each value of `each` ("item" in the fields), or one without `each`."""

    each: str | None = None
    when: str | None = None
    fields: dict[str, Bodies]


class StepRule(Model):
    """One write, or one for each value of `each` ("item", "item_number"). Steps are sent in the order of the file.

    `before`: sent before that step, wherever it stands: for a file that extends another one.
    `known_by`: the attributes by which the other side knows an object that has no key of its own (a register's row).
    """

    set: str
    each: str | None = None
    before: str | None = None
    known_by: list[str] = Field(default_factory=list)
    when: str | bool | None = None
    body: dict[str, Bodies] = Field(default_factory=dict)
    rows: dict[str, dict[str, RowsRule | Off]] = Field(default_factory=dict)


class RequiredRule(Model):
    """What a card must have before it is sent: any of these fields, of one of these lengths; `say` names it."""

    any: Paths
    digits: list[int] = Field(default_factory=list)
    say: TitleField


class MatchSpec(Model):
    """Where the same customer is looked for before anything is created (design §5-8)."""

    set: str
    tax_id: str
    registration_code: str | Off | None = None
    names: list[str] = Field(default_factory=list)
    phones: list[str] = Field(default_factory=list)
    emails: list[str] = Field(default_factory=list)
    marker: str | None = None


class UpdateRule(Model):
    """How a change of one field is written into a card that is there; left out: as the first step creates it."""

    body: dict[str, Bodies] = Field(default_factory=dict)
    rows: dict[str, dict[str, RowsRule | Off]] = Field(default_factory=dict)


class OutboundRule(Model):
    """How a record of ours becomes objects of the other side."""

    match: MatchSpec
    required: dict[str, list[RequiredRule]] = Field(default_factory=dict)
    steps: dict[str, StepRule | Off]
    update: dict[str, UpdateRule | Off] = Field(default_factory=dict)
