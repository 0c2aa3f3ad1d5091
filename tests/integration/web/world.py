"""A site on a real store, with one user of each role and customers of several managers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert, select
from starlette.testclient import TestClient

from core.clock import ManualClock
from core.ids import new_id
from core.settings import ConnectionSettings, Settings
from store.tables import audit, department, session, substitute, user
from sync.context import App
from tests.integration.store.filling import NOW, Filling
from web.app import build_site_app
from web.people.keys import form_token
from web.people.sessions import add_token, open_session
from web.people.users import load_one
from web.site import Site, open_site

ROLES = ("manager", "head", "admin", "ops")
SECRET_NAME, SECRET_AMOUNT = "ТайныйПокупатель", Decimal("987654321.09")
"""Of a customer that is not the manager's: neither may be seen by him."""
LANGUAGES = ("en", "ru", "uk")


@dataclass
class World:
    """The store, the site, and the ids of what was put into it."""

    engine: Engine
    clock: ManualClock
    site: Site
    filling: Filling
    users: dict[str, UUID] = field(default_factory=dict)
    managers: dict[str, UUID] = field(default_factory=dict)
    customers: dict[str, UUID] = field(default_factory=dict)
    departments: dict[str, UUID] = field(default_factory=dict)

    def browser(self, login: str | None = None, *, address: str = "127.0.0.1", **options: Any) -> Browser:
        """A browser, logged in as that user without the pain of hashing."""
        made = Browser(build_site_app(self.site), address=address, **options)
        if login is not None:
            with self.engine.begin() as conn:
                key = open_session(conn, self.clock.now(), self.users[login], address=address)
            made.cookies.set("sverka", key)
            made.token = form_token(key)
        return made

    def api_key(self, login: str) -> str:
        """A token of the API with the rights of that user."""
        with self.engine.begin() as conn:
            return add_token(conn, self.clock.now(), "test", load_one(conn, login), "test")[1]

    def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to whom, the oldest first."""
        with self.engine.begin() as conn:
            query = select(audit.c.who, audit.c.what, audit.c.subject).order_by(audit.c.at, audit.c.id)
            return [tuple(row) for row in conn.execute(query)]

    def sessions_of(self, login: str) -> int:
        """How many open sessions a user has."""
        with self.engine.begin() as conn:
            query = select(session.c.id).where(session.c.user_id == self.users[login], session.c.revoked_at.is_(None))
            return len(conn.execute(query).all())

    def stand_in(self, login: str, manager: str, first: date, last: date | None) -> None:
        """A user stands in for a manager."""
        row = {"id": new_id(), "manager_id": self.managers[manager], "user_id": self.users[login]}
        with self.engine.begin() as conn:
            conn.execute(
                insert(substitute).values(
                    **row, first_day=first, last_day=last, created_at=self.clock.now(), created_by="test"
                )
            )


class Browser(TestClient):
    """A client that follows nothing by itself, and knows the token of its forms."""

    def __init__(self, app: Any, *, address: str = "127.0.0.1", **options: Any) -> None:
        settings: dict[str, Any] = {
            "base_url": "http://127.0.0.1:8080",
            "client": (address, 50000),
            "follow_redirects": False,
        }
        super().__init__(app, **(settings | {"raise_server_exceptions": False} | options))
        self.token = ""

    def submit(self, path: str, **fields: Any) -> Any:
        """Send a form as a page of ours would."""
        headers = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}
        return self.post(path, data={"_token": self.token} | fields, headers=headers)

    def read_token(self, path: str) -> str:
        """Open a page and take the token of its forms."""
        found = re.search(r'name="_token" value="(\w+)"', self.get(path).text)
        assert found is not None, path
        self.token = found[1]
        return self.token


def build_world(engine: Engine, store_url: str) -> World:
    """People and customers; the passwords are none, see `test_logging_in` for those."""
    clock = ManualClock(NOW)
    connections = {"accounting": ConnectionSettings(name="accounting", connector="onec_odata")}
    settings = Settings.model_validate({"store": {"url": store_url}, "connections": connections})
    app = App(settings=settings, engine=engine, clock=clock, owner="test")
    world = World(engine, clock, open_site(app), Filling(engine))
    _put_people(world)
    _put_customers(world)
    return world


def _put_people(world: World) -> None:
    for name in ("Анна", "Пётр", "Олена"):
        key = f"m-{name}"
        world.managers[name] = world.filling.add("manager", {"accounting": key}, name=name, code=key)
    world.departments = {"север": new_id(), "юг": new_id()}
    people = [
        ("manager", "manager", "Анна", "север"),
        ("other", "manager", "Пётр", "юг"),
        ("head", "head", None, None),
        ("north", "head", None, "север"),
        ("admin", "admin", None, None),
        ("ops", "ops", None, None),
    ]
    with world.engine.begin() as conn:
        conn.execute(insert(department), [{"id": key, "name": name} for name, key in world.departments.items()])
        for login, role, manager, part in people:
            world.users[login] = new_id()
            row = {"id": world.users[login], "login": login, "name": login.title(), "role": role}
            row |= {"manager_id": world.managers.get(manager or ""), "created_at": NOW, "updated_at": NOW}
            conn.execute(insert(user).values(**row, department_id=world.departments.get(part or "")))


def _put_customers(world: World) -> None:
    wanted = (("mine", "Ромашка ООО", "Анна"), ("foreign", SECRET_NAME, "Пётр"), ("nobody", "Ничей ООО", None))
    for number, (name, title, manager) in enumerate(wanted):
        fields: dict[str, Any] = {"name": title, "tax_id": f"770708389{number}", "kind": "company"}
        fields |= {"phones": [f"+7 495 123-45-6{number}"], "manager_id": world.managers.get(manager or "")}
        key = world.filling.add("counterparty", {"accounting": f"c-{name}"}, **fields)
        world.customers[name] = key
        owed = SECRET_AMOUNT if name == "foreign" else Decimal("1500.50")
        world.filling.balance(key, f"c-{name}", receivable=owed, as_of=NOW - timedelta(minutes=3))
        number_of = f"{SECRET_NAME}-1" if name == "foreign" else f"{name}-1"
        world.filling.add("order", {"accounting": f"o-{name}"}, counterparty_id=key, number=number_of, amount=owed)
