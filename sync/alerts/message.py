"""What is said of an alert, as a letter and as JSON; no record can get into a header, no secret can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.alerting import AlertKind, AlertSettings, EmailSettings
from core.i18n import tell
from core.secrets import redact
from sync.alerts.words import LABELS, STATES, TEST, Words, moment, render

LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Story:
    """One thing to tell: an event of an alert, or a test."""

    id: UUID
    event: str
    cause: str
    kind: AlertKind | None
    connection: str | None
    details: Mapping[str, Any]
    opened_at: datetime
    resolved_at: datetime | None = None
    escalated: bool = False

    def words(self, alerts: AlertSettings) -> Words:
        """What is said, in the language that people want."""
        told = alerts.language
        said = render(self.kind, self.details, told, alerts.zone) if self.kind else TEST.told(told)
        return Words(redact(said.title), redact(said.text), redact(said.next_step))


def recipients(story: Story, email: EmailSettings) -> tuple[str, ...]:
    """Who gets the letter: an escalation goes higher, and who heard of a trouble hears of its end."""
    if story.event == "escalated":
        return email.escalate_to
    return tuple(dict.fromkeys(email.to + (email.escalate_to if story.escalated else ())))


def build_letter(story: Story, alerts: AlertSettings, email: EmailSettings, now: datetime) -> EmailMessage:
    """The e-mail. Sent twice it has the same Message-ID, by which mailboxes know that it is one."""
    words, letter = story.words(alerts), EmailMessage(policy=SMTP)
    state = tell(STATES[story.event], alerts.language)
    letter["Subject"] = _one_line(f"[Sverka] {state}: {words.title}")[:LONGEST_SUBJECT]
    letter["From"] = email.sender
    letter["To"] = ", ".join(recipients(story, email))
    letter["Date"] = now
    letter["Message-ID"] = _message_id(story, story.event, email)
    if story.event in ("escalated", "resolved"):
        letter["In-Reply-To"] = letter["References"] = _message_id(story, "opened", email)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(_body(story, words, alerts.zone, alerts), cte="quoted-printable")
    return letter


def build_content(story: Story, alerts: AlertSettings) -> dict[str, Any]:
    """The JSON of a webhook; `state` is the event: opened, escalated, resolved or test."""
    words = story.words(alerts)
    return {
        "id": str(story.id),
        "cause": redact(story.cause),
        "kind": story.kind or "test",
        "connection": story.connection,
        "state": story.event,
        "title": words.title,
        "text": words.text,
        "next_step": words.next_step,
        "opened_at": story.opened_at.isoformat(),
        "resolved_at": story.resolved_at.isoformat() if story.resolved_at else None,
    }


def _message_id(story: Story, event: str, email: EmailSettings) -> str:
    return f"<{story.id}.{event}@{email.sender.rpartition('@')[2]}>"


def _body(story: Story, words: Words, zone: ZoneInfo, alerts: AlertSettings) -> str:
    label = {name: tell(text, alerts.language) for name, text in LABELS.items()}
    lines = [words.text, ""]
    if story.event != "resolved":
        lines.append(f"{label['next']}: {words.next_step}")
    lines.append(f"{label['opened_at']}: {moment(story.opened_at, zone)} ({zone.key})")
    if story.resolved_at is not None:
        lines.append(f"{label['resolved_at']}: {moment(story.resolved_at, zone)} ({zone.key})")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
