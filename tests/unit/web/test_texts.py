"""The catalogues are whole: every text that code and templates say, in every language, with all its plural forms."""

import re
from typing import Any

import pytest

from web.show.texts import DEFAULT, LANGUAGES, Text, find_texts, load_catalogue, pick_language, translations

OTHERS = [language for language in LANGUAGES if language != DEFAULT]
PLACES = re.compile(r"%\(\w+\)[sd]")


def forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.fixture(scope="module")
def texts() -> dict[Text, list[str]]:
    return find_texts()


def test_texts_are_found_in_code_and_in_templates(texts: dict[Text, list[str]]) -> None:
    assert "templates/login.html" in texts[None, "Password"]
    assert "pages/login.py" in texts[None, "You are logged out."]
    assert any(isinstance(text, tuple) for _, text in texts)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str, texts: dict[Text, list[str]]) -> None:
    catalogue = load_catalogue(language)
    missing = []
    for (context, text), files in texts.items():
        known = catalogue.get(forms(text)[0], context)
        given = [] if known is None else [known.string] if isinstance(known.string, str) else list(known.string or ())
        wanted = 1 if isinstance(text, str) else catalogue.num_plurals
        if len(given) != wanted or not all(given) or (known is not None and known.fuzzy):
            missing.append(f"{files[0]}: {text!r}")
    assert missing == [], f"scripts/missing-texts {language} prints them as lines for web/locale/{language}/THEME.po"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_nobody_says(language: str, texts: dict[Text, list[str]]) -> None:
    said = {(context, forms(text)[0]) for context, text in texts}
    kept = [(message.context, forms(message.id)[0]) for message in load_catalogue(language) if message.id]
    assert [text for text in kept if text not in said] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_fill_in_the_same_places(language: str) -> None:
    wrong = []
    for message in load_catalogue(language):
        wanted = {place for form in forms(message.id) for place in PLACES.findall(form)} if message.id else set()
        given = [message.string] if isinstance(message.string, str) else list(message.string or ())
        wrong += [form for form in given if message.id and set(PLACES.findall(form)) != wanted]
    assert wrong == []


@pytest.mark.parametrize(
    ("number", "russian", "ukrainian"),
    [
        (1, "1 минуту", "1 хвилину"),
        (2, "2 минуты", "2 хвилини"),
        (5, "5 минут", "5 хвилин"),
        (11, "11 минут", "11 хвилин"),
        (21, "21 минуту", "21 хвилину"),
        (104, "104 минуты", "104 хвилини"),
    ],
)
def test_plural_forms(number: int, russian: str, ukrainian: str) -> None:
    one, many = "Too many attempts. Try again in %(num)s minute.", "Too many attempts. Try again in %(num)s minutes."
    assert russian in translations("ru").ngettext(one, many, number) % {"num": number}
    assert ukrainian in translations("uk").ngettext(one, many, number) % {"num": number}


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        (("ru", "uk"), "ru"),
        ((None, "uk-UA,uk;q=0.9,en;q=0.8"), "uk"),
        ((None, None, "de-DE, ru;q=0.5"), "ru"),
        (("xx", "", None), "en"),
        ((), "en"),
    ],
)
def test_language_is_the_first_wish_that_can_be_granted(wishes: tuple[str | None, ...], language: str) -> None:
    assert pick_language(*wishes) == language
