"""Every documented refusal of Bitrix24 has a meaning, and the one that the engine needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.bitrix24.answers import BatchReply, Reply, read_batch
from connectors.bitrix24.errors import RULES, UNREADABLE, judge, judge_command, judge_failure, judge_unreadable
from connectors.http import NoAnswer, NotSent, TimedOut
from core.errors import ConfigError, NotFound, RecordError, SchemaDrift, TransientError, UncertainOutcome

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "bitrix24"
here = pytest.mark.skipif(not FOLDER.is_dir(), reason="the captured answers (../shared/fixtures) are not here")
PATHS = [path for path in sorted(FOLDER.glob("*error*.json")) if not path.name.startswith("real.")]


@here
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_documented_refusal_is_classified(path: Path) -> None:
    body = json.loads(path.read_text("utf-8"))
    status = int(path.stem.split(".")[1]) if path.stem.startswith("error.") else 400
    verdict = judge(status, body["error"], body["error_description"])
    assert verdict.rule is not UNREADABLE
    told = str(verdict.error(write=True))
    assert "Next: " in told
    assert verdict.rule.name == "refused" or verdict.rule.sentence


@pytest.mark.parametrize(
    ("status", "code", "words", "read", "write"),
    [
        (503, "QUERY_LIMIT_EXCEEDED", "Too many requests", TransientError, TransientError),
        (429, "OPERATION_TIME_LIMIT", "Method is blocked", TransientError, TransientError),
        (503, "OVERLOAD_LIMIT", "REST API is blocked", ConfigError, ConfigError),
        (500, "INTERNAL_SERVER_ERROR", "Internal server error", TransientError, UncertainOutcome),
        (502, "", "Bad gateway", TransientError, UncertainOutcome),
        (401, "NO_AUTH_FOUND", "Wrong authorization data", ConfigError, ConfigError),
        (400, "", "Access denied.", ConfigError, ConfigError),
        (400, 0, "Недостаточно прав", ConfigError, ConfigError),
        (400, "NOT_FOUND", "Элемент не найден", NotFound, RecordError),
        (400, "NOT_FOUND", "Смарт-процесс не найден", SchemaDrift, RecordError),
        (400, "", "Not found", NotFound, RecordError),
        (400, "INVALID_ARG_VALUE", "Invalid filter: field 'X' is not allowed in filter", SchemaDrift, RecordError),
        (400, "CRM_FIELD_ERROR_REQUIRED", "Поле обязательно", RecordError, RecordError),
        (400, "CREATE_DYNAMIC_TYPE_RESTRICTED", "limit", ConfigError, ConfigError),
        (302, "", "moved", ConfigError, ConfigError),
    ],
)
def test_meaning(status: int, code: object, words: str, read: type[Exception], write: type[Exception]) -> None:
    verdict = judge(status, code, words)
    assert type(verdict.error()) is read
    assert type(verdict.error(write=True)) is write


def test_a_pause_is_told_with_the_refusal() -> None:
    error = judge(429, "OPERATION_TIME_LIMIT", "blocked").error()
    assert isinstance(error, TransientError)
    assert error.retry_after == 60.0


def test_what_did_not_come_is_uncertain_unless_it_was_never_sent() -> None:
    assert isinstance(judge_failure(TimedOut("late")).error(write=True), UncertainOutcome)
    assert isinstance(judge_failure(NoAnswer("broke")).error(write=True), UncertainOutcome)
    assert isinstance(judge_failure(NotSent("refused")).error(write=True), TransientError)
    assert isinstance(judge_unreadable(200, "a login page").error(write=True), UncertainOutcome)
    assert isinstance(judge_unreadable(200, "a login page").error(), TransientError)
    assert isinstance(judge_unreadable(302, "elsewhere").error(), ConfigError)


def test_an_inner_failure_of_a_batch_is_uncertain_too() -> None:
    assert isinstance(judge_command("INTERNAL_SERVER_ERROR", "x").error(write=True), UncertainOutcome)
    assert isinstance(judge_command("", "ID is not defined or invalid.").error(write=True), RecordError)


def test_no_two_rules_have_one_name() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))


@here
def test_captured_batches() -> None:
    body = json.loads((FOLDER / "real.batch.list_empty.json").read_text("utf-8"))
    found = read_batch(Reply(body["result"]))
    assert isinstance(found, BatchReply)
    assert {name: reply.result for name, reply in found.replies.items()} == {"order0000000000": []}
    assert found.refusals == {}
    body = json.loads((FOLDER / "batch.2.json").read_text("utf-8"))
    refused = read_batch(Reply(body["result"]))
    assert isinstance(refused, BatchReply)
    assert {name: verdict.rule.name for name, verdict in refused.refusals.items()} == {
        "get_user": "scope", "get_department": "scope",
    }  # fmt: skip
