"""Whose customers a person may see: the rule stands in the query, so that no page, export or API can forget it.

A manager sees the customers that are his and those of managers whom he stands in for today. The head of a department
sees what its people see; a head without a department, and an admin, see all, nobody's customers too. Ops see none:
they look after the service. Of a customer that he may not see nobody learns a thing by asking for it (pages answer as
for one that is not there); matching still looks at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, false, or_, select, true, union

from store.entities import counterparties
from store.tables import substitute, user, user_record

Role = Literal["manager", "head", "admin", "ops"]
ROLES: tuple[Role, ...] = ("manager", "head", "admin", "ops")
S = TypeVar("S", bound=Select[Any])


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose eyes a query looks with, and on which day: who stands in for whom changes at midnight."""

    user_id: UUID
    role: Role
    today: date
    manager_id: UUID | None = None
    department_id: UUID | None = None
    on_call: bool = False
    """Whether he learns what a colleague's customer owes when the phone rings; each such look is audited."""

    @property
    def sees_all(self) -> bool:
        """Whether every customer is his to see."""
        return self.role == "admin" or (self.role == "head" and self.department_id is None)


def narrow_customers(query: S, viewer: Viewer) -> S:
    """The same question about counterparties, asked of those only that the viewer may see."""
    return query.where(may_see_customer(viewer))


def narrow_documents(query: S, viewer: Viewer, table: Table) -> S:
    """The same question about documents, balances or whatever has a `counterparty_id`, of the viewer's customers only.

    A row without a customer is seen by those alone who see all.
    """
    if viewer.sees_all:
        return query
    mine = select(counterparties.c.id).where(may_see_customer(viewer))
    return query.where(table.c.counterparty_id.in_(mine))


def may_see_customer(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on `counterparties` that makes a row visible."""
    if viewer.sees_all:
        return true()
    if viewer.role not in ("manager", "head"):
        return false()
    return counterparties.c.manager_id.in_(_managers(viewer))


def load_visible(conn: Connection, viewer: Viewer, customer_id: UUID) -> bool:
    """Whether there is such a customer and the viewer may see him."""
    query = narrow_customers(select(counterparties.c.id).where(counterparties.c.id == customer_id), viewer)
    return conn.execute(query).first() is not None


def _managers(viewer: Viewer) -> Any:
    """The managers whose customers are the viewer's to see, as a question of their own."""
    people = user.c.id == viewer.user_id
    if viewer.role == "head":
        people = or_(people, user.c.department_id == viewer.department_id)
    today = (people, stands_in_on(viewer.today))
    stands_in = select(substitute.c.manager_id).join(user, user.c.id == substitute.c.user_id).where(*today)
    his, other = user_record.alias(), user_record.alias()
    elsewhere = (  # the same person in other systems
        select(other.c.manager_id)
        .select_from(substitute)
        .join(user, user.c.id == substitute.c.user_id)
        .join(his, his.c.manager_id == substitute.c.manager_id)
        .join(other, other.c.user_id == his.c.user_id)
        .where(*today)
    )
    return union(*_own(people), stands_in, elsewhere)


def load_seen_managers(conn: Connection, viewer: Viewer) -> list[UUID] | None:
    """The managers whose customers the viewer may see, by id; None where that is no question of managers.

    Not the rule itself, which stands in the query: told to the database beside it, so that it knows how few they are.
    """
    if viewer.sees_all or viewer.role not in ("manager", "head"):
        return None
    return sorted(conn.execute(_managers(viewer)).scalars())


def own_managers(user_id: UUID) -> Any:
    """The records that a user is in accounting and in the CRM, as a question of their own."""
    return union(*_own(user.c.id == user_id))


def _own(people: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    further = select(user_record.c.manager_id).join(user, user.c.id == user_record.c.user_id).where(people)
    return select(user.c.manager_id).where(people, user.c.manager_id.is_not(None)), further


def stands_in_on(day: date) -> ColumnElement[bool]:
    """The condition on `substitute` that it counts on that day."""
    ended = or_(substitute.c.last_day.is_(None), substitute.c.last_day >= day)
    return (substitute.c.first_day <= day) & ended
