"""Faults by script: which request is spoilt, and how (fact sheet §4.2; acceptance scenario 5)."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from sandbox.onec.errors import SESSION_WAIT_XML
from sandbox.onec.wire import Answer

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
    "drop_before", "drop_after", "cut", "login_page", "slow", "hang", "error", "empty", "field_gone", "field_retyped",
    "half_json",
    "xml_cut", "gzip_lie", "content_type",
)  # fmt: skip
BEFORE = ("drop_before", "hang", "error", "login_page")


@dataclass(slots=True)
class Fault:
    """One rule: the first that matches a request acts on it.

    ``nth`` starts at the n-th matching request, ``times`` limits how often it acts, ``probability`` draws by ``seed``.
    """

    action: str
    method: str = ".*"
    path: str = ".*"
    nth: int = 1
    times: int | None = None
    probability: float = 1.0
    seed: int = 1
    error: str = ""
    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    field: str = ""
    value: str = ""
    bytes: int = 100
    seconds: float = 1.0
    seen: int = 0
    done: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether the rule looks at this request at all."""
        return re.fullmatch(self.method, method) is not None and re.search(self.path, path) is not None

    def fires(self) -> bool:
        """Count a matching request and decide."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.done >= self.times):
            return False
        if self.probability < 1 and Random(f"{self.seed}/{self.seen}").random() >= self.probability:
            return False
        self.done += 1
        return True


class FaultScript:
    """Thread-safe list of rules."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.lock = threading.Lock()

    def add(self, action: str, **how: Any) -> Fault:
        """New rule at the end of the script; unknown actions and errors are refused at once."""
        if action not in ACTIONS:
            raise ValueError(f"unknown action {action!r}: one of {', '.join(ACTIONS)}")
        rule = Fault(action, **how)
        if rule.error and rule.error not in ERRORS:
            raise ValueError(f"unknown error {rule.error!r}: one of {', '.join(ERRORS)}")
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Drop every rule."""
        with self.lock:
            self.rules.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """The rule that acts on this request; every matching rule counts it."""
        with self.lock:
            return next((rule for rule in self.rules if rule.matches(method, path) and rule.fires()), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Rules with their counters."""
        with self.lock:
            return [asdict(rule) for rule in self.rules]


def error_answer(rule: Fault) -> Answer:
    """Answer by id, or by status and body of the rule's own."""
    status, kind, body, headers = ERRORS.get(rule.error, (500, HTML, "", {}))
    status, body = rule.status or status, rule.body or body
    extra = [(name.encode(), text.encode()) for name, text in {**headers, **rule.headers}.items()]
    return Answer(status, kind, body.encode(), extra)


def early_answer(rule: Fault) -> Answer | None:
    """Answer given instead of asking the base."""
    if rule.action == "login_page":
        return Answer(200, HTML, LOGIN_PAGE.encode())
    return error_answer(rule) if rule.action == "error" else None


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
