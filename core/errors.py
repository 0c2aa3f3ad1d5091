"""What went wrong, named by what the engine does next (design §5).

A connector classifies; the engine acts; nothing else catches. Every error carries one sentence for
the operator that ends in the next command to run, and keeps technical detail apart from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """Which record of which system an error speaks of. All parts are optional."""

    connection: str | None = None
    entity: str | None = None
    external_id: str | None = None
    status: int | None = None
    code: str | None = None


class SverkaError(Exception):
    """Root of all expected failures.

    Args:
        message: one sentence for a person, in plain words.
        next_step: what to do, ending in a command where there is one.
        where: which record of which system.
        detail: technical text, already redacted and cut.
    """

    default_next_step = "sverka doctor"

    def __init__(
        self, message: str, *, next_step: str | None = None, where: Where | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step or self.default_next_step
        self.where = where or Where()
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} Next: {self.next_step}" if self.next_step else self.message


class UsageError(SverkaError):
    """The command or its arguments cannot be carried out as given: exit code 2."""

    default_next_step = "sverka --help"


class ConfigError(SverkaError):
    """Settings, rights or publication are wrong: the connection is paused and a person is told."""


class NoRight(ConfigError):
    """The other side lets us in and keeps one thing from us: on reading, that entity is paused and the others go on.

    Raised only where it was certain that the other side answers us at all. Anywhere else it is a ConfigError like all.
    """


class TransientError(SverkaError):
    """The other side did not answer as a working system does: try again later; trips the breaker."""

    default_next_step = "sverka status"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        next_step: str | None = None,
        where: Where | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message, next_step=next_step, where=where, detail=detail)
        self.retry_after = retry_after


class RecordError(SverkaError):
    """One record cannot be read, mapped or is refused: dead letter, go on with the others."""

    default_next_step = "sverka dead list"


class DependencyMissing(SverkaError):
    """A record needs another one whose fetch failed: it is parked and woken when that one is bound."""

    default_next_step = "sverka status"

    def __init__(self, entity: str, external_id: str, message: str) -> None:
        super().__init__(message, where=Where(entity=entity, external_id=external_id))
        self.entity = entity
        self.external_id = external_id


class ConflictError(SverkaError):
    """More than one answer is possible: a person chooses in the review queue."""

    default_next_step = "sverka review list"


class UncertainOutcome(SverkaError):
    """A write was sent and no answer came: neither done nor failed. The resolver asks the other side."""

    default_next_step = "sverka status"


class SchemaDrift(SverkaError):
    """A field or set that was there is gone or retyped: the entity is paused, the others go on."""


class NotFound(SverkaError):
    """The other side says in its own words that this object does not exist (1C: 404 with code 9)."""


class LeaseLost(SverkaError):
    """Another worker holds the lease now: whoever meets this must not write any more (fencing)."""

    default_next_step = "sverka status"
