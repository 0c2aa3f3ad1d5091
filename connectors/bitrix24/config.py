"""What a connection to a Bitrix24 portal may be told in the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from core.secrets import Secret
from core.sections import Rate, Section

_MIB = 1024 * 1024
OAUTH_SERVER = "https://oauth.bitrix24.tech/oauth/token/"


class Bitrix24Options(Section):
    """Own keys of a connection with `connector = "bitrix24"`: a webhook, or an application with its first tokens.

    `webhook` is the whole address of an incoming webhook; it is a password. `originator` is the mark under which the
    portal keeps our keys (`originatorId`): another one for each of several installations.
    """

    default_role: ClassVar[str] = "crm"
    webhook: Secret | None = None
    portal: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    application_token: Secret | None = None
    oauth_server: str = OAUTH_SERVER
    originator: str = Field(default="sverka", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    allow_http: bool = False
    ca_file: str | None = None
    connect_timeout: float = Field(default=15.0, gt=0, le=120)
    read_timeout: float = Field(default=75.0, gt=0, le=600)  # the cloud cuts a request off after 60 s
    total_timeout: float = Field(default=120.0, gt=0, le=1200)
    response_bytes: int = Field(default=32 * _MIB, ge=64 * 1024, le=512 * _MIB)
    attempts: int = Field(default=4, ge=1, le=10)
    retry_seconds: float = Field(default=30.0, ge=0, le=300)
    operating_seconds: float = Field(default=480.0, gt=0, le=3600)  # of a method in ten minutes
    drain: float = Field(default=2.0, gt=0, le=1000)
    burst: int = Field(default=50, ge=1, le=1000)

    @model_validator(mode="after")
    def _check_way_in(self) -> Self:
        application = bool(self.portal and self.client_id and self.client_secret is not None)
        if (self.webhook is None) == (not application):
            raise ValueError(
                "is told how to come in by one of two ways: webhook, or portal with client_id and client_secret"
            )
        if self.portal and (
            urlsplit(self.portal).scheme not in ("https", "http") or not urlsplit(self.portal).hostname
        ):
            raise ValueError("portal is written as https://company.bitrix24.ru")
        return self

    @property
    def default_rate(self) -> Rate:
        """Two requests a second out of a bucket of fifty, all our applications on one server together (§5).

        One less than the bucket holds: a request that a person sends from this address at the same moment fits in.
        """
        return Rate(timedelta(seconds=1 / self.drain), max(1, self.burst - 1))
