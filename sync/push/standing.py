"""Where a contact stands in accounting: a code for programs and plain words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {
    "waiting": "waits",
    "review": "in review",
    "due": "due: goes to accounting with the next run",
    "sending": "is being sent to accounting",
}
RANK = ("refused", "review", "deleted", "uncertain", "waiting", "sending", "due", "in_accounting", "client", "lead")
"""Of several accountings the one that most needs a person speaks for the contact."""


def build_standing(
    intent: Mapping[str, Any] | None, bound: Mapping[str, Any] | None, status: str | None
) -> dict[str, str]:
    """How a contact stands with one accounting, from its newest intent and its binding."""
    if intent and intent.get("action") == "update":
        return _build_update(intent, bound, status)
    if intent and intent["state"] not in ("done", "discarded"):
        return _build_open(intent["state"], intent["reason"] or "", bound)
    if bound and bound.get("deleted"):
        return _say("deleted", "its card was deleted in accounting; a new one is made only when a person asks for it")
    if bound and bound.get("state") == "deleted":
        return _say("deleted", "its card in accounting is marked for deletion")
    if bound:
        code = bound["code"]
        return _say("in_accounting", f"in accounting, code {code}" if code else "in accounting")
    return _say("client", "client, in no accounting yet") if status == "client" else _say("lead", status or "lead")


def _build_update(intent: Mapping[str, Any], bound: Mapping[str, Any] | None, status: str | None) -> dict[str, str]:
    """He is in accounting; a change of his card may still be on its way, or need a person."""
    where, state = build_standing(None, bound, status), intent["state"]
    if state in ("done", "discarded"):
        return where
    code = {"dead": "refused", "review": "review", "uncertain": "uncertain"}.get(state, where["code"])
    told = intent["reason"] or WORDS.get(state, state)
    return _say(code, f"{where['text']}; a change of the card: {'refused: ' if state == 'dead' else ''}{told}")


def _build_open(state: str, reason: str, bound: Mapping[str, Any] | None) -> dict[str, str]:
    if state == "dead":
        return _say("refused", f"{_half(bound)}refused: {reason}")
    if state == "uncertain":
        return _say(state, f"uncertain: asking accounting ({reason})" if reason else "uncertain: asking accounting")
    if state == "due":
        return _say(state, f"due: tried, and will be again ({reason})" if reason else WORDS[state])
    return _say(state, reason or WORDS[state])


def _half(bound: Mapping[str, Any] | None) -> str:
    return "the card is in accounting, the rest is not; " if bound and not bound.get("deleted") else ""


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
