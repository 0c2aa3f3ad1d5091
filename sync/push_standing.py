"""Where a contact stands in accounting: a code for programs and plain words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {"due": "due: goes to accounting with the next run", "sending": "is being sent to accounting"}
RANK = ("refused", "review", "uncertain", "waiting", "sending", "due", "in_accounting", "client", "lead")
"""Of several accountings the one that most needs a person speaks for the contact."""


def build_standing(
    intent: Mapping[str, Any] | None, bound: Mapping[str, Any] | None, status: str | None
) -> dict[str, str]:
    """How a contact stands with one accounting, from its newest intent and its binding."""
    state, reason = (intent["state"], intent["reason"] or "") if intent else ("", "")
    if state == "dead":
        return _say("refused", f"{_half(bound)}refused: {reason}")
    if state == "review":
        return _say("review", reason or "in review")
    if state == "uncertain":
        return _say(
            "uncertain", f"uncertain: asking accounting ({reason})" if reason else "uncertain: asking accounting"
        )
    if state == "waiting":
        return _say("waiting", reason or "waits")
    if state in WORDS:
        return _say(state, f"due: tried, and will be again ({reason})" if state == "due" and reason else WORDS[state])
    if bound:
        code = bound["code"]
        return _say("in_accounting", f"in accounting, code {code}" if code else "in accounting")
    if status == "client":
        return _say("client", "client, in no accounting yet")
    return _say("lead", status or "lead")


def _half(bound: Mapping[str, Any] | None) -> str:
    return "the card is in accounting, the rest is not; " if bound else ""


def _say(code: str, text: str) -> dict[str, str]:
    return {"code": code, "text": text}


def build_overall(each: Mapping[str, dict[str, str]], status: str | None) -> dict[str, str]:
    """One standing for the contact as a whole; with several accountings each is named."""
    if not each:
        return build_standing(None, None, status)
    worst = min(each.values(), key=lambda standing: RANK.index(standing["code"]))
    if len(each) == 1:
        return worst
    return _say(worst["code"], "; ".join(f"{name}: {standing['text']}" for name, standing in each.items()))
