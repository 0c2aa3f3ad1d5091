"""Calls to the stand-in portal with the standard library alone, so that no connector's mistake is shared."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from sandbox.bitrix24 import BitrixServer


class Refused(Exception):
    """An answer that is no success: HTTP status, code, text."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.code, self.text = status, body["error"], body["error_description"]


class Client:
    """One caller of the portal: by webhook, or with an application's token."""

    def __init__(self, server: BitrixServer, token: str = "") -> None:
        self.server, self.token = server, token

    def whole(self, method: str, **params: Any) -> dict[str, Any]:
        address = f"{self.server.root}/rest/{method}" if self.token else f"{self.server.webhook}{method}.json"
        body = json.dumps(params | ({"auth": self.token} if self.token else {})).encode()
        return self.post(address, body, "application/json")

    def call(self, method: str, **params: Any) -> Any:
        return self.whole(method, **params)["result"]

    def refused(self, method: str, **params: Any) -> Refused:
        try:
            found = self.call(method, **params)
        except Refused as refusal:
            return refusal
        raise AssertionError(f"{method} was not refused but answered {found}")

    def batch(self, halt: int = 0, **commands: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("batch", halt=halt, cmd=commands)
        return found

    def token_call(self, **params: str) -> dict[str, Any]:
        return self.post(f"{self.server.root}/oauth/token/?{urlencode(params)}", b"", "")

    def post(self, address: str, body: bytes, kind: str) -> dict[str, Any]:
        request = urllib.request.Request(address, body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.load(error)) from None


def command(method: str, **params: Any) -> str:
    """A command of a batch."""
    return f"{method}?{urlencode(params)}"
