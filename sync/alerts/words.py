"""What people are told: each kind of alert in English, from where `core/locale` tells it in the other languages.

Texts name what is wrong and the next command to run. In braces stand the details of a cause; moments among them are
ISO texts and are shown on the wall clock of `[alerts] timezone`. A reason among them is told as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from core.alerting import AlertKind, Language
from core.i18n import tell

LANGUAGES: tuple[Language, ...] = ("en", "ru", "uk")
MOMENTS = frozenset({"since"})
"""Details that are moments."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one cause: a short title, what is wrong, what to do."""

    title: str
    text: str
    next_step: str

    def told(self, language: Language) -> Words:
        """The same in a language."""
        return Words(tell(self.title, language), tell(self.text, language), tell(self.next_step, language))


STATES = {"opened": "Problem", "escalated": "Still not mended", "resolved": "Resolved", "test": "Test"}
LABELS = {"next": "What to do", "opened_at": "Since", "resolved_at": "Resolved at"}
TEST = Words("a test message", "This is a test: alerts of Sverka arrive here.", "nothing")
CATALOGUE: dict[AlertKind, Words] = {
    "breaker": Words(
        "{connection} does not answer",
        "{connection} does not answer; all was well last at {since}. It is tried again by itself. {reason}",
        "see whether the server and its web publication work, then: sverka status",
    ),
    "paused": Words(
        "{connection} is paused",
        "{connection} is paused since {since}, until a person mends it: {reason}",
        "mend what is named, then: sverka doctor {connection}",
    ),
    "held": Words(
        "{connection} is still held by a person",
        "{connection} is held by {who} since {since} and is not read; perhaps that was forgotten. {reason}",
        "sverka connection resume {connection}",
    ),
    "entity_paused": Words(
        "{connection}: {entity} are not read",
        "{entity} of {connection} are not read, all else is: {reason}",
        "sverka doctor {connection}",
    ),
    "silent": Words(
        "{connection}: balances are old",
        "The balances of {connection} are those of {since}; nothing newer has come.",
        "sverka status, then: sverka sync {connection}",
    ),
    "failing": Words(
        "{connection}: {number} runs failed in a row",
        "The last {number} runs of {connection} failed. The last one: {reason}",
        "sverka status, then: sverka doctor {connection}",
    ),
    "no_tick": Words(
        "the schedule stands still",
        "Nobody has looked for due work since {since}: nothing is read and nothing is sent.",
        "start it: systemctl restart sverka-beat (or sverka), then: sverka status",
    ),
    "dead_letters": Words(
        "{connection}: {number} records are left out",
        "{number} records of {connection} could not be taken over, of {groups} causes. One of them: {reason}",
        "sverka dead list",
    ),
    "review": Words(
        "{connection}: {number} decisions wait",
        "{number} decisions about {connection} wait for a person, the oldest since {since}.",
        "sverka review list",
    ),
    "uncertain": Words(
        "{connection}: {number} writes without an answer",
        "{number} writes were sent to {connection}, the oldest at {since}, and it cannot be told yet whether "
        "they were carried out. It is asked again by itself; nothing is sent twice.",
        "sverka status, then: sverka sync {connection}",
    ),
    "reconciliation": Words(
        "{connection}: the books differ",
        "{connection} and the mirror differ by {amount} that nothing explains, compared at {since}.",
        "sverka reconcile {connection}",
    ),
    "differences": Words(
        "{connection}: {number} differences were not mended",
        "{connection} and the mirror differ in {number} places, compared at {since}. By itself the night "
        "mends up to {limit} (repair_below) and tries that once; the rest is left as it is.",
        "sverka reconcile {connection} --repair",
    ),
    "not_compared": Words(
        "{connection}: the books are not compared",
        "{connection} and the mirror were compared last at {since}; two nights in a row it could not be "
        "done. {reason}",
        "sverka reconcile {connection}",
    ),
}  # fmt: skip


def render(kind: AlertKind, details: Mapping[str, Any], language: Language = "en", zone: tzinfo = UTC) -> Words:
    """What is said of a cause of this kind with these details."""
    words = CATALOGUE[kind]
    shown = {name: _shown(name, value, zone) for name, value in details.items()}
    said = Words(*(part.format_map(shown).strip() for part in (words.title, words.text, words.next_step)))
    return said.told(language)


def moment(value: datetime, zone: tzinfo) -> str:
    """A moment as "2026-11-21 22:29" on the wall clock of a zone."""
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _shown(name: str, value: Any, zone: tzinfo) -> str:
    if name in MOMENTS:
        return moment(datetime.fromisoformat(value), zone) if value else "never"
    return "" if value is None else str(value)
