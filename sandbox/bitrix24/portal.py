"""A portal's data: elements by type, requisites, user fields, dictionaries, events; and who may come in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.bitrix24.dictionaries import Dictionaries
from sandbox.bitrix24.errors import unknown_type
from sandbox.bitrix24.events import Events
from sandbox.bitrix24.fields import (
    COMPANY,
    CONTACT,
    DEAL,
    INVOICE,
    Field,
    company_fields,
    contact_fields,
    deal_fields,
    smart_fields,
)
from sandbox.bitrix24.limits import Limits
from sandbox.bitrix24.oauth import Tokens
from sandbox.bitrix24.values import shown

Row = dict[str, Any]
ADMIN = 1


@dataclass(slots=True)
class Caller:
    """Who asks: the user, what he may, and whether an application asks for him."""

    user_id: int
    scopes: frozenset[str]
    key: str
    application: bool = False
    auth_connector: str = ""


@dataclass(slots=True)
class Kind:
    """One type of element: its fields and its elements by id."""

    entity_type_id: int
    fields: dict[str, Field]
    items: dict[int, Row] = field(default_factory=dict)
    type_id: int = 0
    title: str = ""
    code: str = ""
    options: Row = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: count(1))

    def original(self, name: str) -> str:
        """A field's name in older methods."""
        return self.fields[name].upper_name


@dataclass(slots=True)
class Habits:
    """What portals were reported to do that the documentation does not say (fact sheet §6, "Known defects").

    All on by default: a connector that lives with them lives with a portal that does not have them.
    """

    ignores_atom_dates: bool = True  # a date filter with T and an offset is no filter in crm.item.list
    empty_with_camel_select: bool = True  # useOriginalUfNames=Y with a camelCase select returns empty objects
    keeps_company_fields: bool = True  # crm.item.update does not empty a company's field
    numeric_batch_lists: bool = True  # numeric names of commands come back as a list


class Portal:
    """The state of one portal; everything under one lock."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] | None = None,
        zone: str = "Europe/Moscow",
        plan_types: int = 10,
        extended_offline: bool = True,
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.lock = threading.RLock()
        self.shift = timedelta(0)
        self._now = now or (lambda: datetime.now(UTC))
        self.habits = Habits()
        self.plan_types, self.extended_offline = plan_types, extended_offline
        self.dictionaries = Dictionaries()
        self.events = Events(self)
        self.limits = Limits()
        self.tokens = Tokens(self)
        self.webhooks: dict[tuple[int, str], frozenset[str]] = {}
        self.users: dict[int, Row] = {ADMIN: {"ID": "1", "ACTIVE": True, "NAME": "Анна", "LAST_NAME": "Админова"}}
        self.requisites: dict[int, Row] = {}
        self.bank_details: dict[int, Row] = {}
        self.activities: dict[int, Row] = {}
        self.comments: list[Row] = []
        self.stage_history: list[Row] = []
        self.product_rows: dict[tuple[str, int], list[Row]] = {}
        self.user_fields: dict[str, list[Row]] = {}
        self.numbers, self.type_numbers = count(1), count(7)
        self.kinds: dict[int, Kind] = {}
        for number, fields in ((COMPANY, company_fields()), (CONTACT, contact_fields()), (DEAL, deal_fields())):
            self.add_kind(number, fields)
        self.add_kind(INVOICE, smart_fields(INVOICE, (DEAL,)))

    def now(self) -> datetime:
        """The portal's clock; tests move it by `shift`."""
        return self._now() + self.shift

    def stamp(self) -> str:
        """Now, as answers carry it."""
        return shown(self.now(), self.zone)

    def add_kind(self, entity_type_id: int, fields: list[Field]) -> Kind:
        """Make a type known."""
        kind = Kind(entity_type_id, {one.name: one for one in fields})
        self.kinds[entity_type_id] = kind
        return kind

    def kind(self, entity_type_id: int) -> Kind:
        """A type by its number. Raises RestError where there is none."""
        found = self.kinds.get(entity_type_id)
        if found is None:
            raise unknown_type()
        return found

    def add_webhook(
        self, user_id: int, secret: str, scopes: tuple[str, ...] = ("crm", "user", "userfieldconfig")
    ) -> str:
        """Make an incoming webhook; its path behind the portal's address."""
        self.webhooks[(user_id, secret)] = frozenset(scopes)
        return f"/rest/{user_id}/{secret}/"
