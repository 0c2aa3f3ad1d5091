"""Answers of the portal: decoded with money exact, and taken apart into result, paging and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from connectors.bitrix24.errors import Verdict, judge, judge_command, judge_unreadable
from connectors.http import Answer

Tree = dict[str, Any]
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Reply:
    """What one method gave."""

    result: Any
    total: int | None = None
    following: int | None = None
    operating: Decimal = Decimal(0)
    reset_at: float = 0.0


@dataclass(slots=True)
class BatchReply:
    """What each command of a batch came to; one that was not carried out (after a halt) is in neither."""

    replies: dict[str, Reply] = field(default_factory=dict)
    refusals: dict[str, Verdict] = field(default_factory=dict)


def read_tree(answer: Answer) -> Tree:
    """The body as an object; raises the error of an unreadable answer (a read's, for a write the caller judges)."""
    found = read_or_judge(answer)
    if isinstance(found, Verdict):
        raise found.error()
    return found


def read_or_judge(answer: Answer) -> Tree | Verdict:
    """The body as an object, or what it means that it is none."""
    try:
        tree = _decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return judge_unreadable(answer.status, f"status {answer.status}, {answer.media_type or 'no type'}")
    if not isinstance(tree, dict):
        return judge_unreadable(answer.status, "the answer is no object")
    return tree


def is_final(answer: Answer) -> bool:
    """Whether a person must act before it is asked again: a block for overload has the status of a busy server."""
    found = read_reply(answer)
    return isinstance(found, Verdict) and found.rule.read == "config"


def read_reply(answer: Answer) -> Reply | Verdict:
    """One method's answer."""
    tree = read_or_judge(answer)
    if isinstance(tree, Verdict):
        return tree
    if "error" in tree:
        return judge(answer.status, tree["error"], str(tree.get("error_description", "")))
    if answer.status != 200 or "result" not in tree:
        return judge_unreadable(answer.status, f"status {answer.status} without a result")
    return _reply(tree["result"], tree.get("total"), tree.get("next"), tree.get("time"))


def _reply(result: Any, total: Any, following: Any, time: Any) -> Reply:
    told: Mapping[str, Any] = time if isinstance(time, dict) else {}
    return Reply(
        result,
        int(total) if total is not None else None,
        int(following) if following is not None else None,
        Decimal(str(told.get("operating") or 0)),
        float(told.get("operating_reset_at") or 0),
    )


def read_batch(outer: Reply) -> BatchReply | Verdict:
    """A batch's answer: HTTP 200 even when every command failed (§4)."""
    if not isinstance(outer.result, dict):
        return judge_unreadable(200, "the batch has no result")
    parts = {name: _by_name(outer.result.get(name)) for name in ("result", "result_error", "result_total")}
    nexts, times = _by_name(outer.result.get("result_next")), _by_name(outer.result.get("result_time"))
    found = BatchReply()
    for name, result in parts["result"].items():
        found.replies[name] = _reply(result, parts["result_total"].get(name), nexts.get(name), times.get(name))
    for name, error in parts["result_error"].items():
        told = error if isinstance(error, dict) else {}
        found.refusals[name] = judge_command(told.get("error", ""), str(told.get("error_description", "")))
    return found


def _by_name(part: Any) -> Tree:
    """An empty part is a list; ours are named, so a list that is not empty is not ours (§4, pitfall)."""
    return part if isinstance(part, dict) else {}
