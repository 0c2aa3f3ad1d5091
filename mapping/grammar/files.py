"""The grammar of a rule file, as models: what may stand where, with which values. Unknown keys are refused.

    [recognise]                     by what `sverka connect` tells this configuration from others
    [settings]                      values that rules take as "@name"; a file that extends a preset overrides each
    [tables.NAME]                   a value table: values = { from = "to" }, unknown = "keep" | "none" | "error"
    [parts.NAME]                    what several entities share: fields, lines, date, posted, counterparty, ...
    [entities.ENTITY]               parts = [...], fields, lines, attributes, sources
    [entities.ENTITY.sources.SET]   a set of the other side; its own fields go over those of the entity
    [balance] [recorders.SET]       where accounting keeps settlements; documents that move them and are not mirrored
    [deals]                         which order belongs to which deal, and what moves a deal on
    [outbound.ENTITY]               how a record of ours becomes objects of the other side; `update`: one field
    [cards.NAME]                    what a CRM's card shows of a record of ours (mapping/grammar/cards.py)

A field is `target = "Path"`, a rule `{ from = ..., steps = [...] }`, or a list of those: the first with a value wins.
`false` takes away what a part, an entity or the extended preset has.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mapping.cleaners.common import CleanerStep
from mapping.grammar.cards import CardRule
from mapping.grammar.deals import DealRule
from mapping.grammar.manners import Model, Off, Paths, Scalar, Setting, TitleField, as_rules
from mapping.grammar.out import OutboundRule


class FieldRule(Model):
    """Where a target field comes from: exactly one of `from`, `value` and `formula`, then steps, then a value table."""

    from_: Paths | None = Field(default=None, alias="from")
    value: Scalar | None = None
    formula: str | None = None
    when: str | None = None
    steps: list[CleanerStep] = Field(default_factory=list)
    table: str | None = None
    default: Scalar | None = None
    sets: list[str] | None = None
    optional: bool | None = None
    on_error: Literal["error", "mark", "none"] | None = None
    owner: Literal["accounting", "crm", "newest", "review"] = "accounting"
    direction: Literal["in", "out", "both"] = "in"

    @model_validator(mode="after")
    def _one_origin(self) -> FieldRule:
        if sum(origin is not None for origin in (self.from_, self.value, self.formula)) != 1:
            raise ValueError("needs exactly one of from, value, formula")
        return self


Rules = Annotated[
    list[FieldRule] | Off,
    BeforeValidator(as_rules, json_schema_input_type=str | FieldRule | list[str | FieldRule] | Off),
]


class LinesRule(Model):
    """Rows that belong to a record: the sections they stand in, and a row's fields ("$section": its section)."""

    sections: Paths = Field(default_factory=list)
    when: str | None = None
    fields: dict[str, Rules] = Field(default_factory=dict)


class JoinRule(Model):
    """Rows of another set (a register) that belong to a record: read with it, as if they were its own section.

    `owner` is their attribute that names the record; with `by`, it names what the record's attribute `by` names, and
    `rows` takes one section of such an object instead of its attributes.
    """

    set: str
    owner: str
    fields: list[str] = Field(min_length=1)
    filter: str = ""
    by: str = ""
    rows: str = ""


class Common(Model):
    """What a part, an entity and a source may all say; the later goes over the earlier."""

    key: str | None = None
    version: str | None = None
    deleted: str | Off | None = None
    posted: str | Off | None = None
    date: str | Off | None = None
    counterparty: str | Off | None = None
    filter: str | None = None
    when: str | None = None
    fields: dict[str, Rules] = Field(default_factory=dict)
    attributes: dict[str, Rules] = Field(default_factory=dict)
    lines: dict[str, LinesRule | Off] = Field(default_factory=dict)
    joins: dict[str, JoinRule | Off] = Field(default_factory=dict)


class SourceRule(Common):
    """One set of the other side. `optional`: a base without it is no mistake."""

    optional: bool = True


class EntityRule(Common):
    """One canonical entity and the sets that it is read from."""

    parts: list[str] = Field(default_factory=list)
    sources: dict[str, SourceRule | Off] = Field(default_factory=dict)


class TableRule(Model):
    """A value table. `unknown` says what becomes of a value that is not in it."""

    values: dict[str, str]
    unknown: Literal["keep", "none", "error"] = "keep"


class TermsRule(Model):
    """A register in which accounting itself keeps what is to be paid when (1c-odata.md §8.3)."""

    register_: str = Field(alias="register")
    debt: str = "Долг"
    advance: str = "Предоплата"
    due: str = "ДатаПлановогоПогашения"


class BalanceRule(Model):
    """Where accounting keeps settlements (1c-odata.md §8.3): accounts of a `chart`, or an accumulation register.

    An accumulation register: `key` is the dimension that refers to objects of `key_set`, which say whose a line is;
    without it `counterparty`, `contract` and `organisation` are dimensions. `split`: dimensions by whose every value
    debt and advance are told apart. `contract_currency`, `contract_only`: attributes of the contract that say the
    currency, and which contracts count. `terms`: where accounting keeps what is overdue.
    """

    register_: str = Field(alias="register")
    chart: str | Off = ""
    accounts: Paths = Field(default_factory=list, min_length=1)
    currency_accounts: Paths = Field(default_factory=list)
    resource: str = "Сумма"
    currency_resource: str = "ВалютнаяСумма"
    counterparty_set: str = "Catalog_Контрагенты"
    contract_set: str = "Catalog_ДоговорыКонтрагентов"
    organisation: str = "Организация"
    currency: str = "Валюта"
    counterparty: str = "Контрагент"
    contract: str = "Договор"
    key: str = ""
    key_set: str = ""
    split: Paths = Field(default_factory=list)
    contract_currency: str = ""
    contract_only: dict[str, str] = Field(default_factory=dict)
    terms: TermsRule | Off = False

    @model_validator(mode="after")
    def _whole(self) -> BalanceRule:
        if self.chart and not self.accounts:
            raise ValueError("needs accounts of the chart: accounts = [...]")
        if self.key and not self.key_set:
            raise ValueError("needs key_set: the set that explains what `key` refers to")
        return self


class RecorderRule(Model):
    """A kind of document that moves settlements and is not mirrored, with its name in plain words."""

    kind: str = Field(pattern="^[a-z_]{3,40}$")
    title: TitleField


class RecogniseRule(Model):
    """By what `sverka connect` tells this configuration from others.

    All of `sets` and `attributes` (of a set) are there, none of `without`; the more is named, the surer it is.
    """

    sets: list[str] = Field(default_factory=list)
    without: list[str] = Field(default_factory=list)
    attributes: dict[str, Paths] = Field(default_factory=dict)


class RuleFile(Model):
    """A whole rule file, with what it extends already under it."""

    title: str = ""
    extends: str | None = None
    country: str = Field(default="RU", pattern="^[A-Z]{2}$")
    accounting_currency: str = Field(default="RUB", pattern="^[A-Z]{3}$")
    recognise: RecogniseRule = Field(default_factory=RecogniseRule)
    settings: dict[str, Setting] = Field(default_factory=dict)
    tables: dict[str, TableRule] = Field(default_factory=dict)
    parts: dict[str, Common] = Field(default_factory=dict)
    entities: dict[str, EntityRule | Off] = Field(default_factory=dict)
    balance: BalanceRule | None = None
    recorders: dict[str, RecorderRule | Off] = Field(default_factory=dict)
    outbound: dict[str, OutboundRule | Off] = Field(default_factory=dict)
    deals: DealRule | None = None
    cards: dict[str, CardRule | Off] = Field(default_factory=dict)


def build_json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, by which editors complete and check it as it is typed."""
    schema = RuleFile.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Sverka rule file"}
    return head | {key: value for key, value in schema.items() if key != "title"}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(build_json_schema(), ensure_ascii=False, indent=1) + "\n")
