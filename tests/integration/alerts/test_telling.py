"""Letters and posts as they really arrive: TLS, log-in, refusals, outages, languages, and nothing that must not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core.alerting import AlertKind, Language
from core.errors import TransientError
from core.secrets import read_secret
from store.tables import alert_delivery
from sync.alerts.causes import Cause
from sync.alerts.deliver import AT_ONCE, CLAIM, MOST_ATTEMPTS, deliver_due, send_test
from sync.alerts.standing import record
from sync.alerts.words import CATALOGUE, LANGUAGES, render
from sync.context import App
from tests.integration.alerts.mailbox import PASSWORD, USER, Hook, Mailbox, make_certificate

DOWN = Cause("connection:a", "breaker", "a", {"connection": "a", "since": None, "reason": "No answer."})


def deliveries(app: App) -> list[dict[str, Any]]:
    with app.engine.connect() as conn:
        return [dict(row) for row in conn.execute(select(alert_delivery)).mappings()]


def test_starttls_and_log_in(build: Callable[..., App], tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with Mailbox().running(certificate) as mailbox:
        right = mailbox.settings(
            host="localhost", security="starttls", ca_file=str(certificate), user=USER, password=PASSWORD
        )
        assert send_test(build(email=right), "email") == ""
        with pytest.raises(TransientError, match="CERTIFICATE_VERIFY_FAILED"):
            send_test(build(email={name: value for name, value in right.items() if name != "ca_file"}), "email")
        with pytest.raises(TransientError, match=r"535|Authentication") as wrong:
            send_test(build(email=right | {"password": "canary-wrong-1"}), "email")
        with pytest.raises(TransientError):
            send_test(build(email=right | {"security": "none"}), "email")
    assert len(mailbox.letters) == 1
    assert "canary" not in str(wrong.value)


def test_a_letter_says_what_when_and_what_to_do(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings(), language="ru", timezone="Europe/Kyiv")
    record(app, [DOWN])
    deliver_due(app)
    (letter,) = mailbox.letters
    body = letter.get_content()
    assert str(letter["Subject"]) == "[Sverka] Неполадка: a не отвечает"
    assert "Что делать: проверьте сервер и его веб-публикацию, затем: sverka status" in body
    assert "С: 2026-01-15 11:00 (Europe/Kyiv)" in body and "No answer." in body
    assert str(letter["Auto-Submitted"]) == "auto-generated"


def test_nothing_of_a_record_gets_into_a_header(build: Callable[..., App], mailbox: Mailbox, hook: Hook) -> None:
    app = build(email=mailbox.settings(), webhook={"url": hook.url})
    evil = "x\r\nBcc: victim@example.com\r\n\r\n\ud800\x00" + "y" * 5000
    record(app, [Cause("connection:e", "paused", evil[:50], {"connection": evil, "reason": evil, "since": None})])
    deliver_due(app)
    assert mailbox.recipients == [["ops@example.com"]] and mailbox.letters[0]["Bcc"] is None
    assert len(mailbox.subjects[0]) <= 150
    assert len(hook.taken) == 1


def test_a_mail_server_that_is_away_gets_it_later(build: Callable[..., App]) -> None:
    mailbox = Mailbox()
    app = build(email=mailbox.settings())
    record(app, [DOWN])
    pauses = []
    for _ in range(9):
        assert deliver_due(app) == 0
        (row,) = deliveries(app)
        pauses.append((row["next_attempt_at"] - app.clock.now()).total_seconds())
        assert row["state"] == "due" and "did not take it" in row["reason"]
        assert deliver_due(app) == 0 and deliveries(app)[0]["attempts"] == row["attempts"]  # not before its time
        app.clock.sleep(pauses[-1])
    assert pauses == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    with mailbox.running():
        assert deliver_due(app) == 1
    assert len(mailbox.letters) == 1 and deliveries(app)[0]["state"] == "sent"


def test_what_is_never_taken_is_given_up_and_says_so(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings())
    mailbox.answer = "451 try later"
    record(app, [DOWN])
    for _ in range(MOST_ATTEMPTS + 3):
        deliver_due(app)
        app.clock.sleep(1800)
    (row,) = deliveries(app)
    assert (row["state"], row["attempts"]) == ("failed", MOST_ATTEMPTS) and "451 try later" in row["reason"]


def test_a_stranger_among_the_recipients_keeps_nobody_from_hearing(build: Callable[..., App], mailbox: Mailbox) -> None:
    app = build(email=mailbox.settings(to=["gone@example.com", "ops@example.com"]))
    mailbox.refused = {"gone@example.com"}
    record(app, [DOWN])
    assert deliver_due(app) == 1
    assert (
        mailbox.recipients == [["ops@example.com"]] and deliveries(app)[0]["reason"] == "refused for gone@example.com"
    )
    mailbox.refused = {"gone@example.com", "ops@example.com"}
    with pytest.raises(TransientError, match="550 no such mailbox"):
        send_test(app, "email")


def test_a_hook_that_is_down_then_up_hears_all_in_order(
    build: Callable[..., App], mailbox: Mailbox, hook: Hook
) -> None:
    webhook = {"url": hook.url, "header": "X-Token", "secret": "canary-hook-4713"}
    app = build(email=mailbox.settings(), webhook=webhook)
    hook.status = 503
    record(app, [DOWN])
    deliver_due(app)
    assert len(mailbox.letters) == 1  # one way that is closed does not close the other
    for _ in range(5):
        app.clock.sleep(120)
        record(app, [])
        deliver_due(app)
    assert len(mailbox.letters) == 2 and hook.taken == []
    hook.status = 200
    for _ in range(3):
        app.clock.sleep(1800)
        deliver_due(app)
    assert [one["state"] for one in hook.taken] == ["opened", "resolved"]
    assert hook.headers[0]["x-token"] == "canary-hook-4713"
    first, last = hook.taken
    assert first["cause"] == "connection:a" and first["kind"] == "breaker" and first["connection"] == "a"
    assert first["text"].endswith("No answer.") and first["next_step"].endswith("sverka status")
    assert first["resolved_at"] is None and last["resolved_at"] > last["opened_at"]


def test_what_may_not_be_told_yet_keeps_nothing_newer_waiting(
    build: Callable[..., App], mailbox: Mailbox, hook: Hook
) -> None:
    """More alerts than are sent at once are over, and their first word could not be sent: newer ones are told."""
    app = build(email=mailbox.settings(), webhook={"url": hook.url})
    old = [Cause(f"paused:{number}", "paused", "a", {"connection": "a", "since": None, "reason": "r"})
           for number in range(AT_ONCE + 5)]  # fmt: skip
    hook.status = 503
    record(app, old)
    for _ in range(4):
        deliver_due(app)
    app.clock.sleep(3600)
    record(app, [])
    later = {"next_attempt_at": app.clock.now() + timedelta(minutes=30)}
    opened = (alert_delivery.c.event == "opened", alert_delivery.c.state == "due")
    with app.engine.begin() as conn:
        conn.execute(update(alert_delivery).where(*opened).values(later))
    hook.status = 200
    app.clock.sleep(1)
    record(app, [DOWN])
    deliver_due(app)
    assert [one["kind"] for one in hook.taken] == ["breaker"]
    early = [row for row in deliveries(app) if (row["event"], row["channel"]) == ("resolved", "webhook")]
    assert len([row for row in early if row["state"] == "due"]) == len(old) > AT_ONCE


def test_who_died_while_sending_is_followed_by_another(build: Callable[..., App], mailbox: Mailbox) -> None:
    """The letter may have gone out: it is sent again, and mailboxes know it by its Message-ID."""
    app = build(email=mailbox.settings())
    record(app, [DOWN])
    deliver_due(app)
    sending = {"state": "sending", "sent_at": None, "next_attempt_at": app.clock.now() + CLAIM}
    with app.engine.begin() as conn:
        conn.execute(update(alert_delivery).values(sending))
    assert deliver_due(app) == 0
    app.clock.sleep(CLAIM.total_seconds())
    assert deliver_due(app) == 1
    assert len({str(letter["Message-ID"]) for letter in mailbox.letters}) == 1 and len(mailbox.letters) == 2


def test_a_way_that_is_set_up_no_more_is_dropped(build: Callable[..., App], mailbox: Mailbox, hook: Hook) -> None:
    record(build(email=mailbox.settings(), webhook={"url": hook.url}), [DOWN])
    app = build(email=mailbox.settings())
    deliver_due(app)
    assert {row["channel"]: row["state"] for row in deliveries(app)} == {"email": "sent", "webhook": "dropped"}


def test_no_secret_is_told(
    build: Callable[..., App], mailbox: Mailbox, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    read_secret("canary-password-4714").reveal()
    webhook = {"url": hook.url, "secret": "canary-hook-4715"}
    app = build(email=mailbox.settings(password="canary-mail-4716"), webhook=webhook)
    app.settings.alerts.check_secrets()
    reason = f"401 for canary-password-4714, {hook.url}, canary-mail-4716"
    hook.status = 500
    record(app, [Cause("paused:a", "paused", "a", {"connection": "a", "reason": reason, "since": None})])
    deliver_due(app)
    hook.status = 200
    app.clock.sleep(60)
    deliver_due(app)
    output = capsys.readouterr()
    said = [*mailbox.raw, str(hook.taken), output.out, output.err, str(deliveries(app)), repr(app.settings)]
    assert len(mailbox.letters) == len(hook.taken) == 1
    assert [text for text in said if "canary" in str(text)] == []


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_kind_is_told_in_every_language(kind: AlertKind) -> None:
    details = dict.fromkeys(("connection", "entity", "number", "groups", "amount", "limit", "reason", "who"), "7")
    details["since"] = "2026-01-15T08:00:00+00:00"
    said = [render(kind, details, language) for language in LANGUAGES]
    assert len({words.text for words in said}) == len(LANGUAGES)
    assert all("sverka" in words.next_step and "{" not in words.title + words.text for words in said)
    assert all(("2026-01-15 08:00" in words.text) == ("2026-01-15 08:00" in said[0].text) for words in said)


@pytest.mark.parametrize(
    ("language", "reason", "orders"), [("ru", "1С отказала", "заказы"), ("uk", "1С відмовила", "замовлення")]
)
def test_the_reason_in_an_alert_is_told_as_well(language: Language, reason: str, orders: str) -> None:
    details: dict[str, str | None] = dict.fromkeys(("connection", "number", "groups", "amount", "limit", "who"), "7")
    details |= {"entity": "orders", "since": None, "reason": "1C refuses: Недопустимо."}
    for kind, words in CATALOGUE.items():
        told = render(kind, details, language)
        assert ("{reason}" in words.text) == (f"{reason}: Недопустимо." in told.text), kind
        assert ("{entity}" in words.text) == (orders in told.text), kind
        bare = render(kind, details | {"reason": ""}, language)
        assert not re.search("[a-z]{3,} [a-z]{3,}", f"{told.title} {told.text} {bare.text}"), "no English is left"
