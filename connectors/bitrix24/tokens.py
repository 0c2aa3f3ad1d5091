"""How we come in: a webhook's address, or an application's tokens, renewed one process at a time (§1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode, urljoin

from connectors.bitrix24.answers import read_tree
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.errors import judge, judge_failure
from connectors.http import HttpClient, HttpFailure
from connectors.vault import Tokens, TokenVault
from core.clock import Clock
from core.errors import ConfigError


class Webhook:
    """An incoming webhook: its address is the password and never ends."""

    def __init__(self, options: Bitrix24Options) -> None:
        assert options.webhook is not None  # noqa: S101 - the settings' own check
        self._root = options.webhook.reveal().rstrip("/") + "/"
        if not self._root.startswith("https://") and not (options.allow_http and self._root.startswith("http://")):
            if self._root.startswith("http://"):
                raise ConfigError(
                    "The address of the webhook begins with http://: whoever listens on the way would read it, and it "
                    "is a password.",
                    next_step="write it with https://, or allow_http = true for a stand-in on this machine",
                )
            raise ConfigError(
                "The address of a webhook is written as https://company.bitrix24.ru/rest/1/…/, and this one is not.",
                next_step="put the webhook's whole address where settings.toml looks for it, then: sverka doctor",
            )

    def address(self, method: str) -> str:
        """Where to call a method."""
        return f"{self._root}{method}.json"

    def proof(self) -> Mapping[str, str]:
        """What goes into the body: nothing."""
        return {}

    def renew(self) -> bool:
        """There is nothing to renew."""
        return False


class Application:
    """An application's tokens. The portal's endpoint may change with a renewal; the new one is kept with them."""

    def __init__(self, options: Bitrix24Options, http: HttpClient, clock: Clock, vault: TokenVault | None) -> None:
        if vault is None:
            raise ConfigError("An application's tokens need a store to be kept in.", next_step="sverka doctor")
        self._options, self._http, self._clock, self._vault = options, http, clock, vault
        self._tokens = vault.load()

    def address(self, method: str) -> str:
        """Where to call a method."""
        root = self._tokens.endpoint if self._tokens is not None else urljoin(self._options.portal, "/rest/")
        return f"{root.rstrip('/')}/{method}.json"

    def proof(self) -> Mapping[str, str]:
        """The access token, as a parameter of the call."""
        if self._tokens is None:
            self.renew()
        assert self._tokens is not None  # noqa: S101 - renew gives some or raises
        return {"auth": self._tokens.access}

    def renew(self) -> bool:
        """Get a new pair, unless another process has just done so. Returns True: the call may be made again.

        Raises:
            ConfigError: the refresh token is valid no more; a person must install the application again.
            TransientError: the server of tokens does not answer, or another process holds the renewal for too long.
        """
        with self._vault.exclusive() as kept:
            if kept is not None and (self._tokens is None or kept.access != self._tokens.access):
                self._tokens = kept
                return True
            fresh = self._exchange(kept)
            self._vault.save(fresh)
            self._tokens = fresh
        return True

    def _exchange(self, kept: Tokens | None) -> Tokens:
        options = self._options
        assert options.client_secret is not None  # noqa: S101 - the settings' own check
        if kept is None and options.refresh_token is None:
            raise ConfigError(
                "The application has no tokens yet: refresh_token is missing in the settings.",
                next_step="install the application as docs/bitrix24-setup.md says, then: sverka doctor",
            )
        first = options.refresh_token.reveal() if options.refresh_token is not None else ""
        asked = {
            "grant_type": "refresh_token",
            "client_id": options.client_id,
            "client_secret": options.client_secret.reveal(),
            "refresh_token": kept.refresh if kept is not None else first,
        }
        return self._read(urlencode(asked).encode())

    def _read(self, body: bytes) -> Tokens:
        try:
            answer = self._http.send(
                "POST",
                self._options.oauth_server,
                body=body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                reads=True,
            )
        except HttpFailure as failure:
            raise judge_failure(failure).error() from None
        tree = read_tree(answer)
        if "access_token" not in tree:
            raise judge(answer.status, tree.get("error", ""), str(tree.get("error_description", ""))).error()
        return Tokens(
            access=str(tree["access_token"]),
            refresh=str(tree["refresh_token"]),
            expires_at=self._clock.now() + timedelta(seconds=int(tree.get("expires_in") or 3600)),
            endpoint=str(tree.get("client_endpoint") or urljoin(self._options.portal, "/rest/")),
        )
