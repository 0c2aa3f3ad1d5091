"""A draft held against the live base, told for people: by its own lines where a rule of the draft is meant."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.base import Finding
from core.secrets import redact
from mapping.rules import Mapping
from sync.context import App
from sync.setup.mapping_check import RuleFinding, compare_live, sum_up_absent


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that does not fit. `line` counts from 1 in the draft; 0: `where` says in which file, if in any."""

    level: str
    line: int
    where: str
    subject: str
    message: str
    next_step: str


def compare_with_base(app: App, key: str, base: str, mapping: Mapping) -> list[Lack]:
    """What the mapping reads and the base does not have, or holds otherwise; names of presets in one line.

    `key`: the mapping as connections name it. Raises what the connector raises.
    """
    found = compare_live(app, app.settings.connections[base], mapping, key)
    return [_told(key, one) for one in sum_up_absent(found)]


def _told(key: str, one: Finding) -> Lack:
    if not isinstance(one, RuleFinding):
        return Lack(one.level, 0, "", one.subject, redact(one.message), redact(one.next_step))
    subject = one.subject.removeprefix(one.place).removeprefix(": ")
    line, where = (one.line, "") if one.file == key else (0, one.place)
    return Lack(one.level, line, where, subject, redact(one.message), redact(one.next_step))
