"""The wire to a portal against the stand-in: long lists, batches, limits, tokens, lost answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.php import command
from connectors.bitrix24.wire import Wire
from connectors.vault import Tokens
from core.clock import SystemClock
from core.errors import ConfigError, NotFound, TransientError, UncertainOutcome
from core.secrets import read_secret
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.build import Customer


@pytest.fixture
def server() -> Iterator[BitrixServer]:
    portal = build_portal(customers=[Customer(f"Компания {number}") for number in range(130)])
    with BitrixServer(portal) as server:
        portal.limits.cap = portal.limits.drain = 1e9
        yield server
        assert server.shell.crashes == []


def options(server: BitrixServer, **more: object) -> Bitrix24Options:
    return Bitrix24Options.model_validate({"webhook": server.webhook, "allow_http": True, "retry_seconds": 5} | more)


@pytest.fixture
def wire(server: BitrixServer) -> Iterator[Wire]:
    wire = Wire(options(server), SystemClock(), None)
    yield wire
    wire.close()


COMPANIES = {"entityTypeId": 4, "select": ["id", "title"]}


def test_a_long_list_comes_whole_in_few_requests(server: BitrixServer, wire: Wire) -> None:
    rows = [row["id"] for page in wire.rows("crm.item.list", COMPANIES) for row in page]
    assert rows == list(range(1, 132))
    assert len(server.requests) == 2
    assert wire.http.usage.writes == 0


def test_a_row_that_vanishes_meanwhile_shifts_none(server: BitrixServer, wire: Wire) -> None:
    seen: list[int] = []
    for page in wire.rows("crm.item.list", COMPANIES):
        seen += [row["id"] for row in page]
        server.portal.kinds[4].items.pop(10, None)
    assert seen == list(range(1, 132))


def test_a_part_that_is_refused_makes_the_list_no_list(server: BitrixServer, wire: Wire) -> None:
    server.portal.limits.operating, server.portal.limits.cost = 0.5, {"crm.item.list": 0.3}
    with pytest.raises(TransientError):
        list(wire.rows("crm.item.list", COMPANIES))


def test_each_command_has_a_result_or_a_refusal(wire: Wire) -> None:
    found = wire.batch({
        "c1": ("crm.item.get", {"entityTypeId": 4, "id": 5}),
        "c2": ("crm.item.get", {"entityTypeId": 4, "id": 999}),
    })  # fmt: skip
    assert found.replies["c1"].result["item"]["id"] == 5
    assert isinstance(found.refusals["c2"].error(), NotFound)


@pytest.mark.parametrize("names", [[str(n) for n in range(3)], [f"c{n}" for n in range(51)]])
def test_a_batch_that_could_not_be_told_apart_is_not_sent(server: BitrixServer, wire: Wire, names: list[str]) -> None:
    with pytest.raises(ValueError, match="fifty"):
        wire.batch({name: ("scope", {}) for name in names})
    assert server.requests == []


def test_a_block_because_of_overload_is_asked_once_and_stops(server: BitrixServer, wire: Wire) -> None:
    """Its support has to lift it: asking again for seconds helps nobody (503, like what passes by itself)."""
    server.faults.add("error", error="OVERLOAD_LIMIT")
    with pytest.raises(ConfigError, match="overload"):
        wire.call("crm.item.get", {"entityTypeId": 4, "id": 1})
    assert len(server.requests) == 1
    with pytest.raises(ConfigError, match="overload"):
        list(wire.rows("crm.item.list", COMPANIES))
    assert len(server.requests) == 2


def test_a_busy_portal_is_asked_again(server: BitrixServer, wire: Wire) -> None:
    server.faults.add("error", status=503, body="<html>busy</html>", times=1)
    assert wire.call("crm.item.get", {"entityTypeId": 4, "id": 1}).result["item"]["id"] == 1
    assert len(server.requests) == 2


def test_too_fast_is_waited_out_even_for_a_write(server: BitrixServer, wire: Wire) -> None:
    server.faults.add("error", path="crm.item.add", error="QUERY_LIMIT_EXCEEDED", times=1)
    made = wire.call("crm.item.add", {"entityTypeId": 4, "fields": {"title": "x"}}, write=True)
    assert made.result["item"]["title"] == "x"


def test_a_lost_answer_to_a_write_is_uncertain_and_not_sent_again(server: BitrixServer, wire: Wire) -> None:
    server.faults.add("drop_after", path="crm.item.add", times=1)
    with pytest.raises(UncertainOutcome):
        wire.call("crm.item.add", {"entityTypeId": 4, "fields": {"title": "x"}}, write=True)
    assert len(server.requests) == 1
    assert len(server.portal.kinds[4].items) == 132


@pytest.mark.parametrize("action", ["drop_before", "half", "cut"])
def test_a_read_is_asked_again(server: BitrixServer, wire: Wire, action: str) -> None:
    server.faults.add(action, path="crm.item.get", times=1)
    if action == "half":
        with pytest.raises(TransientError):
            wire.call("crm.item.get", {"entityTypeId": 4, "id": 1})
    assert wire.call("crm.item.get", {"entityTypeId": 4, "id": 1}).result["item"]["id"] == 1


def test_a_login_page_is_no_answer(server: BitrixServer, wire: Wire) -> None:
    server.faults.add("login_page", path="scope", times=1)
    with pytest.raises(TransientError, match="not that of Bitrix24"):
        wire.call("scope")


def test_money_is_exact(server: BitrixServer, wire: Wire) -> None:
    update = {"entityTypeId": 2, "id": 1, "fields": {"opportunity": Decimal("1234.56")}}
    assert wire.call("crm.item.update", update, write=True).result["item"]["opportunity"] == Decimal("1234.56")


def test_we_stop_before_the_run_time_is_used_up(server: BitrixServer) -> None:
    server.portal.limits.operating, server.portal.limits.cost = 100.0, {"scope": 33.0}
    wire = Wire(options(server, operating_seconds=100), SystemClock(), None)
    for _ in range(3):
        wire.call("scope")
    with pytest.raises(TransientError, match="run time") as caught:
        wire.call("scope")
    assert caught.value.retry_after is not None
    assert len(server.requests) == 3
    assert wire.call("server.time").result
    wire.close()


def test_a_webhook_never_stands_in_an_error(server: BitrixServer, wire: Wire) -> None:
    server.portal.webhooks.clear()
    with pytest.raises(ConfigError) as caught:
        wire.call("scope")
    assert server.secret not in f"{caught.value!r} {caught.value} {caught.value.detail}"


class Vault:
    """Keeps tokens in memory."""

    def __init__(self, tokens: Tokens | None) -> None:
        self.tokens = tokens

    def load(self) -> Tokens | None:
        return self.tokens

    @contextmanager
    def exclusive(self) -> Iterator[Tokens | None]:
        yield self.tokens

    def save(self, tokens: Tokens) -> None:
        self.tokens = tokens


def application(server: BitrixServer, vault: Vault) -> Wire:
    made = server.portal.tokens.add_application()
    first = server.portal.tokens.give(made.client_id)["refresh_token"]
    chosen = Bitrix24Options(
        portal=server.root, client_id=made.client_id, client_secret=read_secret(made.client_secret),
        refresh_token=read_secret(first), oauth_server=f"{server.root}/oauth/token/", allow_http=True,
    )  # fmt: skip
    return Wire(chosen, SystemClock(), None, vault)


def test_an_application_comes_in_with_its_first_token_and_renews_it(server: BitrixServer) -> None:
    vault = Vault(None)
    wire = application(server, vault)
    assert wire.call("scope").result
    first = vault.tokens
    server.portal.shift += timedelta(hours=2)
    assert wire.call("scope").result
    assert vault.tokens is not None
    assert first is not None
    assert vault.tokens.refresh != first.refresh
    assert server.portal.tokens.refused == 0
    wire.close()


def test_tokens_that_another_process_has_renewed_are_taken_up(server: BitrixServer) -> None:
    vault = Vault(None)
    wire = application(server, vault)
    wire.call("scope")
    server.portal.shift += timedelta(hours=2)
    (client_id,) = server.portal.tokens.applications
    answer = server.portal.tokens.give(client_id)
    kept = Tokens(answer["access_token"], answer["refresh_token"], SystemClock().now(), f"{server.root}/rest/")
    vault.tokens = kept
    assert wire.call("scope").result
    assert vault.tokens == kept
    wire.close()


def test_a_dead_refresh_token_needs_a_person(server: BitrixServer) -> None:
    vault = Vault(None)
    wire = application(server, vault)
    server.portal.tokens.refresh.clear()
    with pytest.raises(ConfigError, match="installed again"):
        wire.call("scope")
    wire.close()


def test_commands_are_written_as_php_reads_them() -> None:
    line = command("crm.item.add", {"fields": {"title": "a&b=в", "ids": [1, 2], "none": None, "yes": True, "no": []}})
    assert line == (
        "crm.item.add?fields[title]=a%26b%3D%D0%B2&fields[ids][0]=1&fields[ids][1]=2&fields[none]=&fields[yes]=Y"
        "&fields[no]="
    )
