"""`[alerts]` of the settings: who is told of what is wrong, how, in which language, and when they are left in peace."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from core.secrets import Secret, read_secret
from core.sections import Duration, Quiet, Section, ZoneName

AlertKind = Literal[
    "breaker", "paused", "held", "entity_paused", "silent", "failing", "no_tick", "dead_letters", "review", "uncertain",
    "reconciliation", "differences", "not_compared",
]  # fmt: skip
"""What can be wrong, as `docs/alerts.md` explains it."""
Language = Literal["en", "ru", "uk"]
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _check_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("is a plain e-mail address, like ops@example.com")
    return value


Address = Annotated[str, AfterValidator(_check_address)]


class EmailSettings(Section):
    """Telling by e-mail: the server to hand it to, from whom, to whom, and to whom when nobody has helped."""

    host: str
    port: int | None = Field(default=None, gt=0, lt=65536)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str | None = None
    user: str = ""
    password: Secret = Field(default_factory=lambda: read_secret(""))
    sender: Address = Field(alias="from")
    to: tuple[Address, ...] = Field(min_length=1)
    escalate_to: tuple[Address, ...] = ()
    timeout: float = Field(default=20.0, gt=0, le=120)

    @property
    def server_port(self) -> int:
        """The port to connect to: the one given, or the usual one of the chosen security."""
        return self.port or _PORTS[self.security]


class WebhookSettings(Section):
    """Telling by a POST of JSON to an address, which may be a secret itself, with one header that may be secret."""

    address: Secret = Field(alias="url")
    header: str = "Authorization"
    secret: Secret | None = None
    ca_file: str | None = None
    timeout: float = Field(default=20.0, gt=0, le=120)

    @field_validator("header")
    @classmethod
    def _check_header(cls, value: str) -> str:
        if not _HEADER.fullmatch(value):
            raise ValueError('is the name of a header, like "Authorization" or "X-Token"')
        return value


class AlertSettings(Section):
    """What is told, to whom and when. With neither `email` nor `webhook` alerts stand in `sverka status` only."""

    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    language: Language = "en"
    timezone: ZoneName = "Europe/Moscow"
    quiet: Quiet = ()
    urgent: tuple[AlertKind, ...] = ()
    escalate_after: Duration | None = None
    check_every: Duration = timedelta(seconds=15)
    settle: Duration = timedelta(minutes=2)
    silent_after: Duration | None = None
    review_after: Duration = timedelta(days=1)
    uncertain_after: Duration = timedelta(hours=1)
    letters_after: Duration = timedelta(minutes=15)
    letters_many: int = Field(default=100, ge=1)
    failed_runs: int = Field(default=3, ge=1, le=100)
    held_after: Duration = timedelta(days=1)

    @model_validator(mode="after")
    def _check_escalation(self) -> AlertSettings:
        if self.email is not None and self.email.escalate_to and self.escalate_after is None:
            raise ValueError('escalate_to needs escalate_after = "2h" (or another time) beside it, in [alerts]')
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the quiet hours and of the moments in messages."""
        return ZoneInfo(self.timezone)

    @property
    def channels(self) -> tuple[str, ...]:
        """The ways in which people are told."""
        return tuple(name for name in ("email", "webhook") if getattr(self, name) is not None)

    def check_secrets(self) -> None:
        """Make sure that every secret can be had. Raises ConfigError; from now on they are cut out of every text."""
        if self.email is not None:
            self.email.password.reveal()
        if self.webhook is not None:
            self.webhook.address.reveal()
            if self.webhook.secret is not None:
                self.webhook.secret.reveal()
