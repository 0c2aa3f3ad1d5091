"""What pages say, in every language: catalogues with plural forms, read once.

The words in code and templates are the English ones. A language is a folder of `web/locale` with any number of `.po`
files, one a theme, which are put together and compiled in memory when the first page is asked for: what is installed
cannot be older than what it was compiled from.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

HERE = Path(__file__).parent.parent
FOLDER = HERE / "locale"
LANGUAGES = {"en": "English", "ru": "Русский", "uk": "Українська"}
"""The languages of the pages, each called as its speakers call it."""
DEFAULT = "en"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "N_": None}
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do"}}


def N_(text: str) -> str:
    """Marks a text for the catalogues where it is written down, not where it is shown."""
    return text


def pick_language(*wishes: str | None) -> str:
    """The first wish that there is a catalogue for; a wish is a code, or the header of a browser."""
    for wish in wishes:
        for part in (wish or "").replace("_", "-").split(","):
            code = part.split(";")[0].strip().lower().split("-")[0]
            if code in LANGUAGES:
                return code
    return DEFAULT


@cache
def translations(language: str) -> NullTranslations:
    """The texts of one language; English says what is written in the code."""
    if language == DEFAULT:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, load_catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def load_catalogue(language: str) -> Catalog:
    """All `.po` files of a language put together. Raises ValueError where two of them say different things."""
    whole = Catalog(locale=Locale.parse(language))
    for path in sorted((FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            part = read_po(file, locale=language, abort_invalid=True)
        for message in part:
            if not message.id:
                continue
            known = whole.get(message.id, message.context)
            if known is not None and known.string != message.string:
                raise ValueError(f"{path}: {message.id!r} is translated differently in another file: use pgettext")
            whole[message.id] = message
    return whole


Text = tuple[str | None, Any]
"""A context or none, and a text, or a pair of texts for one and for many."""


def find_texts() -> dict[Text, list[str]]:
    """Every text that code and templates want translated, with the files it stands in."""
    found: dict[Text, list[str]] = {}
    for name, _line, message, _comments, context in extract_from_dir(
        str(HERE), _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=()
    ):
        found.setdefault((context, message), []).append(name)
    return found
