"""Things that are not the asker's, one maker for each kind that a route's path may name."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select

from store.tables import api_token, session
from tests.integration.store.filling import NOW
from tests.integration.web.desk import add_letter, add_review
from tests.integration.web.mappings import KEY, put_mapping
from tests.integration.web.world import SECRET_NAME, World
from web.connecting.drafts import Draft
from web.people.sessions import add_token, open_session
from web.people.standing_in import add_substitute
from web.people.users import load_one


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


MAKERS: dict[str, Callable[[World], object]] = {
    "customer": _customer, "session": _session, "token": _token, "review": _review, "letter": _letter,
    "group": _group, "connection": lambda world: "accounting", "draft": _draft,
}  # fmt: skip
MAKERS |= {"user": _user, "substitute": _substitute}
MAKERS |= {"mapping": lambda world: put_mapping(world) and KEY}
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
