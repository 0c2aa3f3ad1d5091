"""What a page asks of the database does not grow with what is in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from store.tables import cursor, run, user
from tests.integration.store.filling import NOW
from tests.integration.web.world import World
from web.door.auditing import write_audit

LIMITS = {"/ops": 29, "/ops/now": 29, "/ops/reconciliations": 6, "/audit": 3, "/users": 6, "/profile": 6}
"""Questions that a page may ask, the one after its visitor among them."""


def fill(world: World, number: int) -> None:
    with world.engine.begin() as conn:
        for one in range(number):
            base = f"base{one}"
            conn.execute(insert(cursor).values(connection=base, entity="order", state={}, updated_at=NOW, fresh_at=NOW))
            ran = {"id": uuid4(), "connection": base, "kind": "order", "status": "ok", "owner": "w", "fence": 1}
            conn.execute(insert(run).values(**ran, started_at=NOW))
            who = {"id": uuid4(), "login": f"user{one}", "name": "x", "role": "manager"}
            conn.execute(insert(user).values(**who, created_at=NOW, updated_at=NOW))
            write_audit(conn, NOW, "x", "user.add", "x")


@pytest.mark.parametrize("path", LIMITS)
def test_questions_are_counted(world: World, count_queries: Callable[[Any], Any], path: str) -> None:
    browser, counts = world.browser("admin"), []
    for number in (0, 40):
        fill(world, number)
        with ExitStack() as stack:
            asked = [stack.enter_context(count_queries(engine)) for engine in (world.site.reader, world.engine)]
            assert browser.get(path).status_code == 200
            counts.append(sum(len(queries) for queries in asked))
    assert counts[0] == counts[1] <= LIMITS[path]
