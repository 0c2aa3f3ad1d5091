"""What a configuration of 1C is to the stand-in: its sets, registers, posting, and the company's books in its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.onec.fields import Field, Fields
from sandbox.onec.storage import Leg, Row

if TYPE_CHECKING:
    from sandbox.onec.base import Base
    from sandbox.onec.company_tools import Workbench
    from sandbox.onec.schema import EntitySet, Layout

Measured = tuple[Fields, tuple[int, ...]]
"""Dimensions of a line as wire fields, and its resources in scaled integers."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a settlement register as it is stored: what a ``Leg`` says, with its recorder."""

    account: str
    subs: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    org: str
    currency: str
    amount: int
    foreign_amount: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """An accumulation register of balances (fact sheet §5, §8.3).

    ``describe`` turns a stored line into dimensions and resources. A register that the base computes by itself (debts
    by terms) has ``state`` instead: its whole balance at a moment; it shows no rows.
    """

    name: str
    dimensions: tuple[Field, ...]
    resources: tuple[Field, ...]
    accounts: tuple[str, ...] = ()
    describe: Callable[[Movement], Measured] | None = None
    state: Callable[[Base, str | None], Iterable[Measured]] | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting a document does: movements, and objects that have to be there for them (analytics keys)."""

    legs: list[Leg]
    support: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Edits:
    """How a user's random edits touch this configuration."""

    sets: tuple[str, ...]
    weights: tuple[int, ...]
    amounts: tuple[str, ...] = ()  # further amounts of lines that grow with the rest
    retotal: Callable[[Row, int], None] | None = None  # (document, percent): totals after its lines were scaled


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration. Everything that exists for БП goes on unchanged; the rest is translated from its books.

    ``translate(bench, row)`` gives the objects of this configuration that stand for one of БП's (amounts are stored
    values: kopecks); ``post(row)`` what the document moves. The settlement legs carry: ``account`` one of ``settled``,
    ``subs`` = counterparty, contract, settlement object (key, type), ``currency``, ``amount`` in roubles and
    ``foreign_amount`` in the settlement's currency; side 0 is what the customer owes more, side 1 what he owes less.
    ``needed`` are fields that 1C's form would insist on and OData does not check: see ``Base.unfilled``. ``chart``
    gives the books' code of an account for this configuration's own, ``home_currency`` the code of the books' money.
    """

    name: str
    title: str
    sets: Callable[[Layout], Iterable[EntitySet]]
    enums: dict[str, tuple[str, ...]]
    edits: Edits
    post: Callable[[Base, Row], Posted]
    translate: Callable[[Workbench, Row], Iterable[Row]] | None = None
    registers: tuple[Register, ...] = ()
    settled: tuple[str, ...] = ()
    accounting: bool = False  # keeps the accounting register Хозрасчетный
    needed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    chart: dict[str, str] = field(default_factory=dict)
    home_currency: str = "643"

    def register(self, set_name: str) -> Register | None:
        """The accumulation register of this set name, or of its flat rows."""
        wanted = set_name.removesuffix("_RecordType")
        return next((item for item in self.registers if item.name == wanted), None)
