"""What must hold of any catalogue of what is said, the engine's and the command line's alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Message

from core.i18n import PLACE, load_book
from tests.engine_texts import shape

LANGUAGES = ("ru", "uk")
CYRILLIC = re.compile("[а-яёіїєґ]", re.IGNORECASE)
FORMS = 3
"""One, few, many: Russian and Ukrainian have as many."""


def text_of(message: Message) -> str:
    """What is said, in English; of several forms the one for one."""
    return message.id if isinstance(message.id, str) else message.id[0]


def forms_of(message: Message) -> list[str]:
    """How it is told, in every form that there is."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def find_unlike(messages: Iterable[Message]) -> list[str]:
    """Texts that lack a form, or fill in other places than the English does."""
    return [text_of(message) for message in messages if not _is_whole(message)]


def _is_whole(message: Message) -> bool:
    wanted = {name for name, mark in PLACE.findall(text_of(message)) if mark != ":left"}
    forms = forms_of(message)
    number = 1 if isinstance(message.id, str) else FORMS
    same = all({name for name, _ in PLACE.findall(form)} == wanted for form in forms)
    return all(forms) and len(forms) == number and not message.fuzzy and same


def find_alike(messages: Iterable[Message]) -> list[str]:
    """Shapes that two texts share: which of them was said could not be known."""
    shapes = [shape(text_of(message)) for message in messages]
    return sorted({text for text in shapes if shapes.count(text) > 1})


def find_mistaken(messages: Iterable[Message], language: str, *folders: Path) -> list[tuple[str, str | None]]:
    """Texts that, filled in, are taken for another, and for which: they would be told with its words."""
    book = load_book(language, *folders)
    wrong: list[tuple[str, str | None]] = []
    for number, message in enumerate(messages):
        text = text_of(message)
        found = book.find(_filled(text, number))
        if found is None or found[0].text != text:
            wrong.append((text, found[0].text if found else None))
    return wrong


def _filled(text: str, number: int) -> str:
    return "".join(
        part if index % 3 == 0 else "" if index % 3 == 2 else str(number) if "number" in part else f"Ж{number}"
        for index, part in enumerate(PLACE.split(text))
    )
