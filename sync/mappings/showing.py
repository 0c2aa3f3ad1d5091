"""What the mapping that rules makes of one record as it was received: to be looked at, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from core.errors import RecordError
from mapping.cases.files import Case, Expected
from mapping.cases.trial import build_expected
from store import landing
from store.landing import Landed
from sync.context import App
from sync.versions import load_ruling


@dataclass(frozen=True, slots=True)
class Shown:
    """`version`: of the mapping that rules. `made`: fields, refs, lines and marks; or left_out; or error, and why."""

    version: str
    made: dict[str, Any]


def show_mapped(app: App, received: Landed) -> Shown:
    """Map one record again, as a golden case of it would be.

    Raises:
        ConfigError: the connection is not in the settings, or its mapping has mistakes.
        RecordError: what was received is no object.
    """
    settings = app.settings.connection(received.connection)
    rules = load_ruling(app, settings, publish=False)
    try:
        raw = landing.decode(received.raw)
    except msgspec.DecodeError:
        raise RecordError("What was received is no record that could be read.", next_step="sverka dead list") from None
    case = Case(
        title=received.external_id[:200] or "-",
        entity=received.entity,
        source=received.source,
        timezone=settings.zone.key,
        raw=raw,
        expected=Expected(),
    )
    return Shown(rules.version, build_expected(rules, case))
