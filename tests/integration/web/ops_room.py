"""The ops room over a store that real cycles have filled: a stand-in 1C over HTTP, the engine, and people who look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from core.ids import new_id
from store.tables import run, user
from tests.integration.store.filling import Filling
from tests.integration.sync_pull.world import World as Mirrored
from tests.integration.sync_pull.world import make_world
from tests.integration.web.world import ROLES, Browser, World
from web.site import open_site


@dataclass
class OpsRoom:
    """`mirrored`: the base and what reads it; `world`: the pages over the same store and clock."""

    mirrored: Mirrored
    world: World
    _browsers: dict[str, Browser] = field(default_factory=dict)

    def browser(self, login: str) -> Browser:
        """The one browser of that person: an application is not built anew for each look."""
        if login not in self._browsers:
            self._browsers[login] = self.world.browser(login)
        return self._browsers[login]

    def get(self, login: str, path: str, *, language: str = "en", **query: str) -> Any:
        """A page as one of the people sees it."""
        answer = self.browser(login).get(path, params=query or None, headers={"accept-language": language})
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:1000])
        return answer

    def runs(self) -> list[Any]:
        """All runs, the oldest first."""
        with self.world.engine.connect() as conn:
            return list(conn.execute(select(run).order_by(run.c.started_at, run.c.id)))


@contextmanager
def open_ops_room(url: str, folder: Path, **how: Any) -> Iterator[OpsRoom]:
    """A base, a store, and one person of each role; nothing has been read yet."""
    with make_world(url, folder, **how) as mirrored:
        world = World(mirrored.engine, mirrored.clock, open_site(mirrored.app), Filling(mirrored.engine))
        with world.engine.begin() as conn:
            for role in ROLES:
                world.users[role], now = new_id(), world.clock.now()
                row = {"id": world.users[role], "login": role, "name": role.title(), "role": role}
                conn.execute(insert(user).values(**row, created_at=now, updated_at=now))
        try:
            yield OpsRoom(mirrored, world)
        finally:
            world.site.close()
