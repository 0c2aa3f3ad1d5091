"""Whatever a command says to a person is told in each language: whole catalogues, sure matches."""

from typing import get_args

import pytest

from cli.language import FOLDER
from cli.words import age
from core.i18n import PLACE, load_messages, tell
from store.versions import State
from sync.mappings.tally import FATES
from tests.catalogues import CYRILLIC, LANGUAGES, find_alike, find_mistaken, find_unlike, forms_of, text_of
from tests.cli_texts import find_cli_texts
from tests.engine_texts import shape


def own_messages(language: str):
    """Those that the engine's catalogues do not have."""
    engine = {text_of(message) for message in load_messages(language)}
    return [message for message in load_messages(language, FOLDER) if text_of(message) not in engine]


@pytest.fixture(scope="module")
def said():
    return find_cli_texts()


def test_texts_of_every_kind_are_found_in_the_commands(said) -> None:
    assert "{} is right: {}." in said, "a remark"
    assert "There is no golden case {}." in said, "the message of an error"
    assert "make room, then once more" in said, "a next step, without its command"
    assert "Balance (accounting answered {}); plus: the customer owes us" in said, "a line of a table for people"
    assert "Link what is sure, ask about what is not, and let new cards be made?" in said, "a question"
    assert "pg_dump made no backup: {}" in said, "what a room says that only commands use"
    assert "in doubt: a person decides" in said, "a title"
    assert "sverka web, or sverka run" in said, "of two commands one is to be chosen"
    assert "sverka mapping cases" not in said, "a command is told to nobody"
    assert "Only show: nothing is written, here or there." not in said, "help is English"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_command_says_is_told(language: str, said) -> None:
    known = {shape(text_of(message)) for message in load_messages(language, FOLDER)}
    missing = [places[0] for text, places in said.items() if text not in known]
    assert missing == [], f"scripts/missing-texts {language} prints them as lines for cli/locale/{language}/THEME.po"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_is_there_and_fills_in_the_same_places(language: str) -> None:
    assert find_unlike(own_messages(language)) == []


def test_both_languages_tell_the_same_texts() -> None:
    russian, ukrainian = ({text_of(message) for message in own_messages(language)} for language in LANGUAGES)
    assert russian == ukrainian


def test_no_two_texts_have_one_shape() -> None:
    assert find_alike(load_messages("ru", FOLDER)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_known_again_as_the_one_that_was_said(language: str) -> None:
    """The engine's as well: what commands say besides must not take its words away."""
    assert find_mistaken(load_messages(language, FOLDER), language, FOLDER) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_catalogues_is_left_in_english(language: str) -> None:
    told = {text_of(message): PLACE.sub("", "".join(forms_of(message))) for message in own_messages(language)}
    assert [text for text, form in told.items() if not CYRILLIC.search(form)] == []


WORDS = (
    *(f"3 {fate.replace('_', ' ')}" for fate in FATES), *get_args(State), *map(age, (None, 0, 5, 90, 8000, 200_000)),
    "ok", "partial", "failed", "skipped", "running", "abandoned", "explained", "unexplained", "incomplete",
    "done", "due", "superseded", "there", "made", "missing", "sure", "likely", "several", "none",
)  # fmt: skip
"""What code says by a variable: words of states, kinds and units."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("word", WORDS)
def test_words_of_states_are_told(language: str, word: str) -> None:
    assert CYRILLIC.search(tell(word, language, FOLDER))


@pytest.mark.parametrize(
    ("said", "russian", "ukrainian"),
    [
        (
            "own.toml is right (2 findings): 16 entities, 3 cards, version 0123abcd.",
            "own.toml: ошибок нет (замечаний: 2): 16 разделов, 3 карточки, версия 0123abcd.",
            "own.toml: помилок немає (зауважень: 2): 16 розділів, 3 картки, версія 0123abcd.",
        ),
        (
            "bp30 is right: 1 entities, version 0123abcd.",
            "bp30: ошибок нет: 1 раздел, версия 0123abcd.",
            "bp30: помилок немає: 1 розділ, версія 0123abcd.",
        ),
        (
            "Nothing was written. To publish: sverka mapping publish own.toml --reapply --expect 3",
            "Ничего не записано. Опубликовать: sverka mapping publish own.toml --reapply --expect 3",
            "Нічого не записано. Опублікувати: sverka mapping publish own.toml --reapply --expect 3",
        ),
        (
            "counterparty: 21 records: 5 changed, 1 still dead",
            "counterparty: 21 запись: с изменениями 5, всё ещё не проходят 1",
            "counterparty: 21 запис: зі змінами 5, досі не проходять 1",
        ),
        ("order: 0 records: nothing", "order: 0 записей: ничего", "order: 0 записів: нічого"),
        (
            "\naccounting: re-apply is running (2026-11-21 22:29): 5 records, 3 changed, 2 dead, at order",
            "\naccounting: сопоставление применяется к прочитанному: идёт (2026-11-21 22:29): "
            "5 записей, с изменениями 3, не принято 2, сейчас order",
            "\naccounting: зіставлення застосовується до прочитаного: триває (2026-11-21 22:29): "
            "5 записів, зі змінами 3, не прийнято 2, зараз order",
        ),
        (
            "New on the CRM's cards: INN, debt and 3 more; to be made there first. "
            "Next: sverka crm setup a, then: sverka crm setup b",
            "Новое на карточках CRM: INN, debt и ещё 3; сначала его надо там завести. "
            "Что делать: sverka crm setup a, затем: sverka crm setup b",
            None,
        ),
        (
            "  OLD: accounting was last read 5 h ago: these figures are of then.",
            "  УСТАРЕЛО: accounting читали 5 ч назад: это цифры того времени.",
            "  ЗАСТАРІЛО: accounting читали 5 год тому: це цифри того часу.",
        ),
        ("accounting: partial: order: 3 dead", "accounting: частично: заказ: не принято 3", None),
        ("on call, no password", "видит по звонку, без пароля", "бачить за дзвінком, без пароля"),
        ("acc: 0.00 unexplained", "acc: не объяснено 0.00", "acc: не пояснено 0.00"),
        ("acc: -5.00 UAH unexplained", "acc: не объяснено -5.00 UAH", "acc: не пояснено -5.00 UAH"),
        ("Order ЮМ-1 belongs to deal 45 (Сделка).", "Заказ ЮМ-1 относится к сделке 45 (Сделка).", None),
        ("1 letters will be tried again: at once where the service runs, else by: sverka sync",
         "1 запись будет повторена: сразу, если служба работает, иначе командой: sverka sync", None),
        (
            "\nNext: sverka review keep 4 (ours), or: sverka review take 4 (theirs)",
            "\nЧто делать: sverka review keep 4 (верно у нас), или: sverka review take 4 (верно у них)",
            None,
        ),
    ],
)  # fmt: skip
def test_told(said: str, russian: str, ukrainian: str | None) -> None:
    assert tell(said, "en", FOLDER) == said
    assert tell(said, "ru", FOLDER) == russian
    assert ukrainian is None or tell(said, "uk", FOLDER) == ukrainian
