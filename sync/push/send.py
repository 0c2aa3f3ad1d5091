"""The one door through which a write leaves for accounting."""

from __future__ import annotations

from connectors.base import Write, WriteResult
from core.errors import ConfigError, ConflictError, UncertainOutcome
from sync.context import RunContext
from sync.push.match import target_of


def send_write(ctx: RunContext, write: Write) -> WriteResult:
    """Send one write, once.

    Guarantees that nothing is sent where `write = "off"`, whatever led here (design §5-13).

    Raises:
        ConfigError: writing is switched off; nothing was sent. Else as `RecordTarget.write_record`.
    """
    if ctx.settings.write == "off":
        why = f"Writing into {ctx.name} is switched off (write = off): nothing was sent."
        raise ConfigError(why, next_step=f'set write = "review" or "on" of {ctx.name}, then: sverka sync')
    ctx.fault("send.before")
    try:
        result = target_of(ctx).write_record(write)
    except (UncertainOutcome, ConflictError):
        ctx.fault("send.after")
        raise
    ctx.fault("send.after")
    return result
