"""The one catalogue of what people are told: each kind of alert in English, Russian and Ukrainian.

Texts name what is wrong and the next command to run. In braces stand the details of a cause; moments among them are
ISO texts and are shown on the wall clock of `[alerts] timezone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from core.alerting import AlertKind, Language

LANGUAGES: tuple[Language, ...] = ("en", "ru", "uk")
MOMENTS = frozenset({"since"})
"""Details that are moments."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one cause: a short title, what is wrong, what to do."""

    title: str
    text: str
    next_step: str


NEVER: dict[Language, str] = {"en": "never", "ru": "никогда", "uk": "ніколи"}
STATES: dict[str, dict[Language, str]] = {
    "opened": {"en": "Problem", "ru": "Неполадка", "uk": "Несправність"},
    "escalated": {"en": "Still not mended", "ru": "До сих пор не исправлено", "uk": "Досі не виправлено"},
    "resolved": {"en": "Resolved", "ru": "Исправлено", "uk": "Виправлено"},
    "test": {"en": "Test", "ru": "Проверка", "uk": "Перевірка"},
}
LABELS: dict[str, dict[Language, str]] = {
    "next": {"en": "What to do", "ru": "Что делать", "uk": "Що робити"},
    "opened_at": {"en": "Since", "ru": "С", "uk": "З"},
    "resolved_at": {"en": "Resolved at", "ru": "Исправлено в", "uk": "Виправлено о"},
}
TEST: dict[Language, Words] = {
    "en": Words("a test message", "This is a test: alerts of Sverka arrive here.", "nothing"),
    "ru": Words("пробное сообщение", "Это проверка: сюда приходят оповещения Сверки.", "ничего"),
    "uk": Words("пробне повідомлення", "Це перевірка: сюди надходять сповіщення Сверки.", "нічого"),
}
CATALOGUE: dict[AlertKind, dict[Language, Words]] = {
    "breaker": {
        "en": Words(
            "{connection} does not answer",
            "{connection} does not answer; all was well last at {since}. It is tried again by itself. {reason}",
            "see whether the server and its web publication work, then: sverka status",
        ),
        "ru": Words(
            "{connection} не отвечает",
            "{connection} не отвечает; последний раз всё было в порядке {since}. Попытки повторяются сами. {reason}",
            "проверьте сервер и его веб-публикацию, затем: sverka status",
        ),
        "uk": Words(
            "{connection} не відповідає",
            "{connection} не відповідає; востаннє все було гаразд {since}. Спроби повторюються самі. {reason}",
            "перевірте сервер і його вебпублікацію, потім: sverka status",
        ),
    },
    "paused": {
        "en": Words(
            "{connection} is paused",
            "{connection} is paused since {since}, until a person mends it: {reason}",
            "mend what is named, then: sverka doctor {connection}",
        ),
        "ru": Words(
            "{connection}: обмен приостановлен",
            "{connection}: обмен приостановлен с {since}, пока человек не исправит причину: {reason}",
            "исправьте названное, затем: sverka doctor {connection}",
        ),
        "uk": Words(
            "{connection}: обмін призупинено",
            "{connection}: обмін призупинено з {since}, доки людина не виправить причину: {reason}",
            "виправте назване, потім: sverka doctor {connection}",
        ),
    },
    "held": {
        "en": Words(
            "{connection} is still held by a person",
            "{connection} is held by {who} since {since} and is not read; perhaps that was forgotten. {reason}",
            "sverka connection resume {connection}",
        ),
        "ru": Words(
            "{connection}: обмен всё ещё остановлен человеком",
            "{connection}: обмен остановил(а) {who} {since}, данные не читаются; возможно, об этом забыли. {reason}",
            "sverka connection resume {connection}",
        ),
        "uk": Words(
            "{connection}: обмін досі зупинений людиною",
            "{connection}: обмін зупинив(ла) {who} {since}, дані не читаються; можливо, про це забули. {reason}",
            "sverka connection resume {connection}",
        ),
    },
    "entity_paused": {
        "en": Words(
            "{connection}: {entity} are not read",
            "{entity} of {connection} are not read, all else is: {reason}",
            "sverka doctor {connection}",
        ),
        "ru": Words(
            "{connection}: не читается {entity}",
            "{connection}: не читается {entity}, остальное читается: {reason}",
            "sverka doctor {connection}",
        ),
        "uk": Words(
            "{connection}: не читається {entity}",
            "{connection}: не читається {entity}, решта читається: {reason}",
            "sverka doctor {connection}",
        ),
    },
    "silent": {
        "en": Words(
            "{connection}: balances are old",
            "The balances of {connection} are those of {since}; nothing newer has come.",
            "sverka status, then: sverka sync {connection}",
        ),
        "ru": Words(
            "{connection}: остатки устарели",
            "Остатки {connection} известны на {since}; новее ничего не пришло.",
            "sverka status, затем: sverka sync {connection}",
        ),
        "uk": Words(
            "{connection}: залишки застаріли",
            "Залишки {connection} відомі станом на {since}; новішого нічого не надійшло.",
            "sverka status, потім: sverka sync {connection}",
        ),
    },
    "failing": {
        "en": Words(
            "{connection}: {number} runs failed in a row",
            "The last {number} runs of {connection} failed. The last one: {reason}",
            "sverka status, then: sverka doctor {connection}",
        ),
        "ru": Words(
            "{connection}: запуски не удаются, подряд {number}",
            "{connection}: последние запуски не удались, подряд {number}. Последний: {reason}",
            "sverka status, затем: sverka doctor {connection}",
        ),
        "uk": Words(
            "{connection}: запуски не вдаються, поспіль {number}",
            "{connection}: останні запуски не вдалися, поспіль {number}. Останній: {reason}",
            "sverka status, потім: sverka doctor {connection}",
        ),
    },
    "no_tick": {
        "en": Words(
            "the schedule stands still",
            "Nobody has looked for due work since {since}: nothing is read and nothing is sent.",
            "start it: systemctl restart sverka-beat (or sverka), then: sverka status",
        ),
        "ru": Words(
            "расписание стоит",
            "С {since} никто не ищет, что пора делать: ничего не читается и не отправляется.",
            "запустите: systemctl restart sverka-beat (или sverka), затем: sverka status",
        ),
        "uk": Words(
            "розклад стоїть",
            "З {since} ніхто не шукає, що час робити: нічого не читається й не надсилається.",
            "запустіть: systemctl restart sverka-beat (або sverka), потім: sverka status",
        ),
    },
    "dead_letters": {
        "en": Words(
            "{connection}: {number} records are left out",
            "{number} records of {connection} could not be taken over, of {groups} causes. One of them: {reason}",
            "sverka dead list",
        ),
        "ru": Words(
            "{connection}: не перенесено записей: {number}",
            "{connection}: не удалось перенести записей: {number}, причин: {groups}. Одна из них: {reason}",
            "sverka dead list",
        ),
        "uk": Words(
            "{connection}: не перенесено записів: {number}",
            "{connection}: не вдалося перенести записів: {number}, причин: {groups}. Одна з них: {reason}",
            "sverka dead list",
        ),
    },
    "review": {
        "en": Words(
            "{connection}: {number} decisions wait",
            "{number} decisions about {connection} wait for a person, the oldest since {since}.",
            "sverka review list",
        ),
        "ru": Words(
            "{connection}: ждут решения: {number}",
            "{connection}: ждут решения человека: {number}, самое давнее с {since}.",
            "sverka review list",
        ),
        "uk": Words(
            "{connection}: чекають на рішення: {number}",
            "{connection}: чекають на рішення людини: {number}, найдавніше з {since}.",
            "sverka review list",
        ),
    },
    "uncertain": {
        "en": Words(
            "{connection}: {number} writes without an answer",
            "{number} writes were sent to {connection}, the oldest at {since}, and it cannot be told yet whether they "
            "were carried out. It is asked again by itself; nothing is sent twice.",
            "sverka status, then: sverka sync {connection}",
        ),
        "ru": Words(
            "{connection}: записей без ответа: {number}",
            "{connection}: отправлено записей: {number}, самая давняя {since}, и пока не известно, выполнены ли они. "
            "Вопрос повторяется сам; дважды ничего не отправляется.",
            "sverka status, затем: sverka sync {connection}",
        ),
        "uk": Words(
            "{connection}: записів без відповіді: {number}",
            "{connection}: надіслано записів: {number}, найдавніший {since}, і поки не відомо, чи їх виконано. "
            "Запитання повторюється саме; двічі нічого не надсилається.",
            "sverka status, потім: sverka sync {connection}",
        ),
    },
    "reconciliation": {
        "en": Words(
            "{connection}: the books differ",
            "{connection} and the mirror differ by {amount} that nothing explains, compared at {since}.",
            "sverka reconcile {connection}",
        ),
        "ru": Words(
            "{connection}: книги расходятся",
            "{connection} и зеркало расходятся на {amount}, и это ничем не объяснено; сверено {since}.",
            "sverka reconcile {connection}",
        ),
        "uk": Words(
            "{connection}: книги розходяться",
            "{connection} і дзеркало розходяться на {amount}, і це нічим не пояснено; звірено {since}.",
            "sverka reconcile {connection}",
        ),
    },
    "differences": {
        "en": Words(
            "{connection}: {number} differences were not mended",
            "{connection} and the mirror differ in {number} places, compared at {since}. By itself the night mends "
            "up to {limit} (repair_below) and tries that once; the rest is left as it is.",
            "sverka reconcile {connection} --repair",
        ),
        "ru": Words(
            "{connection}: не исправлено расхождений: {number}",
            "{connection} и зеркало расходятся, расхождений: {number}; сверено {since}. Ночью само исправляется не "
            "больше {limit} (repair_below) и один раз; остальное не тронуто.",
            "sverka reconcile {connection} --repair",
        ),
        "uk": Words(
            "{connection}: не виправлено розбіжностей: {number}",
            "{connection} і дзеркало розходяться, розбіжностей: {number}; звірено {since}. Вночі саме виправляється "
            "не більше {limit} (repair_below) і один раз; решту не зачеплено.",
            "sverka reconcile {connection} --repair",
        ),
    },
    "not_compared": {
        "en": Words(
            "{connection}: the books are not compared",
            "{connection} and the mirror were compared last at {since}; two nights in a row it could not be done. "
            "{reason}",
            "sverka reconcile {connection}",
        ),
        "ru": Words(
            "{connection}: книги не сверяются",
            "{connection} и зеркало последний раз сверены {since}; две ночи подряд сверить не удалось. {reason}",
            "sverka reconcile {connection}",
        ),
        "uk": Words(
            "{connection}: книги не звіряються",
            "{connection} і дзеркало востаннє звірено {since}; дві ночі поспіль звірити не вдалося. {reason}",
            "sverka reconcile {connection}",
        ),
    },
}  # fmt: skip


def render(kind: AlertKind, details: Mapping[str, Any], language: Language = "en", zone: tzinfo = UTC) -> Words:
    """What is said of a cause of this kind with these details."""
    words = CATALOGUE[kind][language]
    shown = {name: _shown(name, value, language, zone) for name, value in details.items()}
    return Words(*(part.format_map(shown).strip() for part in (words.title, words.text, words.next_step)))


def moment(value: datetime, zone: tzinfo) -> str:
    """A moment as "2026-11-21 22:29" on the wall clock of a zone."""
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _shown(name: str, value: Any, language: Language, zone: tzinfo) -> str:
    if name in MOMENTS:
        return moment(datetime.fromisoformat(value), zone) if value else NEVER[language]
    return "" if value is None else str(value)
