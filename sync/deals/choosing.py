"""Which deal an order belongs to: the one that it names, else the customer's only open deal. Pure; never guessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Literal
from uuid import UUID

Rule = Literal["number", "only_open", "person"]


@dataclass(frozen=True, slots=True)
class Deal:
    """What of a deal decides. `closed_at`: when it was won or lost; `gone`: the CRM has it no more."""

    id: UUID
    external_id: str
    number: str | None
    customer: UUID | None
    opened_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    gone: bool = False

    @property
    def label(self) -> str:
        """How people know it."""
        return self.number or self.external_id

    def may_be_of(self, customer: UUID | None) -> bool:
        """Whether an order of this customer may belong to it at all."""
        return not self.gone and (self.customer is None or customer is None or self.customer == customer)

    def was_open(self, at: datetime, zone: tzinfo) -> bool:
        """Whether it was open on the day of `at`. Days, not moments: accounting's hours are not what happened when."""
        day = at.astimezone(zone).date()
        if self.opened_at is not None and _day(self.opened_at, zone) > day:
            return False
        closed = self.outcome in ("won", "lost")
        return not closed or (self.closed_at is not None and _day(self.closed_at, zone) >= day)


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """What of an order decides: `named` are the numbers of deals in it, `rejected` the deals that a person refused."""

    id: UUID
    customer: UUID | None
    date: datetime
    named: frozenset[str] = frozenset()
    rejected: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """The deal that an order belongs to and by which rule; or why none can be told, and who could be meant."""

    deal: Deal | None = None
    rule: Rule | None = None
    why: str = ""
    candidates: tuple[Deal, ...] = ()


def choose(
    order: OrderSeen,
    by_number: Mapping[str, Sequence[Deal]],
    customers: Mapping[UUID, Sequence[Deal]],
    zone: tzinfo,
    *,
    only_open: bool = True,
) -> Choice:
    """The one deal that is meant; none where there could be two, however likely one of them is.

    An order that names a deal belongs to that deal or to none: a deal of somebody else is a slip of the pen, and the
    customer's only open deal is not what the order says.
    """
    if order.named:
        return _by_number(order, by_number)
    if not only_open:
        return Choice(why="it names no deal")
    if order.customer is None:
        return Choice(why="its customer is not here")
    every = customers.get(order.customer, ())
    found = [deal for deal in every if deal.was_open(order.date, zone) and deal.id not in order.rejected]
    if len(found) == 1:
        return Choice(found[0], "only_open")
    if not found:
        return Choice(why="the customer had no open deal on its day" if every else "the customer has no deal")
    return Choice(why=f"the customer had {len(found)} open deals: {_list(found)}", candidates=tuple(found))


def _by_number(order: OrderSeen, by_number: Mapping[str, Sequence[Deal]]) -> Choice:
    if len(order.named) > 1:
        return Choice(why=f"it names several deals: {', '.join(sorted(order.named))}")
    (number,) = order.named
    found = by_number.get(number, ())
    if not found:
        return Choice(why=f"it names deal {number}, which is not here")
    if len(found) > 1:
        return Choice(why=f"there are {len(found)} deals {number}", candidates=tuple(found))
    deal = found[0]
    if deal.id in order.rejected:
        return Choice(why=f"it names deal {number}, which a person has refused")
    if not deal.may_be_of(order.customer):
        return Choice(why=f"it names deal {number}, which is another customer's")
    return Choice(deal, "number")


def _list(deals: Collection[Deal]) -> str:
    labels = sorted((deal.label for deal in deals), key=lambda text: (len(text), text))
    return ", ".join(labels[:5]) + (", …" if len(labels) > 5 else "")
