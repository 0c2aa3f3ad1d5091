"""Every answer that 1C, its platform or a web server was seen to give is known by its error (1c-odata.md §4)."""

import base64
import json

import pytest

from connectors.http import (
    Answer,
    CutAnswer,
    HttpClient,
    Limits,
    NoAnswer,
    NotSent,
    TimedOut,
    Timeouts,
    TlsFailure,
    TooLarge,
)
from connectors.onec_odata.errors import RULES, judge, judge_failure, judge_unreadable
from connectors.onec_odata.problem import read_problem
from core import errors
from core.clock import ManualClock
from core.errors import (
    ConfigError,
    ConflictError,
    NotFound,
    RecordError,
    SchemaDrift,
    TransientError,
    UncertainOutcome,
    Where,
)
from core.secrets import Secret
from tests.unit.connectors.support import captured, raw_server

JSON = "application/json;charset=utf-8"
HTML = "text/html; charset=utf-8"


def odata(status: int, code: str, message: str = "…") -> Answer:
    body = {"odata.error": {"code": code, "message": {"lang": "ru", "value": message}}}
    return Answer(status, {"content-type": JSON}, json.dumps(body, ensure_ascii=False).encode())


def page(status: int, text: str, title: str = "") -> Answer:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{text}</h1></body></html>"
    return Answer(status, {"content-type": HTML}, body.encode())


def platform(status: int, *texts: str, data: str = "") -> Answer:
    exception: dict[str, object] = {}
    for text in reversed(texts):
        exception = {"descr": text, "inner": exception} if exception else {"descr": text, "data": data}
    return Answer(status, {"content-type": JSON}, json.dumps({"exception": exception}, ensure_ascii=False).encode())


# id of a captured answer -> what it is on a read, and on a write
CAPTURED = {
    "odata-entity-set-unknown": (SchemaDrift, RecordError),
    "odata-instance-not-found": (NotFound, RecordError),
    "odata-path-segment": (SchemaDrift, RecordError),
    "odata-method-not-found": (SchemaDrift, RecordError),
    "odata-filter-parse": (SchemaDrift, RecordError),
    "odata-option-unknown": (SchemaDrift, RecordError),
    "odata-tabular-post": (SchemaDrift, RecordError),
    "odata-bad-guid-literal": (SchemaDrift, RecordError),
    "odata-internal": (TransientError, RecordError),
    "odata-business-handler": (TransientError, RecordError),
    "odata-guid-compare-atom": (SchemaDrift, RecordError),
    "platform-session-forbidden": (TransientError, TransientError),
    "platform-no-licence": (TransientError, TransientError),
    "platform-session-wait-timeout": (TransientError, TransientError),
    "platform-html": (TransientError, UncertainOutcome),
}


def captured_answers() -> dict[str, Answer]:
    answers = {}
    for item in json.loads(captured("errors.json")):
        body = item.get("body_text") or json.dumps(item["body"], ensure_ascii=False)
        answers[item["id"]] = Answer(item["http_status"], {"content-type": item["content_type"]}, body.encode())
    return answers


def test_all_captured_answers_are_in_the_table() -> None:
    assert set(captured_answers()) == set(CAPTURED)


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_answer(name: str) -> None:
    on_read, on_write = CAPTURED[name]
    answer = captured_answers()[name]
    with_bom = Answer(answer.status, answer.headers, b"\xef\xbb\xbf" + answer.body)
    for form in (answer, with_bom):
        verdict = judge(form)
        assert type(verdict.error()) is on_read
        assert type(verdict.error(write=True)) is on_write
        assert verdict.rule.name != "unknown"


LOCK = "Конфликт блокировок при выполнении транзакции: Microsoft SQL Server"
LOCK_2 = "Ошибка блокировки данных в транзакции. Возможно, превышено время ожидания"

# answer, on a read, on a write
# fmt: off
TABLE = {
    "no set": (odata(404, "8"), SchemaDrift, RecordError),
    "no object": (odata(404, "9"), NotFound, RecordError),
    "web server's 404": (page(404, "Not Found"), ConfigError, ConfigError),
    "empty 404": (Answer(404, {}, b""), ConfigError, ConfigError),
    "property not found": (odata(404, "10"), SchemaDrift, RecordError),
    "method not found": (odata(400, "11"), SchemaDrift, RecordError),
    "cannot parse a string": (odata(400, "1"), SchemaDrift, RecordError),
    "bad format": (odata(400, "2"), SchemaDrift, RecordError),
    "wrong value": (odata(400, "4"), SchemaDrift, RecordError),
    "value missing": (odata(400, "5"), SchemaDrift, RecordError),
    "bad url": (odata(400, "6"), SchemaDrift, RecordError),
    "key part missing": (odata(400, "7"), SchemaDrift, RecordError),
    "rows directly": (odata(400, "13"), SchemaDrift, RecordError),
    "bad filter": (odata(400, "14"), SchemaDrift, RecordError),
    "exists": (odata(400, "15"), TransientError, ConflictError),
    "cannot assign": (odata(400, "16"), SchemaDrift, RecordError),
    "no load mode": (odata(400, "17"), SchemaDrift, RecordError),
    "twin names": (odata(500, "18"), ConfigError, ConfigError),
    "method forbidden": (odata(405, "19"), ConfigError, RecordError),
    "web server forbids PATCH": (page(405, "Method Not Allowed"), ConfigError, ConfigError),
    "no rights": (odata(401, "20"), ConfigError, ConfigError),
    "unknown lambda": (odata(400, "21"), SchemaDrift, RecordError),
    "business refusal": (odata(500, "-1", "Не удалось записать: «Контрагенты»"), TransientError, RecordError),
    "lock": (odata(500, "-1", LOCK), TransientError, TransientError),
    "lock timeout": (odata(500, "-1", LOCK_2), TransientError, TransientError),
    "database gone": (odata(500, "-1", "Ошибка СУБД: соединение разорвано"), TransientError, UncertainOutcome),
    "session ended": (odata(500, "-1", "Сеанс работы завершен администратором"), TransientError, UncertainOutcome),
    "no memory": (odata(500, "-1", "Недостаточно памяти на сервере"), TransientError, UncertainOutcome),
    "wrong password": (page(401, "Unauthorized"), ConfigError, ConfigError),
    "wrong password, empty": (Answer(401, {"www-authenticate": "Basic"}, b""), ConfigError, ConfigError),
    "maintenance": (
        platform(403, "HTTP: Forbidden", "Начало сеанса с информационной базой запрещено.\nРаботы", "Работы"),
        TransientError, TransientError,
    ),
    "web server's 403": (page(403, "Forbidden"), ConfigError, ConfigError),
    "no licence": (
        platform(500, "GET", "На сервере 1С:Предприятия не найдена лицензия."), TransientError, TransientError
    ),
    "no free licence": (platform(500, "GET", "Не обнаружено свободной лицензии!"), TransientError, TransientError),
    "too many users": (
        platform(500, "Превышено максимальное количество пользователей"), TransientError, TransientError
    ),
    "pool": (Answer(406, {}, b""), TransientError, TransientError),
    "no such form": (odata(406, "3"), SchemaDrift, RecordError),
    "slower": (Answer(429, {}, b""), TransientError, TransientError),
    "redirect": (Answer(302, {"location": "/login"}, b""), ConfigError, ConfigError),
    "changed meanwhile": (odata(412, "0"), TransientError, ConflictError),
    "too large": (page(413, "Request Entity Too Large"), TransientError, RecordError),
    "not implemented": (odata(501, "0"), SchemaDrift, RecordError),
    "url of IIS": (page(400, "Bad Request - Invalid URL"), TransientError, RecordError),
    "url too long": (Answer(414, {}, b""), TransientError, RecordError),
    "control character": (
        platform(400, "Ошибка XDTO", data=base64.b64encode('{1,"Контрагент Ромашка 0x02"}'.encode()).decode()),
        RecordError, RecordError,
    ),
    "gateway": (page(502, "Bad Gateway"), TransientError, UncertainOutcome),
    "unavailable": (page(503, "Service Unavailable"), TransientError, UncertainOutcome),
    "gateway timeout": (Answer(504, {}, b""), TransientError, UncertainOutcome),
    "crash": (page(500, "by reason: crashed", "1C:Enterprise 8 application error"), TransientError, UncertainOutcome),
    "empty 500": (Answer(500, {}, b""), TransientError, UncertainOutcome),
    "never seen": (Answer(299 + 119, {}, b"teapot"), TransientError, UncertainOutcome),
    "never seen, 1C's": (odata(400, "77"), TransientError, RecordError),
}
# fmt: on


@pytest.mark.parametrize("name", TABLE)
def test_known_answer(name: str) -> None:
    answer, on_read, on_write = TABLE[name]
    verdict = judge(answer)
    assert type(verdict.error()) is on_read, verdict.rule.name
    assert type(verdict.error(write=True)) is on_write, verdict.rule.name


@pytest.mark.parametrize("name", TABLE)
def test_every_error_has_a_sentence_and_a_next_step(name: str) -> None:
    for write in (False, True):
        error = judge(TABLE[name][0]).error(write=write)
        assert "{" not in error.message
        assert error.message.endswith((".", "…", "»", "!", ")")) or ":" in error.message
        assert "sverka " in error.next_step


@pytest.mark.parametrize("name", TABLE)
def test_what_is_asked_again_leaves_no_letter_to_look_for(name: str) -> None:
    for write in (False, True):
        error = judge(TABLE[name][0]).error(write=write)
        assert not (isinstance(error, TransientError) and "dead list" in error.next_step)


def test_every_row_of_the_table_is_reached() -> None:
    reached = {judge(answer).rule.name for answer, _, _ in TABLE.values()}
    reached |= {judge(answer).rule.name for answer in captured_answers().values()}
    reached |= {judge(platform(403, "Forbidden")).rule.name}
    assert {rule.name for rule in RULES} - reached == set()


@pytest.mark.parametrize(
    ("failure", "on_read", "on_write"),
    [
        (NotSent("refused"), TransientError, TransientError),
        (TlsFailure("certificate"), ConfigError, ConfigError),
        (NoAnswer("reset"), TransientError, UncertainOutcome),
        (TimedOut("silence"), TransientError, UncertainOutcome),
        (CutAnswer("half"), TransientError, UncertainOutcome),
        (TooLarge("huge"), TransientError, UncertainOutcome),
    ],
)
def test_no_answer(failure: Exception, on_read: type, on_write: type) -> None:
    verdict = judge_failure(failure)  # type: ignore[arg-type]
    assert type(verdict.error()) is on_read
    assert type(verdict.error(write=True)) is on_write


def test_a_login_page_with_200_is_no_answer_of_1c() -> None:
    verdict = judge_unreadable(page(200, "Please log in"), "it is a web page")
    assert type(verdict.error()) is TransientError
    assert type(verdict.error(write=True)) is UncertainOutcome


def test_an_error_with_200_is_the_error() -> None:
    lying = odata(200, "-1", LOCK)
    assert judge_unreadable(lying, "it has no list").rule.name == "locked"


def test_the_administrators_words_are_shown_and_stacks_are_not() -> None:
    answer = captured_answers()["platform-session-forbidden"]
    message = judge(answer).error().message
    assert "Ведутся технические работы" in message
    assert "core83" not in message


def test_the_object_that_cannot_be_sent_is_named() -> None:
    assert "Ромашка" in judge(TABLE["control character"][0]).error().message


def test_retry_after_reaches_the_engine() -> None:
    error = judge(Answer(429, {}, b""), 30.0).error()
    assert isinstance(error, TransientError)
    assert error.retry_after == 30.0


def test_where_and_code_are_kept() -> None:
    error = judge(odata(404, "9")).error(where=Where(entity="order", external_id="1"))
    assert error.where == Where(entity="order", external_id="1", status=404, code="9")


def test_secrets_and_length_of_foreign_texts() -> None:
    Secret(lambda: "hunter-42").reveal()
    error = judge(odata(500, "-1", "echo hunter-42 " + "я" * 5000)).error()
    assert "hunter-42" not in error.message + error.detail
    assert len(error.message) < 500


@pytest.mark.parametrize("body", [b"{", b"[1]", b"<a><b></a>", b"\xff\xfe\x00", b'{"odata.error": 5}', b"<!DOCTYPE x>"])
def test_any_body_is_survived(body: bytes) -> None:
    problem = read_problem(Answer(500, {}, body))
    assert problem.code == ""


def test_entities_of_an_error_body_are_not_expanded() -> None:
    doctype = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    bomb = doctype + b'<m:error xmlns:m="u"><m:message>&x;</m:message></m:error>'
    assert read_problem(Answer(500, {}, bomb)).message == ""


def test_classes_are_those_of_the_engine() -> None:
    assert {rule.read for rule in RULES} | {rule.write for rule in RULES} <= {
        "config",
        "transient",
        "record",
        "conflict",
        "uncertain",
        "not_found",
        "drift",
    }
    assert errors.NotFound is NotFound


def test_what_is_encoded_is_not_shown_to_people() -> None:
    said = "Ошибка преобразования данных XDTO: недопустимый символ; 77u/ew0Ke2EwMWY0NjVjLWVkNzA="
    verdict = judge(odata(400, "-1", said))
    assert verdict.rule.name == "unsendable"
    assert verdict.error().message.endswith("недопустимый символ")


def test_an_empty_answer_is_called_empty() -> None:
    told = judge_unreadable(Answer(200, {}, b""), "no JSON").error()
    assert type(told) is TransientError
    assert "empty" in told.message and "login" not in str(told)


def test_no_name_of_a_class_is_told_to_people() -> None:
    with raw_server(lambda connection: connection.close()) as server:
        http = HttpClient(ManualClock(), timeouts=Timeouts(2.0, 2.0, 4.0), limits=Limits(attempts=1))
        with pytest.raises(NoAnswer) as broken:
            http.send("GET", server.url)
        http.close()
    assert str(judge_failure(broken.value).error()) == (
        "1C did not answer: the connection broke Next: wait for the next cycle; then: sverka status"
    )
