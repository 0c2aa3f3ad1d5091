"""The grammar of `[deals]`: which order belongs to which deal of the CRM, and what of accounting moves a deal on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from mapping.grammar.manners import Model, Off, Paths
from mapping.model import ENTITIES

PLACE = "{number}"


def _as_numbers(value: object) -> object:
    items = value if isinstance(value, list) else [value]
    return [{"from": item} if isinstance(item, str) else item for item in items]


class NumberRule(Model):
    """Where an order names its deal: a field of the order, or one of its attributes ("attributes.deal").

    Without a pattern the whole text is the number. A pattern is plain text with "{number}" in it: "deal No. {number}";
    capitals and the number of spaces do not matter.
    """

    from_: str = Field(alias="from", min_length=1)
    pattern: Paths = Field(default_factory=list)

    @field_validator("from_")
    @classmethod
    def _known(cls, value: str) -> str:
        texts = [name for name, spec in ENTITIES["order"].fields.items() if spec.kind == "text"]
        if value not in texts and not (value.startswith("attributes.") and len(value) > len("attributes.")):
            raise ValueError(f"is a text of an order ({', '.join(sorted(texts))}) or attributes.NAME")
        return value

    @field_validator("pattern")
    @classmethod
    def _with_place(cls, value: list[str]) -> list[str]:
        if any(one.count(PLACE) != 1 or len(one) > 100 for one in value):
            raise ValueError(f"has {PLACE} in it once, where the deal's number stands")
        return value


class MovesRule(Model):
    """Where a deal of one pipeline is moved: the id or the name of a stage; empty for nowhere.

    `paid`, `shipped`: all its orders are, in full; `paid_and_shipped`: both. Of several the furthest counts.
    """

    paid: str = ""
    shipped: str = ""
    paid_and_shipped: str = ""


class DealRule(Model):
    """Orders and deals. `owner`: who decides about the stage; only where it is accounting, deals are ever moved."""

    number: Annotated[
        list[NumberRule],
        BeforeValidator(_as_numbers, json_schema_input_type=str | NumberRule | list[str | NumberRule]),
    ] = Field(default_factory=list)
    only_open: bool = True
    owner: Literal["accounting", "crm"] = "crm"
    backwards: bool = False
    moves: dict[str, MovesRule | Off] = Field(default_factory=dict)
