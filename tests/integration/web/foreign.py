"""Things that are not the asker's, one maker for each kind that a route's path may name."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import insert, select

from core.ids import new_id
from store.landing import Landed, save
from store.tables import api_token, reconciliation, reconciliation_line, run, session
from tests.integration.store.filling import NOW
from tests.integration.web.desk import add_letter, add_review
from tests.integration.web.mappings import KEY, put_mapping
from tests.integration.web.world import SECRET_AMOUNT, SECRET_NAME, World
from web.connecting.drafts import Draft
from web.people.sessions import add_token, open_session
from web.people.standing_in import add_substitute
from web.people.users import load_one
from web.show.paging import encode_position


def _customer(world: World) -> UUID:
    return world.customers["foreign"]


def _session(world: World) -> UUID:
    with world.engine.begin() as conn:
        open_session(conn, world.clock.now(), world.users["other"])
        found: UUID = (
            conn.execute(select(session.c.id).where(session.c.user_id == world.users["other"])).scalars().all()[-1]
        )
        return found


def _token(world: World) -> UUID:
    with world.engine.begin() as conn:
        add_token(conn, world.clock.now(), "test", load_one(conn, "other"), "his")
        found: UUID = conn.execute(select(api_token.c.id).order_by(api_token.c.id)).scalars().all()[-1]
        return found


def _user(world: World) -> UUID:
    return world.users["other"]


def _substitute(world: World) -> UUID:
    return add_substitute(world.site.app, "test", "Олена", "other", NOW.date())


def _review(world: World) -> int:
    return add_review(world, world.customers["foreign"], "c-foreign")


def _letter(world: World) -> int:
    return int(add_letter(world)["number"])


def _group(world: World) -> str:
    return str(add_letter(world)["fingerprint"][:8])


def _draft(world: World) -> UUID:
    made = Draft(world.users["other"], SECRET_NAME, "onec_odata", True, "", {}, {"url": f"http://{SECRET_NAME}/base"})
    world.site.drafts.put(made)
    return made.key


def _mapping(world: World) -> str:
    put_mapping(world)
    return KEY


def _run(world: World) -> UUID:
    key = new_id()
    row = {"id": key, "connection": "accounting", "kind": "order", "status": "ok", "owner": "w", "fence": 1}
    with world.engine.begin() as conn:
        conn.execute(insert(run).values(row | {"started_at": NOW}))
    return key


def _reconciliation(world: World) -> UUID:
    """With a line that names a customer of somebody else."""
    key = new_id()
    told: dict[str, object] = {"type": "line", "kind": "different_amount", "weight": "drift", "entity": "order"}
    told |= {"currency": "RUB", "amount": str(SECRET_AMOUNT), "note": SECRET_NAME, "since": NOW.isoformat()}
    told |= {"counterparty": {"name": SECRET_NAME, "external_id": "c-foreign"}}
    paper = {"title": "Заказ", "number": "1", "date": None, "source": "", "external_id": "o-foreign", "link": None}
    summary = {"kinds": {"different_amount": 1}, "unexplained": {}}
    head = {"id": key, "connection": "accounting", "at": NOW, "status": "explained", "summary": summary}
    line: dict[str, object] = {"reconciliation_id": key, "line": 1, "entity": "order", "kind": "different_amount"}
    with world.engine.begin() as conn:
        conn.execute(insert(reconciliation).values(head))
        conn.execute(insert(reconciliation_line).values(line | {"details": told | {"document": paper}}))
    return key


def _received(world: World) -> str | None:
    raw = f'{{"Description": "{SECRET_NAME}", "Сумма": {SECRET_AMOUNT}}}'.encode()
    one = Landed("accounting", "counterparty", "c-foreign", "Catalog_Контрагенты", "1", raw, "h", NOW)
    with world.engine.begin() as conn:
        save(conn, [one])
    return encode_position(("accounting", "counterparty", "c-foreign"))


MAKERS: dict[str, Callable[[World], object]] = {
    "customer": _customer, "session": _session, "token": _token, "review": _review, "letter": _letter,
    "group": _group, "connection": lambda world: "accounting", "draft": _draft,
}  # fmt: skip
MAKERS |= {"user": _user, "substitute": _substitute}
MAKERS |= {"mapping": _mapping}
"""Kind (as `about` of a rule says) -> a thing of that kind that belongs to the user "other"."""
MAY_SEE = {"customer": ("head", "admin"), "session": (), "token": (), "user": ("admin",), "substitute": ("admin",)}
"""Kind -> the roles that may see the thing all the same."""
MAY_SEE |= {
    "review": ("admin",),
    "letter": ("admin",),
    "group": ("admin",),
    "connection": ("admin", "ops"),
    "draft": (),
}
MAY_SEE |= {"mapping": ("admin", "ops")}
MAKERS |= {"run": _run, "reconciliation": _reconciliation, "received": _received}
MAY_SEE |= {"run": ("admin", "ops"), "reconciliation": ("admin", "ops"), "received": ("admin", "ops")}
