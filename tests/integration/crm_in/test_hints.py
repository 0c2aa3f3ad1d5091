"""Calls from the portal to our own address: proven, answered at once, read by the next tick, never believed."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import uvicorn
from sqlalchemy import select
from starlette.requests import Request
from starlette.testclient import TestClient

from store.tables import request
from sync.room.dispatch import run_work, tick
from sync.room.hints import MOST_WAITING, take_call
from tests.integration.crm_in.test_changes import Killed, kill_at
from tests.integration.crm_in.world import COMPANY, World, make_world
from web.app import build_site_app
from web.hooks import BURST, LARGEST, Hooks, build_hooks
from web.site import open_site

# What is decided here is decided by rules; the statements are the same for all of these tests. See CONTRIBUTING.md.
pytestmark = pytest.mark.on_postgresql(
    "test_a_call_brings_one_element_within_a_tick",
    "test_the_same_hint_twice_waits_once_and_many_are_read_in_one_run",
    "test_more_than_may_wait_are_left_to_the_next_cycle",
    "test_killed_around_a_hint_nothing_is_lost_and_nothing_comes_twice",
)

TOKEN = "canary-token-51c9"


@contextmanager
def world_with_hooks(url: str, folder: Path) -> Iterator[tuple[World, TestClient]]:
    with make_world(url, folder, application_token=TOKEN) as world, TestClient(build_hooks(world.app)) as client:
        yield world, client


def form(number: str, *, event: str = "ONCRMCOMPANYUPDATE", token: str = TOKEN) -> str:
    """A call as the portal makes it."""
    return urlencode({"event": event, "data[FIELDS][ID]": number, "auth[application_token]": token, "ts": "1"})


def call(client: TestClient, number: str, **more: str) -> int:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return client.post("/crm", content=form(number, **more), headers=headers).status_code


def waiting(world: World) -> list[dict[str, Any]]:
    with world.engine.connect() as conn:
        rows = conn.execute(select(request).where(request.c.done_at.is_(None))).mappings()
        return [dict(row) for row in rows if row["kind"] == "pull_record"]


def work_off(world: World) -> list[Any]:
    """One tick, and what a worker does of the requests that it has found."""
    items = [item for item in tick(world.app) if item.kind == "request"]
    return [run_work(world.app, item.to_message()) for item in items]


def test_a_call_brings_one_element_within_a_tick(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        company, other = world.add_company("Ромашка", ""), world.add_company("Лютик", "")
        world.run("crm")
        for number in (company, other):
            world.person_does("update", number=int(number), title="Другое имя")
        assert call(client, company) == 200
        assert [one["arguments"] for one in waiting(world)] == [{"set": "company", "key": company}]
        work_off(world)
        assert (world.row(company)["name"], world.row(other)["name"]) == ("Другое имя", "Лютик")
        assert waiting(world) == []


def test_a_deletion_that_is_told_is_asked_about(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        gone, stays = world.add_company("Ромашка", ""), world.add_company("Лютик", "")
        world.run("crm")
        world.person_does("delete", number=int(gone))
        for number in (gone, stays):
            call(client, number, event="ONCRMCOMPANYDELETE")
        work_off(world)
        assert world.row(gone)["deleted"]
        assert not world.row(stays)["deleted"], "a call is never believed"


def test_a_call_that_proves_nothing_is_refused_and_leaves_nothing(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        for token in ("", "wrong", TOKEN[:-1], "ключ"):
            assert call(client, "1", token=token) == 403
        assert client.post("/nowhere", content=b"x").status_code == 403
        assert client.post("/accounting", content=b"x").status_code == 403
        assert client.post("/crm", content=b"\xff\xfe%").status_code == 403
        assert client.get("/crm").status_code == 405
        assert waiting(world) == []


def test_a_call_is_believed_nothing_but_a_number(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        for number in ("", "1; drop", "-1", "1/2", "٣", "x" * 5000):
            assert call(client, number) == 200
        assert call(client, "1", event="ONCRMLEADADD") == 200
        assert call(client, "1", event="ONAPPINSTALL") == 200
        assert waiting(world) == []


def test_too_large_and_too_many(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        assert client.post("/crm", content=b"x" * (LARGEST + 1)).status_code == 413
        answers = [call(client, str(number), token="wrong") for number in range(int(BURST) + 20)]
        assert {403, 429} == set(answers)
        world.clock.sleep(5)
        assert call(client, "1") == 200, "later it may come again"


def test_a_call_that_never_ends_holds_nothing_open(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.hooks.SLOWEST", 0.05)

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with world_with_hooks(store_url, tmp_path) as (world, client):
        scope = {"type": "http", "method": "POST", "path_params": {"connection": "crm"}, "headers": []}
        # the client's own loop: a browser test before this one leaves a running loop in the main thread
        assert client.portal is not None
        assert client.portal.call(Hooks(world.app).take, Request(scope, drip)).status_code == 408


def test_a_number_that_is_none_leaves_nothing(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        assert call(client, "9" * 5000) == 200
        assert waiting(world) == []


def test_the_same_hint_twice_waits_once_and_many_are_read_in_one_run(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        companies = [world.add_company(f"Компания {number}", "") for number in range(30)]
        world.run("crm")
        for company in companies:
            world.person_does("update", number=int(company), title=f"Другая {company}")
            for _ in range(2):
                call(client, company)
        assert len(waiting(world)) == 30
        world.crm.requests.clear()
        work_off(world)
        assert waiting(world) == []
        assert {world.row(company)["name"] for company in companies} == {f"Другая {one}" for one in companies}
        assert len(world.asked()) <= 5, world.asked()


def test_more_than_may_wait_are_left_to_the_next_cycle(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        for number in range(MOST_WAITING + 30):
            world.clock.sleep(1)
            assert call(client, str(number + 1)) == 200
        assert len(waiting(world)) == MOST_WAITING


def test_a_portal_that_is_away_leaves_the_hint_answered_and_the_cycle_brings_it(store_url: str, tmp_path: Path) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        company = world.add_company("Ромашка", "")
        world.run("crm")
        world.person_does("update", number=int(company), title="Другое имя")
        for number in (company, "77", "78"):
            call(client, number)
        world.crm.faults.add("error", error="INTERNAL_SERVER_ERROR")
        assert [result.status for result in work_off(world) if result is not None] == ["failed"]
        assert waiting(world) == []
        world.crm.faults.clear()
        world.run("crm", pause=1800)
        assert world.row(company)["name"] == "Другое имя"


def test_the_portal_s_own_webhook_is_understood(store_url: str, tmp_path: Path, free_port: int) -> None:
    """What the stand-in sends by itself, over real HTTP, to the whole site."""
    with make_world(store_url, tmp_path, application_token=TOKEN) as world:
        site = open_site(world.app)
        server = uvicorn.Server(uvicorn.Config(build_site_app(site), port=free_port, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            company = world.add_company("Ромашка", "")
            world.run("crm")
            address = f"http://127.0.0.1:{free_port}/hooks/crm"
            world.portal.events.add_outgoing_webhook("ONCRMCOMPANYUPDATE", address, TOKEN)
            order = {"entityTypeId": COMPANY, "id": int(company), "fields": {"title": "Другое имя"}}
            assert requests.post(f"{world.crm.webhook}crm.item.update", json=order, timeout=10).status_code == 200
            while not waiting(world) and time.monotonic() < deadline:
                time.sleep(0.01)
            work_off(world)
            assert world.row(company)["name"] == "Другое имя"
        finally:
            server.should_exit = True
            thread.join(20)
            site.close()


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.mark.parametrize("point", ["hint.before", "hint.after", "hints-end.before", "hints-end.after"])
def test_killed_around_a_hint_nothing_is_lost_and_nothing_comes_twice(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    with world_with_hooks(store_url, tmp_path) as (world, client):
        company = world.add_company("Ромашка", "")
        world.run("crm")
        world.person_does("update", number=int(company), title="Другое имя")
        monkeypatch.setattr("sync.room.writing.fault", kill_at(point))
        with pytest.raises(Killed):
            take_call(world.app, "crm", form(company).encode())
            work_off(world)
        monkeypatch.undo()
        world.clock.sleep(3600)
        call(client, company)
        work_off(world)
        assert world.row(company)["name"] == "Другое имя"
        assert waiting(world) == []
        assert len([row for row in world.rows() if row["name"] == "Другое имя"]) == 1
