"""Faults by script: which request is spoilt, and how (fact sheet §4.2; acceptance scenario 5)."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.common import faults
from sandbox.common.faults import Fault
from sandbox.common.serving import Answer
from sandbox.onec.errors import SESSION_WAIT_XML

LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Вход</title></head><body>"
    "<form action='/login'>Войдите в систему</form></body></html>"
)
CRASH_PAGE = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">\n<html><head>'
    "<title>1C:Enterprise 8 application error</title></head><body>"
    "<h2>1C:Enterprise 8 application error:</h2>Unrecoverable error<br><b>by reason: </b><br>The device is full "
    "&apos;/tmp/v8_x.tmp&apos;. 28(0x0000001C): No space left on device</body></html>"
)
PLATFORM = "{http://v8.1c.ru/8.2/virtual-resource-system}Exception"
JSON, HTML = "application/json;charset=utf-8", "text/html; charset=utf-8"


def odata(code: str, text: str) -> str:
    """``odata.error`` body."""
    return json.dumps({"odata.error": {"code": code, "message": {"lang": "ru", "value": text}}}, ensure_ascii=False)


def platform(reason: int, texts: tuple[str, ...]) -> str:
    """Nested exception of the platform, with a BOM as seen."""
    inner: dict[str, Any] = {
        "descr": texts[-1],
        "creationStack": "core83.dll:0x0000000000085928 ",
        "data": "77u/ew0Ke2EwMWY0",
    }
    for text in reversed(texts[1:-1]):
        inner = {"descr": text, "inner": inner}
    body = {"#exception": PLATFORM, "exception": {"reason": reason, "descr": texts[0], "inner": inner}}
    return "\ufeff" + json.dumps(body, ensure_ascii=False)


FORBIDDEN = (
    "HTTP: Forbidden\nОшибка при выполнении запроса GET к ресурсу /odata/x:",
    "Начало сеанса с информационной базой запрещено.\nВедутся технические работы",
    "Ведутся технические работы",
)
NO_LICENCE = {"exception": {"descr": "Ошибка при выполнении запроса GET к ресурсу /odata/standard.odata/$metadata:",
                            "inner": {"descr": "На сервере 1С:Предприятия не найдена лицензия."}}}  # fmt: skip
LOCKED = (
    "Конфликт блокировок при выполнении транзакции:\nПревышено максимальное время ожидания предоставления блокировки"
)
REFUSED = (
    "Не удалось записать: «Контрагент»!\nОшибка при выполнении обработчика - 'ПередЗаписью'\n"
    "Контрагент с таким ИНН уже существует"
)
CONTROL = "Ошибка преобразования данных XDTO: недопустимый символ; 77u/ew0Ke2EwMWY0NjVjLWVkNzA="
# id -> (status, content type, body, headers)
ERRORS: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "maintenance": (403, JSON, platform(403, FORBIDDEN), {}),
    "no_licence": (500, JSON, json.dumps(NO_LICENCE, ensure_ascii=False), {}),
    "pool": (406, "application/xml", SESSION_WAIT_XML, {}),
    "too_many": (429, HTML, "<html><body>429 Too Many Requests</body></html>", {"Retry-After": "1"}),
    "refused": (500, JSON, odata("-1", REFUSED), {}),
    "locked": (500, JSON, odata("-1", LOCKED), {}),
    "internal": (500, JSON, odata("-1", "Произошла внутренняя ошибка OData сервиса."), {}),
    "crash": (500, "text/html", CRASH_PAGE, {}),
    "bad_gateway": (502, HTML, "<html><body><h1>502 Bad Gateway</h1></body></html>", {}),
    "unavailable": (503, HTML, "<html><body><h1>503 Service Unavailable</h1></body></html>", {}),
    "control_char": (400, JSON, odata("-1", CONTROL), {}),
    "unauthorized": (401, HTML, "<html><body>401</body></html>", {"WWW-Authenticate": 'Basic realm=""'}),
}
ACTIONS = (
    *faults.ACTIONS, "empty", "field_gone", "field_retyped", "half_json", "xml_cut", "gzip_lie", "content_type",
)  # fmt: skip


def error_answer(rule: Fault) -> Answer:
    """Answer by id, or by status and body of the rule's own."""
    status, kind, body, headers = ERRORS.get(rule.error, (500, HTML, "", {}))
    own = [(name.encode(), text.encode()) for name, text in headers.items()]
    return rule.own(Answer(status, kind, body.encode(), own))


def early_answer(rule: Fault) -> Answer:
    """Answer given instead of asking the base: a page to log in, or an error."""
    return Answer(200, HTML, LOGIN_PAGE.encode()) if rule.action == "login_page" else error_answer(rule)


def spoil(rule: Fault, answer: Answer) -> Answer:
    """Change a good answer; it is not good any more."""
    text = answer.body.decode(errors="replace")
    if rule.action == "empty":
        answer.body = b'{"value":[]}' if text.startswith("{") else empty_feed(text).encode()
    elif rule.action in ("half_json", "xml_cut"):
        answer.body = answer.body[: max(len(answer.body) // 2, 1)]
    elif rule.action == "gzip_lie":
        answer.headers.append((b"Content-Encoding", b"gzip"))
    elif rule.action == "content_type":
        answer.content_type = rule.value or "text/plain"
    elif rule.action == "field_gone":
        answer.body = member(rule.field).sub("", text).replace(",}", "}").encode()
    elif rule.action == "field_retyped":
        answer.body = (
            member(rule.field)
            .sub(f'"{rule.field}":{rule.value or chr(34) + "?" + chr(34)},', text)
            .replace(",}", "}")
            .encode()
        )
    return answer


def member(name: str) -> re.Pattern[str]:
    """A scalar JSON member with the comma after it."""
    return re.compile(rf'"{re.escape(name)}":(?:"(?:[^"\\]|\\.)*"|[^,"{{}}\[\]]+),?')


def empty_feed(text: str) -> str:
    """Atom feed without its entries."""
    return re.sub(r"<entry.*</entry>", "", text, flags=re.DOTALL)
