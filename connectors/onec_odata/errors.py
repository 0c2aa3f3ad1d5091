"""What an answer means, as a table: (status, code, words, body kind) -> the error that the engine acts on.

The table is tried from the top; the first row that fits decides. Reads and writes differ: an unknown failure is
transient on a read and uncertain on a write (design §5). Facts: 1c-odata.md §4; a status or text that the sheet calls
inferred is inferred here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from connectors.http import Answer, HttpFailure, TimedOut, TlsFailure, TooLarge
from connectors.onec_odata.problem import BodyKind, Problem, read_problem
from core import errors
from core.secrets import redact

Outcome = Literal["config", "transient", "record", "conflict", "uncertain", "not_found", "drift"]

CLASSES: dict[Outcome, type[errors.SverkaError]] = {
    "config": errors.ConfigError,
    "transient": errors.TransientError,
    "record": errors.RecordError,
    "conflict": errors.ConflictError,
    "uncertain": errors.UncertainOutcome,
    "not_found": errors.NotFound,
    "drift": errors.SchemaDrift,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: conditions (empty fits all), what it is on a read and on a write, and what a person is told.

    `sentence` may hold `{words}`, the other side's own text. `shrink`: it was too much at once, ask for less. `doubts`:
    it may have been too much though nobody says so, and how often a run less is asked of a set before that is given up.
    """

    name: str
    read: Outcome
    write: Outcome
    sentence: str
    next_step: str
    status: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    kinds: frozenset[BodyKind] = frozenset()
    words: re.Pattern[str] | None = None
    shrink: bool = False
    doubts: int = 0

    def fits(self, status: int, problem: Problem) -> bool:
        """Whether all conditions of the row hold."""
        return (
            (not self.status or status in self.status)
            and (not self.codes or problem.code in self.codes)
            and (not self.kinds or problem.kind in self.kinds)
            and (self.words is None or self.words.search(problem.message) is not None)
        )


def _any(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


def _kinds(*kinds: BodyKind) -> frozenset[BodyKind]:
    return frozenset(kinds)


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


def _words(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(texts), re.I | re.S)


_FOREIGN = _kinds("html", "text", "xml", "json", "empty")
_WAIT = "wait for the next cycle; then: sverka status"
_DOCTOR = "sverka doctor"
_LETTERS = "sverka dead list"
_LOGS = "look into the logs of 1C and of its web server, then: sverka doctor"
_MAPPING = "sverka mapping check"
_ADMIN = "ask the administrator of 1C, then: sverka doctor"

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule(
        "locked", "transient", "transient",
        "1C could not get a lock on its data in time: {words}", _WAIT,
        status=_any(400, 409, 500, 503),
        words=_words("конфликт блокировок", "ошибка блокировки", "взаимоблокиров", "deadlock", "lock conflict",
                     "ожидания предоставления блокировки", "lock request time"),
    ),
    Rule(
        "no_licence", "transient", "transient",
        "1C has no free licence for us: {words}", _ADMIN,
        status=_any(400, 403, 404, 406, 500, 503),
        words=_words("не найдена лицензия", "свободной лицензии", "licen[cs]e (?:is )?not found", "no free licen[cs]e",
                     "превышено максимальное количество пользователей", "maximum number of users"),
    ),
    Rule(
        "maintenance", "transient", "transient",
        "1C lets nobody in at the moment: {words}", _WAIT,
        status=_any(400, 403, 404, 500, 503),
        words=_words("начало сеанса.{0,80}запрещен", "session start.{0,80}(?:denied|forbidden|not allowed|prohibited)",
                     "технически[ех].{0,3} работ"),
    ),
    Rule("session_refused", "transient", "transient", "1C refuses new sessions: {words}", _WAIT,
         status=_any(403), kinds=_kinds("platform")),
    Rule("not_acceptable", "drift", "record", "1C cannot answer in this form: {words}", _ADMIN,
         status=_any(406), codes=_codes("2", "3")),
    Rule("no_session", "transient", "transient", "1C had no free session for us: {words}", _WAIT, status=_any(406)),
    Rule("busy", "transient", "transient", "The server asks us to come more slowly.", _WAIT, status=_any(429)),
    Rule("redirected", "config", "config", "The address leads to another place (a redirect), which is not followed.",
         "put the final address into url in settings.toml, then: sverka doctor",
         status=_any(300, 301, 302, 303, 307, 308)),
    Rule("no_right", "config", "config", "The user of 1C has no right to this data: {words}",
         "give the user the rights in 1C, then: sverka doctor", status=_any(401, 403), codes=_codes("20")),
    Rule("credentials", "config", "config", "1C does not accept user or password.",
         "mend user and password in settings.toml, then: sverka doctor", status=_any(401)),
    Rule("forbidden", "config", "config", "The web server refuses us: {words}", _ADMIN, status=_any(403)),
    Rule("not_found", "not_found", "record", "1C has no such object.", _LETTERS, status=_any(404), codes=_codes("9")),
    Rule("not_published", "drift", "record", "1C does not publish this set by OData: {words}",
         "tick it in 1C (Administration, OData, contents), then: sverka doctor", status=_any(404, 400),
         codes=_codes("8")),
    Rule("no_such_member", "drift", "record", "The base knows no such field or function: {words}", _MAPPING,
         status=_any(404), codes=_codes("6", "10", "11", "12")),
    Rule("wrong_address", "config", "config", "The web server knows no such address: there is no 1C OData behind it.",
         "check url in settings.toml and the publication on the web server, then: sverka doctor",
         status=_any(404, 410), kinds=_FOREIGN),
    Rule("exists", "transient", "conflict", "An object with this key is in 1C already: {words}", "sverka review list",
         codes=_codes("15")),
    Rule("changed_meanwhile", "transient", "conflict", "The object was changed in 1C in the meantime.",
         "sverka review list", status=_any(409, 412)),
    Rule("field_missing", "drift", "record", "The base has no such field: {words}", _MAPPING,
         status=_any(400), codes=_codes("6", "10", "11", "12")),
    Rule("question_refused", "drift", "record", "1C does not understand the question: {words}", _MAPPING,
         status=_any(400), codes=_codes("0", "1", "2", "3", "4", "5", "7", "13", "14", "16", "17", "21")),
    Rule("unsendable", "record", "record", "1C cannot put a value of its own into the answer: {words}",
         "clean the value in 1C (it holds a character that is not allowed), then: sverka sync",
         status=_any(400), kinds=_kinds("platform", "odata", "xml", "text"),
         words=_words("недопустимы[йе] символ", "символ.{0,40}xml", "invalid.{0,20}character", "xdto",
                      "0x[0-9a-f]{1,2}\\b")),
    Rule("url_too_long", "transient", "record", "The web server refuses so long an address.", _ADMIN,
         status=_any(400, 404, 414), kinds=_kinds("html"), words=_words("invalid url", "too long", "bad request"),
         shrink=True),
    Rule("url_too_long", "transient", "record", "The web server refuses so long an address.", _ADMIN,
         status=_any(414), shrink=True),
    Rule("method_refused", "config", "record", "1C does not allow this operation here: {words}", _LETTERS,
         status=_any(405), codes=_codes("19")),
    Rule("method_refused_outside", "config", "config", "The web server does not let this kind of request through.",
         "allow GET, POST and PATCH on the web server, then: sverka doctor", status=_any(405)),
    Rule("too_large", "transient", "record", "The web server takes no request of this size.", _ADMIN,
         status=_any(413), shrink=True),
    Rule("not_implemented", "drift", "record", "1C cannot serve this type of data: {words}", _MAPPING,
         status=_any(501)),
    Rule("twin_names", "config", "config", "1C's OData cannot start: two properties have one name: {words}", _ADMIN,
         status=_any(500), codes=_codes("18")),
    Rule("not_comparable", "drift", "record", "1C cannot compare these fields: {words}", _MAPPING,
         status=_any(500), codes=_codes("-1"), words=_words("неверные параметры в операции\\s+сравнения")),
    Rule("out_of_memory", "transient", "uncertain", "1C ran out of memory or disk: {words}", _ADMIN,
         status=_any(500, 507), shrink=True,
         words=_words("недостаточно памяти", "not enough memory", "out of memory", "device is full", "no space left",
                      "недостаточно места")),
    Rule("platform_trouble", "transient", "uncertain", "1C itself is in trouble: {words}", _WAIT,
         status=_any(500), codes=_codes("-1"),
         words=_words("сеанс.{0,30}(?:завершен|отсутствует|удален)", "соединени.{0,60}(?:разорван|потерян|завершен)",
                      "ошибка субд", "сервер.{0,40}недоступ", "рабочий процесс", "ошибка соединения")),
    Rule("refused_by_rules", "transient", "record", "1C refuses: {words}", _LETTERS,
         status=_any(500), codes=_codes("-1")),
    Rule("refused", "transient", "record", "1C refuses: {words}", _LETTERS, status=_any(400, 404, 405, 422),
         kinds=_kinds("odata")),
    Rule("gateway", "transient", "uncertain", "The way to 1C is interrupted (status {status}).", _WAIT,
         status=_any(502, 503), doubts=2),
    Rule("gateway_timeout", "transient", "uncertain", "1C took longer than the web server waits.", _WAIT,
         status=_any(504), doubts=1),
    Rule("broken_server", "transient", "uncertain", "1C's server failed: {words}", _WAIT,
         status=frozenset(range(500, 600)), doubts=2),
)

SESSION_LOST = Rule("session_lost", "transient", "transient", "1C had ended our session before this request.", _WAIT)
UNREADABLE = Rule("unreadable", "transient", "uncertain", "The answer is not 1C's: {words}",
                  "check that no login page or proxy stands before 1C, then: sverka doctor")
EMPTY = Rule("unreadable", "transient", "uncertain", "1C's answer is empty.", _LOGS)
UNKNOWN = Rule("unknown", "transient", "uncertain", "1C gave an answer that is not known (status {status}): {words}",
               _DOCTOR)
FAILURES: tuple[tuple[type[HttpFailure], Rule], ...] = (
    (TlsFailure, Rule("untrusted", "config", "config", "The server's certificate is not trusted.",
                      "set ca_file to the certificate of your own authority, then: sverka doctor")),
    (TooLarge, Rule("answer_too_large", "transient", "uncertain", "1C's answer is too large: {words}",
                    "raise response_bytes in settings.toml, or lower page_bytes; then: sverka status", shrink=True)),
    (TimedOut, Rule("timed_out", "transient", "uncertain", "1C did not answer in time: {words}", _WAIT, doubts=1)),
)
NO_CONNECTION = Rule("no_connection", "transient", "transient", "1C cannot be reached: {words}", _DOCTOR)
NO_ANSWER = Rule("no_answer", "transient", "uncertain", "1C did not answer: {words}", _WAIT, doubts=2)
# fmt: on


RIGHTS = frozenset({"no_right", "credentials", "forbidden"})
"""Rows that may speak of one set only, or of all that the base has: 1C's own list of sets tells (1c-odata.md §1.6)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which row decided, and on what."""

    rule: Rule
    status: int | None
    problem: Problem
    retry_after: float | None = None

    @property
    def doubts(self) -> int:
        """How often less may be asked of a set for this; never where the server itself has said when to come back."""
        return 0 if self.retry_after is not None else self.rule.doubts

    @property
    def spoke_of_the_question(self) -> bool:
        """Whether 1C's OData answered the question itself: a code of its own table, not -1 (1c-odata.md §4.1)."""
        return self.problem.kind == "odata" and self.problem.code.isdigit()

    def error(self, *, write: bool = False, where: errors.Where | None = None) -> errors.SverkaError:
        """The error to raise, its texts without secrets."""
        words = redact(self.problem.message) or "it gave no reason"
        message = self.rule.sentence.format(words=words, status=self.status)
        place = errors.Where(
            entity=where.entity if where else None,
            external_id=where.external_id if where else None,
            status=self.status,
            code=self.problem.code or None,
        )
        detail = f"rule {self.rule.name}, {self.problem.kind}: {words}"
        kind = CLASSES[self.rule.write if write else self.rule.read]
        if kind is errors.TransientError:
            # A refused question leaves no letter: what was asked is asked again.
            step = _LOGS if self.rule.next_step == _LETTERS else self.rule.next_step
            return errors.TransientError(
                message, retry_after=self.retry_after, next_step=step, where=place, detail=detail
            )
        return kind(message, next_step=self.rule.next_step, where=place, detail=detail)


def keep_back(verdict: Verdict, name: str, where: errors.Where) -> errors.NoRight:
    """The base lets us in and keeps this set from our user."""
    error = verdict.error(where=where)
    reason = error.message
    return errors.NoRight(
        f"{name} is kept from us: {reason}",
        next_step=f"give the user of 1C the right to read {name}, then: sverka doctor",
        where=error.where,
        detail=error.detail,
    )


def judge(answer: Answer, wait: float | None = None) -> Verdict:
    """What an answer that is no success means. `wait` is its Retry-After in seconds."""
    problem = read_problem(answer)
    rule = next((rule for rule in RULES if rule.fits(answer.status, problem)), UNKNOWN)
    return Verdict(rule, answer.status, problem, wait)


def judge_unreadable(answer: Answer, why: str) -> Verdict:
    """What a success with a body that cannot be believed means (1c-odata.md §4.2: login page or proxy)."""
    problem = read_problem(answer)
    if problem.kind in {"odata", "platform"}:
        return judge(Answer(500, answer.headers, answer.body))
    if problem.kind == "empty":
        return Verdict(EMPTY, answer.status, problem)
    return Verdict(UNREADABLE, answer.status, Problem(problem.kind, "", why))


def judge_failure(failure: HttpFailure) -> Verdict:
    """What it means that no whole answer came."""
    problem = Problem("empty", "", str(failure))
    known = next((rule for kind, rule in FAILURES if isinstance(failure, kind)), None)
    return Verdict(known or (NO_ANSWER if failure.sent else NO_CONNECTION), None, problem)
