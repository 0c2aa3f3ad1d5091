"""No English in a page of another language: what the engine says is told, whatever its cause."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from connectors.bitrix24 import errors as bitrix24
from connectors.onec_odata import errors as onec
from core.errors import RecordError
from mapping.rules import load_mapping
from store import tables
from store.entities import counterparties
from sync.alerts.causes import Cause
from sync.alerts.standing import record
from sync.pull.dead import Failure, _next_step
from sync.pull.prepare import unreadable
from tests.integration.web.connecting import base, filled, on_file, until_done
from tests.integration.web.desk import add_letter, add_review, candidate
from tests.integration.web.world import World

OTHERS = ("ru", "uk")
ZONE = ZoneInfo("Europe/Moscow")
_AWAY = re.compile(r"<(script|style|code|pre|kbd|textarea|head)\b.*?</\1>|<[^>]*>", re.DOTALL)
_COMMAND = re.compile(r"sverka [a-z]+( [a-z]+)*( (--[a-z-]+|[A-Z]+|\w+-\d+))*")
_ENGLISH = re.compile(r"\b[a-z][a-z']+ [a-z][a-z']+ [a-z']+\b", re.IGNORECASE)


def find_english(page: str) -> list[str]:
    """Three English words in a row: a sentence of ours that nobody has told. Commands and code stay as they are."""
    text = _COMMAND.sub("", html.unescape(_AWAY.sub("\n", page)))
    return [found[0] for found in _ENGLISH.finditer(text)]


def look(world: World, path: str, language: str, login: str = "admin") -> str:
    answer = world.browser(login, headers={"accept-language": language}).get(path)
    assert answer.status_code == 200
    return str(answer.text)


def causes_of_connectors() -> list[tuple[str, str]]:
    """Each row of both tables of refusals, as the error that a record gets of it."""
    failures = (onec.FAILURES, bitrix24.FAILURES)
    rules = [*onec.RULES, onec.UNKNOWN, onec.UNREADABLE, onec.EMPTY, onec.NO_ANSWER, onec.NO_CONNECTION]
    others = [*bitrix24.RULES, bitrix24.UNREADABLE, bitrix24.NO_ANSWER, bitrix24.NO_CONNECTION]
    both = [*rules, *others, *(rule for table in failures for _, rule in table)]
    words = ("Неверно", "it gave no reason", "no answer in the time allowed")
    return [(rule.sentence.format(words=word, status=500), rule.next_step) for rule in both for word in words]


def causes_of_records() -> list[tuple[str, str]]:
    """What becomes of records that a mapping cannot read: each attribute holds what it cannot be."""
    mapping = load_mapping("bp30")
    errors = []
    for entity in mapping.entities.values():
        source = entity.sources[0]
        errors.append((source.name, unreadable(source, "c-1", ValueError("x"))))
        values: tuple[object, ...] = ([], {}, "1e999", True)
        whole: dict[str, object] = {need.path.head: "1" for need in entity.needs(source.name)}
        for name in ("", *whole):
            for value in values:
                try:
                    entity.build(source.name, whole | {source.key: "1"} | ({name: value} if name else {}), ZONE)
                except RecordError as error:
                    errors.append((source.name, error))
    return [(error.message, read_step(name, error)) for name, error in errors]


def read_step(source: str, error: RecordError) -> str:
    """The next step that its letter would get."""
    return _next_step(Failure("counterparty", "c-1", "map", error, source))


@pytest.mark.parametrize("language", OTHERS)
def test_letters_of_every_cause(world: World, language: str) -> None:
    causes = [*causes_of_connectors(), *causes_of_records()]
    assert len(causes) > 100
    letters = [
        add_letter(world, reason=reason, next_step=step, fingerprint=f"{number:08d}" + "a" * 56)
        for number, (reason, step) in enumerate(dict.fromkeys(causes))
    ]
    pages = [look(world, f"/dead?skip={skip}", language) for skip in range(0, len(letters), 50)]
    assert [find_english(page) for page in pages] == [[] for _ in pages]
    assert find_english(look(world, "/dead", "en")), "the very sentences are English in an English page"
    letter = letters[0]
    assert find_english(look(world, f"/dead/{letter['number']}", language)) == []
    assert find_english(look(world, f"/dead/group/{letter['fingerprint'][:8]}", language)) == []


REASONS = [
    "same INN 7707083893", "same KPP", "KPP not known on both sides", "other KPP: 770701001 there, 770702002 here",
    "same phone +74951234567", "same e-mail a@b.ru", "same name", "similar name (91 of 100)",
    "it carries our mark: made when an answer was lost", "a person has said before that this is his card",
    "it is the card of the contact 'Ромашка' already", "the card stands under another program's key",
    "'Ромашка', whose card it is, has a card of his own in buh", "our key",
]  # fmt: skip
QUESTIONS = {
    "match": [
        "2 cards of accounting have this INN.",
        "Not sure who it is: accounting knows this INN with another KPP (a branch?).",
        "Only phone, e-mail or name point to somebody; they never link by themselves.",
        "Said to be new, but accounting knows him: linked by same INN 7707083893, same KPP.",
        "Not sure which card of crm it is: 3 cards have this tax id.",
    ],
    "approval": [
        "Writing into accounting needs approval; would be created: accounting does not know this customer.",
        "Writing into accounting needs approval; would be linked by same INN 7707083893, same KPP.",
        "His card in accounting was deleted there; a new one is made only when a person says so.",
    ],
    "conflict": ["Ромашка: phones, emails changed here and in crm."],
    "change": ["Writing into accounting needs approval; Ромашка would get: phones, addresses."],
    "uncertain": [
        "Ромашка was sent to accounting, and it has not answered since (5 tries). Is he there? Then link him to his "
        "card; else create him. Accounting is asked on meanwhile."
    ],
    "deal": ["Order 17 names deal 5; a person has chosen deal 6."],
}


@pytest.mark.parametrize("language", OTHERS)
def test_questions_of_every_kind(world: World, language: str) -> None:
    numbers: list[int] = []
    for kind, reasons in QUESTIONS.items():
        field = {"external_id": "c-1", "field": "phones", "ours": ["1"], "theirs": ["2"], "strength": "change"}
        cards = [field] if kind in ("conflict", "change") else [candidate("c-mine", reasons=REASONS)]
        kept = "match" if kind == "deal" else kind
        for reason in reasons:
            where = f"crm{len(numbers)}"
            numbers.append(
                add_review(world, world.customers["mine"], *cards, connection=where, kind=kept, reason=reason)
            )
    assert find_english(look(world, "/review", language)) == []
    assert [found for number in numbers if (found := find_english(look(world, f"/review/{number}", language)))] == []
    assert find_english(look(world, f"/review/{numbers[0]}", "en"))


@pytest.mark.parametrize("language", OTHERS)
def test_a_refusal_of_a_deed(world: World, language: str) -> None:
    number = add_review(world, world.customers["mine"], "c-mine", reason=REASONS[0], state="linked", decided_by="anna")
    browser = world.browser("admin", headers={"accept-language": language})
    refused = browser.submit(f"/review/{number}/keep")
    assert refused.status_code == 422 and find_english(refused.text) == []
    letter = add_letter(world, state="resolved", reason="1C has no such object.")
    refused = browser.submit(f"/dead/{letter['number']}/edit", values="amount = 1")
    assert refused.status_code == 422 and find_english(refused.text) == []
    letter = add_letter(world, reason="1C has no such object.")
    refused = browser.submit(f"/dead/{letter['number']}/edit", values="betrag = 1\nposted = vielleicht")
    assert refused.status_code == 422 and find_english(refused.text) == []
    assert "betrag" in refused.text
    browser.submit(f"/users/{world.users['admin']}", role="manager", name="Admin")
    assert find_english(browser.get("/users").text) == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_ops_room_and_the_connections(world: World, language: str) -> None:
    """Alerts, pauses, what runs say and notice."""
    now, app = world.clock.now(), world.site.app
    refused = "1C does not accept user or password. Next: mend user and password in settings.toml, then: sverka doctor"
    drift = "Catalog_Контрагенты is no longer published, or the user's rights to it are gone."
    state = {"name": "accounting", "paused_reason": refused.partition(" Next")[0], "paused_at": now}
    run = {"connection": "accounting", "kind": "slot", "owner": "test", "fence": 1}
    notices = [
        "counterparty: 3 broken links: accounting has no such object, e.g. c-9.",
        "accounting: accounting keeps a card otherwise than it was sent: name: sent 'А', kept 'Б'",
        "What is late is reckoned from the documents. accounting offers no movements: 1C has no such object.",
        "The balances of 4 customers moved without a document: all settlement documents were swept.",
    ]
    message = (
        "counterparty out: 1C refuses: Нельзя Next: sverka dead list; 3 balances are held: 3 balances would have become"
        " zero at once, the guard lets pass 1. The next cycle asks again; if it is right: sverka sync accounting "
        "--full; order: 2 dead, 1 parked"
    )
    with world.engine.begin() as conn:
        conn.execute(insert(tables.connection).values(state | {"paused_entities": {"counterparty": drift}}))
        for status, said in (("partial", message), ("failed", refused)):
            row = run | {"id": uuid4(), "started_at": now - timedelta(minutes=5), "finished_at": now, "status": status}
            columns = {name: value for name, value in row.items() if name in tables.run.c}
            conn.execute(insert(tables.run).values(columns | {"message": said, "notices": notices}))
    details = {"connection": "accounting", "reason": refused.partition(" Next")[0], "since": now.isoformat()}
    record(app, [
        Cause("paused:accounting", "paused", "accounting", details),
        Cause("review:accounting", "review", "accounting", details | {"number": 21}),
        Cause("letters:accounting", "dead_letters", "accounting", details | {"number": 3, "groups": 2}),
    ])  # fmt: skip
    for path in ("/ops", "/ops/now", "/connections"):
        assert find_english(look(world, path, language)) == [], path
    assert find_english(look(world, "/ops", "en"))


@pytest.mark.parametrize("language", OTHERS)
def test_the_card_of_a_customer(world: World, language: str) -> None:
    marks = {"tax_id": "the INN is wrong: the number's checksum or check digit is invalid"}
    with world.engine.begin() as conn:
        mine = counterparties.c.id == world.customers["mine"]
        conn.execute(update(counterparties).where(mine).values(marks=marks))
    page = look(world, f"/customers/{world.customers['mine']}", language, "manager")
    assert find_english(page) == []
    assert find_english(look(world, f"/customers/{world.customers['mine']}", "en", "manager"))


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9/base/odata/standard.odata"])
def test_what_doctor_finds(world: World, tmp_path: Path, language: str, address: str) -> None:
    """Of a base that answers, and of one that does not; of a connection before it is saved, and of one that is."""
    on_file(world, tmp_path)
    browser = world.browser("admin", headers={"accept-language": language})
    with base() as server:
        given = filled(server) | ({"o.url": address} if address else {})
        answer = browser.submit("/connection-drafts", **given)
        page = until_done(browser, answer.headers["location"])
        assert page.count('<li class="') > (0 if address else 10)
        assert find_english(page) == []
    browser.submit("/connections/accounting/doctor")
    looked = until_done(browser, "/connections/accounting/doctor")
    assert "127.0.0.1" not in looked and find_english(looked) == []
