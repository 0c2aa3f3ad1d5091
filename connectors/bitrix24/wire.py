"""One portal on the wire: calls, batches, long lists by key; its limits obeyed (bitrix24.md §2-§5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from connectors.base import Budget
from connectors.bitrix24.answers import BatchReply, Reply, is_final, read_batch, read_reply
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.errors import OPERATING_PAUSE, RIGHTS, Verdict, judge_failure, keep_back
from connectors.bitrix24.php import command
from connectors.bitrix24.tokens import Application, Webhook
from connectors.http import Answer, HttpClient, HttpFailure, Limits, Timeouts
from connectors.vault import TokenVault
from core.clock import Clock
from core.errors import SverkaError, TransientError, Where

PAGE = 50
LONGEST_BATCH = 50
EASE = Decimal("0.6")
"""Share of a method's run time above which we come more slowly."""
STOP = Decimal("0.95")
ALWAYS = "server.time"
"""What the portal tells everybody whom it lets in, whatever his rights and scopes are."""
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
Params = Mapping[str, object]


class WayIn(Protocol):
    """A webhook or an application."""

    def address(self, method: str) -> str:
        """Where to call a method."""

    def proof(self) -> Mapping[str, str]:
        """What goes into the body to prove who we are."""

    def renew(self) -> bool:
        """Come in anew. Returns whether that is possible at all."""


class Wire:
    """Asks one portal. What is refused is raised, in a batch told by command."""

    def __init__(
        self, options: Bitrix24Options, clock: Clock, budget: Budget | None, vault: TokenVault | None = None
    ) -> None:
        self.options, self.clock, self._budget = options, clock, budget
        self.http = HttpClient(
            clock,
            timeouts=Timeouts(options.connect_timeout, options.read_timeout, options.total_timeout),
            limits=Limits(options.response_bytes, options.attempts, options.retry_seconds),
            verify=options.ca_file,
            budget=budget,
        )
        way: WayIn = Webhook(options) if options.webhook else Application(options, self.http, clock, vault)
        self._way = way
        self._limit = Decimal(str(options.operating_seconds))
        self._used: dict[str, tuple[Decimal, float]] = {}

    def call(self, method: str, params: Params | None = None, *, write: bool = False) -> Reply:
        """One method. Raises the errors of `core.errors`; for a write an unknown failure is UncertainOutcome."""
        self._keep_run_time([method])
        found = self._attempt(method, self._signed(params or {}) if write else params or {}, write=write)
        if isinstance(found, Verdict):
            where = Where(entity=method)
            raise found.error(write=True, where=where) if write else self._refusal(found, method, params or {})
        self._note(method, found)
        return found

    def _refusal(self, verdict: Verdict, method: str, params: Params) -> SverkaError:
        """What a question was refused with. The same code means no right to this, and no REST on the portal's plan."""
        if verdict.rule.name not in RIGHTS or isinstance(self._attempt(ALWAYS, {}, write=False), Verdict):
            return verdict.error(where=Where(entity=method))
        return keep_back(verdict, method, params.get("entityTypeId"))

    def _attempt(self, method: str, params: Params, *, write: bool) -> Reply | Verdict:
        """Once more where the token has run out, and where the portal said that it had not even looked."""
        renewed, left = False, self.options.attempts
        while True:
            left -= 1
            outcome = self._send(method, params, write=write)
            found = read_reply(outcome) if isinstance(outcome, Answer) else outcome
            if isinstance(found, Reply):
                return found
            if found.rule.name == "token_expired" and not renewed and self._way.renew():
                renewed = True
            elif found.rule.again and left > 0:
                self._pause(found.rule.wait or 1.0)
            else:
                return found

    def _signed(self, params: Params) -> Params:
        """A write marked as ours, so that an application's queue of events does not tell us of it (§7)."""
        return params if self.options.webhook is not None else {**params, "auth_connector": self.options.originator}

    def _pause(self, seconds: float) -> None:
        """All of us come more slowly; without a common budget at least this process does."""
        if self._budget is not None:
            self._budget.block(seconds)
        else:
            self.clock.sleep(seconds)

    def _send(self, method: str, params: Params, *, write: bool) -> Answer | Verdict:
        body = json.dumps({**params, **self._way.proof()}, ensure_ascii=False, default=_plain).encode()
        address = self._way.address(method)
        try:
            if write:
                return self.http.send("POST", address, body=body, headers=_HEADERS)
            return self.http.ask(address, body, headers=_HEADERS, final=is_final)
        except HttpFailure as failure:
            return judge_failure(failure)

    def batch(self, commands: Mapping[str, tuple[str, Params]], *, write: bool = False) -> BatchReply:
        """Up to fifty commands in one request, each with a result or a refusal of its own.

        Raises:
            SverkaError: the batch as a whole; for a write UncertainOutcome means that any of them may have been done.
        """
        if len(commands) > LONGEST_BATCH or any(name.isdigit() for name in commands):
            raise ValueError("a batch has fifty commands at most, and none of them is named by a number alone")
        self._keep_run_time([method for method, _ in commands.values()])
        lines = {
            name: command(method, self._signed(params) if write else params)
            for name, (method, params) in commands.items()
        }
        outcome = self._attempt("batch", {"halt": 0, "cmd": lines}, write=write)
        if isinstance(outcome, Verdict):
            raise outcome.error(write=write, where=Where(entity="batch"))
        found = read_batch(outcome)
        if isinstance(found, Verdict):
            raise found.error(write=write, where=Where(entity="batch"))
        for name, reply in found.replies.items():
            self._note(commands[name][0], reply)
        return found

    def ask_all(self, commands: Mapping[str, tuple[str, Params]]) -> list[Reply]:
        """Questions in one request, answered all or not at all.

        Raises:
            SverkaError: what the first of them was refused with. TransientError: one was left out.
        """
        found = self.batch(commands)
        for name, (method, params) in commands.items():
            if name in found.refusals:
                raise self._refusal(found.refusals[name], method, params)
            if name not in found.replies:
                raise TransientError(f"Bitrix24 left out a part of {method}.", where=Where(entity=method))
        return [found.replies[name] for name in commands]

    def rows(
        self, method: str, params: Params, key: str = "id", *, behind: object = 0, most: int | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """All rows of a list by key, fifty a command, many commands a request; nothing is counted (§3).

        `behind`: the key after which the list begins. `most`: commands in a request, fewer where rows are long.

        Each command asks for what lies behind the last row of the one before, so rows that vanish meanwhile shift none.

        Raises:
            TransientError: a part of it did not come; the list is not whole.
        """
        last = behind
        size = 1
        while True:
            pages = self.pages(method, params, key, last, size)
            for rows in pages:
                if rows:
                    yield rows
                    last = rows[-1][key]
            if len(pages) < size or len(pages[-1]) < PAGE:
                return
            size = min(size * 4, most or LONGEST_BATCH)

    def pages(self, method: str, params: Params, key: str, last: object, size: int) -> list[list[dict[str, Any]]]:
        """Up to so many pages of a list behind a key, in one request; fewer where the list ends before.

        Raises:
            TransientError: a part of it did not come.
        """
        size = min(size, LONGEST_BATCH)
        if size == 1:
            return [rows_of(self.call(method, _behind(params, key, last)).result)]
        inner = "[items]" if method.startswith("crm.item.") else ""
        commands: dict[str, tuple[str, Params]] = {}
        for place in range(size):
            behind = last if place == 0 else f"$result[p{place - 1}]{inner}[{PAGE - 1}][{key}]"
            commands[f"p{place}"] = (method, _behind(params, key, behind))
        found = self.batch(commands)
        pages: list[list[dict[str, Any]]] = []
        for name in commands:
            if name in found.refusals:
                raise self._refusal(found.refusals[name], method, params)
            if name not in found.replies:
                raise TransientError(f"Bitrix24 left out a part of {method}.", where=Where(entity=method))
            pages.append(rows_of(found.replies[name].result))
            if len(pages[-1]) < PAGE:
                break
        return pages

    def lists(self, method: str, asked: Sequence[Params], key: str = "id") -> Iterator[list[dict[str, Any]]]:
        """All rows of many lists, fifty lists a request; one that is longer than a page is read on by key.

        Raises:
            TransientError: a part of it did not come; what was asked for is not whole.
        """
        for start in range(0, len(asked), LONGEST_BATCH):
            part = asked[start : start + LONGEST_BATCH]
            replies = self.ask_all({f"f{place}": (method, _behind(one, key, 0)) for place, one in enumerate(part)})
            for one, reply in zip(part, replies, strict=True):
                rows = rows_of(reply.result)
                if rows:
                    yield rows
                if len(rows) == PAGE:
                    yield from self.rows(method, one, key, behind=rows[-1][key])

    def _note(self, method: str, reply: Reply) -> None:
        if reply.operating:
            self._used[method] = (reply.operating, reply.reset_at)

    def _keep_run_time(self, methods: Sequence[str]) -> None:
        """Slow down before a method's run time is used up, and stop before the portal stops us (§5).

        Raises:
            TransientError: nothing is left for the method until a moment; nothing was sent.
        """
        for method in dict.fromkeys(methods):
            used, reset_at = self._used.get(method, (Decimal(0), 0.0))
            wait = reset_at - self.clock.now().timestamp()
            if wait <= 0:
                self._used.pop(method, None)
            elif used >= self._limit * STOP:
                raise TransientError(
                    f"The run time of {method} at Bitrix24 is used up for {int(wait)} s.",
                    retry_after=min(wait, OPERATING_PAUSE * 10),
                    where=Where(entity=method),
                )
            elif used >= self._limit * EASE:
                self.clock.sleep(float(min(Decimal(5), (used / self._limit - EASE) * 10)))

    @property
    def root(self) -> str:
        """An address at the portal; with a webhook it holds its secret and is not to be shown as a whole."""
        return self._way.address("")

    def close(self) -> None:
        """Close connections. Safe to call twice."""
        self.http.close()


def rows_of(result: Any) -> list[dict[str, Any]]:
    """The rows of a list's result, in either shape."""
    rows = result.get("items", []) if isinstance(result, dict) else result
    return list(rows) if isinstance(rows, list) else []


def _behind(params: Params, key: str, last: object) -> dict[str, object]:
    asked = params.get("filter")
    wanted = dict(asked) if isinstance(asked, Mapping) else {}
    return {**params, "filter": {**wanted, f">{key}": last}, "order": {key: "ASC"}, "start": -1}


def _plain(value: object) -> object:
    """Decimals go out as texts: JSON's numbers are floats at the other side."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)
