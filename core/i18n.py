"""What the engine says, told in the reader's language: its English sentences are known again by their catalogue.

The engine speaks English: in logs, in the store. A page, a letter or a command hands such a text to `tell`,
which finds the sentence it was made of among the texts of `core/locale/LANGUAGE/*.po`, takes out what was filled in,
and fills it into the sentence of the other language. So old rows are told as well as new ones, and a text that no
catalogue knows (the words of another system, of a person) stays as it was said.

In a catalogue `{name}` stands for what is filled in; the names are free, the words around them are the engine's.
`{name:said}` is filled in with something that the engine says itself and is told in turn, `{name:each}` with a list
of such things; `{name:left}` is left out. A sentence with `msgid_plural` (the same text) has the forms of the language
for its first number.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locale"
ENGLISH = "en"
PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)(:said|:each|:left)?\}")
"""What is filled in, and what becomes of it."""
FIRST, NEXT, THEN = "Next: ", " Next: ", re.compile(r"(?:^|[,;] )(?:and )?then: (?=sverka\b)")
"""What stands before a next step alone, between a message and its next step, between a deed and its command."""
_COUNT = re.compile(r"number\d*")
"""Names of what is a whole number and nothing else."""
_SURE = 8
"""A beginning of so many letters is no name of a connection or a record by chance."""
_DEEPEST = 5
_SENTENCES = re.compile(r"(?<=[.?!]) (?=\S)")
_BEHIND = re.compile(r"(\S.*) (\([^()]*\))", re.DOTALL)
"""A reason, and behind it in brackets the value that it speaks of."""
_SEPARATORS = ("; ", ", ", ": ")
_MOST_CUTS = 20
_LISTS = ("; ", ", ", " and ")
_WORD = re.compile(r"[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One text of a catalogue: the words around what is filled in, and how it is told."""

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    marks: dict[str, str]
    forms: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, int, int]:
        """The more of a text is in its own words, and first of all a long beginning or end, the surer it was said."""
        edge = max(len(self.words[0]), len(self.words[-1]))
        return (edge if edge >= _SURE else 0, sum(len(part) for part in self.words), -len(self.names))

    @property
    def may_end_empty(self) -> bool:
        """Whether the last thing that is filled in may be nothing, and the blank before it was cut off."""
        return self.words[-1] == "" and self.words[-2].endswith(" ")

    def is_plain(self, values: dict[str, str]) -> bool:
        """Whether names and numbers are no sentences: what has a semicolon or colon in it is one in all likelihood."""
        names = [text for name, text in values.items() if name not in self.marks and not _is_quoted(text)]
        return not any("; " in text or ": " in text for text in names)

    def match(self, said: str) -> dict[str, str] | None:
        """What was filled in, or None where it is not this sentence. Takes time with the length of the text only."""
        first, *middle = self.words
        if not middle:
            return {} if said == first else None
        last = middle.pop()
        end = len(said) - len(last)
        if not said.startswith(first) or not said.endswith(last) or end < len(first):
            return None
        values, at = [], len(first)
        for part, following in zip(middle, [*middle, last][1:], strict=True):
            found = said.find(part, at, end) if part else _hint(said, at, end, following)
            if found < 0:
                return None
            values.append(said[at:found])
            at = found + len(part)
        filled = dict(zip(self.names, [*values, said[at:end]], strict=True))
        return filled if all(text.isdecimal() for name, text in filled.items() if _COUNT.fullmatch(name)) else None


def _hint(said: str, start: int, end: int, following: str) -> int:
    """Where what is said behind a name begins, when there are no words between: the nearest name, how many more."""
    until = said.find(following, start, end) if following else -1
    places = [said.find(mark, start, end if until < 0 else until) for mark in ("; ", " and ")]
    return min((place for place in places if place >= 0), default=end if until < 0 else until)


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`"


@dataclass(frozen=True, slots=True)
class Book:
    """The sentences of one language: those that are whole texts by themselves, the others the surest first."""

    whole: dict[str, Sentence]
    filled: tuple[Sentence, ...]
    plural: Callable[[int], int]

    def whole_form(self, text: str) -> str:
        """How a text without anything filled in is told; as it is where nobody has said how."""
        return self.whole[text].forms[0] if text in self.whole else text

    def find(self, said: str) -> tuple[Sentence, dict[str, str]] | None:
        """The sentence that this text was made of, and what was filled in."""
        if said in self.whole:
            return self.whole[said], {}
        possible = None
        for sentence in self.filled:
            values = sentence.match(said)
            if values is None and sentence.may_end_empty:
                values = sentence.match(f"{said} ")
            if values is not None and sentence.is_plain(values):
                return sentence, values
            if values is not None and possible is None:
                possible = sentence, values
        return possible


@dataclass(slots=True)
class _Reader:
    """A book, and how often it may still be looked into for one text: others' words may be as long as they like."""

    book: Book
    looks: int = 300

    def find(self, said: str) -> tuple[Sentence, dict[str, str]] | None:
        """As the book does it; nothing more is found when that was often enough."""
        self.looks -= 1
        return self.book.find(said) if self.looks >= 0 else None

    def whole_form(self, text: str) -> str:
        """How one of our own words is told."""
        return self.book.whole_form(text)


def read_sentence(text: str, forms: tuple[str, ...] = ()) -> Sentence:
    """A text of a catalogue, taken apart."""
    parts = PLACE.split(text)
    marks = {name: mark for name, mark in zip(parts[1::3], parts[2::3], strict=True) if mark}
    return Sentence(text, tuple(parts[0::3]), tuple(parts[1::3]), marks, forms)


def load_messages(language: str, more: Path | None = None) -> list[Message]:
    """Every text of a language as its catalogues have it, those of `more` (another folder of languages) as well.

    Raises:
        ValueError: two of them tell one text differently.
    """
    found: dict[str, Message] = {}
    folders = [FOLDER] if more is None else [FOLDER, more]
    for path in [path for folder in folders for path in sorted((folder / language).glob("*.po"))]:
        with path.open("rb") as file:
            part: Catalog = read_po(file, locale=language, abort_invalid=True)
        for message in part:
            text = message.id if isinstance(message.id, str) else message.id[0]
            if text and text in found and found[text].string != message.string:
                raise ValueError(f"{path}: {text!r} is told differently in another file")
            if text:
                found[text] = message
    return list(found.values())


@cache
def load_book(language: str, more: Path | None = None) -> Book:
    """The sentences of one language, read once; of English, or a language without catalogues, none."""
    made = []
    for message in load_messages(language, more) if language != ENGLISH else []:
        text = message.id if isinstance(message.id, str) else message.id[0]
        given = message.string if isinstance(message.string, tuple | list) else (message.string,)
        made.append(read_sentence(text, tuple(str(form) for form in given)))
    ordered = sorted((one for one in made if one.names), key=lambda one: one.rank, reverse=True)
    return Book({one.text: one for one in made if not one.names}, tuple(ordered), _plural_of(language))


def _plural_of(language: str) -> Callable[[int], int]:
    """Which of its forms a number takes in a language."""
    rule: Callable[[int], int] = gettext.c2py(get_plural(language).plural_expr)
    return rule


@lru_cache(maxsize=4096)
def tell(said: str, language: str, more: Path | None = None) -> str:
    """A text of the engine in the reader's language; what no catalogue knows stays as it was said.

    What is put together of several texts (a message and its next step, lines, sentences) is told piece by piece.
    `more` is a folder with catalogues of whoever says more than the engine does.
    """
    return _tell(_Reader(load_book(language, more)), said, 0) if language != ENGLISH else said


def _tell(book: _Reader, said: str, depth: int) -> str:
    if depth > _DEEPEST or not _WORD.search(said):
        return said
    if "\n" in said:
        return "\n".join(_tell(book, line, depth + 1) for line in said.split("\n"))
    message, mark, step = ("", NEXT, said[len(FIRST) :]) if said.startswith(FIRST) else said.partition(NEXT)
    if mark:
        told = f"{book.whole_form('Next:')} {_tell_next(book, step, depth + 1)}"
        return f"{_tell(book, message, depth + 1)} {told}" if message else told
    then = THEN.search(said)
    if then is not None:
        return _tell_step(book, said, then, depth)
    stripped = said.strip()
    found, bare = book.find(stripped), book.find(stripped[:-1]) if stripped.endswith(".") else None
    if bare is not None and (found is None or (not bare[0].names and found[0].names)):
        return said.replace(stripped, _fill(book, *bare, depth).rstrip() + ".", 1)  # a reason that became a sentence
    if found is not None:
        return said.replace(stripped, _fill(book, *found, depth).rstrip(), 1)
    return _by_pieces(book, said, depth)


def _tell_next(book: _Reader, step: str, depth: int) -> str:
    """A next step; in the message of a run more of what it left may stand behind it."""
    command, mark, rest = step.partition("; ")
    if not mark or book.find(step) is not None:
        return _tell(book, step, depth)
    return f"{_tell(book, command, depth)}; {_tell(book, rest, depth)}"


def _tell_step(book: _Reader, said: str, then: re.Match[str], depth: int) -> str:
    """A deed, and the command after it."""
    command = _tell(book, said[then.end() :], depth + 1)
    if not then.start():
        return f"{book.whole_form('then:')} {command}"
    return f"{_tell(book, said[: then.start()], depth + 1)}, {book.whole_form('then:')} {command}"


def _fill(book: _Reader, sentence: Sentence, values: dict[str, str], depth: int) -> str:
    """The sentence of the other language with what was filled in, in the form that its first number takes."""
    told = {name: _tell_value(book, text, sentence.marks.get(name), depth + 1) for name, text in values.items()}
    form = sentence.forms[0]
    if len(sentence.forms) > 1:
        number = next((int(text) for text in values.values() if text.isdecimal()), 0)
        form = sentence.forms[book.book.plural(number)]
    return PLACE.sub(lambda place: told[place[1]], form)


def _tell_value(book: _Reader, text: str, mark: str | None, depth: int) -> str:
    if mark == ":each":
        between = next((one for one in _LISTS if one in text), "")
        parts = [_tell(book, one, depth) for one in (text.split(between) if between else [text])]
        return (f" {book.whole_form('and')} " if between == " and " else between).join(parts)
    return _tell(book, text, depth) if mark == ":said" else text


def _by_pieces(book: _Reader, said: str, depth: int) -> str:
    """Sentences one by one; else parts of a list, or what stands behind a name and a colon.

    What commas divide is a list of ours where every part is known, or where it quotes names of rules (in backquotes).
    """
    sentences = _SENTENCES.split(said)
    if len(sentences) > 1:
        return " ".join(_tell(book, one, depth + 1) for one in sentences)
    behind = _BEHIND.fullmatch(said)
    if behind is not None and (told_head := _tell(book, behind[1], depth + 1)) != behind[1]:
        return f"{told_head} {behind[2]}"
    for head, rest in _heads(said):
        if book.find(head) is not None:
            return f"{_tell(book, head, depth + 1)}; {_tell(book, rest, depth + 1)}"
    for mark in _SEPARATORS:
        parts = said.split(mark, 1) if mark == ": " else said.split(mark)
        told = [_tell(book, one, depth + 1) for one in parts] if len(parts) > 1 else parts
        if told != parts and (mark != ", " or "`" in said or not set(told) & set(parts)):
            return mark.join(told)
    return said


def _heads(said: str) -> Iterator[tuple[str, str]]:
    """Where a list with semicolons, whose parts may have some themselves, can be cut in two; the longest head first."""
    cut = said.rfind("; ")
    for _ in range(_MOST_CUTS):
        if cut < 0:
            return
        yield said[:cut], said[cut + 2 :]
        cut = said.rfind("; ", 0, cut)
