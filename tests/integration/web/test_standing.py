"""A contact on its way into a real base: where it stands is on its card, with code or reason, in three languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

import pytest
from sqlalchemy import insert, update

from core.ids import new_id
from core.secrets import read_secret
from sandbox.onec.schema import PARTIES
from store.customers import write_lists
from store.tables import binding, user
from store.upgrade import upgrade
from sync.push.contacts import set_contact
from tests.integration.sync_push.world import INN, World, party
from tests.integration.sync_push.world import world as base
from tests.integration.web.world import LANGUAGES, Browser
from web.app import build_site_app
from web.people.keys import form_token
from web.people.sessions import open_session
from web.show.texts import translations
from web.show.wording import STANDINGS
from web.site import open_site

__all__ = ["base"]


@pytest.fixture
def desk(base: World, store_url: str) -> Iterator[Browser]:
    """An admin at his browser, over the store of that base."""
    upgrade(base.app.engine)
    store = base.app.settings.store.model_copy(update={"address": read_secret(store_url)})
    base.app.settings = base.app.settings.model_copy(update={"store": store})
    site, key = open_site(base.app), new_id()
    now = base.clock.now()
    row = {"id": key, "login": "admin", "name": "Admin", "role": "admin", "created_at": now, "updated_at": now}
    with base.app.engine.begin() as conn:
        conn.execute(insert(user).values(**row))
        session = open_session(conn, now, key, address="127.0.0.1")
    browser = Browser(build_site_app(site))
    browser.cookies.set("sverka", session)
    browser.token = form_token(session)
    yield browser
    site.close()


def make(desk: Browser, **fields: str) -> str:
    """A new contact from the page; the address of its card."""
    answer = desk.submit("/contacts/new", **({"name": "ООО Ромашка"} | fields))
    assert answer.status_code == 303, answer.text[:2000]
    return str(answer.headers["location"])


def told(desk: Browser, card: str) -> dict[str, str]:
    """The part of the card that says where the contact stands, by language."""
    found = {}
    for language in LANGUAGES:
        desk.cookies.set("sverka-language", language)
        text = desk.get(card).text
        found[language] = text.partition('aria-labelledby="stands"')[2].partition("</section>")[0]
    return found


def says(found: dict[str, str], standing: str, *more: str) -> None:
    """Each language says the standing in its own words, and whatever else is wanted; no English is left over."""
    for language, text in found.items():
        assert escape(translations(language).gettext(STANDINGS[standing])) in text, (language, text)
        assert all(one in text for one in more), (language, text)
        if language != "en":
            assert not re.search("[a-z]{4,} [a-z]{2,} [a-z]{2,}", re.sub("<[^>]*>", "", text)), (language, text)


def freshness(desk: Browser, card: str) -> list[str]:
    """What the card says of how old its figures are, and beside the sum, by language."""
    found = []
    for language in LANGUAGES:
        desk.cookies.set("sverka-language", language)
        text = desk.get(card).text.partition('<div class="total">')[2].partition('<section aria-labelledby="stands"')[0]
        found.append(" ".join(re.sub("<[^>]*>", " ", text).split()))
    return found


def test_of_one_who_is_not_in_accounting_nothing_is_awaited_from_it(base: World, desk: Browser) -> None:
    """Whether accounting was read or not: it has no card of him, and what makes one is said."""
    card = make(desk)
    new = freshness(desk, card)
    assert "Not in accounting yet" in new[0] and "Is a client now" in new[0] and "has not been read" not in new[0]
    desk.submit(f"{card}/client")
    waits = freshness(desk, card)
    assert "under “In accounting”" in waits[0]
    set_contact(base.app, card.rsplit("/", 1)[1], tax_id=INN)
    assert base.push() == {"created": 1}
    there = freshness(desk, card)
    assert "has not been read" in there[0], "his card is there, its balance was never asked for"
    with base.app.engine.begin() as conn:
        conn.execute(update(binding).where(binding.c.entity == "counterparty").values(deleted=True))
    gone = freshness(desk, card)
    assert "has no card of this customer any more" in gone[0]
    for told_in in (new, waits, there, gone):
        assert len(set(told_in)) == len(LANGUAGES)
        assert not any(re.search("[a-z]{4,}", text) for text in told_in[1:]), told_in


def test_from_lead_to_a_card_with_its_code(base: World, desk: Browser) -> None:
    card = make(desk, tax_id=INN)
    says(told(desk, card), "lead", "/client")
    assert desk.submit(f"{card}/client").status_code == 303
    says(told(desk, card), "due")
    assert base.push() == {"created": 1}
    says(told(desk, card), "in_accounting", str(base.cards()[0]["Code"]))
    assert "/client" not in desk.get(card).text


def test_it_waits_for_the_tax_id(base: World, desk: Browser) -> None:
    card = make(desk)
    desk.submit(f"{card}/client")
    found = told(desk, card)
    says(found, "waiting")
    assert "waits for the INN" in found["en"] and "ИНН" in found["ru"]
    set_contact(base.app, card.rsplit("/", 1)[1], tax_id=INN)
    assert base.push() == {"created": 1}
    says(told(desk, card), "in_accounting", str(base.cards()[0]["Code"]))


def test_in_review_and_why(base: World, desk: Browser) -> None:
    for _ in range(2):
        base.base.create(PARTIES, party())
    card = make(desk, tax_id=INN)
    desk.submit(f"{card}/client")
    assert base.push() == {"review": 1}
    says(told(desk, card), "review", "2")


def test_refused_by_accounting_and_why(base: World, desk: Browser) -> None:
    base.base.refusals.append(lambda name, fields: "Дата запрета изменения" if name == PARTIES else None)
    card = make(desk, tax_id=INN)
    desk.submit(f"{card}/client")
    assert base.push() == {"dead": 1}
    says(told(desk, card), "refused", "Дата запрета")


def test_one_that_was_marked_for_deletion_there(base: World, desk: Browser) -> None:
    card = make(desk, tax_id=INN)
    desk.submit(f"{card}/client")
    base.push()
    key = str(base.cards()[0]["Ref_Key"])
    base.base.change(PARTIES, key, {"DeletionMark": True})
    base.pull(key)
    says(told(desk, card), "deleted")


def test_who_is_there_already_is_shown_while_typing(base: World, desk: Browser) -> None:
    key = base.mirror(str(base.base.create(PARTIES, party())))
    with base.app.engine.begin() as conn:
        write_lists(conn, [key])
    shown = desk.get("/contacts/alike", params={"name": "ромшка"}).text
    assert str(key) in shown and "There is already" in shown
