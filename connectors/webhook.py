"""Telling another system of something: one POST of JSON. The address may hold a token and is never shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors.http import MIB, HttpClient, HttpFailure, Limits, Timeouts, retry_after
from core.clock import Clock
from core.errors import ConfigError, TransientError


class Webhook:
    """One address that takes JSON. `headers` may hold a secret."""

    def __init__(
        self, url: str, clock: Clock, *, headers: dict[str, str], timeout: float = 20.0, ca_file: str | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("The address of the webhook is none: it begins with https:// or http://.")
        if any(not value.isascii() or not value.isprintable() for value in headers.values()):
            raise ConfigError("The secret of the webhook is no header: it has a line break or letters beyond ASCII.")
        self._url, self._headers, self._clock = url, headers, clock
        limits, patience = Limits(response_bytes=MIB), Timeouts(timeout, timeout, timeout * 2)
        self._http = HttpClient(clock, timeouts=patience, limits=limits, verify=ca_file)

    def post(self, content: dict[str, Any]) -> None:
        """Send it, once.

        Raises:
            TransientError: it was not taken, or nobody knows whether it was; the text does not show the address.
        """
        headers = {"Content-Type": "application/json; charset=utf-8"} | self._headers
        try:
            answer = self._http.send("POST", self._url, body=msgspec.json.encode(content), headers=headers)
        except HttpFailure as failure:
            told = "perhaps it was taken all the same" if failure.sent else "it was not sent"
            raise TransientError(f"The webhook did not answer ({failure}); {told}.") from None
        if not 200 <= answer.status < 300:
            pause = retry_after(answer, self._clock)
            raise TransientError(f"The webhook answered with status {answer.status}.", retry_after=pause)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._http.close()
