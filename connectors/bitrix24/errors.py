"""What a refusal of the portal means, as a table: (status, code, words) -> the error that the engine acts on.

The first row that fits decides. An unknown failure is transient on a read and uncertain on a write; a refusal with a
4xx that no row names was read and refused: a letter. Facts: bitrix24.md §2, §5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from connectors.http import HttpFailure, TimedOut, TlsFailure, TooLarge
from core import errors
from core.secrets import redact

Outcome = Literal["config", "transient", "record", "uncertain", "not_found", "drift"]
_WAIT = "wait for the next cycle; then: sverka status"
_DOCTOR = "sverka doctor"
_TYPE = "create it in the portal, then: sverka doctor"
_LETTERS = "sverka dead list"
_MAPPING = "sverka mapping check --live"
_RIGHTS = "give the webhook or application the rights (docs/bitrix24-setup.md), then: sverka doctor"
_SETTINGS = "mend the connection in settings.toml (docs/bitrix24-setup.md), then: sverka doctor"
OPERATING_PAUSE = 60.0
"""Seconds to leave a method alone whose run time is used up, where the portal did not say until when."""

CLASSES: dict[Outcome, type[errors.SverkaError]] = {
    "config": errors.ConfigError,
    "record": errors.RecordError,
    "uncertain": errors.UncertainOutcome,
    "not_found": errors.NotFound,
    "drift": errors.SchemaDrift,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: conditions (empty fits all), what it is on a read and on a write, and what a person is told.

    `again`: the request was certainly not carried out and may be sent once more within seconds.
    """

    name: str
    read: Outcome
    write: Outcome
    sentence: str
    next_step: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    words: re.Pattern[str] | None = None
    wait: float | None = None
    again: bool = False

    def fits(self, status: int, code: str, words: str) -> bool:
        """Whether all conditions of the row hold."""
        return (
            (not self.codes or code in self.codes)
            and (not self.statuses or status in self.statuses)
            and (self.words is None or self.words.search(words) is not None)
        )


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


def _words(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(texts), re.I)


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("too_fast", "transient", "transient", "Bitrix24 asks us to come more slowly.", _WAIT,
         codes=_codes("QUERY_LIMIT_EXCEEDED"), wait=1.0, again=True),
    Rule("run_time", "transient", "transient", "Bitrix24 has no run time left for this method for some minutes.", _WAIT,
         codes=_codes("OPERATION_TIME_LIMIT"), wait=OPERATING_PAUSE),
    Rule("overload", "config", "config", "Bitrix24 has blocked the portal's REST because of overload.",
         "ask the support of Bitrix24 to lift the block, then: sverka doctor", codes=_codes("OVERLOAD_LIMIT")),
    Rule("application_only", "config", "config", "This needs an application, a webhook may not: {words}", _SETTINGS,
         words=_words("Application context required")),
    Rule("token_expired", "config", "config", "The access token has expired.", _SETTINGS,
         codes=_codes("expired_token")),
    Rule("reinstall", "config", "config", "The application's tokens are valid no more: it must be installed again.",
         "install the application again, put its new refresh_token into the settings, then: sverka doctor",
         codes=_codes("invalid_grant")),
    Rule("credentials", "config", "config", "Bitrix24 does not know our webhook or application: {words}", _SETTINGS,
         codes=_codes("NO_AUTH_FOUND", "INVALID_CREDENTIALS", "invalid_client", "WRONG_AUTH_TYPE", "invalid_request")),
    Rule("scope", "config", "config", "The webhook or application lacks a scope: {words}", _RIGHTS,
         codes=_codes("insufficient_scope")),
    Rule("rights", "config", "config", "The user of the webhook has no right to this: {words}", _RIGHTS,
         codes=_codes("ACCESS_DENIED", "user_access_error")),
    Rule("rights_old", "config", "config", "The user of the webhook has no right to this: {words}", _RIGHTS,
         words=_words(r"^access denied", "доступ запрещ", "недостаточно прав")),
    Rule("plan", "config", "config", "The portal's plan does not allow it: {words}",
         "have the plan changed or do without it (docs/bitrix24-setup.md), then: sverka doctor",
         codes=_codes("PAYMENT_REQUIRED", "CREATE_DYNAMIC_TYPE_RESTRICTED")),
    Rule("gone_portal", "config", "config", "The portal has been deleted.", _SETTINGS, codes=_codes("PORTAL_DELETED")),
    Rule("address", "config", "config", "Bitrix24 does not take our address: {words}", _SETTINGS,
         codes=_codes("INVALID_REQUEST")),
    Rule("moved", "config", "config", "The portal has moved to another address.",
         "put the new address into the settings, then: sverka doctor", statuses=frozenset({301, 302, 303, 307, 308})),
    Rule("no_method", "drift", "record", "The portal knows no such method: {words}", _DOCTOR,
         codes=_codes("ERROR_METHOD_NOT_FOUND")),
    Rule("no_type", "drift", "record", "The portal has no such smart process.", _TYPE,
         words=_words("смарт-процесс не найден", "smart process.{0,20}not found", "type.{0,10}not found")),
    Rule("not_found", "not_found", "record", "Bitrix24 has no such element.", _LETTERS,
         codes=_codes("NOT_FOUND", "ERROR_NOT_FOUND", "OWNER_NOT_FOUND")),
    Rule("not_found_old", "not_found", "record", "Bitrix24 has no such element: {words}", _LETTERS,
         codes=_codes("", "0"), words=_words(r"not found\.?$", "не найден", "не существует")),
    Rule("no_field", "drift", "record", "The portal has no such field: {words}", _MAPPING,
         words=_words("not allowed in (?:filter|order|select)", "field is not found")),
    Rule("broken", "transient", "uncertain", "Bitrix24 itself failed: {words}", _WAIT,
         codes=_codes("INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER")),
    Rule("server", "transient", "uncertain", "Bitrix24 failed (status {status}): {words}", _WAIT,
         statuses=frozenset(range(500, 600))),
    Rule("busy", "transient", "transient", "Bitrix24 asks us to come more slowly.", _WAIT, statuses=frozenset({429}),
         wait=OPERATING_PAUSE),
    Rule("refused", "record", "record", "Bitrix24 refuses: {words}", _LETTERS, statuses=frozenset(range(400, 500))),
)
UNREADABLE = Rule("unreadable", "transient", "uncertain", "The answer is not that of Bitrix24: {words}",
                  "check that no login page or proxy stands before the portal, then: sverka doctor")
FAILURES: tuple[tuple[type[HttpFailure], Rule], ...] = (
    (TlsFailure, Rule("untrusted", "config", "config", "The server's certificate is not trusted.",
                      "set ca_file to the certificate of your own authority, then: sverka doctor")),
    (TooLarge, Rule("too_large", "transient", "uncertain", "The answer is too large: {words}",
                    "raise response_bytes in settings.toml, then: sverka status")),
    (TimedOut, Rule("timed_out", "transient", "uncertain", "Bitrix24 did not answer in time: {words}", _WAIT)),
)
NO_CONNECTION = Rule("no_connection", "transient", "transient", "Bitrix24 cannot be reached: {words}", _DOCTOR)
NO_ANSWER = Rule("no_answer", "transient", "uncertain", "Bitrix24 did not answer: {words}", _WAIT)
# fmt: on


RIGHTS = frozenset({"scope", "rights", "rights_old"})
"""Rows that may speak of one thing only, or of all that the portal has: nobody but the portal itself can tell (§5)."""
_TYPES = {2: "deal", 3: "contact", 4: "company", 31: "invoice"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which row decided, and on what."""

    rule: Rule
    status: int | None
    code: str
    words: str
    wait: float | None = None

    def error(self, *, write: bool = False, where: errors.Where | None = None) -> errors.SverkaError:
        """The error to raise, its texts without secrets."""
        words = redact(self.words)[:500] or "it gave no reason"
        message = self.rule.sentence.format(words=words, status=self.status)
        place = errors.Where(
            entity=where.entity if where else None,
            external_id=where.external_id if where else None,
            status=self.status,
            code=self.code or None,
        )
        outcome = self.rule.write if write else self.rule.read
        detail = f"rule {self.rule.name}: {words}"
        if outcome == "transient":
            wait = self.wait if self.wait is not None else self.rule.wait
            return errors.TransientError(
                message, retry_after=wait, next_step=self.rule.next_step, where=place, detail=detail
            )
        return CLASSES[outcome](message, next_step=self.rule.next_step, where=place, detail=detail)


def keep_back(verdict: Verdict, method: str, number: object) -> errors.NoRight:
    """The portal lets us in and refuses this method, or the elements of this type: what is missing, by its name."""
    error = verdict.error(where=errors.Where(entity=method))
    name = f"{method} ({_TYPES.get(number, f'smart:{number}')})" if isinstance(number, int) else method
    scope = method.partition(".")[0]
    reason = f"the scope {scope} is missing." if verdict.rule.name == "scope" else error.message
    return errors.NoRight(
        f"{name} is kept from us: {reason}", next_step=error.next_step, where=error.where, detail=error.detail
    )


def judge(status: int, code: object, words: str) -> Verdict:
    """What a refusal means. The code of old methods may be empty or the number 0 (§2)."""
    text = str(code)
    rule = next((rule for rule in RULES if rule.fits(status, text, words)), UNREADABLE)
    return Verdict(rule, status, text, words)


def judge_command(code: object, words: str) -> Verdict:
    """The same for one command of a batch, which has no status of its own: an inner failure is told by its code."""
    return judge(500 if str(code) in ("INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER") else 400, code, words)


def judge_unreadable(status: int, why: str) -> Verdict:
    """What a body that is no answer of the portal means."""
    rule = next((rule for rule in RULES if rule.statuses and rule.fits(status, "", "") and status >= 300), UNREADABLE)
    return Verdict(rule, status, "", why)


def judge_failure(failure: HttpFailure) -> Verdict:
    """What it means that no whole answer came."""
    known = next((rule for kind, rule in FAILURES if isinstance(failure, kind)), None)
    return Verdict(known or (NO_ANSWER if failure.sent else NO_CONNECTION), None, "", str(failure))
