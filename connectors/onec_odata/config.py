"""What a connection to 1C by OData may be told in the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from core.secrets import Secret, read_secret
from core.sections import Rate, Section

SERVICE = "/odata/standard.odata"
_MIB = 1024 * 1024


class OnecODataOptions(Section):
    """Own keys of a connection with `connector = "onec_odata"`. Only `url` and `user` are necessary.

    `url` may be the address of the base or of its OData service.
    """

    url: str
    user: str = ""
    password: Secret = Field(default_factory=lambda: read_secret(""))
    exchange_plan: str = ""
    node: str = ""
    sessions: Literal["auto", "off"] = "auto"
    allow_http: bool = True
    ca_file: str | None = None
    connect_timeout: float = Field(default=15.0, gt=0, le=120)
    read_timeout: float = Field(default=180.0, gt=0, le=1800)
    total_timeout: float = Field(default=900.0, gt=0, le=7200)
    stream_timeout: float = Field(default=900.0, gt=0, le=7200)
    page_bytes: int = Field(default=4 * _MIB, ge=1024, le=256 * _MIB)
    response_bytes: int = Field(default=64 * _MIB, ge=64 * 1024, le=1024 * _MIB)
    table_bytes: int = Field(default=256 * _MIB, ge=64 * 1024, le=2048 * _MIB)
    metadata_bytes: int = Field(default=128 * _MIB, ge=64 * 1024, le=512 * _MIB)
    metadata_hours: float = Field(default=1.0, gt=0, le=24 * 31)
    attempts: int = Field(default=3, ge=1, le=10)
    retry_seconds: float = Field(default=20.0, ge=0, le=120)
    requests_per_second: float | None = Field(default=None, gt=0.001)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        return service_url(value)

    @field_validator("node")
    @classmethod
    def _check_node(cls, value: str) -> str:
        if not value:
            return ""
        try:
            return str(UUID(value))
        except ValueError as error:
            raise ValueError("is the GUID of our node of the exchange plan") from error

    @field_validator("exchange_plan")
    @classmethod
    def _check_plan(cls, value: str) -> str:
        return value.removeprefix("ExchangePlan_")

    @model_validator(mode="after")
    def _check_http(self) -> OnecODataOptions:
        if not self.allow_http and urlsplit(self.url).scheme == "http":
            raise ValueError("url is https://… unless allow_http = true")
        return self

    @property
    def default_rate(self) -> Rate | None:
        """1C itself asks for none; `requests_per_second` is what `rate` of the connection says as well."""
        per_second = self.requests_per_second
        return Rate(timedelta(seconds=1 / per_second)) if per_second is not None else None

    def credentials(self) -> tuple[bytes, bytes]:
        """User and password as UTF-8 bytes (1c-odata.md §1.6). Reveals the password: for the HTTP client only.

        Raises:
            ConfigError: the variable or the file that the password is kept in is not there.
        """
        return self.user.encode("utf-8"), self.password.reveal().encode("utf-8")


def service_url(value: str) -> str:
    """The address of the OData service for an address as people write it. Raises ValueError with what is accepted."""
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is an address like https://server/base/odata/standard.odata")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry user or password: they have keys of their own")
    if parts.query or parts.fragment:
        raise ValueError("ends with …/odata/standard.odata and has no ? or # part")
    path = parts.path.rstrip("/")
    if "/odata/" not in f"{path}/":
        path += SERVICE
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
