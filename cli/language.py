"""The language in which a person reads what the command line says: decided here, and nowhere else.

English is what the code says; whoever has a Russian or Ukrainian environment is told the same in his language, by the
catalogues of the engine (`core/locale`) and those of the command line (`cli/locale`). Only what people read is told:
never a name of a command or an option, an id, what `--json` and files hold, nor a line of the log.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "locale"
ENGLISH = "en"
LANGUAGES = ("ru", "uk")
"""What there is besides English."""
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of them that is not empty counts, as POSIX has it."""


def reader_language(environ: Mapping[str, str] = os.environ) -> str:
    """The language of this environment: "ru", "uk", or English for every other one, for C and for none at all."""
    locale = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    code = re.split(r"[-_.@]", locale, maxsplit=1)[0].lower()
    return code if code in LANGUAGES else ENGLISH


def spoken() -> str:
    """The language in which to speak now: English, too, where the output has no Cyrillic letters."""
    language = reader_language()
    return language if language == ENGLISH or _writes_cyrillic() else ENGLISH


def _writes_cyrillic() -> bool:
    try:
        "яї".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def told(text: str) -> str:
    """A text of ours in the reader's language; the very same text where that is English, or no catalogue knows it."""
    language = spoken()
    if language == ENGLISH or not text:
        return text
    from core.i18n import tell  # noqa: PLC0415 - reading catalogues takes a while that English has no use for

    return tell(text, language, FOLDER)


def heading(text: str) -> str:
    """The heading of a column in the reader's language. One word may head what another sentence calls otherwise."""
    language = spoken()
    return text if language == ENGLISH else load_headings(language).get(text, text)


@cache
def load_headings(language: str) -> dict[str, str]:
    """Every heading of a language, read once."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 as above

    with (FOLDER / "headings" / f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in found if message.id and message.string}
